"""Sources of specs: git repositories, their addresses, and what is new there."""

"""Where specs come from: git repositories, their addresses, and what is new there."""

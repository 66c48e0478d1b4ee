"""YAML text to a spec tree and diagnostics."""

"""From a running OCI to our words: its files and its database as a spec tree, machines, names and secrets."""

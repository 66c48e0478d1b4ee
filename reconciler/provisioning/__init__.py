"""What is said to machines while they boot and install: commands, files, names. Pure."""

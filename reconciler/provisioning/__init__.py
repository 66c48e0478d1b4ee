"""Commands, files and names for machines that boot and install. Pure."""

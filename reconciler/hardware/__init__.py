"""Report text to facts; facts to racks and profiles. Pure."""

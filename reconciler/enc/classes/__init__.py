"""One module per Puppet class: its table."""

"""Node to Puppet classes: tables of parameters, and the few functions they need. Pure."""

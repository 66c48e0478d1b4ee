"""Words of the domain: frozen values, no I/O, nothing of ours imported from elsewhere."""

"""Puppet documents, rendered and kept: the bytes of each node, and which of them changed."""

"""Differences of an OCI cluster from our defaults, as ``EncOverlay`` documents."""

"""What differs from our defaults in a cluster of OCI, as ``EncOverlay`` documents."""

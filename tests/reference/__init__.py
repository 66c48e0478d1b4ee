"""What the real OCI and its real Puppet module said, as facts: see README.md."""

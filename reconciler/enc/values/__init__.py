"""Values worked out from the cluster, by subject; the docstring of each is the reason that ``explain`` shows."""

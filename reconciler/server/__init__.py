"""HTTP: reports, ENC, dashboard, metrics."""

"""Declarative reconciler for bare-metal OpenStack clusters: git says what should be, this makes it so."""

__version__ = "0.1.0"

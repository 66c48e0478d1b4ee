"""Carrying out a plan, one journalled action at a time."""

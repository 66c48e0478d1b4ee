"""Fakes: with a state, and with the bad habits of the real things."""

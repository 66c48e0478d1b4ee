"""A fleet of servers that behave like real ones from the outside."""

"""Secrets: how they are minted, kept unreadable at rest, and taken apart for those who need one part."""

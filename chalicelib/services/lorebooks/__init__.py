"""Lorebooks: documents of their own, and those that are in characters."""

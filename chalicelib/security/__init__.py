"""Passwords, tokens and envelopes: the standard library and ``cryptography`` only.

``cryptography`` is imported by the functions that need it: most processes never do.
"""

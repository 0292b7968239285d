"""Importing whole libraries: archives of many characters, each of its files once."""

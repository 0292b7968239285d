"""The nodes that every installation has."""

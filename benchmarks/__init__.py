"""How fast the product is, as ratios to peers measured in the same run: ``python -m benchmarks``."""

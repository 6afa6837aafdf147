"""Ours against what a user would write, in one run: python -m benchmarks.NAME."""

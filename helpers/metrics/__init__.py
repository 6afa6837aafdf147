"""Metrics take tensors and return named tuples: no model, no file, no training."""

"""Gradients example by example, and by label: tensors in, numbers out."""

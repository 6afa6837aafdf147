"""Manifolds of classes: points in, capacity, radius and dimension out."""

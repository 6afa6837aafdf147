"""Training, metrics, claims and figures behind the chapters of the book."""

__version__ = "0.1.0"

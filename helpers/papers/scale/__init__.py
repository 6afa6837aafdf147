"""Paper A: extreme memorization via the scale of initialization."""

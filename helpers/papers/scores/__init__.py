"""Beyond the papers: memorization scores, what predicts them, where they sit."""

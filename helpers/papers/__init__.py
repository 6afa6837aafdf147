"""The papers: each with its claims, its estimates, its questions to networks."""

"""Making .venv and ending with make; run before anything is installed.

Any Python 3.11 or later can do it with its standard library alone.
"""

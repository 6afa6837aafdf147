"""Ours against what a user would write, in one run: python -m benchmarks.NAME.

Committed archives are left aside: a network found there would be a training that took
no time.
"""

import os

os.environ["MEMORIZATION_ARCHIVES"] = "none"

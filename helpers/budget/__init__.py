"""A budget of seconds: what is missing, piece by piece, trained, measured, brought out.

`costs` predicts seconds, `units` cuts the work into pieces and orders them, `asking`
has chapters measure what is finished, `checks` looks at the machine, `parcels` writes
what is to be carried home, and `spending` does it all in time.
"""

from helpers.budget.spending import spend

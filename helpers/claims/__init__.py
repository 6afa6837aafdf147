"""What the papers say, figure by figure, and whether it reproduced."""

from helpers.claims.listing import Listing, listing
from helpers.claims.verdicts import (
    MIME_TYPE,
    Table,
    Verdicts,
    judge,
    of_paper,
    table,
)

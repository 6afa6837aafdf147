"""What the papers say, figure by figure, and whether it reproduced."""

from helpers.claims.verdicts import MIME_TYPE, Table, Verdicts, judge, table

__all__ = ["MIME_TYPE", "Table", "Verdicts", "judge", "table"]

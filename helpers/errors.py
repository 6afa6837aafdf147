"""The two ways things go wrong: a user's mistake, and a failure on the way."""


class Mistake(ValueError):
    """What a user can mend; says what was wrong, what is allowed and what to do.

    The command line prints its line and exits with 2; Jupyter shows the line alone.
    """

    def _render_traceback_(self):
        # IPython's hook: the message instead of a page of frames.
        return [f"{type(self).__name__}: {self}"]


class Failure(RuntimeError):
    """What went wrong without a user's mistake (a full disk, a chapter that failed).

    The command line prints its line and exits with 1; Jupyter shows the line alone.
    """

    _render_traceback_ = Mistake._render_traceback_

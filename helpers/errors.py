"""The two ways things go wrong: a user's mistake, and a failure on the way."""

import contextlib
import errno
from collections.abc import Iterator


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


@contextlib.contextmanager
def failure_in(where: str) -> Iterator[None]:
    """What goes wrong in somebody's code is a Failure, on one line, that says where."""
    try:
        yield
    except (Mistake, Failure):
        raise
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise Failure(f"{where}: {what}") from error


RIGHTS = "ask its owner for the right to read and write there"
SERVER = "the disk or its server fails, look to it"
IN_THE_WAY = "a file stands where a folder belongs, move it away"
ADVICE = {
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "your share of that disk is used up, make room",
    errno.EFBIG: "a file may not be that large there, raise `ulimit -f`",
    errno.EMFILE: "too many files are open here, raise `ulimit -n`",
    errno.ENFILE: "too many files are open on this machine, end other programs",
    errno.ENOTDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.EISDIR: "a folder stands where a file belongs, move it away",
    errno.ENOENT: "its folder is gone, make it again",
    errno.EROFS: "that disk can only be read, choose another",
    errno.ENAMETOOLONG: "the path is too long, choose a shorter one",
    errno.ELOOP: "its links lead in a circle, mend them",
    **dict.fromkeys((errno.EACCES, errno.EPERM), RIGHTS),
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENXIO, errno.ENOTCONN, errno.ETIMEDOUT), SERVER
    ),
}


def explain(error: OSError) -> tuple[str, str]:
    """An error of the system in its own words, and what to do about it."""
    words = error.strerror or str(error) or type(error).__name__
    return words, ADVICE.get(error.errno or 0, "mend that")

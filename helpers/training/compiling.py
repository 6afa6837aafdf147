"""How loops of training are compiled for a CPU core: once, and outside of the lock."""

from typing import Any

import numba

_options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
# Sums may be taken in any order, but what is no number stays none.
fast_loops: Any = numba.njit(**_options, fastmath={"reassoc", "contract", "nsz"})
# Each operation rounds by itself, so that bits depend on no compiler's choice: what is
# called may be inlined where it has just been compiled, and is not where it was cached.
exact_loops: Any = numba.njit(**_options)

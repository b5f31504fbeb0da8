"""Are the compiled passes of the chain solver ready, and what makes them so?

They are compiled on first use and cached on disk, next to the package or, where that can't be written, in numba's own
folder for the user. Compiling takes some ten seconds; a caller that wants to say so asks `is_compiled` first.
"""

import gc
from pathlib import Path
from typing import Any

import numba
import numpy as np

from trainload.solve import directions, kernels
from trainload.solve.pieces import Cut

PASSES: tuple[Any, ...] = (kernels.assemble, directions.correct, directions.direct)


def is_compiled() -> bool:
    """Return whether all passes are compiled in this process or lie in the cache; if not, the first solve is slow."""
    for function in PASSES:
        if function.signatures:
            continue
        source = Path(function.py_func.__code__.co_filename)
        cached = Path(function.stats.cache_path).glob(f"{source.stem}.{function.py_func.__name__}-*.nbi")
        if not any(index.stat().st_mtime >= source.stat().st_mtime for index in cached):
            return False
    return True


def compile_passes(cut: Cut) -> None:
    """Compile the passes for the types of a piece, which are the same for every program, or load them."""
    piece, work, line, square = (_typeof(value) for value in (cut.piece, cut.work, np.zeros(1), np.zeros((1, 1))))
    others = (
        (line, line, line, line, square, line, line, line),
        (line, line, line, line),
        (line, line, _typeof(True), line),
    )
    collects = gc.isenabled()
    gc.disable()  # the compiler makes millions of small objects that live on: searching them costs a sixth of the time
    try:
        for function, types in zip(PASSES, others, strict=True):
            function.compile((piece, work, *types))
    finally:
        if collects:
            gc.enable()


def _typeof(value: object) -> Any:
    return numba.typeof(value)  # type: ignore[no-untyped-call]

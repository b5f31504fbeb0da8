"""Are the compiled passes of the chain solver ready, and what makes them so?

They are compiled on first use and cached on disk, next to the package or, where that can't be written, in numba's own
folder for the user. Compiling takes some ten seconds on two processors; a caller that wants to say so asks
`is_compiled` first.
"""

import gc
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def compile_passes(cut: Cut, *, n_processors: int = 1) -> None:
    """Compile the passes for the types of a piece, which are the same for every program, or load them.

    The compiler works in one thread. With a second processor another process compiles what comes after the first pass,
    and leaves it in the cache.
    """
    piece, work, line, square = (_typeof(value) for value in (cut.piece, cut.work, np.zeros(1), np.zeros((1, 1))))
    others = (
        (line, line, line, line, square, line, line, line),
        (line, line, line, line),
        (line, line, _typeof(True), line),
    )
    collects = gc.isenabled()
    gc.disable()  # the compiler makes millions of small objects that live on: searching them costs a sixth of the time
    signatures = [(piece, work, *types) for types in others]
    try:
        with _helped(signatures[1:] if n_processors > 1 and not is_compiled() else []):
            PASSES[0].compile(signatures[0])
        for function, signature in zip(PASSES[1:], signatures[1:], strict=True):
            function.compile(signature)
    finally:
        if collects:
            gc.enable()


@contextmanager
def _helped(signatures: list[Any]) -> Iterator[None]:
    """Compile the later passes in a process of their own meanwhile; should it fail, they are compiled here."""
    helper = _start_helper(signatures) if signatures else None
    try:
        yield
    except BaseException:
        if helper is not None:
            helper.kill()
        raise
    finally:
        if helper is not None:
            helper.wait()


def _start_helper(signatures: list[Any]) -> "subprocess.Popen[bytes] | None":
    code = f"import {__name__} as c; c.compile_later_passes()"
    try:
        helper = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:  # no more processes are allowed, or Python is embedded
        return None
    assert helper.stdin is not None
    with suppress(OSError), helper.stdin as pipe:
        pipe.write(pickle.dumps(signatures))
    return helper


def compile_later_passes() -> None:
    """Compile all passes but the first for the signatures on standard input."""
    gc.disable()
    for function, signature in zip(PASSES[1:], pickle.load(sys.stdin.buffer), strict=True):
        function.compile(signature)


def _typeof(value: object) -> Any:
    return numba.typeof(value)  # type: ignore[no-untyped-call]

"""What a terminal shows: tables, progress, errors. Text goes to stdout, everything about the run to stderr."""

import json
import math
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from trainload.errors import Note

Form = Literal["text", "csv", "json"]
_BAR_WIDTH = 20


def fail(message: str) -> None:
    """Print an error to stderr, below any progress line."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    print(message, file=sys.stderr, flush=True)


def write_crash_log(error: BaseException) -> Path:
    """Write what a maintainer needs to mend a fault, and return the file."""
    text = "".join(traceback.format_exception(error))
    head = f"trainload, Python {sys.version.split()[0]}, {sys.platform}\ncommand: {' '.join(sys.argv)}\n\n"
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"trainload-error-{time.strftime('%Y%m%d-%H%M%S')}-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        file.write(head + text)
    return Path(file.name)


def print_json(value: Any) -> None:
    """Print a value as JSON: dataclasses as objects, dates as text, numbers that are not finite as null."""
    print(json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def to_plain(value: Any) -> Any:
    """Return what `json` can hold of a value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a table, without importing pandas here
        return [to_plain(row) for row in value.to_dict("records")]
    if hasattr(value, "tolist"):  # numpy
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    text = str(value)
    if text in ("NaT", "<NA>"):
        return None
    return text.removesuffix(" 00:00:00") if isinstance(value, date) else text


def print_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | Sequence[str]) -> None:
    """Print rows under their headers, numbers to the right; the last column is cut where the terminal ends.

    Args:
        rows: one mapping a row.
        columns: column of a row -> header, in order; or the columns themselves.
    """
    headers = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    cells = [[show_value(row.get(name)) for name in headers] for row in rows]
    right = [bool(rows) and all(_is_number(row.get(name)) for row in rows) for name in headers]
    widths = [
        max(len(header), *(len(line[i]) for line in cells)) if cells else len(header)
        for i, header in enumerate(headers.values())
    ]
    room = shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 10**6
    for line in [list(headers.values()), *cells]:
        text = "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ).rstrip()
        print(text if len(text) <= room else text[: room - 1] + "…")


def show_value(value: Any) -> str:
    """Return a cell's text: four significant digits, thousands separated, large powers of ten as such."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NaT", "<NA>"):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        if value == 0:
            return "0"
        if not 1e-3 <= abs(value) < 1e9:
            return f"{value:.4g}"
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value).removesuffix(" 00:00:00") if isinstance(value, date) else str(value)


def print_notes(notes: Iterable[Note]) -> None:
    """Print notes below an answer."""
    for note in notes:
        print(f"  {note.kind}: {note.subject}: {note.text}")


class Progress:
    """Shows the stages of a run on stderr: one line that changes on a terminal, else one line a stage."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""
        self._started = time.perf_counter()

    def __call__(self, message: str, share: float | None) -> None:
        seconds = time.perf_counter() - self._started
        if self._live:
            filled = round((share or 0) * _BAR_WIDTH)
            bar = f"[{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] " if share is not None else ""
            room = shutil.get_terminal_size((100, 24)).columns - 1
            print(f"\r\x1b[K{f'{seconds:5.1f} s {bar}{message}'[:room]}", end="", file=sys.stderr, flush=True)
        elif message != self._last:
            print(f"{seconds:6.1f} s  {message}", file=sys.stderr, flush=True)
        self._last = message

    def close(self) -> None:
        """Clear the line."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return not value or (value[0] in "0123456789<>-" and value[-1] in "0123456789%")
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))

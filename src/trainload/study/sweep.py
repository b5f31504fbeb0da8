"""A sweep: the plan at every combination of some values, each re-solved on one workbench."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from trainload import __version__
from trainload.errors import Note, Problem, ScenarioError
from trainload.scenario.models import Scenario
from trainload.study.folder import replacing_folder, require_free
from trainload.study.headlines import read_headlines, tabulate_headlines
from trainload.study.workbench import Patches, Workbench

Progress = Callable[[str, float | None], None]
MOST_POINTS = 200
SWEEP = "sweep.csv"
PAGE = "sweep.html"
VARIANT = "variant"  # a path that names variants of the scenario, each a set of changes


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of values: what is written in the table, and what it changes."""

    values: Mapping[str, object]
    patches: Patches


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep's table, one row a point, and the warnings and limits of its plans, each with the points it is of."""

    table: pd.DataFrame
    notes: tuple[Note, ...]


def list_points(scenario: Scenario, vary: Mapping[str, Sequence[object]]) -> tuple[Point, ...]:
    """Return every combination of the values, the last path's values changing fastest.

    Raises:
        ScenarioError: nothing to vary, a path without values or with one twice, too many points, no such variant.
    """
    problems = []
    if not vary:
        problems.append(Problem("", "nothing to vary", fix="e.g. --vary money.gas_usd_per_mmbtu=3,5,8"))
    for path, values in vary.items():
        if not values:
            problems.append(Problem(path, "has no values", fix=f"e.g. --vary {path}=1,2,3"))
        if len({repr(v) for v in values}) < len(values):
            problems.append(Problem(path, "a value stands twice", ", ".join(map(str, values))))
        if path == VARIANT:
            problems += [
                Problem(path, "no such variant", repr(v), f"choose from {', '.join(scenario.variants) or 'none'}")
                for v in values
                if v not in scenario.variants
            ]
    total = 1
    for values in vary.values():
        total *= max(len(values), 1)
    if total > MOST_POINTS:
        problems.append(Problem("", f"at most {MOST_POINTS} points", f"{total:,}", "vary fewer values"))
    if problems:
        raise ScenarioError("sweep", *problems)
    points = []
    for combination in itertools.product(*vary.values()):
        chosen = dict(zip(vary, combination, strict=True))
        patches: list[tuple[str, object]] = []
        for path, value in chosen.items():
            patches += list(scenario.variants[str(value)].items()) if path == VARIANT else [(path, value)]
        points.append(Point(chosen, tuple(patches)))
    return tuple(points)


def run_sweep(
    scenario: Scenario,
    vary: Mapping[str, Sequence[object]],
    *,
    whole_units: bool = True,
    on_progress: Progress | None = None,
) -> Sweep:
    """Return one row a point (the values, the headlines, MW ordered by option) and what is to be said of them.

    Every point is checked before the first is solved.

    Args:
        scenario: where every point starts from.
        vary: dotted path (or ``variant``) -> its values.
        whole_units: False leaves lumpy orders fractional: quicker, and a bound rather than a plan.
        on_progress: called with a message and the share done.

    Raises:
        ScenarioError: all points' problems at once, each with its path.
    """
    tell = on_progress or (lambda _message, _share: None)
    points = list_points(scenario, vary)
    done = 0.0
    bench = Workbench(scenario, whole_units=whole_units, on_progress=lambda message, _: tell(message, done))
    problems: dict[str, Problem] = {}
    for point in points:
        try:
            bench.change(point.patches)
        except ScenarioError as error:
            problems |= {str(p): p for p in error.problems}
    if problems:
        raise ScenarioError("sweep", *problems.values())
    rows: list[dict[str, Any]] = []
    said: dict[Note, list[int]] = {}
    for n, point in enumerate(points):
        done = n / len(points)
        tell(f"point {n + 1} of {len(points)}: {write_point(point.values)}", done)
        shown = {
            path: value if isinstance(value, int | float | bool) else str(value) for path, value in point.values.items()
        }
        plan = bench.solve(point.patches)
        rows.append({"point": n + 1, **shown, **read_headlines(plan)})
        for note in dict.fromkeys(plan.notes):
            if note.kind in ("warning", "limit"):
                said.setdefault(note, []).append(n + 1)
    return Sweep(tabulate_headlines(rows, first=("point", *vary)), _gather_notes(said, n_points=len(points)))


def _gather_notes(said: Mapping[Note, Sequence[int]], *, n_points: int) -> tuple[Note, ...]:
    """Return each note once, with the points it is of where these are not all."""
    notes = []
    for note, points in said.items():
        where = "" if len(points) == n_points else f"(point {', '.join(map(str, points))}) "
        notes.append(replace(note, text=where + note.text))
    return tuple(notes)


def write_point(values: Mapping[str, object]) -> str:
    """Return a point's values in words."""
    return ", ".join(f"{path}={value}" for path, value in values.items())


def save_sweep(out: Path, sweep: Sweep, *, scenario: Scenario, paths: Sequence[str], overwrite: bool = False) -> None:
    """Write ``sweep.csv`` and ``sweep.html`` into a folder, whole or not at all.

    Raises:
        DataError: the folder can't be written, or holds something else.
    """
    from trainload.report.trade_page import render_sweep  # noqa: PLC0415  (templates load only when a page is written)

    require_free(out, overwrite=overwrite, holds=SWEEP, what="sweep")
    with replacing_folder(out) as scratch:
        sweep.table.to_csv(scratch / SWEEP, index=False, lineterminator="\n", encoding="utf-8")
        page = render_sweep(
            sweep.table,
            paths=paths,
            name=scenario.title or scenario.name,
            version=__version__,
            notes=[(note.subject, note.text) for note in sweep.notes],
        )
        (scratch / PAGE).write_text(page, encoding="utf-8")

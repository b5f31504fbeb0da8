"""A front between cost and another measure as a folder: a study of each point, the table, and a page of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pandas as pd

from trainload import __version__
from trainload.errors import Note
from trainload.plan.fronts import FIELDS, FrontPoint, Of, read, require_points, trace_front
from trainload.scenario.file import LoadedScenario
from trainload.scenario.models import Scenario
from trainload.study.assemble import assemble_study
from trainload.study.folder import replacing_folder, require_free, write_study
from trainload.study.headlines import read_headlines, tabulate_headlines
from trainload.study.prepare import prepare_stages
from trainload.study.run import describe_plan, make_planner, share_stages
from trainload.study.workbench import note_unhedged

Progress = Callable[[str, float | None], None]
FRONT, PAGE = "front.csv", "front.html"


@dataclass(frozen=True, slots=True)
class Front:
    """A front, written.

    Attributes:
        table: one row a point, as in ``front.csv``.
        notes: what the reader should know.
    """

    folder: Path
    table: pd.DataFrame
    notes: tuple[Note, ...]


def run_front(
    loaded: LoadedScenario,
    of: Of,
    out: Path,
    *,
    n_points: int = 7,
    overwrite: bool = False,
    on_progress: Progress | None = None,
) -> Front:
    """Trace a front and write ``front.csv``, ``front.html`` and a study folder of each point.

    Catalogue, forecast, demand, profiles, supply, lead times, scores and the base case are computed once.

    Args:
        loaded: the scenario; its mode is not applied, the front runs from the cheapest plan to the other end.
        of: ``tco2``, ``date`` or ``unserved``.
        out: folder to write, whole or not at all.
        n_points: both ends included.
        overwrite: replace a front that is already there.
        on_progress: called with a message and the share done.

    Raises:
        TrainloadError: input, data or output can't be used.
    """
    from trainload.report.page import write_report  # noqa: PLC0415  (templates load only when pages are written)
    from trainload.report.trade_page import render_front  # noqa: PLC0415

    require_points(n_points)
    require_free(out, overwrite=overwrite, holds=FRONT, what="front")
    tell = on_progress or (lambda _message, _share: None)
    scenario, notes = _set_front(loaded.scenario)
    prepared = prepare_stages(scenario, on_progress=tell)
    shared = share_stages(prepared, on_progress=tell)
    done = 0.2

    def count(n_done: int, n_all: int) -> None:
        nonlocal done
        done = 0.2 + 0.65 * n_done / n_all

    solve = make_planner(prepared, f"front of {of}", share=0.0, on_progress=lambda message, _: tell(message, done))
    points = trace_front(prepared.world, solve, of, n_points=n_points, on_point=count)
    table = tabulate_front(points, of)
    if len(points) == 1:
        notes = (*notes, Note("front", "the cheapest plan is the best by this measure too: nothing to trade.", "limit"))
    with replacing_folder(out) as scratch:
        for n, point in enumerate(points):
            tell(f"writing the study of point {n + 1} of {len(points)}", 0.85 + 0.14 * n / len(points))
            folder = scratch / name_folder(n)
            folder.mkdir()
            stages = describe_plan(prepared, point.plan, shared=shared, notes=notes, months=False)
            write_study(folder, assemble_study(replace(loaded, scenario=scenario), stages))
            write_report(folder)
        table.to_csv(scratch / FRONT, index=False, lineterminator="\n", encoding="utf-8")
        page = render_front(table, of=of, name=scenario.title or scenario.name, version=__version__, notes=_tell(notes))
        (scratch / PAGE).write_text(page, encoding="utf-8")
    tell("done", 1.0)
    return Front(out, table, notes)


def tabulate_front(points: tuple[FrontPoint, ...], of: Of) -> pd.DataFrame:
    """Return one row a point: its limit, whether it is on the front, what a unit costs to the next point, headlines.

    `usd_per_unit` is the cost of one unit less (a tonne, a MWh, a MW times hour), from this point to the next on the
    front.
    """
    field = FIELDS[of]
    rows = []
    on_front = [i for i, point in enumerate(points) if point.status == "front"]
    following = dict(pairwise(on_front))
    for i, point in enumerate(points):
        price = None
        if i in following:
            other = points[following[i]]
            price = (other.measures.cost_usd - point.measures.cost_usd) / (read(point, field) - read(other, field))
        head = {"point": i + 1, "folder": name_folder(i), "status": point.status}
        rows.append(
            {
                **head,
                "limit": None if point.limits.slack_usd else getattr(point.limits, field),
                "usd_per_unit": price,
                **read_headlines(point.plan),
            }
        )
    return tabulate_headlines(rows, first=("point", "folder", "status", "limit", "usd_per_unit"))


def name_folder(index: int) -> str:
    """Return the name of a point's study folder."""
    return f"point-{index + 1:02d}"


def _set_front(scenario: Scenario) -> tuple[Scenario, tuple[Note, ...]]:
    """Return the scenario with its mode set aside, and a note where it had one."""
    notes = list(note_unhedged(scenario))
    plan = scenario.plan
    if plan.mode != "cheapest":
        notes.append(Note("plan.mode", f"{plan.mode} is not applied: a front starts at the cheapest plan.", "warning"))
    plan = plan.model_copy(update={"mode": "cheapest"})
    return scenario.model_copy(update={"plan": plan}), tuple(notes)


def _tell(notes: tuple[Note, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((note.subject, note.text) for note in notes)

"""The alternatives near the cheapest plan as a folder: the table, its words, and a page."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import pandas as pd

from trainload import __version__
from trainload.errors import Note
from trainload.plan.alternatives import Alternatives, Range, find_alternatives
from trainload.plan.world import sample_world
from trainload.scenario.models import Scenario
from trainload.study.folder import replacing_folder, require_free
from trainload.study.prepare import prepare_stages
from trainload.study.workbench import Workbench, note_unhedged

Progress = Callable[[str, float | None], None]
TABLE, PAGE = "alternatives.csv", "alternatives.html"
COLUMNS = ("owner", "label", "kind", "carrier", "cheapest_mw", "least_mw", "most_mw", "avoidable", "avoid_frac")


@dataclass(frozen=True, slots=True)
class AlternativesStudy:
    """Alternatives with their table (one row an option, gate or carrier), the words of it, and notes."""

    found: Alternatives
    table: pd.DataFrame
    words: tuple[str, ...]
    notes: tuple[Note, ...]


def search_alternatives(
    scenario: Scenario, *, slack_frac: float = 0.02, on_progress: Progress | None = None
) -> AlternativesStudy:
    """Find the alternatives within a slack of a scenario's least cost, on sampled weeks, lumpy orders fractional.

    Raises:
        TrainloadError: the scenario can't be used, or an extreme can't be solved.
    """
    tell = on_progress or (lambda _message, _share: None)
    settings = scenario.plan
    notes = [
        Note("alternatives", "sampled weeks stand for the years, and lumpy orders may be fractional.", "limit"),
        *note_unhedged(scenario),
    ]
    if settings.mode != "cheapest":
        notes.append(Note("plan.mode", f"{settings.mode} is not applied: the slack is on the least cost.", "warning"))
    plain = scenario.model_copy(update={"plan": settings.model_copy(update={"hours": "sampled", "mode": "cheapest"})})
    bench = Workbench(plain, whole_units=False, on_progress=lambda message, _: tell(message, 0.05))
    prepared = prepare_stages(plain, on_progress=lambda message, _: tell(message, 0.02))
    plan = bench.solve_world(sample_world(prepared.world), prepared)
    found = find_alternatives(
        plan, slack_frac=slack_frac, on_progress=lambda message, share: tell(message, 0.1 + 0.9 * (share or 0.0))
    )
    return AlternativesStudy(found, tabulate_ranges(found), write_words(found), (*notes, *found.notes))


def tabulate_ranges(found: Alternatives) -> pd.DataFrame:
    """Return the ranges as a table, what the cheapest plan has first."""
    rows = [
        (r.owner, r.label, r.kind, r.carrier, r.cheapest_mw, r.least_mw, r.most_mw, r.avoidable, r.avoid_frac)
        for r in found.ranges
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {"option": 0, "gate": 1, "carrier": 2}
    ranked = table.assign(rank=table["kind"].map(order))
    ranked = ranked.sort_values(["rank", "cheapest_mw", "most_mw"], ascending=[True, False, False], kind="stable")
    return ranked.drop(columns="rank").reset_index(drop=True)


def write_words(found: Alternatives) -> tuple[str, ...]:
    """Return what can be avoided within the slack and what can't, in words."""
    share = f"{found.slack_frac:.3g}" if found.slack_frac < 1e-3 else f"{100 * found.slack_frac:.3g} %"
    used = [r for r in found.ranges if r.cheapest_mw > 0]
    words = []
    for kind, name in (("option", "options"), ("gate", "gates"), ("carrier", "carriers")):
        can = [r for r in used if r.kind == kind and r.avoidable]
        needed = [r for r in used if r.kind == kind and not r.avoidable]
        if can:
            words.append(f"Within {share} each of these {name} can be avoided: {_list(can)}.")
        if needed:
            words.append(f"These {name} can't: {_list(needed)}.")
    open_ = [r for r in found.ranges if r.kind == "option" and r.cheapest_mw == 0 and r.most_mw >= 1.0]
    if open_:
        listed = ", ".join(f"{r.label} up to {r.most_mw:,.0f} MW" for r in sorted(open_, key=lambda r: -r.most_mw)[:6])
        words.append(f"Not in the cheapest plan, but possible within {share}: {listed}.")
    return tuple(words)


def _list(ranges: list[Range]) -> str:
    """Return names with what avoiding them costs, and what is needed of those that can't be."""
    parts = []
    for r in sorted(ranges, key=lambda r: r.avoid_frac):
        percent = 100 * r.avoid_frac
        more = f"{percent:.0f} % dearer without" if percent >= 10 else f"{percent:.2g} % dearer without"
        if isnan(percent):
            more = "no plan is known without it"
        parts.append(f"{r.label} ({more})" if r.avoidable else f"{r.label} (at least {r.least_mw:,.0f} MW; {more})")
    return ", ".join(parts)


def save_alternatives(out: Path, study: AlternativesStudy, *, scenario: Scenario, overwrite: bool = False) -> None:
    """Write ``alternatives.csv`` and ``alternatives.html`` into a folder, whole or not at all.

    Raises:
        DataError: the folder can't be written, or holds something else.
    """
    from trainload.report.trade_page import render_alternatives  # noqa: PLC0415  (templates load only with a page)

    require_free(out, overwrite=overwrite, holds=TABLE, what="search for alternatives")
    with replacing_folder(out) as scratch:
        study.table.to_csv(scratch / TABLE, index=False, lineterminator="\n", encoding="utf-8")
        page = render_alternatives(
            study.table,
            words=study.words,
            name=scenario.title or scenario.name,
            slack_frac=study.found.slack_frac,
            version=__version__,
            notes=[(note.subject, note.text) for note in study.notes],
        )
        (scratch / PAGE).write_text(page, encoding="utf-8")

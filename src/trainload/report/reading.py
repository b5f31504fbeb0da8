"""A study's tables as the report reads them: one type per column whether they come from memory or from a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import pandas as pd

from trainload.report import amounts
from trainload.report.palette import colour_options, order_options
from trainload.tables import TABLES, check_table, column_kind, empty_table

# the audit's tables: large, and nothing on the page is drawn from them
UNREAD_TABLES = frozenset({"availability", "parameters"})
_BARE_NUMBERS = frozenset({"mw", "tco2", "flop"})


class StudyLike(Protocol):
    """The content of a study folder."""

    @property
    def summary(self) -> Mapping[str, Any]: ...

    @property
    def manifest(self) -> Mapping[str, Any]: ...

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Tables with settled types, and the names, colours and order in which supply is shown."""

    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str]
    colours: Mapping[str, str]
    stack: tuple[str, ...]
    start_on: date

    def __getitem__(self, table: str) -> pd.DataFrame:
        return self.tables[table]

    def name(self, owner: Any) -> str:
        """Return an option's or a gate's name."""
        return self.labels.get(str(owner), amounts.spell_key(str(owner)))

    @property
    def places(self) -> list[Mapping[str, Any]]:
        """Cities and countries to compare with: name, average_mw, peak_mw, grade, source."""
        return list(self.manifest.get("places") or [])

    def name_wait(self, owner: str, step: str) -> str:
        """Return what a step waits for: a step of the same graph, or ``gate:<id>``."""
        if step.startswith("gate:"):
            return f"{self.name(step.removeprefix('gate:'))} (gate)"
        return self.name_step(owner, step) or step

    def name_step(self, owner: Any, step: Any) -> str | None:
        """Return the name of a step of an owner's graph; ``gate:<id>.<step>`` is a step of a gate it waits for."""
        if amounts.is_missing(step):
            return None
        text = str(step)
        if text.startswith("gate:"):
            gate, _, inner = text.removeprefix("gate:").partition(".")
            return f"{self.name(gate)}: {str(self.name_step(gate, inner)).lower()}" if inner else self.name(gate)
        steps = self["steps"]
        found = steps.loc[(steps["step"] == text) & (steps["owner"] == str(owner)), "label"]
        return str(found.iloc[0]) if len(found) else amounts.spell_key(text)

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan's part of the summary."""
        return dict(self.summary.get("plan") or {})

    @property
    def ordered(self) -> list[str]:
        """Ids of the options and gates that the plan orders, earliest arrival first."""
        orders = self["orders"].sort_values(["arrive_on", "order_on", "option"], kind="stable")
        return list(dict.fromkeys(orders.loc[orders["mw"] > 0, "option"]))

    @property
    def campus_options(self) -> list[str]:
        """Ids of the options that feed the campus itself, in stack order: contracts elsewhere are left out."""
        contracts = set(self["options"].loc[self["options"]["delivery"] == "contract", "option"])
        return [option for option in self.stack if option not in contracts]


def read_study(study: StudyLike) -> Reading:
    """Return the study with every column in one type: days as `date`, hours as UTC timestamps, amounts as floats.

    Raises:
        DataError: a table lacks a column or has one that its schema does not know.
    """
    tables = {name: _settle(name, study.tables.get(name)) for name in TABLES if name not in UNREAD_TABLES}
    options = tables["options"]
    labels = {str(o): str(label) for o, label in zip(options["option"], options["label"], strict=True)}
    return Reading(
        summary=study.summary,
        manifest=study.manifest,
        tables=tables,
        labels=labels,
        colours=colour_options(options),
        stack=tuple(order_options(options)),
        start_on=_find_start(study.manifest, tables),
    )


def _settle(name: str, table: pd.DataFrame | None) -> pd.DataFrame:
    """Return a table with settled types; one that the study does not hold is empty."""
    if table is None:
        return empty_table(name)
    settled = check_table(name, table).reset_index(drop=True).copy()
    for column in settled.columns:
        kind = column_kind(str(column))
        if kind == "date":
            settled[column] = pd.Series([amounts.read_date(v) for v in settled[column]], dtype=object)
        elif column == "period_start":
            settled[column] = pd.to_datetime(settled[column], utc=True)
        elif column == "critical":
            settled[column] = [str(v).strip().lower() in ("true", "1", "1.0", "yes") for v in settled[column]]
        elif kind == "number" or column in _BARE_NUMBERS:
            settled[column] = pd.to_numeric(settled[column]).astype(float)
        else:
            settled[column] = pd.Series(
                [None if amounts.is_missing(v) else str(v) for v in settled[column]], dtype=object
            )
    if "year" in settled.columns and not settled["year"].isna().any():
        settled["year"] = settled["year"].astype(int)
    return settled


def _find_start(manifest: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> date:
    """Return the first day an order can be placed: as the manifest states it, else the first period's."""
    stated = amounts.read_date(manifest.get("start_on"))
    if stated is not None:
        return stated
    days = [*tables["periods"]["period_on"], *tables["orders"]["order_on"]]
    return min(days) if days else date(1970, 1, 1)


def list_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as one mapping a row."""
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]

"""The claims ledger: what was said about training power, our odds for it then and now, and what has happened so far."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

import numpy as np
import pandas as pd

from trainload.errors import DataError, Problem
from trainload.forecast.forecast import ForecastDraws, forecast_power
from trainload.forecast.references import FACILITY_PEAK_PER_RATED
from trainload.forecast.runs import CATALOGUE_SNAPSHOT_ON, hide_later, load_campuses, load_frontier_runs, read_own_table
from trainload.scenario.models import Scenario
from trainload.tables import TABLES

ClaimTarget = Literal["run", "campus", "compute"]
_UNITS = {"run": "MW", "campus": "MW", "compute": "FLOP"}


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: the target reaches the threshold by 31 December of the year.

    Attributes:
        claim: in our words.
        who: said it.
        said_on: when; our odds "then" know nothing later.
        target: record run (facility peak), largest campus, or the record run's compute.
        year: by the end of which.
        threshold: MW for run and campus, FLOP for compute.
        unit: of it.
        grade: of the figure.
        source: of the figure.
    """

    claim: str
    who: str
    said_on: date
    target: ClaimTarget
    year: int
    threshold: float
    unit: str
    grade: str
    source: str


def load_claims() -> tuple[Claim, ...]:
    """Return the ledger's claims, by date.

    Raises:
        DataError: a row's target, unit, threshold, year or date can't be used; all at once.
    """
    return read_claims(read_own_table("claims"))


def read_claims(table: pd.DataFrame) -> tuple[Claim, ...]:
    """Return claims from rows of text."""
    problems: list[Problem] = []
    claims: list[Claim] = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        where = f"line {number}"
        target = str(row["target"])
        if target not in _UNITS:
            problems.append(Problem(where, "target", repr(target), "run, campus or compute"))
            continue
        if row["unit"] != _UNITS[target]:
            problems.append(Problem(where, f"unit of a {target}", repr(row["unit"]), _UNITS[target]))
        try:
            said_on, year, threshold = (
                date.fromisoformat(str(row["said_on"])),
                int(row["year"]),
                float(row["threshold"]),
            )
        except ValueError as error:
            problems.append(Problem(where, "said_on, year or threshold can't be read", str(error)))
            continue
        if not threshold > 0 or year < said_on.year:
            problems.append(Problem(where, "threshold must be positive and year not before said_on", str(row["claim"])))
        if not row["source"] or row["grade"] not in ("A", "B", "C"):
            problems.append(Problem(where, "source and grade A, B or C are needed", str(row["grade"])))
        claims.append(
            Claim(
                str(row["claim"]), str(row["who"]), said_on, cast(ClaimTarget, target), year, threshold,
                str(row["unit"]), str(row["grade"]), str(row["source"]),
            )
        )  # fmt: skip
    if problems:
        raise DataError("claims", *problems)
    return tuple(sorted(claims, key=lambda claim: (claim.said_on, claim.who, claim.year, claim.threshold)))


def judge_claims(
    claims: tuple[Claim, ...] | None = None,
    *,
    runs: pd.DataFrame | None = None,
    campuses: pd.DataFrame | None = None,
    now: date = CATALOGUE_SNAPSHOT_ON,
    seed: int = 1,
    n_draws: int = 4096,
) -> pd.DataFrame:
    """Return the ledger with our odds as of each claim's day and as of now, in the columns of the study's table.

    Odds come from the same forecast on rows known on that day; a claim whose year is over by `now` has odds 0 or 1 now,
    by the rows themselves. What happened is read from the rows, never written by hand.

    Args:
        claims: default: the catalogue's.
        runs: rows of runs; default: the catalogue's.
        campuses: states of campuses; default: the catalogue's.
        now: the day of "now".
        seed: of the draws.
        n_draws: for each day.
    """
    ledger = load_claims() if claims is None else claims
    rows = load_frontier_runs() if runs is None else runs
    states = load_campuses() if campuses is None else campuses
    last_year = max((claim.year for claim in ledger), default=now.year)
    drawn: dict[date, ForecastDraws] = {}
    for day in sorted({claim.said_on for claim in ledger} | {now}):
        scenario = Scenario.model_validate(
            {"name": "claims", "as_of": day, "seed": seed, "forecast": {"last_year": max(last_year, day.year)}}
        )
        drawn[day] = forecast_power(scenario, runs=rows, campuses=states, n_draws=n_draws).draws
    out = []
    for claim in ledger:
        reached, text = _what_happened(claim, rows, states, now)
        over = date(claim.year, 12, 31) <= now
        p_now = float(reached) if over or reached else _odds(claim, drawn[now])
        out.append(
            {
                "claim": claim.claim,
                "who": claim.who,
                "said_on": claim.said_on.isoformat(),
                "target": claim.target,
                "year": claim.year,
                "threshold": claim.threshold,
                "unit": claim.unit,
                "p_then_frac": _odds(claim, drawn[claim.said_on]),
                "p_now_frac": p_now,
                "happened": text,
                "grade": claim.grade,
                "source": claim.source,
            }
        )
    return pd.DataFrame(out, columns=list(TABLES["claims"]))


def _odds(claim: Claim, draws: ForecastDraws) -> float:
    values = {"run": draws.record_mw, "campus": draws.campus_mw, "compute": draws.record_flop}[claim.target]
    return float(np.mean(values[:, draws.years.index(claim.year)] >= claim.threshold))


def _what_happened(claim: Claim, runs: pd.DataFrame, campuses: pd.DataFrame, now: date) -> tuple[bool, str]:
    """Return whether the threshold has been reached by the claim's year, and the sentence for the ledger."""
    if claim.target == "campus":
        seen = hide_later(campuses, now, column="known_on")
        seen = seen[(seen["status"] == "operating") & (seen["facility_mw"] > 0)]
        table = pd.DataFrame({"name": seen["campus"], "on": seen["state_on"], "value": seen["facility_mw"]})
    else:
        seen = hide_later(runs, now)
        value = (
            seen["compute_flop"] if claim.target == "compute" else seen["rated_facility_mw"] * FACILITY_PEAK_PER_RATED
        )
        table = pd.DataFrame({"name": seen["model"], "on": seen["released_on"], "value": value}).dropna()
    if table.empty:
        return False, f"nothing known by {now}"
    in_time = table[table["on"] <= pd.Timestamp(claim.year, 12, 31)].sort_values("on", kind="stable")
    hits = in_time[in_time["value"] >= claim.threshold]
    if len(hits):
        first = hits.iloc[0]
        return True, f"reached: {first['name']}, {_show(first['value'], claim.unit)}, {first['on']:%Y-%m}"
    best = in_time.iloc[int(np.argmax(in_time["value"].to_numpy(float)))]
    state = "not reached" if date(claim.year, 12, 31) <= now else "open"
    return False, f"{state}: largest so far {best['name']}, {_show(best['value'], claim.unit)}, {best['on']:%Y-%m}"


def _show(value: float, unit: str) -> str:
    return f"{value:.2g} FLOP" if unit == "FLOP" else f"{value:,.0f} MW"

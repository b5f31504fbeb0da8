"""The benchmark page: what `make bench` measured last, from benchmarks/results.json."""

import json
from pathlib import Path
from typing import Any

from document_text import HEAD, escape, tabulate

CASES = {
    "year": "One year, 8,760 hours, 8 options, 2 stores",
    "five_years": "Five years in one chain, 43,800 hours",
    "six_growing": "Six years of growing load, capacities linked",
    "scenarios_5": "Five scenarios of a year each, shared capacities",
    "scenarios_20": "Twenty scenarios of a year each, shared capacities",
    "units": "Whole turbines and reactors: six periods of 24 days, five seeds together",
    "units_calendar": "Whole turbines and reactors, every hour of six years",
}
HEADER = (
    *("engine", "seconds", "times the chain", "building", "iterations", "us per hour and iteration"),
    *("peak MB", "objective off chain", "gap", "status", "runs"),
)


def write_benchmarks(path: Path) -> str:
    """Return the page of the stored results."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    machine = stored["machine"]
    versions = sorted({found["version"] for case in stored["cases"].values() for found in case.values()} - {None})
    parts = [
        HEAD + "# Benchmarks\n",
        "One problem, stated once as arrays, is handed to each engine in a process of its own, one at a time, with "
        f"{machine['n_threads']} threads each. Seconds run from arrays in memory to the checked solution, building "
        "included, imports and compilation not; the median of the runs counts. The problems are synthetic campuses "
        "(`benchmarks/problems.py`); engines that find the same optimum lie 1e-6 or less off the chain's objective. "
        "Times on other machines differ, ratios less so. `make bench` measures again (`benchmarks/README.md`).\n",
        f"Measured on {machine['n_processors']} cores ({machine['processor']}), Python {machine['python']}; "
        f"{', '.join(versions)}. Where an engine was stopped without an answer, its status says so.\n",
    ]
    for case, found in stored["cases"].items():
        parts.append(f"## {_name_case(case)}\n\nCase `{case}`.\n")
        parts.append(tabulate(HEADER, [_write_row(engine, result, found) for engine, result in found.items()]))
    return "\n".join(parts)


def _name_case(case: str) -> str:
    kind, _, size = case.partition("_")
    if kind == "years":
        return f"{size} years in one chain" if size != "1" else "One year in one chain, other weather"
    if kind == "options":
        return "{} options, {} stores, one year".format(*size.split("x"))
    return CASES.get(case, case)


def _write_row(engine: str, result: dict[str, Any], case: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    own = case.get("chain", {})
    wall, objective = result["wall_s"], result["objective_usd"]
    answered = objective is not None and "time_limit" not in str(result["status"])
    times = f"{wall / own['wall_s']:.1f}" if wall and own.get("wall_s") else "-"
    off = f"{objective / own['objective_usd'] - 1:.1e}" if answered and own.get("objective_usd") else "-"
    return (
        f"`{engine}`",
        _show(wall, ".2f"),
        times if answered else f"more than {times}",
        _show(result["build_s"], ".2f"),
        str(result.get("n_iterations") or "-"),
        _show(_time_step(result), ".2f"),
        _show(result["peak_mb"], ".0f"),
        off,
        _show(result["gap"], ".0e"),
        escape(str(result["status"])),
        str(result.get("n_runs", sum(p["n_runs"] for p in result.get("problems", {}).values()) or "-")),
    )


def _time_step(result: dict[str, Any]) -> float | None:
    """Return microseconds of solving per hour and iteration."""
    steps = (result.get("n_iterations") or 0) * (result.get("n_hours") or 0)
    return 1e6 * result["solve_s"] / steps if steps and result["status"] == "optimal" else None


def _show(value: float | None, style: str) -> str:
    return "-" if value is None else format(value, style)

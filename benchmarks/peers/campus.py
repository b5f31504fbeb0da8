"""The campus that trainload and PyPSA both plan: three weeks of hours, sources, stores, a carbon budget.

Its hours and options are text files beside the tests, so that what is compared can be read.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from problems import Problem

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
HOURS = DATA / "pypsa_peer_hours.csv"
RECORD = DATA / "pypsa_peer.json"
# name -> what is changed
VARIANTS = ("base", "half the carbon", "no stores", "no carbon limit")


def load_campus() -> Problem:
    """Return the campus; every series carries its unit in the column's name."""
    case = json.loads(RECORD.read_text(encoding="utf-8"))["case"]
    with HOURS.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    hours = {name: np.array([float(line[name]) for line in lines]) for name in lines[0]}
    sources: dict[str, dict[str, Any]] = case["sources"]
    stores: dict[str, dict[str, Any]] = case["stores"]
    options = [*sources.values(), *stores.values()]

    def along(value: float | str) -> np.ndarray:
        """A number for every hour, or the column of that name."""
        return hours[value] if isinstance(value, str) else np.full(len(lines), float(value))

    return Problem(
        sources=np.array(list(sources)),
        stores=np.array(list(stores)),
        fixed_usd_per_mw=np.array([[option["fixed_usd_per_mw_per_year"] for option in options]], dtype=float),
        build_max_mw=np.array([[option["max_mw"] for option in options]], dtype=float),
        unit_mw=np.zeros(len(options)),
        period_weight=np.ones(1),
        block_period=np.zeros(1, dtype=np.int64),
        block_probability=np.ones(1),
        block_start=np.array([0, len(lines)]),
        load_mw=hours["load_mw"],
        weight=np.full(len(lines), 8760.0 / len(lines)),
        available_frac=np.array([along(source["available_frac"]) for source in sources.values()]),
        variable_usd_per_mwh=np.array([along(source["variable_usd_per_mwh"]) for source in sources.values()]),
        tco2_per_mwh=np.array([along(source["tco2_per_mwh"]) for source in sources.values()]),
        must_run_frac=np.array([source.get("must_run_frac", 0.0) for source in sources.values()]),
        cap_tco2=np.array([case["cap_tco2_per_year"]]),
        store_hours=np.array([store["hours"] for store in stores.values()]),
        store_efficiency_frac=np.array([store["efficiency_frac"] for store in stores.values()]),
        store_loss_frac=np.array([store["loss_frac_per_hour"] for store in stores.values()]),
        store_usd_per_mwh=np.array([store["variable_usd_per_mwh"] for store in stores.values()]),
        unserved_usd_per_mwh=np.array(case["unserved_usd_per_mwh"]),
    )


def vary_campus(problem: Problem, variant: str) -> Problem:
    """Return one of the variants of the campus."""
    if variant == "half the carbon":
        return replace(problem, cap_tco2=problem.cap_tco2 / 2)
    if variant == "no carbon limit":
        return replace(problem, cap_tco2=problem.cap_tco2 * 1e3)
    if variant == "no stores":
        build_max = problem.build_max_mw.copy()
        build_max[:, len(problem.sources) :] = 0.0
        return replace(problem, build_max_mw=build_max)
    return problem

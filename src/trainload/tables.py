"""The tables of a study folder: their columns, in order, with what each holds; a test holds code and files to them."""

import math
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Literal

import pandas as pd

from trainload.errors import DataError, Problem
from trainload.units import unit_of

TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "forecast": {
            "target": "record_run, largest_campus or programme",
            "model": "trainload, local_trend, article (a labelled reference) or powered (as far as the plan goes)",
            "year": "record by 31 December of this year",
            "p10_mw": "10th percentile, facility peak",
            "p25_mw": "25th percentile",
            "p50_mw": "median",
            "p75_mw": "75th percentile",
            "p90_mw": "90th percentile",
            "p_ge_1gw": "probability of at least 1 GW",
            "p_ge_5gw": "probability of at least 5 GW",
        },
        "generations": {
            "name": "generation",
            "wanted_on": "day training should start",
            "flop": "training compute",
            "chip": "accelerator",
            "chips": "accelerators in the run",
            "days": "length of the run at full power",
            "facility_peak_mw": "facility peak",
            "facility_average_mw": "facility average over the run",
            "it_peak_mw": "IT peak",
            "energy_mwh": "facility energy of the run",
            "utilisation_frac": "model FLOP utilisation",
            "goodput_frac": "share of time that advances the run",
            "cost_usd": "chips' capital and power share of the run",
            "tco2": "emission of the run at the grid's average factor",
            "powered_on": "first day with the power this generation wants (planned)",
            "start_on": "first day on which it trains, with part of its power if that is all there is",
            "finish_on": "day the FLOP budget is met, as powered",
            "finish_unconstrained_on": "day it would be met with power from wanted_on",
            "delay_days": "finish_on less finish_unconstrained_on",
        },
        "derivation": {
            "generation": "generation or run",
            "step": "quantity",
            "value": "its value",
            "unit": "unit",
            "formula": "how it follows from the steps before",
            "grade": "A read in a source, B named source, C judgement or derived",
            "source": "source",
        },
        "options": {
            "option": "id",
            "label": "name",
            "carrier": "fuel or service",
            "kind": "source or store",
            "delivery": "onsite, grid or contract",
            "unit_mw": "size of one unit, 0 = any",
            "max_mw": "most that can be ordered",
            "capex_usd_per_mw": "overnight capital",
            "fixed_usd_per_mw_year": "fixed cost a year",
            "variable_usd_per_mwh": "fuel and variable cost",
            "usd_per_mwh": "levelised cost at its availability and full use",
            "direct_tco2_per_mwh": "emission at the stack or of the grid's average",
            "lifecycle_tco2_per_mwh": "life-cycle emission",
            "lead_p50_months": "order to power, median",
            "lead_p80_months": "order to power, 80th percentile",
            "arrive_p50_on": "arrival if ordered on the first day, median",
            "arrive_p80_on": "arrival if ordered on the first day, 80th percentile",
            "chosen_mw": "ordered over the horizon",
            "reason": "why it was chosen or not",
            "grade_cost": "grade of cost figures",
            "grade_lead": "grade of lead times",
            "source": "source",
        },
        "steps": {
            "owner": "option or gate",
            "owner_kind": "option or gate",
            "step": "id",
            "label": "name",
            "after": "steps it waits for, separated by ;",
            "factor": "common factor",
            "p10_months": "duration, 10th percentile",
            "p50_months": "duration, median",
            "p90_months": "duration, 90th percentile",
            "start_p50_months": "start after the order, median",
            "finish_p50_months": "finish after the order, median",
            "finish_p80_months": "finish after the order, 80th percentile",
            "last_share_frac": "share of draws in which it lies on the critical path",
            "critical": "on the most frequent critical path",
            "grade": "grade",
            "source": "source",
        },
        "arrivals": {
            "owner": "option or gate",
            "owner_kind": "option or gate",
            "p10_on": "arrival if ordered on the first day",
            "p50_on": "median",
            "p80_on": "80th percentile",
            "p90_on": "90th percentile",
            "p95_on": "95th percentile",
        },
        "orders": {
            "option": "option or gate",
            "owner_kind": "option or gate",
            "mw": "ordered",
            "units": "whole units, empty where any size",
            "order_on": "latest order date",
            "arrive_on": "planned arrival (at the plan's percentile)",
            "arrive_p50_on": "median arrival",
            "arrive_p80_on": "80th percentile",
            "end_on": "retired or returned, empty if after the horizon",
            "critical_step": "step most often last",
            "capex_usd": "capital, undiscounted",
        },
        "capacity": {
            "period_on": "first day of the period",
            "owner": "option or gate",
            "owner_kind": "option or gate",
            "mw": "in service",
        },
        "periods": {
            "period_on": "first day of the period",
            "ends_on": "first day after it",
            "hours": "hours of the period",
            "wanted_mw": "facility peak the programme wants",
            "powered_mw": "facility peak with chips delivered",
            "firm_mw": "energised contract and firm on-site MW",
            "reserve_frac": "largest-unit reserve, share of powered load",
            "generation": "generation then wanted",
        },
        "blocks": {
            "block": "block of consecutive hours",
            "period_on": "a capacity period that it stands for",
            "share_frac": "share of that period in what it stands for",
            "year_group": "blocks of one group share capacities and yearly budgets",
            "months": "months of demand charge that the block's peak pays for",
        },
        "operation": {
            "block": "block of consecutive hours",
            "period_start": "start, UTC",
            "weight_hours": "hours of the horizon that this hour stands for",
            "load_mw": "campus load with chips delivered",
        },
        "availability": {
            "block": "block, as in operation",
            "period_start": "start, UTC",
            "load_shape_frac": "load per unit of powered facility peak",
            "price_usd_per_mwh": "grid energy price",
            "carbon_tco2_per_mwh": "grid average carbon intensity",
        },
        "parameters": {
            "owner": "option, gate, tranche, rules or money",
            "parameter": "field, with its unit as suffix",
            "value": "number the plan used",
        },
        "ledger": {
            "term": "cost term",
            "owner": "option, gate or price",
            "group": "cash or shadow",
            "year": "year of the plan, from 1",
            "quantity": "amount in this year",
            "unit": "unit of the amount",
            "usd": "constant USD of the price year",
            "usd_present": "present value at the first order date",
        },
        "emissions": {
            "year": "year of the plan, from 1",
            "measure": "direct, location, lifecycle, matched or load",
            "owner": "option",
            "value": "amount",
            "unit": "tCO2 or MWh",
        },
        "values": {
            "what": "kind of value",
            "owner": "option, gate or rule",
            "period_on": "first day of the period, empty for the horizon",
            "value": "amount",
            "unit": "unit",
        },
        "hedge": {
            "measure": "what is measured over all scenarios of lead times",
            "subject": "step whose date would be known, else empty",
            "value": "amount",
            "unit": "unit",
        },
        "hedge_scenarios": {
            "scenario": "scenario of lead times, the quickest first",
            "weight_frac": "probability",
            "hedged_usd": "present cost with the hedged orders",
            "deterministic_usd": "present cost with the orders of the deterministic plan",
            "known_usd": "present cost had its lead times been known in advance",
            "hedged_idle_usd": "price (b) of idle delivered chips in it, hedged orders",
            "deterministic_idle_usd": "price (b) of idle delivered chips in it, deterministic orders",
        },
        "hedge_leads": {
            "scenario": "scenario of lead times",
            "owner": "option or gate",
            "owner_kind": "option or gate",
            "lead_months": "order to arrival, gates included",
        },
        "hedge_orders": {
            "option": "option or gate",
            "owner_kind": "option or gate",
            "scenario": "the only scenario that orders it, once lead times are known; empty where all do",
            "order_on": "day of the order",
            "mw": "ordered",
            "units": "whole units, empty where any size",
            "arrive_p50_on": "median arrival",
            "arrive_p80_on": "80th percentile",
            "arrive_p95_on": "95th percentile",
        },
        "energisation": {
            "orders": "hedged or deterministic",
            "target": "first GW or full power",
            "target_mw": "firm MW to reach",
            "p50_on": "reached by then in half of all draws, empty if after the horizon",
            "p80_on": "in 80 % of them",
            "p95_on": "in 95 % of them",
            "in_time_frac": "share of draws that reach it within the horizon",
        },
        "comparison": {
            "case": "plan, base, goals_kept or goals_dropped",
            "measure": "what is compared",
            "value": "amount",
            "unit": "unit",
        },
        "sources": {
            "key": "catalogue or scenario path",
            "figure": "what it is",
            "value": "used value",
            "low": "low",
            "high": "high",
            "unit": "unit",
            "year": "year",
            "grade": "A, B or C",
            "source": "source",
            "note": "note",
        },
        "backtest": {
            "target": "compute, power or campus: what was forecast",
            "horizon_years": "years ahead",
            "split": "pooled (all origins from 2018), tuning (2018-2022), holdout (from 2023) or early (before 2018)",
            "model": "trainload, local_trend, or a simple method it is held against",
            "crps_oom": "continuous ranked probability score; smaller is better",
            "pinball_oom": "mean pinball loss at 10, 25, 50, 75 and 90 %",
            "cov50_frac": "share of outcomes inside the 50 % interval",
            "cov80_frac": "share of outcomes inside the 80 % interval",
            "bias_oom": "median less outcome, mean",
            "brier_100mw": "Brier score of the odds of 100 MW, empty for compute",
            "brier_1gw": "Brier score of the odds of 1 GW, empty for compute",
            "crps_less_mix_oom": "CRPS less that of the mix; below zero is better than the mix",
            "crps_less_mix_se_oom": "its standard error by block bootstrap, empty with fewer than two blocks",
            "n_forecasts": "forecasts scored",
            "n_blocks": "stretches of origins that don't overlap",
            "truth_on": "outcomes are known to this day",
        },
        "drivers": {
            "result": "key as `trainload explain` takes it, such as record_run.2029.p50_mw or G1.facility_peak_mw",
            "driver": "id of the input or choice",
            "label": "what it is",
            "low_setting": "its low side, with unit",
            "high_setting": "its high side, with unit",
            "result_low": "result at the low side, all else unchanged; empty where it has none",
            "result_mid": "result as in the study",
            "result_high": "result at the high side, all else unchanged; empty where it has none",
            "result_unit": "unit of the three",
            "grade": "grade of the range",
            "source": "source of the range",
        },
        "claims": {
            "claim": "what was said",
            "who": "by whom",
            "said_on": "when",
            "target": "run, campus, compute",
            "year": "for which year",
            "threshold": "amount claimed",
            "unit": "unit",
            "p_then_frac": "our probability as of then",
            "p_now_frac": "our probability from what today's catalogue knows",
            "happened": "what happened so far",
            "grade": "grade",
            "source": "source",
        },
        "outcomes": {
            "subject": "what was planned or expected",
            "planned": "as of the study's date",
            "happened": "what happened, with date",
            "grade": "grade",
            "source": "source",
        },
        "notes": {
            "subject": "what it is about",
            "kind": "default, assumption, limit or warning",
            "text": "the note",
        },
    }
)

# Tables whose further columns depend on the options: `operation` holds <source>_mw, <store>_charge_mw,
# <store>_discharge_mw, <store>_level_mwh, unserved_<tranche>_mw and <contract>_mw beside its fixed columns;
# `availability` holds <option>_available_frac (profile x calls x (1 - forced outage)).
OPEN_TABLES = frozenset({"operation", "availability"})
COMPRESSED_TABLES = frozenset({"operation", "availability"})
_NUMBERS = frozenset(
    [
        "mw",
        "flop",
        "tco2",
        "year",
        "p_ge_1gw",
        "p_ge_5gw",
        "chips",
        "days",
        "hours",
        "units",
        "value",
        "quantity",
        "usd",
        "usd_present",
        "low",
        "high",
        "threshold",
        "year_group",
        "months",
        "brier_100mw",
        "brier_1gw",
        "result_low",
        "result_mid",
        "result_high",
    ]
)


def column_kind(name: str) -> Literal["date", "number", "text"]:
    """Return what a column holds: ISO dates for `_on`, numbers where the name ends in a unit, text otherwise."""
    if name.endswith("_on"):
        return "date"
    if name in _NUMBERS or unit_of(name) is not None:
        return "number"
    return "text"


def normalise_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as its file will hold it: columns in order, dates as ISO text, gaps as empty text or NaN.

    Saving and loading a normalised table gives the same table back.
    """
    checked = check_table(name, table).reset_index(drop=True)
    columns = {}
    for column in checked.columns:
        values = checked[column]
        if column_kind(str(column)) == "number":
            columns[column] = pd.to_numeric(values, errors="raise").astype(float)
        elif pd.api.types.is_datetime64_any_dtype(values):
            columns[column] = values.dt.strftime("%Y-%m-%dT%H:%MZ").astype(object)
        else:
            columns[column] = values.map(_as_text).astype(object)
    return pd.DataFrame(columns, columns=checked.columns)


def _as_text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT:
        return ""
    if isinstance(value, date):
        return value.isoformat()[:10]
    return str(value)


def empty_table(name: str) -> pd.DataFrame:
    """Return the table with its columns and no rows."""
    return pd.DataFrame(columns=list(TABLES[name]))


def check_table(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its columns in order; a missing or unknown column is a `DataError`."""
    expected = list(TABLES[name])
    missing = [column for column in expected if column not in table.columns]
    extra = [column for column in table.columns if column not in expected]
    if missing or (extra and name not in OPEN_TABLES):
        raise DataError(
            f"table {name}",
            *(Problem("", "a column is missing", column) for column in missing),
            *(Problem("", "no such column in its schema", column) for column in extra if name not in OPEN_TABLES),
        )
    return table[expected + extra]

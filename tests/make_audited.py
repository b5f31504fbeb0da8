"""A plan of two months written down by hand, table by table: what an audit of a right plan must find in order.

January and February 2028 (29 days). Engines of 10 MW behind one gate, and a battery that is charged by night and
emptied by day; 80 MW are powered in January and 100 MW in February, of 100 MW wanted.
"""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from trainload.tables import TABLES

JAN, FEB, END = date(2028, 1, 1), date(2028, 2, 1), date(2028, 3, 1)
DAYS = {JAN: 31, FEB: 29}
POWERED = {JAN: 80.0, FEB: 100.0}
ENGINES = {JAN: 90.0, FEB: 110.0}
BATTERY, GATE = 20.0, 120.0
ETA = 0.9
CO2_CAP = 90_000.0
HOUR = np.arange(24)
SHAPE = np.where(HOUR < 12, 0.5, 1.0)
CHARGE = np.where(HOUR < 4, 10.0, 0.0)
DISCHARGE = np.where((HOUR >= 12) & (HOUR < 16), 10.0 * ETA**2, 0.0)
UNSERVED = np.where(HOUR == 20, 1.0, 0.0)
LEVEL = np.cumsum(ETA * CHARGE - DISCHARGE / ETA)
PARAMETERS: dict[str, dict[str, float]] = {
    "engine": {"heat_rate_mmbtu_per_mwh": 8.0, "fuel_usd_per_mmbtu": 4.0, "fuel_cost_usd_per_mwh": 32.0,
               "variable_usd_per_mwh": 5.0, "fixed_usd_per_mw_year": 20_000.0, "capex_usd_per_mw": 1e6, "firm": 1.0,
               "direct_tco2_per_mwh": 0.4, "lifecycle_tco2_per_mwh": 0.5, "forced_outage_frac": 0.05, "unit_mw": 10.0,
               "max_full_load_hours_per_year": 8000.0, "gate:substation": 1.0},
    "battery": {"capex_usd_per_mw": 4e5, "variable_usd_per_mwh": 1.0, "duration_hours": 4.0, "roundtrip_frac": ETA**2},
    "substation": {"capex_usd_per_mw": 1e5, "max_mw": 150.0},
    "tranche:pause": {"share_frac": 0.3, "usd_per_mwh": 900.0},
    "programme": {"programme_usd_per_mwh": 285.0, "it_peak_frac": 0.8},
    "money": {"wacc_frac": 0.07, "co2_usd_per_tco2": 0.0},
    "plan": {"unit_threshold_mw": 10.0},
    "grid": {"max_service_mw": np.nan},
    "rules": {"co2_cap_tco2_per_year": CO2_CAP, "clean_matched_frac": np.nan, "co2_slack_usd_per_tco2": 1000.0,
              "clean_slack_usd_per_mwh": 500.0, "clean_from_days": np.nan, "largest_unit_reserve": 1.0},
}  # fmt: skip
PLAIN = {
    "firm": 0.0, "bridge": 0.0, "clean": 0.0, "unit_mw": 0.0, "max_mw": 1000.0, "min_mw": 0.0, "lifetime_years": 20.0,
    "wacc_frac": 0.07, "lead_plan_months": 0.0, "milestone_1_capital_frac": 1.0, "milestone_1_lead_frac": 1.0,
    "fixed_usd_per_mw_year": 0.0, "variable_usd_per_mwh": 0.0, "heat_rate_mmbtu_per_mwh": 0.0,
    "fuel_usd_per_mmbtu": 0.0, "fuel_cost_usd_per_mwh": 0.0, "rent_usd_per_mw_month": 0.0, "forced_outage_frac": 0.0,
    "must_run_frac": 0.0, "direct_tco2_per_mwh": 0.0, "lifecycle_tco2_per_mwh": 0.0, "duration_hours": 0.0,
    "roundtrip_frac": 1.0, "loss_frac_per_hour": 0.0, "demand_charge_usd_per_mw_month": 0.0, "minimum_take_frac": 0.0,
    "contract_price_usd_per_mwh": 0.0, "curtailed_hours_per_year": 0.0, "max_full_load_hours_per_year": np.nan,
    "min_stay_months": 0.0, "max_stay_months": np.nan, "available_after_days": np.nan, "return_after_days": np.nan,
}  # fmt: skip


def make_audited() -> dict[str, pd.DataFrame]:
    """Return fresh tables of the plan."""
    return {
        "options": _rows("options", [{"option": "engine", "kind": "source", "delivery": "onsite"},
                                     {"option": "battery", "kind": "store", "delivery": "onsite"}]),
        "orders": _orders(),
        "capacity": _capacity(),
        "periods": _periods(),
        "blocks": pd.DataFrame([(f"{d:%Y-%m}", d, 1.0, 1, 1.0) for d in DAYS], columns=list(TABLES["blocks"])),
        "operation": _operation(),
        "availability": _availability(),
        "parameters": _parameters(),
        "ledger": _ledger(),
        "emissions": _emissions(),
    }  # fmt: skip


def _rows(table: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame([{**dict.fromkeys(TABLES[table], ""), **row} for row in rows], columns=list(TABLES[table]))


def _parameters() -> pd.DataFrame:
    rows = [
        (owner, name, value)
        for owner, own in PARAMETERS.items()
        for name, value in ({**PLAIN, **own} if owner in ("engine", "battery", "substation") else own).items()
    ]
    return pd.DataFrame(rows, columns=list(TABLES["parameters"]))


def _orders() -> pd.DataFrame:
    arrivals = [("engine", JAN, 90.0, 1e6), ("engine", FEB, 20.0, 1e6), ("battery", JAN, BATTERY, 4e5),
                ("substation", JAN, GATE, 1e5)]  # fmt: skip
    return _rows(
        "orders",
        [
            {"option": o, "mw": mw, "units": mw / 10, "order_on": day, "arrive_on": day, "capex_usd": mw * capex,
             "owner_kind": "gate" if o == "substation" else "option", "end_on": None}
            for o, day, mw, capex in arrivals
        ],
    )  # fmt: skip


def _capacity() -> pd.DataFrame:
    rows = [(day, "engine", "option", ENGINES[day]) for day in DAYS]
    rows += [(day, "battery", "option", BATTERY) for day in DAYS]
    rows += [(day, "substation", "gate", GATE) for day in DAYS]
    return pd.DataFrame(rows, columns=list(TABLES["capacity"]))


def _periods() -> pd.DataFrame:
    ends = {JAN: FEB, FEB: END}
    rows = [(d, ends[d], 24.0 * DAYS[d], 100.0, POWERED[d], ENGINES[d], 10.0 / POWERED[d], "next model") for d in DAYS]
    return pd.DataFrame(rows, columns=list(TABLES["periods"]))


def _hours(day: date) -> tuple[list[str], pd.DatetimeIndex]:
    times = pd.date_range(day, periods=24 * DAYS[day], freq="h", tz="UTC")
    return [f"{day:%Y-%m}"] * len(times), times


def _operation() -> pd.DataFrame:
    frames = []
    for day, n_days in DAYS.items():
        names, times = _hours(day)
        load = POWERED[day] * SHAPE
        one_day = {
            "weight_hours": np.ones(24),
            "load_mw": load,
            "engine_mw": load + CHARGE - DISCHARGE - UNSERVED,
            "battery_charge_mw": CHARGE,
            "battery_discharge_mw": DISCHARGE,
            "unserved_pause_mw": UNSERVED,
            "battery_level_mwh": LEVEL,
        }
        columns = {name: np.tile(values, n_days) for name, values in one_day.items()}
        frames.append(pd.DataFrame({"block": names, "period_start": times, **columns}))
    return pd.concat(frames, ignore_index=True)


def _availability() -> pd.DataFrame:
    frames = []
    for day, n_days in DAYS.items():
        names, times = _hours(day)
        columns = {
            "load_shape_frac": np.tile(SHAPE, n_days),
            "price_usd_per_mwh": 50.0,
            "carbon_tco2_per_mwh": 0.3,
            "engine_available_frac": 0.95,
            "battery_available_frac": 1.0,
        }
        frames.append(pd.DataFrame({"block": names, "period_start": times, **columns}))
    return pd.concat(frames, ignore_index=True)


def engine_mwh(day: date) -> float:
    """Energy of a month: 12 h at half and 12 h at full load, 40 MWh into the battery, 32.4 out, 1 MWh shed a day."""
    return DAYS[day] * (POWERED[day] * (12 * 0.5 + 12) + 40.0 - 32.4 - 1.0)


def worth(day: date) -> float:
    """One dollar spent evenly over a month: day 15 of January, day 31 + 14 of February."""
    return 1.07 ** -({JAN: 15, FEB: 45}[day] / 365.25)


def co2_excess() -> float:
    """Tonnes over the cap, which holds for 60 of 365.25 days."""
    return 0.4 * (engine_mwh(JAN) + engine_mwh(FEB)) - CO2_CAP * 60 / 365.25


def _ledger() -> pd.DataFrame:
    rows: list[tuple[str, str, str, float, str, float, float]] = []

    def add(term: str, owner: str, quantity: float, unit: str, *, usd: float, present: float) -> None:
        group = "shadow" if term in ("programme_delay", "curtailment", "co2_slack") else "cash"
        rows.append((term, owner, group, quantity, unit, usd, present))

    for owner, day, mw, capex in (("engine", JAN, 90.0, 1e6), ("engine", FEB, 20.0, 1e6), ("battery", JAN, 20.0, 4e5),
                                  ("substation", JAN, 120.0, 1e5)):  # fmt: skip
        since, to_end = (day - JAN).days, (END - day).days
        add("capital", owner, mw, "MW", usd=mw * capex, present=mw * capex * 1.07 ** -(since / 365.25))
        left = 20.0 - to_end / 365.25
        annuity = 0.07 / (1 - 1.07**-20)
        credit = -mw * capex * annuity * (1 - 1.07**-left) / 0.07
        add("salvage", owner, mw, "MW", usd=credit, present=credit * 1.07 ** -(60 / 365.25))
    for day, n_days in DAYS.items():
        for term, owner, quantity, unit, price in (
            ("fixed", "engine", ENGINES[day] * n_days / 365.25, "MW-years", 20_000.0),
            ("fuel", "engine", engine_mwh(day), "MWh", 32.0),
            ("variable", "engine", engine_mwh(day), "MWh", 5.0),
            ("variable", "battery", n_days * 32.4, "MWh", 1.0),
            ("curtailment", "pause", n_days * 1.0, "MWh", 900.0),
            ("programme_delay", "programme", (100.0 - POWERED[day]) * n_days * 24 * 0.8, "MWh IT", 285.0),
        ):
            add(term, owner, quantity, unit, usd=quantity * price, present=quantity * price * worth(day))
    usd = 1000.0 * co2_excess()
    add("co2_slack", "rules", co2_excess(), "tCO2", usd=usd, present=usd * (worth(JAN) + worth(FEB)) / 2)
    columns = ["term", "owner", "group", "quantity", "unit", "usd", "usd_present"]
    keys = ["term", "owner", "group", "year", "unit"]
    table = pd.DataFrame(rows, columns=columns).assign(year=1).groupby(keys, as_index=False).sum()
    return table.loc[table["usd"] != 0.0, list(TABLES["ledger"])].reset_index(drop=True)


def _emissions() -> pd.DataFrame:
    mwh = engine_mwh(JAN) + engine_mwh(FEB)
    rows = [
        (1, "direct", "engine", 0.4 * mwh, "tCO2"),
        (1, "lifecycle", "engine", 0.5 * mwh, "tCO2"),
        (1, "generation", "engine", mwh, "MWh"),
        (1, "unserved", "pause", 60.0, "MWh"),
        (1, "load", "campus", 18 * (31 * 80.0 + 29 * 100.0), "MWh"),
    ]
    return pd.DataFrame(rows, columns=list(TABLES["emissions"]))

"""A study folder's content made by hand, so that the report can be tested without a solver.

The figures are invented; only their shapes and their signs matter.
"""

from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from trainload.study.folder import StudyTables
from trainload.tables import TABLES

START = date(2027, 1, 1)
END = date(2039, 1, 1)

# id|label|carrier|kind|delivery|unit|capex|variable|$/MWh|direct|life cycle|lead P10|P50|P90|ordered MW|reason
OPTION_ROWS = """
grid_firm|Firm grid service|grid|source|grid|0|300000|42|58|0.28|0.31|24|48|84|1500|chosen
grid_conditional|Conditional grid service|grid|source|grid|0|250000|40|52|0.28|0.31|9|24|42|900|chosen
ccgt|Gas combined cycle|gas|source|onsite|550|2.2e6|31|66|0.35|0.44|48|66|96|1100|chosen
gt_frame|Frame gas turbine|gas|source|onsite|240|1.2e+06|45|74|0.53|0.6|36|50|72|0|dearer than the combined cycle
gt_aero|Aeroderivative turbine|gas|source|onsite|50|1.6e+06|48|82|0.52|0.6|18|30|48|400|chosen
engines|Gas engines|gas|source|onsite|18|1.7e+06|41|79|0.47|0.55|16|26|40|0|no earlier than turbines
rental_turbines|Rented turbines|gas|source|onsite|16|0|55|128|0.62|0.7|3|7|14|320|chosen as a bridge
fuel_cells|Solid-oxide fuel cells|gas|source|onsite|10|4.5e+06|36|105|0.34|0.4|8|14|24|250|chosen
coal_existing|Existing coal unit|coal|source|contract|0|0|33|61|0.98|1.05|12|20|36|0|breaks the CO2 cap
diesel|Diesel backup|diesel|source|onsite|3|900000|260|410|0.7|0.8|10|18|28|0|dearer than curtailing the run
solar|Solar|solar|source|onsite|0|1.3e+06|0|44|0|0.04|14|24|40|1200|chosen
wind|Onshore wind|wind|source|onsite|0|1.7e+06|0|61|0|0.012|24|42|66|0|poor wind: $17/MWh dearer than solar
wind_ppa|Wind contract elsewhere|wind|source|contract|0|0|0|38|0|0.012|6|12|24|1000|chosen for hourly matching
battery_4h|Lithium battery, 4 h|battery|store|onsite|0|1.1e+06|0||0|0.03|9|15|26|800|chosen
iron_air_100h|Iron-air battery, 100 h|battery|store|onsite|0|2.4e+06|0||0|0.05|20|34|60|0|saves $3 per MW and year
nuclear_restart|Nuclear restart|nuclear|source|contract|835|2.1e+06|9|69|0|0.012|30|44|62|835|chosen
nuclear_large|Large new nuclear|nuclear|source|onsite|1100|1.2e+07|12|148|0|0.012|102|138|192|0|arrives too late (2038)
smr_bwrx300|SMR BWRX-300|nuclear|source|onsite|300|1.1e+07|13|139|0|0.012|78|108|150|300|chosen
microreactor|Microreactor|nuclear|source|onsite|5|1.9e+07|20|246|0|0.02|60|96|144|0|$107/MWh dearer than the SMR
geothermal|Enhanced geothermal|geothermal|source|contract|0|6e+06|4|84|0|0.03|30|44|72|0|no resource at the site
"""


def _read_option(line: str) -> tuple[Any, ...]:
    parts = line.split("|")
    return (*parts[:5], *(float(p) if p else np.nan for p in parts[5:15]), parts[15])


OPTIONS = [_read_option(line) for line in OPTION_ROWS.strip().splitlines()]
GATES = [("substation", "500 kV substation", 18, 34, 54, 2400), ("gas_lateral", "Gas lateral", 16, 30, 48, 2070)]
STORES = {"battery_4h": 4.0}
GENERATIONS = [
    ("G1", date(2028, 7, 1), 2.0e27, 600.0, 400_000),
    ("G2", date(2030, 1, 1), 1.2e28, 1500.0, 900_000),
    ("G3", date(2032, 1, 1), 9.0e28, 3200.0, 1_700_000),
]


def add_months(day: date, months: float) -> date:
    return day + timedelta(days=round(months * 30.4375))


def make_study(*, n_blocks: int = 4, seed: int = 3) -> StudyTables:
    """A whole study; every table that the report reads is filled."""
    rng = np.random.default_rng(seed)
    tables: dict[str, pd.DataFrame] = {
        "forecast": _forecast(),
        "generations": _generations(),
        "derivation": _derivation(),
        "options": _options(),
        "steps": _steps(),
        "arrivals": _arrivals(),
        "orders": _orders(),
    }
    periods = _periods()
    tables["periods"] = periods
    tables["capacity"] = _capacity(periods)
    tables["operation"] = _operation(rng, n_blocks)
    tables |= _money()
    tables |= _words()
    tables["backtest"] = _backtest()
    tables["drivers"] = _drivers()
    tables |= _hedge()
    return StudyTables.of(_summary(tables), _manifest(), tables)


def _hedge() -> dict[str, pd.DataFrame]:
    worth = [
        ("value_of_hedging", "", 3.5e9), ("value_of_moving_chips", "", 2.0e9), ("value_of_hedging_orders", "", 1.5e9),
        ("value_of_knowing", "", 2.5e9), ("value_of_knowing_step", "gate:substation.permit", 1.4e9),
        ("value_of_knowing_step", "ccgt.slot", 0.8e9), ("scenarios", "", 3.0), ("tail_weight", "", 0.5),
        ("tail", "", 0.1),
    ]  # fmt: skip
    costs = [
        ("w1", 0.5, 1.30e10, 1.27e10, 1.15e10),
        ("w2", 0.3, 1.6e10, 2.4e10, 1.4e10),
        ("w3", 0.2, 2.1e10, 3.5e10, 1.6e10),
    ]
    day = date(2027, 1, 1)
    orders = [
        ("ccgt", "option", "", day, 1100.0, 2.0, *(add_months(day, m) for m in (60, 70, 80))),
        ("substation", "gate", "w2", add_months(day, 30), 500.0, None, *(add_months(day, m) for m in (64, 72, 90))),
    ]
    reached = [
        (policy, target, mw, *(add_months(day, first + m) for m in (0, 8, 16)), 0.98)
        for policy, first in (("hedged", 16), ("deterministic", 18))
        for target, mw in (("first GW", 1000.0), ("full power", 3200.0))
    ]
    rows = {
        "hedge": [(m, s, v, "USD present") for m, s, v in worth],
        "hedge_scenarios": [(*c, 1e8, 9e8) for c in costs],
        "hedge_leads": [(w, "ccgt", "option", 50.0 + 10 * k) for k, w in enumerate(("w1", "w2", "w3"))],
        "hedge_orders": orders,
        "energisation": reached,
    }
    return {name: pd.DataFrame(lines, columns=list(TABLES[name])) for name, lines in rows.items()}


def _forecast() -> pd.DataFrame:
    rows = []
    for target, start, growth in (
        ("record_run", 260.0, 1.7),
        ("largest_campus", 1280.0, 1.5),
        ("programme", 320.0, 1.85),
    ):
        for model, tilt, width in (("trainload", 1.0, 0.13), ("local_trend", 1.12, 0.17), ("article", 1.25, 0.0)):
            for year in range(2026, 2036):
                n = year - 2026
                median = (
                    start * (growth * (tilt if n else 1)) ** n
                    if n < 4
                    else start * growth**3 * tilt**3 * 1.4 ** (n - 3)
                )
                sigma = 0.03 + width * np.sqrt(n)
                q = {
                    p: median * 10 ** (sigma * z)
                    for p, z in ((10, -1.2816), (25, -0.6745), (50, 0), (75, 0.6745), (90, 1.2816))
                }
                spread = NormalDist(np.log10(median), max(sigma, 1e-6))
                odds = [1 - spread.cdf(np.log10(level)) for level in (1000.0, 5000.0)]
                rows.append([target, model, year, *q.values(), *odds])
    return pd.DataFrame(
        rows,
        columns=["target", "model", "year", "p10_mw", "p25_mw", "p50_mw", "p75_mw", "p90_mw", "p_ge_1gw", "p_ge_5gw"],
    )


def _generations() -> pd.DataFrame:
    rows = []
    for i, (name, wanted, flop, peak, chips) in enumerate(GENERATIONS):
        late = (0, 140, 60)[i]
        free = wanted + timedelta(days=150)
        rows.append(
            [
                name,
                wanted,
                flop,
                "vr200",
                chips,
                150.0,
                peak,
                peak * 0.84,
                peak / 1.3,
                peak * 0.84 * 24 * 150,
                0.36,
                0.91,
                chips * 6e4,
                peak * 0.84 * 24 * 150 * 0.28,
                wanted + timedelta(days=late),
                wanted + timedelta(days=late / 2),
                free + timedelta(days=late),
                free,
                float(late),
            ]
        )
    return pd.DataFrame(
        rows,
        columns=[
            "name",
            "wanted_on",
            "flop",
            "chip",
            "chips",
            "days",
            "facility_peak_mw",
            "facility_average_mw",
            "it_peak_mw",
            "energy_mwh",
            "utilisation_frac",
            "goodput_frac",
            "cost_usd",
            "tco2",
            "powered_on",
            "start_on",
            "finish_on",
            "finish_unconstrained_on",
            "delay_days",
        ],
    )


def _derivation() -> pd.DataFrame:
    steps = [
        ("training compute", "{flop:.3g}", "FLOP", "given in the scenario", "C", "scenario"),
        ("chip peak, FP8 dense", "1.65e16", "FLOP/s", "catalogue", "B", "vendor data sheet"),
        ("utilisation", "0.36", "fraction", "median of published runs", "A", "https://example.org/runs"),
        ("goodput", "0.91", "fraction", "Daly's exact formula at this cluster size", "C", "derived"),
        ("chips", "{chips}", "count", "compute / (peak x utilisation x goodput x seconds)", "C", "derived"),
        ("facility peak", "{peak:.0f}", "MW", "chips x IT power x peak-to-IT ratio", "C", "derived"),
    ]
    return pd.DataFrame(
        [
            (g, step, value.format(flop=flop, chips=chips, peak=peak), unit, formula, grade, source)
            for g, _, flop, peak, chips in GENERATIONS
            for step, value, unit, formula, grade, source in steps
        ],
        columns=["generation", "step", "value", "unit", "formula", "grade", "source"],
    )


def _options() -> pd.DataFrame:
    rows = []
    for o in OPTIONS:
        option, label, carrier, kind, delivery, unit, capex, variable, mwh, direct, life, _, p50, p90, mw, reason = o
        p80 = p50 + 0.66 * (p90 - p50)
        rows.append(
            [
                option,
                label,
                carrier,
                kind,
                delivery,
                unit,
                3000,
                capex,
                capex * 0.02,
                variable,
                mwh,
                direct,
                life,
                p50,
                p80,
                add_months(START, p50),
                add_months(START, p80),
                mw,
                reason,
                "B",
                "C",
                f"https://example.org/{option}",
            ]
        )
    columns = [
        "option",
        "label",
        "carrier",
        "kind",
        "delivery",
        "unit_mw",
        "max_mw",
        "capex_usd_per_mw",
        "fixed_usd_per_mw_year",
        "variable_usd_per_mwh",
        "usd_per_mwh",
        "direct_tco2_per_mwh",
        "lifecycle_tco2_per_mwh",
        "lead_p50_months",
        "lead_p80_months",
        "arrive_p50_on",
        "arrive_p80_on",
        "chosen_mw",
        "reason",
        "grade_cost",
        "grade_lead",
        "source",
    ]
    return pd.DataFrame(rows, columns=columns)


def _owners() -> list[tuple[str, str, str, float, float, float, float]]:
    options = [(o[0], "option", o[1], o[11], o[12], o[13], o[14]) for o in OPTIONS]
    return options + [(g[0], "gate", g[1], g[2], g[3], g[4], g[5]) for g in GATES]


def _steps() -> pd.DataFrame:
    rows = []
    for owner, kind, _, p10, p50, p90, _ in _owners():
        shares = [
            ("permit", "Permits and studies", "", 0.35, 0.18),
            ("slot", "Manufacturing slot", "", 0.75, 0.82),
            ("build", "Build and connect", "permit;slot", 0.25, 1.0),
        ]
        for step, label, after, share, last in shares:
            begin = 0.0 if not after else 0.75 * p50
            rows.append(
                [
                    owner,
                    kind,
                    step,
                    label,
                    after,
                    "turbine_market" if step == "slot" else None,
                    share * p10,
                    share * p50,
                    share * p90,
                    begin,
                    begin + share * p50,
                    begin * 1.15 + share * p90 * 0.9,
                    last,
                    step != "permit",
                    "B" if step == "slot" else "C",
                    f"https://example.org/{owner}/{step}",
                ]
            )
    columns = [
        "owner",
        "owner_kind",
        "step",
        "label",
        "after",
        "factor",
        "p10_months",
        "p50_months",
        "p90_months",
        "start_p50_months",
        "finish_p50_months",
        "finish_p80_months",
        "last_share_frac",
        "critical",
        "grade",
        "source",
    ]
    return pd.DataFrame(rows, columns=columns)


def _arrivals() -> pd.DataFrame:
    rows = []
    for owner, kind, _, p10, p50, p90, _ in _owners():
        months = (p10, p50, p50 + 0.66 * (p90 - p50), p90, p90 * 1.1)
        rows.append([owner, kind, *(add_months(START, m) for m in months)])
    return pd.DataFrame(rows, columns=["owner", "owner_kind", "p10_on", "p50_on", "p80_on", "p90_on", "p95_on"])


def _order_on(p50: float) -> date:
    return START if p50 <= 60 else add_months(START, 6)


def _orders() -> pd.DataFrame:
    rows = []
    for owner, kind, _, _, p50, p90, mw in _owners():
        if mw <= 0:
            continue
        order = _order_on(p50)
        unit = next((o[5] for o in OPTIONS if o[0] == owner), 0)
        capex = next((o[6] for o in OPTIONS if o[0] == owner), 1.2e5)
        units = mw / unit if unit >= 100 else np.nan
        arrive = add_months(order, p50)
        end = add_months(arrive, 40) if owner == "rental_turbines" else None
        rows.append(
            [
                owner,
                kind,
                float(mw),
                units,
                order,
                arrive,
                arrive,
                add_months(order, p50 + 0.66 * (p90 - p50)),
                end,
                "slot",
                mw * capex,
            ]
        )
    return pd.DataFrame(
        rows,
        columns=[
            "option",
            "owner_kind",
            "mw",
            "units",
            "order_on",
            "arrive_on",
            "arrive_p50_on",
            "arrive_p80_on",
            "end_on",
            "critical_step",
            "capex_usd",
        ],
    )


def _periods() -> pd.DataFrame:
    starts = [add_calendar(START, m) for m in range(60)] + [add_calendar(START, m) for m in range(60, 144, 3)]
    ends = [*starts[1:], END]
    rows = []
    for start, end in zip(starts, ends, strict=True):
        wanted, name = 0.0, ""
        for g, on, _, peak, _ in GENERATIONS:
            if start >= on:
                wanted, name = peak, g
        firm = sum(
            mw
            for o, *_x, mw, _ in OPTIONS
            for mw in [mw]
            if add_months(_order_on(_lead(o)), _lead(o)) <= start and o in FIRM
        )
        rows.append([start, end, float((end - start).days * 24), wanted, min(wanted, firm * 0.95), firm, 0.0, name])
    return pd.DataFrame(
        rows,
        columns=["period_on", "ends_on", "hours", "wanted_mw", "powered_mw", "firm_mw", "reserve_frac", "generation"],
    )


FIRM = {"grid_firm", "grid_conditional", "ccgt", "gt_aero", "rental_turbines", "fuel_cells", "smr_bwrx300"}


def _lead(option: str) -> float:
    return next(o[12] for o in OPTIONS if o[0] == option)


def add_calendar(day: date, months: int) -> date:
    total = day.month - 1 + months
    return date(day.year + total // 12, total % 12 + 1, 1)


def _capacity(periods: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for owner, kind, _, _, p50, _, mw in _owners():
        if mw <= 0:
            continue
        arrive = add_months(_order_on(p50), p50)
        end = add_months(arrive, 40) if owner == "rental_turbines" else END
        rows += [[p, owner, kind, float(mw)] for p in periods["period_on"] if arrive <= p < end]
    return pd.DataFrame(rows, columns=["period_on", "owner", "owner_kind", "mw"])


def _operation(rng: np.random.Generator, n_blocks: int) -> pd.DataFrame:
    frames = []
    for block in range(n_blocks):
        start = pd.Timestamp(2034, 1 + 3 * (block % 4), 8, tz="UTC")
        hour = np.arange(168)
        load = 3200 * 0.95 * (0.9 + 0.05 * np.sin(hour / 24 * 2 * np.pi) + 0.02 * rng.standard_normal(168))
        sun = np.clip(np.sin((hour % 24 - 6) / 12 * np.pi), 0, None) * (0.9 - 0.6 * (block == 0))
        solar = 1200 * sun
        grid = np.full(168, 1500.0)
        conditional = np.where((block == 0) & (hour > 60) & (hour < 90), 0.0, 700.0)
        charge = np.clip(200 * (sun > 0.6), 0, None).astype(float)
        need = load - solar - grid - conditional + charge
        gas = np.clip(need, 0, 1050)
        need = need - gas
        discharge = np.clip(need, 0, 300) * (hour % 24 > 16)
        unserved = np.clip(need - discharge, 0, None)
        spill = np.clip(-need, 0, None)
        frames.append(
            pd.DataFrame(
                {
                    "block": f"week {block + 1}",
                    "period_start": pd.date_range(start, periods=168, freq="h"),
                    "weight_hours": 8766 * 12 / 168 / n_blocks,
                    "load_mw": load,
                    "grid_firm_mw": grid - np.minimum(spill, grid),
                    "grid_conditional_mw": conditional,
                    "ccgt_mw": gas,
                    "gt_aero_mw": np.zeros(168),
                    "rental_turbines_mw": np.zeros(168),
                    "fuel_cells_mw": np.zeros(168),
                    "solar_mw": solar,
                    "smr_bwrx300_mw": np.zeros(168),
                    "battery_4h_charge_mw": charge,
                    "battery_4h_discharge_mw": discharge,
                    "battery_4h_level_mwh": 900 + 300 * np.sin(hour / 4),
                    "unserved_cap_mw": unserved * 0.6,
                    "unserved_pause_mw": unserved * 0.4,
                    "wind_ppa_mw": 1000 * rng.uniform(0.05, 0.9, 168),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _money() -> dict[str, pd.DataFrame]:
    ledger, emissions = [], []
    terms = [
        ("capital", "ccgt", "cash", 240e6),
        ("capital", "grid_firm", "cash", 60e6),
        ("fuel", "ccgt", "cash", 310e6),
        ("energy", "grid_firm", "cash", 480e6),
        ("rent", "rental_turbines", "cash", 90e6),
        ("fixed", "ccgt", "cash", 35e6),
        ("demand charge", "grid_firm", "cash", 70e6),
        ("contract", "wind_ppa", "cash", 55e6),
        ("salvage", "ccgt", "cash", -60e6),
        ("programme delay", "programme", "shadow", 900e6),
        ("curtailment", "load", "shadow", 12e6),
    ]
    for year in range(1, 13):
        ramp = min(1.0, year / 6)
        for term, owner, group, usd in terms:
            if term == "salvage" and year < 12:
                continue
            amount = usd * (ramp if group == "cash" else max(0.0, 1.2 - year / 5))
            ledger.append([term, owner, group, year, amount / 40, "MWh", amount, amount / 1.07**year])
        mwh = 2.4e7 * ramp
        for owner, factor, measure in (("grid_firm", 0.16, "location"), ("ccgt", 0.1, "direct")):
            emissions.append([year, measure, owner, mwh * factor * 0.98**year, "tCO2"])
            emissions.append([year, "lifecycle", owner, mwh * factor * 1.15 * 0.98**year, "tCO2"])
        emissions.append([year, "matched", "clean", mwh * 0.45, "MWh"])
        emissions.append([year, "load", "campus", mwh, "MWh"])
        emissions.append([year, "unserved", "cap_80", 0.001 * mwh, "MWh"])
    values = [
        ["one_month_later", o, d, v, "USD"]
        for o, d, v in (
            ("grid_conditional", date(2029, 1, 1), 182e6),
            ("rental_turbines", date(2027, 9, 1), 46e6),
            ("ccgt", date(2033, 1, 1), 41e6),
        )
    ]
    values += [
        ["one_more_mw", o, add_calendar(START, 12 * k), v / (k + 1), "USD/MW"]
        for o, v in (("grid", 3e6), ("gas_lateral", 1.1e6))
        for k in range(6)
    ]
    values += [["hourly_power", f"{2028 + k}", add_calendar(START, 12 + 12 * k), 64.0 - k, "USD/MWh"] for k in range(8)]
    values += [["co2", "rules", add_calendar(START, 24), 61.0, "USD/tCO2"]]
    comparison = []
    for case, cash, delay, late, co2, mwh in (
        ("plan", 10.4e9, 3.1e9, 24.0, 3.8e7, 66.0),
        ("base", 9.1e9, 14.2e9, 48.0, 5.1e7, 71.0),
        ("goals_kept", 10.4e9, 3.1e9, 24.0, 3.8e7, 66.0),
        ("goals_dropped", 9.6e9, 3.0e9, 24.0, 5.4e7, 61.0),
    ):
        comparison += [
            [case, measure, value, unit]
            for measure, value, unit in (
                ("cash_present", cash, "USD"),
                ("programme_delay_present", delay, "USD"),
                ("curtailment_present", 4e7, "USD"),
                ("slack_present", 0.0, "USD"),
                ("total_present", cash + delay + 4e7, "USD"),
                ("power_cost", mwh, "USD/MWh"),
                ("chips_and_halls", 1.1e11, "USD"),
                ("served", 2.4e8, "MWh"),
                ("unserved", 8123.0, "MWh"),
                ("first_gw_after", late, "months"),
                ("full_power_after", None if case == "base" else 62.0, "months"),
                ("largest_powered", 3200.0, "MW"),
                ("direct_emission", 0.3 * co2, "tCO2"),
                ("location_emission", 0.7 * co2, "tCO2"),
                ("clean_matched", 0.45, "fraction"),
            )
        ]
    return {
        "ledger": pd.DataFrame(
            ledger, columns=["term", "owner", "group", "year", "quantity", "unit", "usd", "usd_present"]
        ),
        "emissions": pd.DataFrame(emissions, columns=["year", "measure", "owner", "value", "unit"]),
        "values": pd.DataFrame(values, columns=["what", "owner", "period_on", "value", "unit"]),
        "comparison": pd.DataFrame(comparison, columns=["case", "measure", "value", "unit"]),
    }


def _words() -> dict[str, pd.DataFrame]:
    sources = [
        [
            f"technologies.{o[0]}.capex_usd_per_mw",
            "Overnight capital",
            o[6],
            o[6] * 0.8,
            o[6] * 1.3,
            "USD/MW",
            2026,
            "B",
            f"https://example.org/{o[0]}",
            "",
        ]
        for o in OPTIONS
    ]
    claims = [
        [
            "One model of 1-5 GW two or three models out",
            "Matt Garman",
            date(2024, 10, 21),
            "run",
            2027,
            1000.0,
            "MW",
            0.34,
            0.21,
            "largest run 0.23-0.59 GW by October 2026",
            "A",
            "https://example.org/garman",
        ]
    ]
    outcomes = [["First campus of 1 GW", "2027", "reached in March 2026", "A", "https://example.org/campus"]]
    notes = [
        ["site.weather_file", "default", "typical year of Greensboro NC"],
        ["plan", "assumption", "lead times at the median"],
        ["grid", "limit", "no network model: curtailed hours are called by system stress"],
        ["ccgt", "warning", "lead time is a synthesis of dated quotes"],
    ]
    return {
        "sources": pd.DataFrame(
            sources, columns=["key", "figure", "value", "low", "high", "unit", "year", "grade", "source", "note"]
        ),
        "claims": pd.DataFrame(
            claims,
            columns=[
                "claim",
                "who",
                "said_on",
                "target",
                "year",
                "threshold",
                "unit",
                "p_then_frac",
                "p_now_frac",
                "happened",
                "grade",
                "source",
            ],
        ),
        "outcomes": pd.DataFrame(outcomes, columns=["subject", "planned", "happened", "grade", "source"]),
        "notes": pd.DataFrame(notes, columns=["subject", "kind", "text"]),
    }


# method|CRPS one year ahead, OOM|growth of it with each further year
METHOD_ROWS = (("trainload", 0.16, 0.01), ("local_trend", 0.19, 0.01), ("mix", 0.22, 0.03), ("persistence", 0.6, 0.7))


def _backtest() -> pd.DataFrame:
    rows = []
    for target in ("compute", "power"):
        for split, first, blocks in (("pooled", 32, 4.0), ("tuning", 20, 2.5), ("holdout", 12, 1.5)):
            for horizon in (1, 2, 3):
                mix = 0.22 + 0.03 * (horizon - 1)
                for method, crps, growth in METHOD_ROWS:
                    score = crps + growth * (horizon - 1)
                    rows.append(
                        {
                            "target": target,
                            "horizon_years": horizon,
                            "split": split,
                            "model": method,
                            "crps_oom": score,
                            "pinball_oom": score / 2,
                            "cov50_frac": 0.5,
                            "cov80_frac": 0.82,
                            "bias_oom": 0.03,
                            "brier_100mw": np.nan if target == "compute" else 0.04,
                            "brier_1gw": np.nan if target == "compute" else 0.01,
                            "crps_less_mix_oom": score - mix,
                            "crps_less_mix_se_oom": 0.014 if blocks >= 2 else np.nan,
                            "n_forecasts": first - 4 * (horizon - 1),
                            "n_blocks": blocks,
                            "truth_on": date(2026, 10, 7),
                        }
                    )
    return pd.DataFrame(rows)


# result|driver|label|low setting|high setting|result at low|as in the study|at high|unit|grade
DRIVER_ROWS = """
record_run.2028.p50_mw|disclosure|releases that count|disclosed|all|800|1100|1500|MW|C
record_run.2028.p50_mw|definition|rated power instead|rated||840|1100||MW|A
record_run.2028.p50_mw|campus|a run may span campuses||no bound||1100|1160|MW|C
record_run.2028.p50_mw|growth|growth: all years, or five|all years|last five years|1090|1100|1060|MW|C
record_run.2028.p_ge_1gw|disclosure|releases that count|disclosed|all|0.4|0.56|0.73|fraction|C
record_run.2028.p_ge_1gw|definition|rated power instead|rated||0.41|0.56||fraction|A
G1.facility_peak_mw|utilisation_frac|FLOP utilisation while running|0.25|0.45|816|600|450|MW|C
G1.facility_peak_mw|peak_to_it_frac|peak facility power over IT rating|1.2|1.4|565|600|660|MW|B
G2.flop|run_days|length of a frontier run|89.2 days|125 days|1.1e28|1.2e28|1.5e28|FLOP|B
"""


def _drivers() -> pd.DataFrame:
    rows = []
    for line in DRIVER_ROWS.strip().splitlines():
        parts = line.split("|")
        ends = [float(p) if p else np.nan for p in parts[5:8]]
        rows.append([*parts[:5], *ends, *parts[8:], "https://example.org/drivers"])
    names = ["result", "driver", "label", "low_setting", "high_setting", "result_low", "result_mid", "result_high"]
    return pd.DataFrame(rows, columns=[*names, "result_unit", "grade", "source"])


def _summary(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    forecast: dict[str, Any] = {"basis": "facility_peak"}
    table = tables["forecast"]
    for target in ("record_run", "largest_campus", "programme"):
        rows = table[(table.target == target) & (table.model == "trainload")]
        keep = ["p10_mw", "p50_mw", "p90_mw", "p_ge_1gw", "p_ge_5gw"]
        forecast[target] = {str(r.year): {k: float(getattr(r, k)) for k in keep} for r in rows.itertuples()}
    plan = {
        "solver": "chain",
        "status": "optimal",
        "hours": 105192,
        "objective_usd": 13.5e9,
        "bound_usd": 13.499e9,
        "gap": 7e-5,
        "build_seconds": 1.2,
        "solve_seconds": 31.0,
        "peak_mb": 1300.0,
        "usd_per_mwh": 66.0,
        "unserved_mwh": 8123.0,
        "idle_compute_usd": 3.1e9,
        "tco2_direct": 2.1e7,
        "tco2_location": 3.8e7,
        "clean_matched_frac": 0.45,
        "first_power_on": "2027-08-01",
        "p50_1gw_on": "2029-01-01",
        "p80_1gw_on": "2030-01-31",
    }
    return {
        "scenario": "gigawatt",
        "title": "A 1 to 5 GW campus near Greensboro, North Carolina",
        "as_of": "2026-11-22",
        "seed": 1,
        "version": "0.1.0",
        "forecast": forecast,
        "generations": [],
        "plan": plan,
        "orders": [],
        "checks": {
            "ledger_error": 2e-12,
            "balance_error": 3e-10,
            "limit_error": 1e-9,
            "level_error": 4e-10,
            "budget_error": 0.0,
        },
    }


def _manifest() -> dict[str, Any]:
    return {
        "scenario_text": "name: gigawatt\nas_of: 2026-11-22\nstart_on: 2027-01-01\n",
        "start_on": "2027-01-01",
        "versions": {"trainload": "0.1.0", "highspy": "1.12.0", "numpy": "2.1.0"},
        "hashes": {"scenario": "ab" * 32},
        "defaults": [{"path": "money.wacc_frac", "value": 0.07, "source": "scenario.Money"}],
        "places": [
            {
                "name": "Seattle",
                "average_mw": 1070.0,
                "peak_mw": 1930.0,
                "grade": "B",
                "source": "https://example.org/seattle",
            },
            {
                "name": "New York City",
                "average_mw": 5700.0,
                "peak_mw": 11000.0,
                "grade": "B",
                "source": "https://example.org/nyc",
            },
            {
                "name": "Ireland",
                "average_mw": 3900.0,
                "peak_mw": 5600.0,
                "grade": "A",
                "source": "https://example.org/ie",
            },
        ],
    }

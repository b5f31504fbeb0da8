"""The audit on a plan written by hand, and on solved plans whose parameters say something else than their program."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from make_audited import FEB, make_audited
from make_world import make_gate, make_option, make_world
from trainload.audit.audit import Audit, audit_tables
from trainload.errors import DataError
from trainload.plan.formulate import formulate
from trainload.plan.parameters import tabulate_parameters
from trainload.plan.plan import tabulate_plan
from trainload.plan.sampling import list_calendar_blocks, sample_weeks
from trainload.plan.world import World
from trainload.solve.highs import solve_with_highs
from trainload.supply.options import Gate, Option, Supply
from trainload.supply.schedule import simulate_arrivals
from trainload.tables import TABLES, normalise_table

Tables = dict[str, pd.DataFrame]
CHECKS = ("ledger", "balance", "limit", "level", "budget")
HOUR = np.arange(24)


def failing(audit: Audit) -> set[str]:
    """Return which of the five errors are above the tolerance."""
    return {check for check in CHECKS if getattr(audit, f"{check}_error") > 1e-6}


# ---- a plan written by hand -----------------------------------------------------------------------------------------


def test_a_right_plan_leaves_nothing_over() -> None:
    """Proves: every table written by hand closes to rounding. If broken: the audit has other conventions."""
    audit = audit_tables(make_audited())
    errors = [getattr(audit, f"{check}_error") for check in CHECKS]
    assert max(errors) < 1e-12
    assert audit.findings == ()
    assert audit.passed(1e-12)
    assert set(audit.worst) == set(CHECKS)


def test_tables_from_a_folder_give_the_same_audit() -> None:
    """Proves: dates as objects, as Timestamps and as loaded text are one. If broken: a saved study can't be audited."""
    tables = make_audited()
    loaded = {name: normalise_table(name, table) for name, table in tables.items()}
    stamps = {
        **tables,
        "capacity": tables["capacity"].assign(period_on=pd.to_datetime(tables["capacity"]["period_on"])),
    }
    assert audit_tables(loaded) == audit_tables(tables) == audit_tables(stamps)


def test_objective_is_held_against_the_ledger() -> None:
    """Proves: an objective 0.01 % off the ledger's sum is found. If broken: the report explains another objective."""
    tables = make_audited()
    total = float(tables["ledger"]["usd_present"].sum())
    assert audit_tables(tables, objective_usd=total).passed()
    audit = audit_tables(tables, objective_usd=1.0001 * total)
    assert audit.ledger_error == pytest.approx(1e-4, rel=1e-3)
    assert "objective" in audit.worst["ledger"]


def scale_ledger(term: str, factor: float, *columns: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        rows = tables["ledger"]["term"] == term
        assert rows.any()
        tables["ledger"].loc[rows, list(columns or ("usd", "usd_present"))] *= factor

    return change


def set_parameter(owner: str, parameter: str, value: float) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        table = tables["parameters"]
        rows = (table["owner"] == owner) & (table["parameter"] == parameter)
        assert rows.sum() == 1
        table.loc[rows, "value"] = value

    return change


def set_capacity(owner: str, *mw: float) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables["capacity"].loc[tables["capacity"]["owner"] == owner, "mw"] = mw

    return change


def shift_columns(*columns: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        for column in columns:
            tables["operation"][column] = np.roll(tables["operation"][column].to_numpy(), 1)

    return change


def swap_columns(table: str, first: str, second: str) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        frame = tables[table]
        frame[first], frame[second] = frame[second].to_numpy().copy(), frame[first].to_numpy().copy()

    return change


def charge_capital_every_period(tables: Tables) -> None:
    scale_ledger("capital", 2.0)(tables)


def square_the_efficiency(tables: Tables) -> None:
    """The level as a program with eta squared would have it: 0.81 of each MWh in, 1 / 0.81 for each MWh out."""
    operation = tables["operation"]
    net = 0.81 * operation["battery_charge_mw"] - operation["battery_discharge_mw"] / 0.81
    operation["battery_level_mwh"] = net.cumsum() - net.cumsum().min()


def drop_hour(tables: Tables) -> None:
    for name in ("operation", "availability"):
        tables[name] = tables[name].drop(index=100).reset_index(drop=True)


def swap_times(tables: Tables) -> None:
    times = tables["operation"]["period_start"].copy()
    times.iloc[[40, 41]] = times.iloc[[41, 40]].to_numpy()
    tables["operation"]["period_start"] = times


def set_hour(column: str, row: int, value: float, *, balance: str | None = None) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        operation = tables["operation"]
        if balance is not None:
            operation.loc[row, balance] += operation.loc[row, column] - value
        operation.loc[row, column] = value

    return change


def forget_leap_day(tables: Tables) -> None:
    rows = (tables["ledger"]["term"] == "fixed") & (tables["ledger"]["owner"] == "engine")
    tables["ledger"].loc[rows, ["usd", "usd_present"]] *= 8766.0 / 8760.0


def order_late(tables: Tables) -> None:
    set_parameter("engine", "lead_plan_months", 0.5)(tables)
    tables["capacity"] = tables["capacity"].loc[lambda t: (t["owner"] != "engine") | (t["period_on"] == FEB)]


def cash_for_shadow(tables: Tables) -> None:
    tables["ledger"].loc[tables["ledger"]["term"] == "programme_delay", "group"] = "cash"


def delete_row(table: str, **match: object) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        keep = np.zeros(len(tables[table]), dtype=bool)
        for column, value in match.items():
            keep |= (tables[table][column] != value).to_numpy()
        assert not keep.all()
        tables[table] = tables[table].loc[keep].reset_index(drop=True)

    return change


def book_in_another_year(tables: Tables) -> None:
    tables["ledger"].loc[tables["ledger"]["term"] == "fuel", "year"] = 2


def set_cell(table: str, column: str, row: int, value: object) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table].loc[row, column] = value

    return change


MUTATIONS: dict[str, tuple[Callable[[Tables], None], set[str], str]] = {
    # what a wrong ledger would show
    "fuel coefficient 1 % high": (scale_ledger("fuel", 1.01), {"ledger"}, "fuel of engine"),
    "small term 0.01 % high": (scale_ledger("variable", 1.0001), {"ledger"}, "variable of battery"),
    "8760 hours a year": (forget_leap_day, {"ledger"}, "fixed of engine"),
    "capital charged in every period": (charge_capital_every_period, {"ledger"}, "capital of engine"),
    "no salvage": (delete_row("ledger", term="salvage"), {"ledger"}, "salvage of engine"),
    "salvage of another life": (set_parameter("battery", "lifetime_years", 19.0), {"ledger"}, "salvage of battery"),
    "price of delay not discounted": (
        scale_ledger("programme_delay", 1.0028, "usd_present"),
        {"ledger"},
        "programme_delay",
    ),
    "quantity in another unit": (scale_ledger("curtailment", 1e-3, "quantity"), {"ledger"}, "curtailment"),
    "shadow cost booked as cash": (cash_for_shadow, {"ledger"}, "programme_delay"),
    "cost in another year": (book_in_another_year, {"ledger"}, "fuel"),
    "delay priced on facility instead of IT power": (
        set_parameter("programme", "it_peak_frac", 1.0),
        {"ledger"},
        "programme_delay",
    ),
    "a term nobody knows": (set_cell("ledger", "term", 0, "tax"), {"ledger"}, "year 1"),
    "emission of a month": (set_cell("emissions", "value", 0, 20_000.0), {"ledger"}, "direct of engine"),
    "weights of 28 days": (set_cell("operation", "weight_hours", 800, 0.0), {"ledger"}, "weights"),
    "months of demand charge": (set_cell("blocks", "months", 0, 12.0), {"ledger"}, "months"),
    # what a wrong program or a torn table would show
    "all columns an hour late": (
        shift_columns("load_mw", "engine_mw", "battery_charge_mw", "battery_discharge_mw", "unserved_pause_mw"),
        {"balance", "limit", "level", "ledger"},
        "load",
    ),
    "charge an hour late": (shift_columns("battery_charge_mw"), {"balance", "level"}, "MW supplied"),
    "level an hour late": (shift_columns("battery_level_mwh"), {"level"}, "battery"),
    "efficiency squared": (square_the_efficiency, {"level", "limit"}, "battery"),
    "engine and battery swapped": (
        swap_columns("operation", "engine_mw", "battery_discharge_mw"),
        {"limit", "level", "ledger"},
        "battery_discharge_mw",
    ),
    "an hour dropped": (drop_hour, {"balance", "ledger"}, "not consecutive"),
    "two times swapped": (swap_times, {"balance"}, "not the same hours"),
    "a number missing": (set_cell("operation", "unserved_pause_mw", 5, np.nan), {"balance"}, "missing"),
    "load not served": (set_hour("engine_mw", 9, 30.0), {"balance", "ledger"}, "MW supplied"),
    "negative output": (
        set_hour("unserved_pause_mw", 3, -5.0, balance="engine_mw"),
        {"limit", "ledger", "budget"},
        "negative",
    ),
    "shedding beyond its tranche": (
        set_hour("unserved_pause_mw", 20, 60.0, balance="engine_mw"),
        {"limit", "ledger"},
        "unserved_pause_mw",
    ),
    "output beyond what is available": (
        set_parameter("engine", "forced_outage_frac", 0.2),
        {"limit"},
        "availability",
    ),
    "output below its must-run floor": (set_parameter("engine", "must_run_frac", 0.9), {"limit"}, "floor"),
    "level beyond the store": (set_parameter("battery", "duration_hours", 1.0), {"limit"}, "battery_level_mwh"),
    "less capacity than output": (set_capacity("battery", 5.0, 5.0), {"limit", "ledger"}, "battery"),
    "gate too small": (set_capacity("substation", 100.0, 100.0), {"limit", "ledger"}, "gate substation"),
    "half a unit": (set_capacity("engine", 95.0, 115.0), {"limit", "ledger"}, "whole units"),
    "arrived before its lead time": (set_parameter("engine", "lead_plan_months", 0.5), {"limit"}, "arrivals"),
    "capacity vanishes before its end": (set_capacity("battery", 20.0, 10.0), {"limit", "ledger"}, "arrivals"),
    "more than can be had": (set_parameter("engine", "max_mw", 100.0), {"limit"}, "at most 100"),
    "less than must be ordered": (set_parameter("engine", "min_mw", 200.0), {"limit"}, "least capacity"),
    "no reserve for the largest unit": (set_cell("periods", "reserve_frac", 1, 0.5), {"limit"}, "adequacy"),
    "reserve smaller than the largest unit": (
        set_parameter("engine", "unit_mw", 30.0),
        {"limit"},
        "largest-unit reserve",
    ),
    "more powered than wanted": (set_cell("periods", "wanted_mw", 1, 90.0), {"limit", "ledger"}, "wanted"),
    "an order forgotten": (delete_row("orders", arrive_on=FEB), {"limit"}, "engine orders"),
    "an order of another size": (set_cell("orders", "mw", 2, 25.0), {"limit"}, "battery orders"),
    "an order before the first day": (
        set_cell("orders", "order_on", 0, date(2027, 12, 1)),
        {"limit"},
        "order dates",
    ),
    "an order that ends too early": (set_cell("orders", "end_on", 2, FEB), {"limit"}, "end of life"),
    "slack forgotten": (delete_row("ledger", term="co2_slack"), {"budget", "ledger"}, "co2 goal"),
    "cap exceeded": (
        set_parameter("rules", "co2_cap_tco2_per_year", 50_000.0),
        {"budget", "ledger"},
        "co2 goal",
    ),
    "too many run hours": (
        set_parameter("engine", "max_full_load_hours_per_year", 5000.0),
        {"budget"},
        "run hours",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_one_fault_is_found_where_it_is(name: str) -> None:
    """Proves: each fault is found by the errors that it should move and by no other. If broken: it passes unseen."""
    change, expected, words = MUTATIONS[name]
    tables = make_audited()
    change(tables)
    audit = audit_tables(tables)
    assert failing(audit) == expected, audit.findings
    assert not audit.passed()
    assert any(words in finding for finding in audit.findings), audit.findings


def test_missing_tables_columns_and_parameters_are_all_named() -> None:
    """Proves: what the audit can't do without is an error that names it. If broken: a check is skipped silently."""
    tables = make_audited()
    del tables["blocks"], tables["ledger"]
    with pytest.raises(DataError, match="2 problems") as error:
        audit_tables(tables)
    assert "blocks" in str(error.value) and "ledger" in str(error.value)
    tables = make_audited()
    table = tables["parameters"]
    tables["parameters"] = table.loc[table["parameter"] != "roundtrip_frac"]
    with pytest.raises(DataError, match="battery  a parameter is missing, got roundtrip_frac"):
        audit_tables(tables)


# ---- solved plans ---------------------------------------------------------------------------------------------------

SUN = np.where((HOUR > 6) & (HOUR < 18), 0.8, 0.0)
OPTIONS = (
    make_option("grid", delivery="grid", max_mw=60.0, demand_charge_usd_per_mw_month=3000.0, minimum_take_frac=0.8,
                gates=("substation",), capex_usd_per_mw=1e5, milestones=((0.3, 0.0), (0.7, 0.8))),
    make_option("backup", delivery="grid", max_mw=10.0, min_mw=10.0, demand_charge_usd_per_mw_month=100.0,
                minimum_take_frac=0.5, variable_usd_per_mwh=800.0),
    make_option("engine", unit_mw=10.0, min_mw=60.0, capex_usd_per_mw=1e6, heat_rate_mmbtu_per_mwh=8.0,
                fuel_usd_per_mmbtu=4.0, fuel_cost_usd_per_mwh=32.0, variable_usd_per_mwh=5.0, fixed_usd_per_mw_year=2e4,
                direct_tco2_per_mwh=0.45, lifecycle_tco2_per_mwh=0.5, forced_outage_frac=0.05,
                max_full_load_hours_per_year=5000.0, lifetime_years=1.5, gates=("substation",),
                milestones=((0.3, 0.0), (0.7, 0.8))),
    make_option("rental", bridge=True, rent_usd_per_mw_month=30_000.0, heat_rate_mmbtu_per_mwh=10.0,
                fuel_usd_per_mmbtu=5.0, fuel_cost_usd_per_mwh=50.0, min_stay_months=2.0, max_stay_months=8.0,
                direct_tco2_per_mwh=0.6),
    make_option("solar", availability="solar", firm=False, clean=True, capex_usd_per_mw=9e5, max_mw=300.0),
    make_option("ppa", availability="solar", delivery="contract", firm=False, clean=True,
                contract_price_usd_per_mwh=45.0, max_mw=100.0),
    make_option("reactor", carrier="nuclear", clean=True, min_output_frac=0.5, max_mw=40.0, capex_usd_per_mw=5e6,
                forced_outage_frac=0.1, min_mw=40.0),
    make_option("battery", kind="store", firm=False, duration_hours=4.0, roundtrip_frac=0.8, loss_frac_per_hour=0.001,
                capex_usd_per_mw=2e5, variable_usd_per_mwh=1.0, max_mw=50.0),
)  # fmt: skip
GATE = make_gate("substation", capex_usd_per_mw=1e5)


def make_rich_world(**changes: Any) -> World:
    """Three years of every kind of option: tiers, whole lives, rentals, contracts, must-run, stores, goals."""
    settings: dict[str, Any] = {
        "gates": [GATE],
        "years": 3,
        "price": np.where(HOUR < 12, 10.0, 100.0),
        "shape": np.linspace(0.8, 1.0, 24),
        "availability": {"solar": SUN, "wind": SUN[::-1] * 0.5},
        "wanted_mw": list(np.linspace(50.0, 200.0, 36)),
        "lead_months": {"engine": 5.0, "reactor": 14.0, "substation": 2.0, "grid": 3.5},
        "rules": {
            "clean_matched_frac": 0.8,
            "co2_cap_tco2_per_year": 60e3,
            "clean_from_on": date(2028, 3, 1),
            "largest_unit_reserve": False,
        },
        "money": {"co2_usd_per_tco2": 20.0},
    }
    return make_world(OPTIONS, **{**settings, **changes})


def solve_tables(world: World) -> tuple[Tables, float]:
    """Return the tables of a world's plan, and the solver's objective."""
    formulation = formulate(world)
    solution = solve_with_highs(formulation.program, method="simplex")
    tables = tabulate_plan(formulation, solution, simulate_arrivals(world.supply, n_draws=64, seed=1), {})
    rows = [
        {**dict.fromkeys(TABLES["options"], ""), "option": o.option, "kind": o.kind, "delivery": o.delivery}
        for o in world.supply.options
    ]
    options = pd.DataFrame(rows, columns=list(TABLES["options"]))
    number = [c for c in options.columns if c not in ("option", "kind", "delivery")]
    options[number] = None
    return {**tables, "options": options, "parameters": tabulate_parameters(world)}, solution.objective


@pytest.fixture(scope="module")
def rich() -> tuple[World, Tables, float]:
    world = make_rich_world()
    return world, *solve_tables(world)


def test_a_solved_plan_of_every_kind_passes(rich: tuple[World, Tables, float]) -> None:
    """Proves: formulation, ledger, tables and audit agree on every family. If broken: one of the four differs."""
    _, tables, objective = rich
    audit = audit_tables(tables, objective_usd=objective)
    assert audit.passed(1e-7), audit.findings
    terms = set(tables["ledger"]["term"])
    assert terms >= {
        "capital", "salvage", "fixed", "rent", "fuel", "variable", "energy", "demand_charge", "contract", "settlement",
        "carbon", "programme_delay", "clean_slack", "co2_slack",
    }  # fmt: skip


def test_a_plan_on_sampled_weeks_passes() -> None:
    """Proves: weeks that stand for groups of years are recomputed with their weights. If broken: calendar mode only."""
    world = make_rich_world()
    blocks, chains = sample_weeks(world.periods[2:], world.present[2:], world.profiles, n_hours=8 * 168)
    tables, objective = solve_tables(replace(world, blocks=tuple(blocks), chains=tuple(chains)))
    audit = audit_tables(tables, objective_usd=objective)
    assert audit.passed(1e-7), audit.findings
    assert tables["blocks"].groupby("block").size().min() > 1
    tables["blocks"].loc[0, "share_frac"] *= 1.01
    assert failing(audit_tables(tables)) >= {"ledger"}
    tables["operation"]["weight_hours"] *= 8760 / 8766
    assert "weights" in " ".join(audit_tables(tables).findings)


def test_a_plan_of_every_hour_passes() -> None:
    """Proves: months of the calendar are one chain of hours. If broken: each month's store closes on itself."""
    world = make_rich_world(years=1, wanted_mw=[0.0] * 10 + [80.0, 90.0], rules={"largest_unit_reserve": False})
    world = replace(world, supply=replace(world.supply, options=(OPTIONS[0], *OPTIONS[4:6], OPTIONS[7])))
    blocks, chains = list_calendar_blocks(world.periods[10:], world.present[10:])
    tables, objective = solve_tables(replace(world, blocks=tuple(blocks), chains=tuple(chains)))
    audit = audit_tables(tables, objective_usd=objective)
    assert audit.passed(1e-7), audit.findings
    operation = tables["operation"]
    assert len(operation) == (30 + 31) * 24
    assert operation["battery_charge_mw"].max() > 1.0
    stated = r"contract_\w+:2027-1[12]"
    tables["parameters"] = tables["parameters"].loc[lambda t: ~t["parameter"].str.match(stated)]
    assert audit_tables(tables).findings == ()  # the settlement of operated months is summed from their hours
    tables["availability"]["price_usd_per_mwh"] *= 1.01
    assert failing(audit_tables(tables)) == {"ledger"}


def test_calls_that_never_come_are_found() -> None:
    """Proves: an interruptible tier must lose its called hours in each calendar year. If broken: free firm service."""
    grid = make_option("tier", delivery="grid", curtailed_hours_per_year=40.0)
    world = make_world([grid], wanted_mw=0.0, rules={"largest_unit_reserve": False})
    blocks, chains = list_calendar_blocks(world.periods, world.present)
    tables, objective = solve_tables(replace(world, blocks=tuple(blocks), chains=tuple(chains)))
    audit = audit_tables(tables, objective_usd=objective)
    assert failing(audit) == {"limit"}
    assert audit.worst["limit"] == "tier calls, 2027: 0 hours without service, 40 are called"
    tables["availability"].loc[100:139, "tier_available_frac"] = 0.0
    assert audit_tables(tables, objective_usd=objective).findings == ()


# what the program used -> what the parameters say
OTHER_PARAMETERS: dict[str, dict[str, Any]] = {
    "grid": {"demand_charge_usd_per_mw_month": 3030.0, "capex_usd_per_mw": 1.01e5},
    "backup": {"minimum_take_frac": 0.6},
    "engine": {
        "fuel_usd_per_mmbtu": 4.04,
        "heat_rate_mmbtu_per_mwh": 8.1,
        "variable_usd_per_mwh": 5.05,
        "fixed_usd_per_mw_year": 2.01e4,
        "capex_usd_per_mw": 1.001e6,
        "lifetime_years": 1.0,
        "direct_tco2_per_mwh": 0.46,
        "lifecycle_tco2_per_mwh": 0.51,
        "max_full_load_hours_per_year": 100.0,
        "milestones": ((0.4, 0.0), (0.6, 0.8)),
        "wacc_frac": 0.08,
        "min_mw": 900.0,
    },
    "rental": {"rent_usd_per_mw_month": 30_300.0, "max_stay_months": 3.0, "min_stay_months": 30.0},
    "solar": {"max_mw": 20.0},
    "ppa": {"contract_price_usd_per_mwh": 46.0},
    "reactor": {"clean": False},
    "battery": {
        "roundtrip_frac": 0.64,
        "loss_frac_per_hour": 0.0,
        "duration_hours": 2.0,
        "variable_usd_per_mwh": 1.1,
    },
    "substation": {"capex_usd_per_mw": 1.01e5, "lifetime_years": 30.0},
}
CASES = [(owner, field) for owner, fields in OTHER_PARAMETERS.items() for field in fields]


@pytest.mark.parametrize(("owner", "field"), CASES)
def test_a_program_stated_with_another_number_is_found(
    rich: tuple[World, Tables, float], owner: str, field: str
) -> None:
    """Proves: a program that used another number than the parameters say fails. If broken: that number is unchecked."""
    world, tables, _ = rich
    change = {field: OTHER_PARAMETERS[owner][field]}

    def changed(item: Any) -> Any:
        return replace(item, **change) if owner in (getattr(item, "option", ""), getattr(item, "gate", "")) else item

    options: tuple[Option, ...] = tuple(changed(o) for o in world.supply.options)
    gates: tuple[Gate, ...] = tuple(changed(g) for g in world.supply.gates)
    other = replace(world, supply=Supply(options=options, gates=gates))
    audit = audit_tables({**tables, "parameters": tabulate_parameters(other)})
    assert not audit.passed(1e-5), f"{owner}.{field} is not recomputed"


@pytest.mark.parametrize(
    ("owner", "parameter", "value", "expected"),
    [
        ("money", "wacc_frac", 0.071, "ledger"),
        ("money", "co2_usd_per_tco2", 21.0, "ledger"),
        ("programme", "it_peak_frac", 0.9, "ledger"),
        ("grid", "max_service_mw", 30.0, "limit"),
        ("engine", "lead_plan_months", 5.5, "limit"),
        ("grid", "lead_plan_months", 3.2, "ledger"),
        ("rules", "clean_matched_frac", 0.9, "budget"),
        ("rules", "clean_from_days", np.nan, "budget"),
        ("rules", "co2_cap_tco2_per_year", 1e3, "budget"),
        ("tranche:pause", "share_frac", -1e-3, "limit"),
    ],
)
def test_a_plan_solved_with_another_setting_is_found(
    rich: tuple[World, Tables, float], owner: str, parameter: str, value: float, expected: str
) -> None:
    """Proves: rates, dates, shares and goals are recomputed too. If broken: that setting is unchecked."""
    tables = {**rich[1], "parameters": rich[1]["parameters"].copy()}
    set_parameter(owner, parameter, value)(tables)
    assert expected in failing(audit_tables(tables))


def test_a_table_of_another_plan_is_found(rich: tuple[World, Tables, float]) -> None:
    """Proves: tables of two plans never agree. If broken: operation of one plan passes with capacities of another."""
    _, tables, _ = rich
    other, _ = solve_tables(make_rich_world(price=55.0))
    for name in ("operation", "capacity", "ledger", "emissions", "orders"):
        assert not audit_tables({**tables, name: other[name]}).passed(), name

"""Every number the plan was stated from, as one table.

With `operation`, `availability`, `capacity`, `periods` and `blocks` it suffices to recompute limits and costs.
"""

from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd

from trainload.plan.hours import MUST_RUN_CARRIERS
from trainload.plan.limits import Limits
from trainload.plan.orders import contract_output
from trainload.plan.world import World
from trainload.supply.options import Gate, Option
from trainload.tables import TABLES


def tabulate_parameters(world: World) -> pd.DataFrame:
    """Return owner, parameter, value: options, gates, tranches, programme, money, rules and grid."""
    rows: list[tuple[str, str, float]] = []
    for option in world.supply.options:
        rows += _numbers(option.option, option)
        rows += [(option.option, f"gate:{gate}", 1.0) for gate in option.gates]
        floor = option.min_output_frac if option.carrier in MUST_RUN_CARRIERS else 0.0
        rows.append((option.option, "must_run_frac", floor))
        rows += [
            (option.option, "available_after_days", _days_after(world, option.available_on)),
            (option.option, "return_after_days", _days_after(world, option.return_on)),
        ]
        if option.delivery == "contract":
            rows += _yields(world, option)
    for gate in world.supply.gates:
        rows += _numbers(gate.gate, gate)
    rows += [(owner, "lead_plan_months", months) for owner, months in world.lead_months.items()]
    for tranche in world.idle.tranches:
        owner = f"tranche:{tranche.name}"
        rows += [
            (owner, "share_frac", tranche.share_frac),
            (owner, "usd_per_mwh", tranche.usd_per_mwh),
            (owner, "compute_lost_frac", tranche.compute_lost_frac),
        ]
    scenario = world.scenario
    rows += [
        ("programme", "programme_usd_per_mwh", world.idle.programme_usd_per_mwh),
        ("programme", "idle_chip_usd_per_mwh", world.idle.idle_chip_usd_per_mwh),
        ("programme", "it_peak_frac", world.it_peak_frac),
        ("money", "wacc_frac", scenario.money.wacc_frac),
        ("money", "co2_usd_per_tco2", scenario.money.co2_usd_per_tco2),
        ("plan", "unit_threshold_mw", scenario.plan.unit_threshold_mw),
        ("grid", "max_service_mw", _limit(scenario.grid.max_mw)),
        ("rules", "co2_cap_tco2_per_year", _limit(scenario.rules.co2_cap_tco2_per_year)),
        ("rules", "clean_matched_frac", _limit(scenario.rules.clean_matched_frac)),
        ("rules", "co2_slack_usd_per_tco2", scenario.rules.co2_slack_usd_per_tco2),
        ("rules", "clean_slack_usd_per_mwh", scenario.rules.clean_slack_usd_per_mwh),
        ("rules", "clean_from_days", _days_after(world, scenario.rules.clean_from_on)),
        ("rules", "largest_unit_reserve", float(scenario.rules.largest_unit_reserve)),
    ]
    rows += _limits(world, world.limits)
    return pd.DataFrame(rows, columns=list(TABLES["parameters"]))


def _limits(world: World, limits: Limits) -> list[tuple[str, str, float]]:
    """Return the limits that are set, as ``limit:<name>`` with its most and the price of its slack."""
    given: dict[str, tuple[str, float]] = {}
    for name in ("unpowered_mwh", "unserved_mwh", "tco2", "cost_usd"):
        value = getattr(limits, name)
        if value is not None:
            given[name] = (name, value)
    if limits.full_power_on is not None:
        given["full_power_mwh"] = ("full_power_mwh", _days_after(world, limits.full_power_on))
    for name in ("most_mw", "least_mw"):
        given |= {f"{name}:{option}": (name, mw) for option, mw in getattr(limits, name).items()}
    rows = []
    for owner, (name, value) in given.items():
        bound = "after_days" if name == "full_power_mwh" else name
        rows += [(f"limit:{owner}", bound, value), (f"limit:{owner}", "slack_usd", limits.price(name))]
    return rows


def _limit(value: float | None) -> float:
    """Return the limit, NaN where the scenario sets none."""
    return float("nan") if value is None else value


def _days_after(world: World, day: date | None) -> float:
    """Return days from the plan's first day, NaN where the scenario names no day."""
    return float("nan") if day is None else float((day - world.starts_on).days)


def _yields(world: World, option: Option) -> list[tuple[str, str, float]]:
    """Return what one contracted MW gives in each period, and what the market pays for it.

    Sampled weeks hold only some of a period's hours, and a contract is settled over all of them.
    """
    rows = []
    prices = np.asarray(world.profiles.price_usd_per_mwh)
    for m in world.in_service(option):
        period = world.periods[m]
        output = contract_output(world, option, np.arange(period.first_hour, period.end_hour))
        market = float((output * prices[period.first_hour : period.end_hour]).sum())
        rows += [
            (option.option, f"contract_mwh_per_mw:{period.starts_on.isoformat()}", float(output.sum())),
            (option.option, f"contract_market_usd_per_mw:{period.starts_on.isoformat()}", market),
        ]
    return rows


def _numbers(owner: str, record: Option | Gate) -> list[tuple[str, str, float]]:
    rows = []
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, bool | int | float) and not isinstance(value, date):
            rows.append((owner, field.name, float(value) if np.isfinite(value) else float("nan")))
    for k, (share, when) in enumerate(record.milestones or ((1.0, 1.0),), start=1):
        rows += [(owner, f"milestone_{k}_capital_frac", share), (owner, f"milestone_{k}_lead_frac", when)]
    return rows

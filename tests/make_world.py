"""Tiny worlds for plans that a person can solve by hand: flat series, one day of hours per period."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from trainload.plan.ledger import BlockYears
from trainload.plan.periods import make_periods, present_factors
from trainload.plan.prices import IdlePrices, ShedTranche
from trainload.plan.sampling import OperationBlock
from trainload.plan.world import World, find_first_periods
from trainload.scenario.models import Scenario
from trainload.supply.options import Gate, Option, Step, Supply

START = date(2027, 1, 1)
HOURS_PER_BLOCK = 24


def make_step(owner: str, months: float = 0.0) -> Step:
    """One step of a certain length."""
    return Step("build", owner, "build", (), months, months, months, None, 0.0, 0.0, "C", "test")


def make_option(name: str, **values: Any) -> Option:
    """An on-site firm source without cost, limit or lead time, but for what is given."""
    plain: dict[str, Any] = {
        "option": name, "label": name, "carrier": "gas", "kind": "source", "delivery": "onsite", "firm": True,
        "bridge": False, "clean": False, "unit_mw": 0.0, "max_mw": 1e4, "min_mw": 0.0, "capex_usd_per_mw": 0.0,
        "fixed_usd_per_mw_year": 0.0, "variable_usd_per_mwh": 0.0, "fuel": None, "heat_rate_mmbtu_per_mwh": 0.0,
        "fuel_usd_per_mmbtu": 0.0, "fuel_cost_usd_per_mwh": 0.0, "rent_usd_per_mw_month": 0.0, "lifetime_years": 30.0,
        "forced_outage_frac": 0.0, "repair_hours": 0.0, "min_output_frac": 0.0, "ramp_frac_per_minute": 1.0,
        "availability": "one", "typical_capacity_factor_frac": 1.0, "direct_tco2_per_mwh": 0.0,
        "lifecycle_tco2_per_mwh": 0.0, "land_acres_per_mw": 0.0, "duration_hours": 0.0, "roundtrip_frac": 1.0,
        "loss_frac_per_hour": 0.0, "demand_charge_usd_per_mw_month": 0.0, "minimum_take_frac": 0.0,
        "curtailed_hours_per_year": 0.0, "contract_price_usd_per_mwh": 0.0,
        "max_full_load_hours_per_year": float("inf"), "min_stay_months": 0.0, "max_stay_months": float("inf"),
        "available_on": None, "return_on": None, "gates": (), "steps": (make_step(name),), "lead_target": None,
        "decomposed": True, "milestones": ((1.0, 1.0),), "grade_cost": "C", "grade_lead": "C", "source": "test",
        "wacc_frac": 0.07,
    }  # fmt: skip
    return Option(**{**plain, **values})


def make_gate(name: str, **values: Any) -> Gate:
    """A gate without cost or lead time, but for what is given."""
    plain: dict[str, Any] = {
        "gate": name, "label": name, "unit_mw": 0.0, "max_mw": 1e4, "capex_usd_per_mw": 0.0, "lifetime_years": 40.0,
        "steps": (make_step(name),), "lead_target": None, "decomposed": True, "milestones": ((1.0, 1.0),),
        "grade": "C", "source": "test",
    }  # fmt: skip
    return Gate(**{**plain, **values})


def make_world(
    options: Sequence[Option],
    *,
    gates: Sequence[Gate] = (),
    wanted_mw: float | Sequence[float] = 100.0,
    lead_months: Mapping[str, float] | None = None,
    price: Any = 50.0,
    carbon: Any = 0.4,
    shape: Any = 1.0,
    availability: Mapping[str, Any] | None = None,
    years: int = 1,
    programme_usd_per_mwh: float = 285.0,
    **settings: Any,
) -> World:
    """A world of monthly periods, each operated for its first day, which stands for the whole month.

    Series are one number or 24 numbers, repeated each day. Shedding costs 900 USD/MWh for the whole load.
    """
    scenario = Scenario(name="toy", as_of=START, horizon_years=years, **settings)
    periods = make_periods(START, horizon_years=years, monthly_years=scenario.plan.monthly_years)
    n_hours = periods[-1].end_hour

    def series(value: Any) -> np.ndarray:
        values = np.broadcast_to(np.asarray(value, dtype=float), (HOURS_PER_BLOCK,))
        return np.tile(values, n_hours // HOURS_PER_BLOCK)

    profiles: Any = SimpleNamespace(
        hours=pd.date_range("2027-01-01", periods=n_hours, freq="h", tz="UTC"),
        load_shape=series(shape),
        price_usd_per_mwh=series(price),
        carbon_tco2_per_mwh=series(carbon),
        availability={k: series(v) for k, v in {"one": 1.0, **(availability or {})}.items()},
        figures={},
        notes=(),
    )
    supply = Supply(options=tuple(options), gates=tuple(gates))
    owners = (*supply.option_ids, *supply.gate_ids)
    leads = {owner: float((lead_months or {}).get(owner, 0.0)) for owner in owners}
    first_period = find_first_periods(supply, periods, leads)
    present = present_factors(START, periods, scenario.money.wacc_frac)
    wanted = np.broadcast_to(np.asarray(wanted_mw, dtype=float), (len(periods),)).copy()
    blocks = [
        OperationBlock(
            name=p.starts_on.isoformat()[:7],
            hours=np.arange(p.first_hour, p.first_hour + HOURS_PER_BLOCK),
            years=BlockYears(
                np.full(HOURS_PER_BLOCK, p.n_hours / HOURS_PER_BLOCK), (p.year,), (1.0,), (float(present[p.index]),)
            ),
            periods={p.index: 1.0},
            n_months=p.n_months,
            group=p.year,
        )
        for p in periods
    ]
    return World(
        scenario=scenario,
        supply=supply,
        profiles=profiles,
        periods=periods,
        present=present,
        lead_months=leads,
        first_period=first_period,
        wanted_mw=wanted,
        availability={o.option: profiles.availability[o.availability] for o in options},
        idle=IdlePrices(programme_usd_per_mwh, 570.0, (ShedTranche("pause", 1.0 + 1e-6, 900.0, 1.0),), ()),
        it_peak_frac=1.0,
        reserve_frac=np.zeros(len(periods)),
        blocks=tuple(blocks),
        chains=tuple((i,) for i in range(len(blocks))),
    )

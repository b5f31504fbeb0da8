"""Small options, gates and steps for tests, everything plain unless a test says otherwise."""

from collections.abc import Sequence
from typing import Any

from trainload.supply.options import Gate, Option, Step


def make_step(
    owner: str,
    *,
    step: str,
    months: tuple[float, float, float],
    after: Sequence[str] = (),
    factor: str | None = None,
    loading: float = 0.0,
) -> Step:
    """Return a step without cost."""
    return Step(
        step=step,
        owner=owner,
        label=step,
        after=tuple(after),
        p10_months=months[0],
        p50_months=months[1],
        p90_months=months[2],
        factor=factor,
        factor_loading_frac=loading,
        cost_usd_per_mw=0.0,
        grade="C",
        source="test",
    )


def make_gate(gate: str, *, steps: Sequence[dict[str, Any]], **fields: Any) -> Gate:
    """Return a gate of 1,000 MW at 100,000 USD/MW with these steps."""
    values: dict[str, Any] = {
        "label": gate,
        "unit_mw": 0.0,
        "max_mw": 1000.0,
        "capex_usd_per_mw": 100_000.0,
        "lifetime_years": 40.0,
        "lead_target": None,
        "decomposed": True,
        "milestones": ((1.0, 1.0),),
        "grade": "C",
        "source": "test",
    }
    return Gate(gate=gate, steps=tuple(make_step(gate, **step) for step in steps), **(values | fields))


def make_option(option: str, *, steps: Sequence[dict[str, Any]], **fields: Any) -> Option:
    """Return a firm source on site, 1,000 MW at 1,000,000 USD/MW without fuel or emissions, with these steps."""
    values: dict[str, Any] = {
        "label": option,
        "carrier": "test",
        "kind": "source",
        "delivery": "onsite",
        "firm": True,
        "bridge": False,
        "clean": False,
        "unit_mw": 0.0,
        "max_mw": 1000.0,
        "min_mw": 0.0,
        "capex_usd_per_mw": 1_000_000.0,
        "fixed_usd_per_mw_year": 0.0,
        "variable_usd_per_mwh": 0.0,
        "fuel": None,
        "heat_rate_mmbtu_per_mwh": 0.0,
        "fuel_usd_per_mmbtu": 0.0,
        "fuel_cost_usd_per_mwh": 0.0,
        "rent_usd_per_mw_month": 0.0,
        "lifetime_years": 30.0,
        "forced_outage_frac": 0.0,
        "repair_hours": 0.0,
        "min_output_frac": 0.0,
        "ramp_frac_per_minute": 1.0,
        "availability": "one",
        "typical_capacity_factor_frac": 1.0,
        "direct_tco2_per_mwh": 0.0,
        "lifecycle_tco2_per_mwh": 0.0,
        "land_acres_per_mw": 0.0,
        "duration_hours": 0.0,
        "roundtrip_frac": 1.0,
        "loss_frac_per_hour": 0.0,
        "demand_charge_usd_per_mw_month": 0.0,
        "minimum_take_frac": 0.0,
        "curtailed_hours_per_year": 0.0,
        "contract_price_usd_per_mwh": 0.0,
        "max_full_load_hours_per_year": float("inf"),
        "min_stay_months": 0.0,
        "max_stay_months": float("inf"),
        "available_on": None,
        "return_on": None,
        "gates": (),
        "lead_target": None,
        "decomposed": True,
        "milestones": ((1.0, 1.0),),
        "grade_cost": "C",
        "grade_lead": "C",
        "source": "test",
        "wacc_frac": 0.07,
    }
    return Option(option=option, steps=tuple(make_step(option, **step) for step in steps), **(values | fields))

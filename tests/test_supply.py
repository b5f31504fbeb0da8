"""Supply resolved from scenario and catalogue: lead times against their targets, costs counted once, overrides."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from trainload.catalogue.facts import Catalogue, convert_usd, load_catalogue
from trainload.errors import ScenarioError
from trainload.finance import annuity_rate
from trainload.scenario.models import GATE_PREFIX, Scenario
from trainload.supply.options import Supply
from trainload.supply.schedule import Schedule, simulate_arrivals
from trainload.supply.supply import build_supply, levelise_option

DAY = date(2027, 1, 1)
UNDECOMPOSED = {"wind_ppa", "solar_ppa"}  # a signature and a wait: nothing to decompose


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def supply(catalogue: Catalogue) -> Supply:
    return build_supply(Scenario(name="base", as_of=DAY), catalogue)


@pytest.fixture(scope="module")
def schedule(supply: Supply) -> Schedule:
    return simulate_arrivals(supply, n_draws=8192, seed=11)


def build(catalogue: Catalogue, **fields: Any) -> Supply:
    return build_supply(Scenario.model_validate({"name": "own", "as_of": DAY, **fields}), catalogue)


def notes(supply: Supply) -> str:
    return "\n".join(f"{note.subject}: {note.text}" for note in supply.notes)


def test_step_graphs_meet_the_all_in_lead_times(supply: Supply, schedule: Schedule) -> None:
    """Proves: P50 and P90 of every option's whole graph, gates ordered on the same day, are within 10 % of target.

    If broken: the Gantt and the order dates would tell two stories; a sum of P90s gives 130 months for CCGT, not 90.
    """
    assert {option.option for option in supply.options if not option.decomposed} == UNDECOMPOSED
    misses = {}
    for option in supply.options:
        assert option.lead_target is not None
        for percentile, target in ((50, option.lead_target[1]), (90, option.lead_target[2])):
            lead = schedule.lead_months(option.option, percentile)
            if abs(lead / target - 1) > 0.10:
                misses[option.option, percentile] = (lead, target)
    assert misses == {}


def test_gates_meet_their_quoted_lead_times(supply: Supply, schedule: Schedule) -> None:
    """Proves: substation, lateral and pipeline meet their quotes within 10 %. If broken: gates would be free."""
    quoted = [gate for gate in supply.gates if gate.lead_target is not None]
    assert {gate.gate for gate in quoted} == {"substation", "gas_lateral", "interstate_pipeline"}
    for gate in quoted:
        assert gate.lead_target is not None
        assert schedule.lead_months(gate.gate, 50) == pytest.approx(gate.lead_target[1], rel=0.10)
        assert schedule.lead_months(gate.gate, 90) == pytest.approx(gate.lead_target[2], rel=0.10)


def test_quoted_steps_stand_as_quoted(catalogue: Catalogue, supply: Supply) -> None:
    """Proves: steps graded A or B carry the triple of the infrastructure table, uncalibrated, wherever it has one.

    If broken: a calibrated number would wear the grade of its source.
    """
    quotes = {
        (f.low, f.value, f.high)
        for item in catalogue.infrastructure.values()
        if (f := item.lead_months) is not None and f.low is not None
    }
    steps = [step for owner in (*supply.options, *supply.gates) for step in owner.steps]
    claimed = [step for step in steps if step.grade in "AB"]
    assert len(claimed) > 15
    other = {
        (step.owner, step.step) for step in claimed if (step.p10_months, step.p50_months, step.p90_months) not in quotes
    }
    # a storage permit quoted in the technology's note, and Crane's P50 and P90 whose P10 is judged
    assert other == {("ccgt_ccs", "well"), ("nuclear_restart", "transformers")}


def test_every_cost_is_counted_once(catalogue: Catalogue, supply: Supply) -> None:
    """Proves: firm service and its two gates together cost its all-in figure, and steps spend their owner's capital.

    If broken: a connection would be charged twice, 626 USD/kW instead of 317.
    """
    all_in = convert_usd(300_000, 2024, 2026)
    firm = supply.option("grid_firm")
    parts = firm.capex_usd_per_mw + sum(supply.gate(gate).capex_usd_per_mw for gate in firm.gates)
    assert parts == pytest.approx(all_in, rel=1e-9)
    for owner in (*supply.options, *supply.gates):
        spent = sum(step.cost_usd_per_mw for step in owner.steps)
        # service agreements cost nothing beside the gates, and contracts and rentals no capital
        assert spent == pytest.approx(owner.capex_usd_per_mw, rel=0.01) or (spent == 0.0 and owner is firm)
        assert sum(share for share, _ in owner.milestones) == pytest.approx(1.0)
    rental = supply.option("rental_turbines")
    assert rental.capex_usd_per_mw == 0
    assert rental.rent_usd_per_mw_month == 30_000
    assert rental.bridge


def test_contracts_own_no_plant(supply: Supply) -> None:
    """Proves: a contract carries its whole cost in its price: restart = levelised cost of its plant and fuel.

    If broken: capital and price would both be paid, 140 USD/MWh for a restart.
    """
    for option in supply.options:
        if option.delivery == "contract":
            assert option.capex_usd_per_mw == option.fixed_usd_per_mw_year == option.energy_cost_usd_per_mwh == 0
            assert option.contract_price_usd_per_mwh > 0
    index = convert_usd(1, 2024, 2026)
    fuel = 7 * index / 10.497 * 10.45
    plant = (2_400_000 * annuity_rate(20, 0.07) + 205_000) * index / (8766 * 0.92) + 6 * index
    assert supply.option("nuclear_restart").contract_price_usd_per_mwh == pytest.approx(plant + fuel, rel=1e-6)


def test_every_option_is_resolved_with_its_figures(supply: Supply) -> None:
    """Proves: every figure used has unit, year, grade and source, money in 2026 USD, and options hold those values.

    If broken: `cite` would print numbers nobody can check, or 2024 money would be added to 2026 money.
    """
    for key, figure in supply.figures.items():
        assert figure.grade in ("A", "B", "C"), key
        assert figure.source, key
        if figure.unit.startswith("USD"):
            assert figure.year == 2026, key
    for option in supply.options:
        assert supply.figures[f"{option.option}.max_mw"].value == option.max_mw
        assert supply.figures[f"{option.option}.lead_months"].value == option.lead_target[1]  # type: ignore[index]
        assert option.lifetime_years > 0
        assert 0 < option.roundtrip_frac <= 1
        assert option.kind == "store" or option.duration_hours == 0
        assert not option.clean or option.direct_tco2_per_mwh == 0
        if option.fuel and option.delivery != "contract":
            assert option.fuel_cost_usd_per_mwh == pytest.approx(
                option.heat_rate_mmbtu_per_mwh * option.fuel_usd_per_mmbtu
            )
    ids = set(supply.option_ids)
    assert {"grid_interruptible", "coal_to_gas", "diesel", "iron_air_100h", "microreactor", "ccgt_ccs"} <= ids
    assert supply.option("diesel").max_full_load_hours_per_year == 100
    assert supply.option("grid_firm").direct_tco2_per_mwh == pytest.approx(0.2839)
    assert supply.option("grid_firm").lifecycle_tco2_per_mwh == pytest.approx(0.2839 * 1.115)
    assert {o.option: o.availability for o in supply.options if o.delivery == "contract"}["wind_ppa"] == "wind_offsite"


def test_gas_price_is_hub_plus_delivery(catalogue: Catalogue, supply: Supply) -> None:
    """Proves: gas at the plant = the 2027 hub outlook in 2026 USD + 0.60, and the scenario's price replaces it.

    If broken: a nominal 2027 price would stand beside 2026 money, 4.98 instead of 4.89.
    """
    gas = supply.option("ccgt").fuel_usd_per_mmbtu
    assert gas == pytest.approx(convert_usd(4.38, 2027, 2026) + 0.60)
    own = build(catalogue, money={"gas_usd_per_mmbtu": 3.0})
    assert own.option("ccgt").fuel_cost_usd_per_mwh == pytest.approx(3.0 * 6.33)
    assert own.figures["ccgt.fuel_usd_per_mmbtu"].source == "scenario own"
    assert own.option("smr_bwrx300").fuel_usd_per_mmbtu == supply.option("smr_bwrx300").fuel_usd_per_mmbtu


def test_the_scenario_overrides_the_catalogue(catalogue: Catalogue) -> None:
    """Proves: given values win, the rest stays the catalogue's, and options can be switched off.

    If broken: an override would be dropped without a word (the trap REopt and PyPSA users report).
    """
    own = build(
        catalogue,
        options={
            "ccgt": {"capex_usd_per_mw": 1_234_000, "max_mw": 777, "min_mw": 5, "firm": False},
            "solar": {"enabled": False},
        },
        grid={"max_mw": 300},
        money={"wacc_frac": 0.05},
    )
    ccgt = own.option("ccgt")
    assert (ccgt.capex_usd_per_mw, ccgt.max_mw, ccgt.min_mw, ccgt.firm) == (1_234_000, 777, 5, False)
    assert ccgt.heat_rate_mmbtu_per_mwh == 6.33
    assert ccgt.wacc_frac == 0.05
    assert own.figures["ccgt.capex_usd_per_mw"].note == "given there"
    assert "solar" not in own.option_ids
    assert own.option("grid_firm").max_mw == 300
    assert own.option("grid_firm").limit_reason == "grid.max_mw of the scenario"


def test_options_of_ones_own(catalogue: Catalogue) -> None:
    """Proves: an option `like` another takes its values, graph, gates under its own name; `named` drops the rest.

    If broken: the copy's draws would be the original's, or the catalogue would creep in.
    """
    own = build(
        catalogue,
        option_set="named",
        options={
            "second_block": {"like": "ccgt", "max_mw": 600},
            "tidal": {
                "kind": "source",
                "delivery": "onsite",
                "carrier": "water",
                "capex_usd_per_mw": 5e6,
                "max_mw": 50,
                "lead_p10_months": 10,
                "lead_p50_months": 20,
                "lead_p90_months": 40,
            },
        },
    )
    assert own.option_ids == ("second_block", "tidal")
    block = own.option("second_block")
    assert block.heat_rate_mmbtu_per_mwh == 6.33
    assert block.gates == ("interstate_pipeline",)
    assert {step.owner for step in block.steps} == {"second_block"}
    tidal = own.option("tidal")
    assert not tidal.decomposed
    assert tidal.lifetime_years == 30
    assert "tidal: the scenario gives no lifetime" in notes(own)
    schedule = simulate_arrivals(own, n_draws=4096, seed=1)
    assert schedule.lead_months("tidal", 90) == pytest.approx(40, rel=0.01)
    both = build(catalogue, options={"second_block": {"like": "ccgt", "max_mw": 600}})
    draws = simulate_arrivals(both, n_draws=256, seed=1)
    assert np.array_equal(draws.draws("second_block"), schedule.draws("second_block")[:256])
    assert not np.array_equal(draws.draws("second_block"), draws.draws("ccgt"))


def test_another_lead_time_scales_the_graph(catalogue: Catalogue) -> None:
    """Proves: a given lead time is met by the same steps, scaled; gates keep theirs; the note says so.

    If broken: P50 would stay 66 months, or the steps would vanish.
    """
    own = build(catalogue, options={"ccgt": {"lead_p10_months": 60, "lead_p50_months": 80, "lead_p90_months": 100}})
    ccgt = own.option("ccgt")
    assert ccgt.decomposed
    assert ccgt.gates == ("interstate_pipeline",)
    lead = simulate_arrivals(own, n_draws=8192, seed=5)
    assert lead.lead_months("ccgt", 50) == pytest.approx(80, rel=0.02)
    assert lead.lead_months("ccgt", 90) == pytest.approx(100, rel=0.02)
    assert "ccgt: its steps" in notes(own)
    assert {step.grade for step in ccgt.steps} == {"C"}


def test_a_lead_time_shorter_than_its_gate_takes_the_gate_as_ready(catalogue: Catalogue) -> None:
    """Proves: where the pipeline alone takes longer than the given lead time, the option goes without it and says so.

    If broken: the pipeline would silently become faster for everybody, or the given lead time be ignored.
    """
    own = build(catalogue, options={"ccgt": {"lead_p10_months": 18, "lead_p50_months": 24, "lead_p90_months": 36}})
    assert own.option("ccgt").gates == ()
    assert own.option("ccgt_ccs").gates == ("interstate_pipeline",)
    assert "ccgt: interstate_pipeline takes longer" in notes(own)
    schedule = simulate_arrivals(own, n_draws=8192, seed=5)
    assert schedule.lead_months("ccgt", 50) == pytest.approx(24, rel=0.05)
    assert schedule.lead_months("interstate_pipeline", 50) == pytest.approx(54, rel=0.10)


def test_steps_and_gates_of_ones_own(catalogue: Catalogue) -> None:
    """Proves: a given step replaces the catalogue's of its name in place, a given gate is waited for, a disabled not.

    If broken: a 200-month permit would change nothing.
    """
    slow = {"p10_months": 200, "p50_months": 200, "p90_months": 200}
    own = build(
        catalogue,
        options={"ccgt": {"steps": {"permit": slow}}, "engines": {"gates": ["gas_lateral", "road"]}},
        gates={
            "road": {"lead_p10_months": 70, "lead_p50_months": 70, "lead_p90_months": 70, "capex_usd_per_mw": 1000},
            "gas_tap": {"enabled": False},
        },
    )
    schedule = simulate_arrivals(own, n_draws=1024, seed=1)
    assert schedule.lead_months("ccgt", 10) > 200
    assert own.option("ccgt").lead_target is None
    assert "ccgt: with the scenario's own steps" in notes(own)
    permit = next(step for step in own.option("ccgt").steps if step.step == "permit")
    assert permit.factor == "permitting"  # kept from the step it replaces
    assert "permit" in schedule.critical_path("ccgt")
    assert own.option("engines").gates == ("gas_lateral", "road")
    assert schedule.lead_months("engines", 50) == 70
    assert own.option("rental_turbines").gates == ()
    assert "rental_turbines: does not wait for gas_tap" in notes(own)
    assert "gas_tap" not in own.gate_ids


def test_places_without_the_resource(catalogue: Catalogue, supply: Supply) -> None:
    """Proves: deep geothermal is out in the East and allowed in Nevada; offshore wind only where the scenario names it.

    If broken: Carolina would be powered by rock 10 km down.
    """
    assert supply.option("geothermal").max_mw == 0
    assert "hot rock" in supply.option("geothermal").limit_reason
    nevada = build(catalogue, site={"latitude_deg": 39.5, "longitude_deg": -119.8})
    assert nevada.option("geothermal").max_mw == 500
    assert supply.option("wind_offshore").max_mw == 0
    assert supply.option("coal_existing").max_mw == 0
    coast = build(catalogue, options={"wind_offshore": {"max_mw": 800}, "coal_existing": {"max_mw": 1000}})
    assert coast.option("wind_offshore").max_mw == 800
    assert coast.option("coal_existing").fuel_cost_usd_per_mwh > 20


def test_everything_that_cannot_be_resolved_comes_at_once(catalogue: Catalogue) -> None:
    """Proves: an unknown gate, an unknown `like`, a graph without times and more are named together.

    If broken: the user would mend one error a run.
    """
    with pytest.raises(ScenarioError) as caught:
        build(
            catalogue,
            options={
                "ccgt": {"gates": ["moat"]},
                "copy": {"like": "perpetuum"},
                "bare": {"kind": "source", "delivery": "onsite", "carrier": "x", "capex_usd_per_mw": 1},
                "wind": {"availability": "moonlight", "min_mw": 300},
                "engines": {"kind": "store"},
            },
        )
    text = str(caught.value)
    assert "moat" in text
    assert "perpetuum" in text
    assert "bare" in text
    assert "moonlight" in text
    assert "300 > 200" in text
    assert "engines.duration_hours" in text
    assert len(caught.value.problems) == 6


def test_levelised_costs_by_hand(supply: Supply) -> None:
    """Proves: CCGT at full use, firm grid, a daily battery and diesel's 100 hours against sums written out here.

    If broken: gates free (3 USD/MWh lower for CCGT), demand charge counted once a year, or a battery cycling always.
    """
    ccgt = supply.option("ccgt")
    pipe = supply.gate("interstate_pipeline").capex_usd_per_mw * annuity_rate(40, 0.07)
    yearly = ccgt.capex_usd_per_mw * annuity_rate(30, 0.07) + ccgt.fixed_usd_per_mw_year + pipe
    by_hand = yearly / (8766 * 0.95) + 6.33 * ccgt.fuel_usd_per_mmbtu + ccgt.variable_usd_per_mwh
    assert levelise_option(ccgt, supply=supply) == pytest.approx(by_hand)
    firm = supply.option("grid_firm")
    wires = sum(supply.gate(g).capex_usd_per_mw for g in firm.gates) + firm.capex_usd_per_mw
    charge = (wires * annuity_rate(40, 0.07) + 12 * firm.demand_charge_usd_per_mw_month) / (8766 * (1 - 0.0003))
    level = levelise_option(firm, supply=supply, power_price_usd_per_mwh=50)
    assert level == pytest.approx(charge + 50 + firm.variable_usd_per_mwh)
    battery = supply.option("battery_4h")
    cycle = 365 * 4 * (1 - battery.forced_outage_frac)
    fixed = battery.capex_usd_per_mw * annuity_rate(18, 0.07) + battery.fixed_usd_per_mw_year
    level = levelise_option(battery, supply=supply, power_price_usd_per_mwh=50)
    assert level == pytest.approx(fixed / cycle + 50 / 0.85)
    diesel = supply.option("diesel")
    fixed = diesel.capex_usd_per_mw * annuity_rate(25, 0.07) + diesel.fixed_usd_per_mw_year
    assert levelise_option(diesel, supply=supply) == pytest.approx(fixed / 100 + diesel.energy_cost_usd_per_mwh)
    assert levelise_option(supply.option("wind_ppa"), supply=supply) == pytest.approx(convert_usd(49.2, 2024, 2026))


def test_an_earlier_vintage_meets_its_own_lead_times() -> None:
    """Proves: as known in November 2024 each option still meets that day's target, and a note says what was scaled.

    If broken: a plan of 2024 would use the turbine queue of 2026: 66 months for a CCGT instead of 36.
    """
    day = date(2024, 11, 1)
    then = build_supply(Scenario(name="then", as_of=day), load_catalogue(day))
    schedule = simulate_arrivals(then, n_draws=4096, seed=1)
    assert then.option("ccgt").lead_target == (27, 36, 54)
    for option in then.options:
        assert option.lead_target is not None
        for percentile, target in ((50, option.lead_target[1]), (90, option.lead_target[2])):
            assert schedule.lead_months(option.option, percentile) == pytest.approx(target, rel=0.10, abs=0.3)
    assert "ccgt: its steps" in notes(then)


def test_graphs_hold_together(supply: Supply) -> None:
    """Proves: every graph ends in one step, every gate is used, every chain that names a factor has a loading.

    If broken: a step nobody waits for would be decoration.
    """
    used = {gate for option in supply.options for gate in option.gates}
    assert used == set(supply.gate_ids)
    for owner in (*supply.options, *supply.gates):
        awaited = {before for step in owner.steps for before in step.after}
        assert len([step for step in owner.steps if step.step not in awaited]) == 1
        for step in owner.steps:
            assert (step.factor is None) == (step.factor_loading_frac == 0)
            assert step.label
            assert not step.step.startswith(GATE_PREFIX)

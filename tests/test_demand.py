"""Demand: published identities, any sufficient subset of figures, chips ahead of release, load path, finish dates."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainload.catalogue.facts import load_catalogue
from trainload.demand.chips import choose_chip, choose_precision, project_chip, resolve_chip
from trainload.demand.demand import (
    RunSpec,
    compare_published_energy,
    estimate_demand,
    estimate_run,
    estimate_training_run,
    solve_days,
    solve_flop,
    tabulate_powers,
)
from trainload.demand.drivers import rank_drivers
from trainload.demand.finish import compute_by_period, finish_dates
from trainload.demand.power import compute_at_load
from trainload.demand.size import count_days, count_flop, measure_energy_mwh, measure_tco2
from trainload.errors import DataError, ScenarioError, TrainloadError
from trainload.finance import annuity_rate
from trainload.scenario.models import ChipSpec, Generation, Scenario
from trainload.tables import check_table

CATALOGUE = load_catalogue()
AS_OF = date(2026, 11, 1)
# The demand that a generation of 1 GW makes, used where only dates and power matter.
GIGAWATT = {"wanted_on": date(2028, 7, 1), "facility_peak_mw": 1000.0}


def make_scenario(generations=None, **extra):
    programme = {"generations": generations or {}, **extra.pop("programme", {})}
    return Scenario.model_validate({"name": "test", "as_of": AS_OF, "programme": programme, **extra})


# ---------------------------------------------------------------- identities


@pytest.mark.parametrize(
    ("run", "chips", "days", "node_w", "pue", "factor", "mwh", "tco2"),
    [
        ("GPT-3 175B (davinci)", 10_000, 14.8, 330, 1.10, 0.429, 1287, 552.1),
        ("T5-11B", 512, 20, 310, 1.12, 0.545, 85.7, 46.7),
        ("GShard-600B", 1024, 3.1, 288, 1.09, 0.177, 24.1, 4.3),
        ("Switch", 1024, 27, 245, 1.10, 0.33, 179, 59.1),
    ],
)
def test_identities_of_measured_runs(run, chips, days, node_w, pue, factor, mwh, tco2):  # noqa: PLR0917
    """Proves: chips x days x measured W x PUE gives the published energy, and energy x factor the emission, within 1 %.

    Each link by itself, as GShard's 3.1 days and 4.3 t are printed to two digits. If broken: without PUE 8-11 % low.
    """
    chip = next(r.chip for r in CATALOGUE.runs if r.name == run)
    spec = RunSpec(name=run, chip=chip, n_chips=chips, days=days, node_power_w=node_w, pue_annual=pue,
                   carbon_tco2_per_mwh=factor)  # fmt: skip
    result = estimate_run(spec, CATALOGUE)
    assert result.energy_mwh == pytest.approx(mwh, rel=0.01)
    assert result.tco2 == pytest.approx(result.energy_mwh * factor)
    assert float(measure_tco2(mwh, factor)) == pytest.approx(tco2, rel=0.01)


@pytest.mark.parametrize(
    ("hours", "watts", "factor", "mwh", "tco2"),
    [
        (1_082_990, 400, 0.057, 433.2, 24.7),  # BLOOM
        (1_720_320, 400, 0.4235, 688.1, 291.42),  # Llama 2-70B
        (6.4e6, 700, 0.424, 4480, 1900),  # Llama 3-70B
        (30.84e6, 700, 0.4137, 21_588, 8930),  # Llama 3.1 405B
        (5.0e6, 700, 0.387, 3500, 1354),  # Llama 4 Scout
        (2.38e6, 700, 0.387, 1666, 645),  # Llama 4 Maverick
    ],
)
def test_identities_of_chip_hours(hours, watts, factor, mwh, tco2):
    """Proves: chip-hours x TDP x grid factor gives the model cards' energy and tCO2 within 1 %.

    If broken: kW for W, or kg for t.
    """
    energy = measure_energy_mwh(hours, watts)
    assert float(energy) == pytest.approx(mwh, rel=0.01)
    assert float(measure_tco2(energy, factor)) == pytest.approx(tco2, rel=0.01)


def test_identity_of_deepseek():
    """Proves: 2.788 million chip-hours on 2,048 chips take 56.7 days."""
    run = estimate_run(RunSpec(chip="H800", n_chips=2048, chip_hours=2.788e6), CATALOGUE)
    assert run.days == pytest.approx(56.7, rel=0.01)


def test_five_definitions_of_llama():
    """Proves: 16,384 H100 and 30.84 million chip-hours span 11.5-29.7 MW by definition, each within 3 %.

    If broken: PUE taken for the peak ratio gives 25.8 MW at the peak.
    """
    spec = RunSpec(chip="h100", n_chips=16_384, chip_hours=30.84e6, flop=3.8e25, on=date(2024, 7, 23))
    run = estimate_run(spec, CATALOGUE)
    table = tabulate_powers(run).set_index("definition")
    expected = {
        "chip_tdp": (700, 11.5, 21.6),
        "node_measured": (1050, 17.2, 32.4),
        "rated_facility": (1381, 22.6, 42.6),
        "all_in": (1700, 27.9, 52.4),
        "facility_peak": (1810, 29.7, 55.8),
    }
    for definition, (watts, mw, gwh) in expected.items():
        assert table.loc[definition, "power_w"] == pytest.approx(watts, rel=0.03)
        assert table.loc[definition, "power_mw"] == pytest.approx(mw, rel=0.03)
        assert table.loc[definition, "energy_mwh"] == pytest.approx(gwh * 1000, rel=0.03)
    assert list(table["power_w"]) != sorted(table["power_w"])  # server and IT stand between
    network_mw = 16_384 * (1453 - 1275) / 1e6 * run.pue_annual  # on the meter, but in no published definition
    assert run.facility_average_mw == pytest.approx(table.loc["node_measured", "power_mw"] + network_mw)


def test_published_energy_is_predicted():
    """Proves: runs with chips, FLOP and dates are within 15 % in the median: all, not from memory, and measured ones.

    No run calibrates its own prediction. If broken: rated TDP x 1.82 for TPU nodes is a factor of two too high.
    """
    table = compare_published_energy(CATALOGUE)
    full = table[table["given"] == "chips, FLOP and dates"]
    seen = full[full["from_memory"] != "all"]
    measured = full[full["measured"]]
    assert sorted(seen["run"]) == sorted(
        ["XLM (as in LLMCarbon)", "T5-11B", "GPT-3 175B (davinci)", "GShard-600B", "Switch", "BLOOM-176B",
         "Llama 2-70B", "Llama 3.1-405B"]
    )  # fmt: skip
    assert len(full) == 15
    for rows in (full, seen, measured, measured[measured["from_memory"] != "all"]):
        assert rows["error_frac"].abs().median() < 0.15
    assert seen["error_frac"].abs().max() < 0.20


def test_calibration_leaves_the_run_out():
    """Proves: what a run published has no influence on its own prediction.

    If broken: adding 20 % to GPT-3's published energy would change its prediction.
    """
    before = compare_published_energy(CATALOGUE).set_index("run")["predicted_mwh"]
    raised = tuple(
        replace(r, energy_mwh=1.2 * r.energy_mwh) if r.name.startswith("GPT-3 ") else r for r in CATALOGUE.runs
    )
    after = compare_published_energy(replace(CATALOGUE, runs=raised)).set_index("run")["predicted_mwh"]
    name = "GPT-3 175B (davinci)"
    assert after[name] == before[name]
    assert after["XLM (as in LLMCarbon)"] == pytest.approx(1.2 * before["XLM (as in LLMCarbon)"])


def test_every_run_of_the_catalogue_has_an_estimate():
    """Proves: each run gives a whole estimate or an error a user can act on; only three can't be done.

    If broken: a traceback for a run whose chip is not in the catalogue.
    """
    failed = {}
    for run in CATALOGUE.runs:
        try:
            result = estimate_training_run(run, CATALOGUE)
        except TrainloadError as error:
            failed[run.name] = str(error)
            continue
        values = [result.flop, result.n_chips, result.days, result.energy_mwh, result.cost_usd, result.tco2]
        assert all(np.isfinite(values)), run.name
        assert min(values) > 0
        assert 0 < result.utilisation_frac <= 1
    assert sorted(failed) == ["BERT-Large", "GPT-1", "Minerva (540B)"]
    assert "needs a utilisation of" in failed["Minerva (540B)"]  # its FLOP contain those of the base model


# ---------------------------------------------------------------- sufficient subsets


@settings(max_examples=25, deadline=None)
@given(
    st.floats(200, 3e5), st.floats(5, 400), st.floats(0.1, 0.6),
    st.sampled_from([("n_chips", "days"), ("n_chips", "flop"), ("days", "flop"), ("power_mw", "days"),
                     ("power_mw", "flop"), ("n_chips", "chip_hours"), ("chip_hours", "days")]),
)  # fmt: skip
def test_any_sufficient_subset_gives_the_same_run(n_chips, days, utilisation, known):
    """Proves: whichever two of FLOP, chips, days, chip-hours and MW are given, the rest comes out the same.

    If broken: a planner who starts from MW gets another run than one who starts from FLOP.
    """
    whole = estimate_run(RunSpec(chip="gb300", n_chips=n_chips, days=days, utilisation_frac=utilisation), CATALOGUE)
    figures = {
        "n_chips": whole.n_chips,
        "days": whole.days,
        "flop": whole.flop,
        "chip_hours": whole.chip_hours,
        "power_mw": whole.facility_peak_mw,
    }
    part = {name: figures[name] for name in known}
    again = estimate_run(RunSpec(chip="gb300", utilisation_frac=utilisation, **part), CATALOGUE)
    # Just above a multiple of 16,384 one chip more makes an island more: fleets within 0.3 % deliver the same.
    for name in ("n_chips", "days", "flop", "energy_mwh", "cost_usd", "facility_peak_mw"):
        assert getattr(again, name) == pytest.approx(getattr(whole, name), rel=5e-3), name


def test_run_by_hand():
    """Proves: 1,000 H100 for 10 days at 0.40 and goodput 0.9 deliver 3.08e23 FLOP and cost what the steps say.

    989.4e12 x 0.4 x 0.9 x 1000 x 864,000 s. If broken: hours for seconds.
    """
    spec = RunSpec(chip="h100", n_chips=1000, days=10, utilisation_frac=0.4, goodput_frac=0.9, duty_frac=0.8,
                   pue_annual=1.1, peak_to_it_frac=1.3, energy_usd_per_mwh=50, carbon_tco2_per_mwh=0.4,
                   chip_cost_usd=40_000)  # fmt: skip
    run = estimate_run(spec, CATALOGUE)
    assert run.flop == pytest.approx(989.4e12 * 0.4 * 0.9 * 1000 * 864_000)
    assert run.it_peak_mw == pytest.approx(1.453)
    assert run.facility_peak_mw == pytest.approx(1.453 * 1.3)
    assert run.contracted_mw == pytest.approx(1.453 * 1.3 * 1.05)
    assert run.facility_average_mw == pytest.approx(1.453 * 0.8 * 1.1)
    assert run.energy_mwh == pytest.approx(1.453 * 0.8 * 1.1 * 240)
    assert run.tco2 == pytest.approx(run.energy_mwh * 0.4)
    assert run.energy_cost_usd == pytest.approx(run.energy_mwh * 50)
    assert run.chip_cost_usd == pytest.approx(40e6 * annuity_rate(5, 0.10) * 10 / 365.25)
    assert run.cost_usd == pytest.approx(run.chip_cost_usd + run.energy_cost_usd)
    assert not run.notes  # nothing was chosen


def test_inverse_questions():
    """Proves: `--mw 1000 --days 120` and its FLOP with 1000 MW give 120 days back; more days give more FLOP.

    If broken: goodput applied once on one way and twice on the other.
    """
    spec = RunSpec(on=date(2027, 9, 1), as_of=AS_OF)
    forward = solve_flop(1000, 120, CATALOGUE, spec=spec)
    back = solve_days(forward.flop, 1000, CATALOGUE, spec=spec)
    assert back.days == pytest.approx(120, rel=1e-6)
    assert forward.facility_peak_mw == pytest.approx(1000)
    assert 5e27 < forward.flop < 2e28  # VR200 at 5.3e12 FLOP/s per W of IT
    assert solve_days(1e28, 2000, CATALOGUE, spec=spec).days < solve_days(1e28, 1000, CATALOGUE, spec=spec).days
    other = solve_flop(1000, 120, CATALOGUE, spec=replace(spec, power_definition="it"))
    assert other.it_peak_mw == pytest.approx(1000)
    assert other.flop / forward.flop == pytest.approx(1.25, rel=0.01)


@pytest.mark.parametrize(
    ("given_figures", "says"),
    [
        ({}, "too little is known"),
        ({"days": 100}, "too little is known"),
        ({"n_chips": 1000, "days": 10, "chip_hours": 300_000}, "does not agree with chips x days x 24"),
        ({"n_chips": 1000, "power_mw": 5.0, "days": 10}, "does not agree with power_mw under facility_peak"),
        ({"n_chips": 1000, "days": 10, "flop": 1e27}, "needs a utilisation of"),
        ({"n_chips": 1000, "days": 10, "flop": 3e23, "utilisation_frac": 0.1}, "needs a goodput of"),
        ({"n_chips": 1000, "days": 10, "flop": 1e23, "utilisation_frac": 0.4, "goodput_frac": 0.9}, "flop  does not"),
        ({"n_chips": -5, "days": 0.0, "utilisation_frac": 40}, "has 3 problems"),
        ({"n_chips": 1000, "days": 1, "pue_annual": 0.9}, "pue_annual  must be >= 1"),
        ({"flop": 1e28, "days": 30, "n_islands": 1}, "use more islands"),
        ({"n_chips": 1000, "days": 1, "n_campuses": 2}, "bandwidth_gb_per_s  is needed"),
        ({"n_chips": 1000, "days": 1, "precision": "fp4"}, "no fp4 peak"),
    ],
)  # fmt: skip
def test_contradictions_and_gaps_are_errors(given_figures, says):
    """Proves: too little, contradictory and impossible figures are each an error that says what to change.

    If broken: the last figure wins without a word.
    """
    with pytest.raises(TrainloadError, match=says):
        estimate_run(RunSpec(chip="h100", **given_figures), CATALOGUE)


def test_chosen_figures_are_noted_and_graded():
    """Proves: every default is a note, every step of the derivation has formula, grade and source, and steps add up.

    If broken: a reader can't tell what was assumed.
    """
    run = estimate_run(RunSpec(on=date(2027, 1, 1), as_of=AS_OF, flop=1e27), CATALOGUE)
    text = " ".join(note.text for note in run.notes)
    assert "utilisation" in text
    assert "days" in text
    assert "fastest NVIDIA chip" in text
    steps = {step.step: step for step in run.derivation}
    assert len(steps) == len(run.derivation)
    assert all(step.formula and step.grade in "ABC" and step.source for step in run.derivation)
    assert steps["energy"].value == pytest.approx(steps["facility average"].value * steps["days"].value * 24)
    assert steps["emission"].value == pytest.approx(steps["energy"].value * steps["grid factor"].value)
    product = steps["chips"].value * steps["days"].value * 86400 * steps["peak (fp8)"].value
    assert steps["compute"].value == pytest.approx(
        product * steps["utilisation"].value * steps["goodput"].value, rel=1e-6
    )


def test_islands_and_campuses_change_the_run():
    """Proves: one job of 500,000 chips wastes four fifths of its time, 31 islands a tenth.

    Thin links between two campuses cost what the exchange takes beyond a step. If broken: scale is free.
    """
    kind = {"chip": "gb300", "n_chips": 500_000.0, "days": 100.0}
    alone = estimate_run(RunSpec(n_islands=1, **kind), CATALOGUE)
    islands = estimate_run(RunSpec(**kind), CATALOGUE)
    assert alone.goodput_frac < 0.2
    assert alone.mtbf_hours < 0.2
    assert islands.n_islands == 31
    assert islands.goodput_frac == pytest.approx(0.91, abs=0.01)
    wide = estimate_run(RunSpec(n_campuses=2, bandwidth_gb_per_s=1e5, **kind), CATALOGUE)
    thin = estimate_run(RunSpec(n_campuses=2, bandwidth_gb_per_s=1000.0, **kind), CATALOGUE)
    assert wide.goodput_frac == pytest.approx(islands.goodput_frac)
    assert thin.goodput_frac == pytest.approx(islands.goodput_frac * 1000 / thin.bandwidth_gb_per_s)
    lazy = estimate_run(RunSpec(n_campuses=2, bandwidth_gb_per_s=1000.0, steps_per_exchange=100, **kind), CATALOGUE)
    assert lazy.goodput_frac == pytest.approx(islands.goodput_frac)


def test_kernels_broadcast():
    """Proves: arrays of draws go through the kernels in one call, and days invert FLOP."""
    n = np.array([1e4, 1e5, 1e6])
    flop = count_flop(n[:, None], days=[30.0, 90.0], peak_flop_per_s=1e15, utilisation_frac=0.4, goodput_frac=0.9)
    assert flop.shape == (3, 2)
    days = count_days(flop, n_chips=n[:, None], peak_flop_per_s=1e15, utilisation_frac=0.4, goodput_frac=0.9)
    np.testing.assert_allclose(days, np.broadcast_to([30.0, 90.0], (3, 2)))


# ---------------------------------------------------------------- chips


def make_chip(year, flop_per_s, watts):
    base = CATALOGUE.chips["h100"]
    return replace(base, name=f"c{year}", release_on=date(year, 1, 1), announced_on=date(year, 1, 1),
                   bf16_flop_per_s=flop_per_s, fp8_flop_per_s=None, it_power_w=watts)  # fmt: skip


def test_projected_chip_by_hand():
    """Proves: chips that double FLOP/s per W each year at constant W project to exactly that, without spread.

    If broken: the level of old chips pulls the newest one back.
    """
    chips = [make_chip(2020 + k, 1e15 * 2**k, 1000.0) for k in range(5)]
    ahead = project_chip(chips, date(2026, 1, 1))
    assert ahead.gain_per_year == pytest.approx(1.0, rel=1e-3)
    assert ahead.mid.bf16_flop_per_s == pytest.approx(1e15 * 2**6, rel=2e-3)
    assert ahead.mid.it_power_w == pytest.approx(1000.0)
    assert ahead.spread_oom == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(DataError, match="can't project"):
        project_chip(chips, date(2023, 1, 1))
    with pytest.raises(DataError, match="can't project"):
        project_chip(chips[:3], date(2026, 1, 1))


def test_projected_chip_gets_less_sure_with_time():
    """Proves: from what was known in November 2024 the chip of 2028 is less sure than that of 2027; spread grows.

    If broken: the spread of one step is used at any distance.
    """
    known = [c for c in load_catalogue(date(2024, 11, 1)).chips.values() if c.vendor == "NVIDIA"]
    near, far = project_chip(known, date(2026, 10, 1)), project_chip(known, date(2030, 10, 1))
    assert 0.05 < near.spread_oom < far.spread_oom < 0.6
    assert near.low.fp8_flop_per_s < near.mid.fp8_flop_per_s < near.high.fp8_flop_per_s
    real = CATALOGUE.chips["vr200"]
    miss = np.log10(real.fp8_flop_per_s / real.it_power_w / (near.mid.fp8_flop_per_s / near.mid.it_power_w))
    assert abs(miss) < 2 * near.spread_oom  # 3.5e12 expected, 5.3e12 came


def test_default_chip_follows_the_date():
    """Proves: nine months after its release a chip is the default, before that the one before; far ahead a projection.

    If broken: a run of 2028 uses the H100, or one of 2024 the Rubin.
    """
    assert choose_chip(CATALOGUE, date(2024, 1, 1), as_of=AS_OF)[0].name == "h100"
    assert choose_chip(CATALOGUE, date(2028, 7, 1), as_of=AS_OF)[0].name == "vr200"
    assert choose_chip(CATALOGUE, date(2026, 11, 22), as_of=AS_OF)[0].name == "gb300"  # as fast as GB200, and newer
    then = choose_chip(CATALOGUE, date(2026, 11, 1), as_of=date(2024, 11, 1))[0]
    assert then.name == "gb200"
    chip, projected, note = choose_chip(CATALOGUE, date(2031, 1, 1), as_of=AS_OF)
    assert projected is not None
    assert chip.name == "projected_2028"
    assert "projected" in note.text
    with pytest.raises(DataError, match="no NVIDIA chip"):
        choose_chip(CATALOGUE, date(2015, 1, 1), as_of=AS_OF)
    assert choose_precision(CATALOGUE.chips["h100"]) == "bf16"
    assert choose_precision(CATALOGUE.chips["gb200"]) == "fp8"


def test_own_chips():
    """Proves: an own chip overrides what it states, drops ratings that no longer fit, and says what it lacks.

    If broken: a chip of twice the TDP keeps the server rating of the copied one.
    """
    own = {"mine": ChipSpec(like="gb300", tdp_w=2800), "bare": ChipSpec(), "whole": ChipSpec(
        release_on=date(2029, 1, 1), fp8_flop_per_s=5e16, it_power_w=5000, price_usd=90_000)}  # fmt: skip
    mine = resolve_chip("mine", CATALOGUE, own)
    assert mine.fp8_flop_per_s == CATALOGUE.chips["gb300"].fp8_flop_per_s
    run = estimate_run(RunSpec(chip=mine, n_chips=1000, days=10), CATALOGUE)
    assert run.it_peak_mw == pytest.approx(2800 * 1.82 * 1.14 / 1000, rel=1e-6)
    whole = resolve_chip("whole", CATALOGUE, own)
    assert estimate_run(RunSpec(chip=whole, n_chips=1000, days=10), CATALOGUE).it_peak_mw == pytest.approx(5.0)
    with pytest.raises(ScenarioError, match="has 3 problems"):
        resolve_chip("bare", CATALOGUE, own)


# ---------------------------------------------------------------- stage


def test_load_path_of_a_programme():
    """Proves: the path steps up at each generation's day to its peak over its share of the campus, zero before.

    If broken: the campus is sized for the run alone.
    """
    scenario = make_scenario(
        {"G2": {"wanted_on": date(2030, 7, 1), "facility_peak_mw": 2000}, "G1": dict(GIGAWATT)},
        programme={"run_share_frac": 0.8},
    )
    demand = estimate_demand(scenario, CATALOGUE)
    assert [g.name for g in demand.generations] == ["G1", "G2"]
    days = [date(2028, 6, 30), date(2028, 7, 1), date(2030, 6, 30), date(2031, 1, 1)]
    np.testing.assert_allclose(demand.load_path.at(days), [0.0, 1250.0, 1250.0, 2500.0])
    assert demand.it_peak_frac == pytest.approx(0.8)
    assert demand.generations[0].it_peak_mw == pytest.approx(800.0)
    check_table("derivation", demand.derivation)
    assert set(demand.derivation["generation"]) == {"G1", "G2"}
    assert "chips.vr200.fp8_flop_per_s" in demand.figures
    assert "grid_factors.SRVC" in demand.figures


def test_smaller_generation_keeps_the_campus():
    """Proves: a later generation that wants less does not lower the path, and a note says so."""
    scenario = make_scenario({"G1": dict(GIGAWATT), "G2": {"wanted_on": date(2029, 7, 1), "facility_peak_mw": 400}})
    demand = estimate_demand(scenario, CATALOGUE)
    assert demand.load_path.at([date(2030, 1, 1)])[0] == pytest.approx(1000.0)
    assert any("the load path stays" in note.text for note in demand.notes)


def test_generation_of_flop_gets_power_and_back():
    """Proves: the FLOP that 1 GW trains in its usual time ask for 1 GW again; with both given the days follow."""
    power = estimate_demand(make_scenario({"G1": dict(GIGAWATT)}), CATALOGUE).generations[0]
    compute = {"wanted_on": GIGAWATT["wanted_on"], "flop": power.flop}
    back = estimate_demand(make_scenario({"G1": compute}), CATALOGUE).generations[0]
    assert back.facility_peak_mw == pytest.approx(1000.0, rel=5e-3)
    both = estimate_demand(make_scenario({"G1": {**compute, "facility_peak_mw": 2000}}), CATALOGUE).generations[0]
    assert both.days == pytest.approx(power.days / 2, rel=5e-3)
    assert both.facility_peak_mw == 2000


def test_three_figures_imply_the_utilisation():
    """Proves: flop, power and days together fix the utilisation, said in a note; with it given too they must agree."""
    base = {"wanted_on": date(2028, 7, 1), "facility_peak_mw": 1000, "run_days": 100, "flop": 4e27}
    demand = estimate_demand(make_scenario({"G1": base}), CATALOGUE)
    assert demand.generations[0].utilisation_frac == pytest.approx(0.12, abs=0.02)
    assert any("implied by flop" in note.text for note in demand.notes)
    with pytest.raises(ScenarioError, match=r"programme.generations.G1.*needs a utilisation of"):
        estimate_demand(make_scenario({"G1": {**base, "flop": 1e30}}), CATALOGUE)


def test_problems_of_all_generations_come_at_once():
    """Proves: two wrong generations are two problems of one error, each with its path."""
    scenario = make_scenario({"A": {**GIGAWATT, "chip": "h9000"}, "B": {**GIGAWATT, "chip": "mi455x"}})
    with pytest.raises(ScenarioError) as caught:
        estimate_demand(scenario, CATALOGUE)
    assert len(caught.value.problems) == 2
    assert "programme.generations.A" in str(caught.value)


def test_generations_from_the_forecast():
    """Proves: without generations of its own a scenario takes the forecast's, as mapping or as table of percentiles.

    One without a size takes that of the nearest in time; without a forecast either it is an error.
    If broken: a programme without generations plans nothing.
    """
    drawn = {"next_1": Generation(wanted_on=date(2028, 1, 1), facility_peak_mw=700, run_days=100),
             "late": Generation(wanted_on=date(2050, 1, 1), facility_peak_mw=9000)}  # fmt: skip
    demand = estimate_demand(make_scenario(), CATALOGUE, generations=drawn)
    assert [g.name for g in demand.generations] == ["next_1"]
    table = pd.DataFrame([{"name": "next_1", "wanted_p50_on": date(2028, 1, 1), "facility_peak_p50_mw": 700.0,
                           "run_p50_days": 100.0}])  # fmt: skip
    again = estimate_demand(make_scenario(), CATALOGUE, generations=table)
    assert again.generations[0].flop == demand.generations[0].flop
    sized = estimate_demand(make_scenario({"G1": {"wanted_on": date(2028, 3, 1)}}), CATALOGUE, generations=drawn)
    assert sized.generations[0].facility_peak_mw == pytest.approx(700)
    assert any("nearest in time" in note.text for note in sized.notes)
    for scenario in (make_scenario(), make_scenario({"G1": {"wanted_on": date(2028, 3, 1)}})):
        with pytest.raises(ScenarioError):
            estimate_demand(scenario, CATALOGUE)


def test_load_series_instead_of_generations(tmp_path):
    """Proves: an hourly load series gives its monthly maxima, never falling, as the path.

    If broken: the path follows the season down.
    """
    hours = np.arange(8760)
    load = 300 + 100 * (hours >= 24 * 90)
    (tmp_path / "load.csv").write_text("load_mw\n" + "\n".join(str(v) for v in load) + "\n")
    scenario = make_scenario(
        programme={"load": {"file": "load.csv", "column": "load_mw", "unit": "MW"}}, start_on=date(2027, 1, 1)
    ).model_copy(update={"folder": tmp_path})
    demand = estimate_demand(scenario, CATALOGUE)
    np.testing.assert_allclose(
        demand.load_path.at([date(2027, 2, 1), date(2027, 6, 1), date(2029, 2, 1)]), [300, 400, 400]
    )
    assert demand.generations == ()
    assert demand.finish(pd.DataFrame(), pd.DataFrame()) == ()


def test_unknown_grid_region_is_an_error():
    """Proves: a region without a factor is named with the known ones."""
    with pytest.raises(ScenarioError, match=r"site.grid_region.*XYZ"):
        estimate_demand(make_scenario({"G1": dict(GIGAWATT)}, site={"grid_region": "XYZ"}), CATALOGUE)


def test_projected_chip_shows_its_spread():
    """Proves: a generation on a projected chip says what the chip's 10th and 90th percentile would do."""
    late = {"wanted_on": date(2032, 7, 1), "facility_peak_mw": 5000}
    steps = {s.step: s for s in estimate_demand(make_scenario({"G3": late}), CATALOGUE).generations[0].derivation}
    assert steps["compute, chip P10"].value < steps["compute"].value < steps["compute, chip P90"].value


def test_drivers_are_ranked():
    """Proves: utilisation moves the FLOP of a gigawatt most and exactly in proportion; what is fixed is no driver.

    If broken: the tornado shows noise.
    """
    spec = RunSpec(chip="vr200", on=date(2028, 7, 1), power_mw=1000)
    table = rank_drivers(spec, CATALOGUE, result="flop").set_index("parameter")
    assert table.index[0] == "utilisation_fp8_frac"
    row = table.iloc[0]
    assert row["at_high"] / row["at_mid"] == pytest.approx(0.40 / 0.25, rel=1e-9)
    assert table["swing_frac"].is_monotonic_decreasing
    fixed = rank_drivers(replace(spec, utilisation_frac=0.3, days=100), CATALOGUE, result="flop")["parameter"]
    assert not {"utilisation_fp8_frac", "run_days"} & set(fixed)


# ---------------------------------------------------------------- finish


class Wanted:
    def __init__(self, name, wanted_on, days, campus_peak_mw):
        self.name, self.wanted_on, self.days, self.campus_peak_mw = name, wanted_on, days, campus_peak_mw


START = date(2028, 1, 1)


def day(n):
    return START + timedelta(days=n)


def test_finish_with_half_power():
    """Proves: half the power for 60 days of a 100-day run, then all: 30 + 70 days of work, finished on day 130.

    If broken: the run waits for full power and finishes on day 160.
    """
    run = Wanted("G", START, 100, 1000)
    (found,) = finish_dates([run], starts_on=[START, day(60)], ends_on=day(365), powered_mw=[500, 1000])
    assert found.finish_on == day(130)
    assert found.powered_on == day(60)
    assert found.start_on == START
    assert found.finish_unconstrained_on == day(100)
    assert found.delay_days == pytest.approx(30)


def test_finish_under_curtailment_and_backlog():
    """Proves: 80 % of compute makes 80 days of work last 100; the next generation waits for it and starts at once.

    If broken: two runs share one campus.
    """
    runs = [Wanted("B", day(50), 80, 1000), Wanted("A", START, 80, 1000)]
    a, b = finish_dates(runs, starts_on=[START], ends_on=day(400), powered_mw=[1000], compute_frac=0.8)
    assert (a.name, a.finish_on) == ("A", day(100))
    assert (b.start_on, b.finish_on) == (day(100), day(200))
    assert b.finish_unconstrained_on == day(130)
    assert b.delay_days == pytest.approx(70)


def test_unfinished_runs_say_how_far_they_came():
    """Proves: a run without enough power by the end of the path has no finish, its share done, and blocks the next."""
    runs = [Wanted("A", START, 100, 1000), Wanted("B", day(10), 10, 100)]
    a, b = finish_dates(runs, starts_on=[START, day(50)], ends_on=day(100), powered_mw=[0, 500])
    assert a.finish_on is None
    assert a.delay_days is None
    assert a.done_frac == pytest.approx(0.25)
    assert a.powered_on is None
    assert a.start_on == day(50)
    assert b.start_on is None
    assert b.done_frac == 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1500), min_size=1, max_size=8), st.floats(5, 300), st.integers(0, 200), st.floats(0.3, 1.0),
)  # fmt: skip
def test_more_power_never_finishes_later(powers, days, wanted, compute):
    """Proves: adding power in any span never delays a finish, and no finish comes before its unconstrained date."""
    run = Wanted("G", day(wanted), days, 1000)
    starts = [day(60 * k) for k in range(len(powers))]
    kind = {"starts_on": starts, "ends_on": day(60 * len(powers)), "compute_frac": compute}
    (less,) = finish_dates([run], powered_mw=powers, **kind)
    (more,) = finish_dates([run], powered_mw=[p + 100 for p in powers], **kind)
    assert more.done_frac >= less.done_frac - 1e-12
    if less.finish_on is not None:
        assert more.finish_on <= less.finish_on
        assert less.finish_on >= less.finish_unconstrained_on


def test_compute_by_period_from_a_plan():
    """Proves: shed load becomes lost compute by the power-cap curve, by load and weight.

    A period without sampled hours takes its year's mean, and one before any power loses none.
    If broken: 13 % of load shed would lose 13 % of compute instead of 8 %.
    """
    periods = pd.DataFrame({"period_on": pd.to_datetime(["2027-12-01", "2028-01-01", "2028-02-01"]),
                            "ends_on": pd.to_datetime(["2028-01-01", "2028-02-01", "2028-03-01"])})  # fmt: skip
    operation = pd.DataFrame(
        {
            "period_start": ["2028-01-03T00:00Z", "2028-01-03T01:00Z"],
            "weight_hours": [3.0, 1.0],
            "load_mw": [100.0, 100.0],
            "unserved_cap_mw": [0.0, 10.0],
            "unserved_pause_mw": [0.0, 3.0],
            "ccgt_mw": [100.0, 87.0],
        }
    )
    got = compute_by_period(periods, operation, gpu_share_frac=0.65, idle_floor_frac=0.3)
    lost = 1 - float(compute_at_load(0.87))
    np.testing.assert_allclose(got, [1.0, 1 - lost / 4, 1 - lost / 4])
    np.testing.assert_allclose(
        compute_by_period(periods, operation.iloc[:0], gpu_share_frac=0.65, idle_floor_frac=0.3), 1
    )


def test_demand_finish_reads_the_tables_of_a_plan():
    """Proves: `Demand.finish` takes periods and operation of a study: 1 GW a year late finishes a year late."""
    demand = estimate_demand(make_scenario({"G1": dict(GIGAWATT)}), CATALOGUE)
    periods = pd.DataFrame({"period_on": ["2028-07-01", "2029-07-01"], "ends_on": ["2029-07-01", "2030-07-01"],
                            "powered_mw": [0.0, 1000.0]})  # fmt: skip
    operation = pd.DataFrame({"period_start": ["2029-07-01T00:00Z"], "weight_hours": [1.0], "load_mw": [700.0]})
    (found,) = demand.finish(periods, operation)
    assert found.powered_on == date(2029, 7, 1)
    assert found.delay_days == pytest.approx(365)

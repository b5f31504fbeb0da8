"""Scenario files: a ten-line file is enough, patches and variants, defaults, round trips, draws."""

import json
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from trainload.errors import ScenarioError
from trainload.scenario.check import find_cycle
from trainload.scenario.draws import draw_scenario, scenario_at
from trainload.scenario.file import (
    dump_scenario,
    list_bundled,
    list_defaults,
    load_scenario,
    read_scenario_text,
    write_schema,
)
from trainload.scenario.models import OptionSpec, Scenario
from trainload.scenario.patch import get_value, patch_scenario, resolve_path, suggest
from trainload.scenario.template import write_template
from trainload.scenario.yaml_tree import parse_value

TEN_LINES = """\
name: ten
as_of: 2026-11-01
site: {grid_region: SRVC}
programme:
  generations:
    G1:
      wanted_on: 2029-01-01
      facility_peak_mw: 1000
grid:
  max_mw: 600
"""
FULL = """\
name: full
title: Überlast – 5 GW
as_of: 2026-11-01
start_on: 2027-01-01
seed: 7
programme:
  generations:
    GPT-5.5: {wanted_on: 2029-01-01, flop: 5e27, chip: gb300, precision: fp8}
    G2: {wanted_on: 2031-01-01, facility_peak_mw: 2200.5}
options:
  tidal:
    like: solar
    steps: &water
      permit: {p10_months: 6, p50_months: 9, p90_months: 24}
      build:
        {p10_months: 12, p50_months: 18, p90_months: 30, after: [permit, "gate:substation"], factor: civil}
  ccgt: {max_mw: 1100, capex_usd_per_mw: 2.2e6}
  own_gas:
    like: engines
    gates: [gas_lateral]
    lead_p10_months: 10
    lead_p50_months: 14
    lead_p90_months: 30
  hydro:
    {kind: source, delivery: onsite, carrier: water, capex_usd_per_mw: 3000000, availability: one, steps: *water}
gates:
  second_line: {label: A second line, lead_p10_months: 12, lead_p50_months: 20, lead_p90_months: 40}
chips:
  my_chip: {like: gb300, it_power_w: 1900}
rules: {clean_matched_frac: 0.8, clean_from_on: 2033-01-01}
uncertain:
  options.ccgt.capex_usd_per_mw: {low: 2.0e6, mid: 2.2e6, high: 3.0e6, factor: turbines}
  money.wacc_frac: {low: 0.04, mid: 0.07, high: 0.10, distribution: pert}
variants:
  dear: {options.ccgt.capex_usd_per_mw: 3.0e6, rules.clean_matched_frac: null}
  later: {programme.generations.GPT-5.5.wanted_on: 2030-01-01}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "case.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_ten_lines_are_a_scenario(tmp_path: Path) -> None:
    """Proves: everything but name and date has a default, and each default is listed with its value and unit."""
    loaded = load_scenario(write(tmp_path, TEN_LINES))
    assert loaded.scenario.programme.generations["G1"].facility_peak_mw == 1000
    assert loaded.scenario.first_order_on == date(2026, 11, 1)
    assert loaded.scenario.folder == tmp_path
    found = {default.path: default for default in loaded.defaults}
    assert (found["horizon_years"].value, found["horizon_years"].unit) == (12, "years")
    assert found["money.wacc_frac"].value == 0.07
    assert found["programme.generations.G1.chip"].note == "demand model"
    assert found["site.latitude_deg"].value == 36.1
    given = {"name", "as_of", "site.grid_region", "grid.max_mw", "programme.generations.G1.wanted_on"}
    assert not given & set(found)


def test_defaults_and_given_values_together_are_every_field() -> None:
    """Proves: the list of defaults is complete. If broken: a value used in a plan would stand in no manifest."""
    scenario = read_scenario_text("name: two\nas_of: 2026-11-01\n")
    loaded = {default.path for default in load_scenario("gigawatt").defaults}
    defaults = {default.path for default in list_defaults(scenario)}
    leaves = {
        f"{section}.{name}"
        for section in ("site", "programme", "forecast", "grid", "money", "rules", "delay", "plan")
        for name in type(getattr(scenario, section)).model_fields
        if name not in ("availability", "generations")
    }
    assert leaves <= defaults
    assert {"money.wacc_frac", "plan.mode"} <= loaded


@pytest.mark.parametrize("text", [TEN_LINES, FULL])
def test_writing_and_reading_again_gives_the_same_scenario(text: str, tmp_path: Path) -> None:
    """Proves: dump(load(x)) == x, so that the scenario kept in a study's manifest is the one that was run."""
    scenario = load_scenario(write(tmp_path, text)).scenario
    again = read_scenario_text(dump_scenario(scenario), folder=tmp_path)
    assert again == scenario
    assert again.model_fields_set == scenario.model_fields_set
    assert dump_scenario(again) == dump_scenario(scenario)
    through_json = Scenario.model_validate(json.loads(scenario.model_dump_json()))
    assert through_json.model_dump(exclude={"folder", "variants"}) == scenario.model_dump(
        exclude={"folder", "variants"}
    )


@pytest.mark.parametrize("name", list_bundled())
def test_bundled_scenarios_and_their_variants_are_valid(name: str) -> None:
    loaded = load_scenario(name)
    assert loaded.scenario.name == name
    assert read_scenario_text(dump_scenario(loaded.scenario), folder=loaded.path.parent) == loaded.scenario
    for variant in loaded.scenario.variants:
        assert load_scenario(name, variant=variant).scenario != loaded.scenario


def test_the_bundled_studies_ask_the_articles_question() -> None:
    """Proves: 1 to 5 GW, as of the dates that the studies promise."""
    gigawatt, garman = load_scenario("gigawatt").scenario, load_scenario("garman").scenario
    peaks = [generation.facility_peak_mw for generation in gigawatt.programme.generations.values()]
    assert (peaks[0], peaks[-1]) == (1000, 5000)
    assert gigawatt.first_order_on == date(2027, 1, 1)
    assert garman.as_of == date(2024, 11, 1)
    last = list(garman.programme.generations.values())[-1]
    assert last.facility_peak_mw == 5000
    assert abs((last.wanted_on - garman.as_of).days - 5 * 365.25) < 3


def test_patches_set_values_by_path_and_win_over_the_variant(tmp_path: Path) -> None:
    """Proves: --set after --variant; new named entries; dots inside names; null takes a value back."""
    path = write(tmp_path, FULL)
    dear = load_scenario(path, variant="dear").scenario
    assert dear.options["ccgt"].capex_usd_per_mw == 3.0e6
    assert dear.rules.clean_matched_frac is None
    patches = [
        ("options.ccgt.capex_usd_per_mw", 1.0e6),
        ("options.solar.max_mw", 50),
        ("programme.generations.GPT-5.5.run_days", 90),
    ]
    loaded = load_scenario(path, variant="dear", patches=patches)
    assert loaded.scenario.options["ccgt"].capex_usd_per_mw == 1.0e6
    assert loaded.scenario.options["solar"].max_mw == 50
    assert loaded.scenario.programme.generations["GPT-5.5"].run_days == 90
    assert loaded.scenario.programme.generations["GPT-5.5"].flop == 5e27
    assert [p for p, _ in loaded.patches][-3:] == [p for p, _ in patches]
    assert loaded.variant == "dear"


def test_a_patched_scenario_equals_the_file_with_that_value(tmp_path: Path) -> None:
    """Proves: one patch mechanism. If broken: --set and an edited file would plan different things."""
    base = load_scenario(write(tmp_path, FULL)).scenario
    edited = load_scenario(write(tmp_path, FULL.replace("max_mw: 1100", "max_mw: 550"))).scenario
    assert patch_scenario(base, [("options.ccgt.max_mw", 550)]) == edited
    assert get_value(edited, "options.ccgt.max_mw") == 550
    assert get_value(edited, "programme.generations.GPT-5.5.chip") == "gb300"
    with pytest.raises(ScenarioError, match="at least 0") as caught:
        patch_scenario(base, [("options.ccgt.max_mw", -1), ("grid.max_mw", "much")])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("optons.ccgt.max_mw", "did you mean options"),
        ("options.ccgt.capex", "did you mean capex_usd_per_mw"),
        ("horizon_years.x", "single value"),
        ("", "joined by dots"),
        ("a..b", "joined by dots"),
        ("folder", "no field"),
        ("variants.dear.options.ccgt.max_mw.more", None),
    ],
)
def test_unknown_paths_say_what_was_meant(path: str, message: str | None) -> None:
    if message is None:
        assert resolve_path(path, {})[0] == "variants"
        return
    with pytest.raises(ScenarioError, match=message):
        resolve_path(path, {})


def test_near_names_are_suggested() -> None:
    known = ["capex_usd_per_mw", "max_mw", "min_mw", "smr_xe100", "smr_bwrx300", "ccgt"]
    assert suggest("CCGT", known) == "did you mean ccgt?"
    assert suggest("smr", known) == "did you mean smr_xe100 or smr_bwrx300?"
    assert suggest("zzz", ["a", "b"]) == "choose from a, b"
    assert suggest("zzz", []) == ""


def test_a_new_scenario_is_valid_and_says_everything() -> None:
    """Proves: the template is valid as written, and with every setting uncommented; each field of the models is there.

    If broken: a beginner's first file would not run, or a field could be found only in the code.
    """
    text = write_template("first", as_of=date(2026, 11, 22))
    scenario = read_scenario_text(text)
    assert scenario.name == "first"
    assert scenario.first_order_on == date(2027, 1, 1)
    uncommented = re.sub(r"(?m)^(\s*)#(?! )", r"\1", text)
    full = read_scenario_text(uncommented)
    examples = {"options", "gates", "chips", "uncertain", "variants"}
    assert full.model_dump(exclude=examples) == scenario.model_dump(exclude=examples)
    for model in (Scenario, OptionSpec, *(type(getattr(scenario, s)) for s in ("site", "plan", "rules", "delay"))):
        for name in model.model_fields:
            if name != "folder":
                assert re.search(rf"(?m)^\s*#?{name}:", text), f"{model.__name__}.{name} is not in the template"
    assert max(len(line) for line in text.splitlines()) <= 120


@pytest.mark.parametrize("name", ["true", "null", "NaN", "e5"])
def test_a_new_scenario_may_have_a_name_that_yaml_reads_otherwise(name: str) -> None:
    assert read_scenario_text(write_template(name, as_of=date(2026, 1, 1))).name == name


@pytest.mark.parametrize("name", ["", "5gw", "a b", "../up", "x/y", "ä", "a" * 61])
def test_names_that_can_not_be_used(name: str) -> None:
    with pytest.raises(ScenarioError, match="can't be used"):
        write_template(name, as_of=date(2026, 1, 1))


def test_the_schema_knows_every_field_and_no_more() -> None:
    """Proves: editors complete the same fields that the loader takes."""
    schema = json.loads(write_schema())
    assert set(schema["properties"]) == set(Scenario.model_fields) - {"folder"}
    assert schema["additionalProperties"] is False
    option = schema["$defs"]["OptionSpec"]["properties"]
    assert set(option) == set(OptionSpec.model_fields)
    assert option["max_mw"]["description"]


def test_yaml_1_2_scalars() -> None:
    """Proves: 5e25 is a number, NO and 1:30 are text, dates are dates; YAML 1.1 would read False and 90."""
    assert parse_value("5e25") == 5e25
    assert parse_value("NO") == "NO"
    assert parse_value("1:30") == "1:30"
    assert parse_value("2027-01-01") == date(2027, 1, 1)
    assert parse_value("[a, b]") == ["a", "b"]
    assert parse_value("") is None
    with pytest.raises(ValueError, match="YAML"):
        parse_value("a: b: c")
    with pytest.raises(ValueError, match="more than one"):
        parse_value("1\nother: 2")


def test_cycles_are_found_and_shown() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": []}) == ()
    assert find_cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == ()
    assert find_cycle({"a": ["a"]}) == ("a", "a")
    assert find_cycle({"x": [], "a": ["x", "b"], "b": ["c"], "c": ["b"]}) == ("b", "c", "b")
    chain = {str(i): [str(i + 1)] for i in range(5000)}
    assert find_cycle(chain) == ()
    assert len(find_cycle({**chain, "5000": ["0"]})) == 5002


def test_one_draw_is_an_ordinary_scenario(tmp_path: Path) -> None:
    """Proves: scenario_at(draws, i) is the scenario with the i-th values set, and draws do not depend on each other.

    If broken: a stage would have to know about probability to be right.
    """
    scenario = load_scenario(write(tmp_path, FULL)).scenario
    draws = draw_scenario(scenario, 512)
    path = "options.ccgt.capex_usd_per_mw"
    assert np.quantile(draws.values[path], 0.5) == pytest.approx(2.2e6, rel=0.005)
    one = scenario_at(draws, 17)
    assert one.options["ccgt"].capex_usd_per_mw == draws.values[path][17]
    assert one.money.wacc_frac == draws.values["money.wacc_frac"][17]
    assert one.uncertain == {}
    assert one.options["ccgt"].max_mw == 1100
    fewer = scenario.model_copy(update={"uncertain": {path: scenario.uncertain[path]}})
    np.testing.assert_array_equal(draw_scenario(fewer, 100).values[path], draws.values[path][:100])
    assert not np.array_equal(draw_scenario(scenario, 512, seed=8).values[path], draws.values[path])
    with pytest.raises(IndexError):
        scenario_at(draws, 512)


def test_a_draw_that_a_field_refuses_says_so(tmp_path: Path) -> None:
    text = TEN_LINES + "uncertain: {programme.duty_frac: {low: 0.8, mid: 0.9, high: 0.99}}\n"
    draws = draw_scenario(load_scenario(write(tmp_path, text)).scenario, 256)
    highest = int(np.argmax(draws.values["programme.duty_frac"]))
    with pytest.raises(ScenarioError, match="duty_frac: must be at most 1"):
        scenario_at(draws, highest)

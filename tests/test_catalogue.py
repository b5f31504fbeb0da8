"""The catalogue: schema, vintages, money, overlaps, and figures that were derived from others."""

import csv
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trainload.catalogue.facts
from trainload.catalogue.facts import convert_usd, list_sources, load_catalogue, restate_figure
from trainload.catalogue.records import Figure
from trainload.catalogue.schema import SCHEMA, UNITS, read_table
from trainload.catalogue.vintages import compare_vintages, tabulate_vintage_outcomes
from trainload.errors import DataError
from trainload.finance import annuity_rate

DATA = Path(trainload.catalogue.facts.__file__).parent.parent / "data"
TECHNOLOGIES = (
    "grid_firm grid_conditional grid_interruptible ccgt gt_frame gt_aero engines rental_turbines fuel_cells "
    "coal_existing coal_to_gas diesel solar wind wind_offshore battery_4h iron_air_100h nuclear_restart nuclear_large "
    "smr_bwrx300 smr_xe100 smr_kairos microreactor geothermal ccgt_ccs wind_ppa solar_ppa"
)
AS_OF_2024 = date(2024, 11, 1)


@pytest.fixture
def catalogue():
    return load_catalogue()


def every_figure(catalogue):
    for technology in catalogue.technologies.values():
        yield from technology.figures.values()
    for item in catalogue.infrastructure.values():
        yield from item.figures.values()
    for figures in (catalogue.parameters, catalogue.prices, catalogue.grid_factors, catalogue.fuels):
        yield from figures.values()


def damage(folder: Path, table: str, *, line: int, column: str, text: str) -> Path:
    """Copy the tables and write one cell of one of them."""
    shutil.copytree(DATA, folder)
    path = folder / f"{table}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[0].split(",")
    cells = next(csv.reader([lines[line - 1]]))
    cells[header.index(column)] = text
    lines[line - 1] = ",".join(f'"{cell}"' if "," in cell else cell for cell in cells)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_technology_has_what_supply_needs(catalogue):
    """Proves: all 27 options are there, each with cost, life, size, outage and an ordered lead time.

    If broken: an option silently costs or waits nothing.
    """
    assert sorted(catalogue.technologies) == sorted(TECHNOLOGIES.split())
    for technology in catalogue.technologies.values():
        for quantity in ("capex_usd_per_mw", "fixed_usd_per_mw_year", "variable_usd_per_mwh", "lifetime_years",
                         "unit_mw", "forced_outage_frac", "repair_hours", "min_output_frac"):  # fmt: skip
            technology.figure(quantity)
        lead = technology.figure("lead_months")
        assert lead.low is not None
        assert lead.high is not None
        assert 0 < lead.low < lead.value < lead.high
        if technology.fuel not in ("none", "uranium"):
            technology.figure("heat_rate_mmbtu_per_mwh")
        if technology.kind == "store":
            assert technology.value("duration_hours") > 0
            assert 0 < technology.value("roundtrip_frac") < 1


def test_every_figure_has_unit_year_grade_and_source(catalogue):
    """Proves: nothing in the catalogue is without proof, and every unit is one of the registered ones."""
    figures = list(every_figure(catalogue))
    assert len(figures) > 500
    for figure in figures:
        assert figure.unit in UNITS
        assert figure.grade in "ABC"
        assert figure.source
        assert 2000 <= figure.year <= 2030
        assert figure.known_on is not None


@pytest.mark.parametrize(
    ("table", "column"),
    [("technologies", c) for c in ("unit", "year", "source", "grade", "mid")]
    + [("chips", "source"), ("chips", "grade"), ("training_runs", "source"), ("prices", "unit"), ("deals", "source"),
       ("grid_factors", "year"), ("infrastructure", "grade"), ("steps", "source"), ("cities", "source")],
)  # fmt: skip
def test_row_without_proof_is_rejected(tmp_path, table, column):
    """Proves: a row without unit, year, source or grade is an error that names file, line, column and how to mend it.

    If broken: figures nobody can check enter the plan.
    """
    folder = damage(tmp_path / "data", table, line=3, column=column, text="")
    with pytest.raises(DataError) as caught:
        load_catalogue(folder=folder)
    assert f"{table}.csv line 3" in str(caught.value)
    assert f"{column} is missing" in str(caught.value)
    assert caught.value.problems[0].fix


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        ("unit", "USD/kW", "is not one of the known values"),
        ("unit", "USD/MWh", "unit of capex_usd_per_mw"),
        ("grade", "D", "is not one of the known values"),
        ("year", "2024$", "must be a year"),
        ("mid", "about 300", "could not convert"),
        ("mid", "inf", "must be finite"),
        ("low", "9e9", "low <= mid <= high"),
        ("known_on", "2026", "Invalid isoformat"),
    ],
)
def test_wrong_cell_is_rejected(tmp_path, column, text, says):
    """Proves: a unit that is not the quantity's, an unknown grade, text for a number, swapped ends: each is named."""
    folder = damage(tmp_path / "data", "technologies", line=2, column=column, text=text)
    with pytest.raises(DataError, match=says) as caught:
        load_catalogue(folder=folder)
    assert "technologies.csv line 2" in str(caught.value)


def test_all_problems_of_all_tables_come_at_once(tmp_path):
    """Proves: two faults in two files are one error with two problems."""
    folder = damage(tmp_path / "data", "prices", line=2, column="grade", text="")
    path = folder / "chips.csv"
    path.write_text(path.read_text().replace("2018-03-27", "spring 2018"))
    with pytest.raises(DataError) as caught:
        load_catalogue(folder=folder)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a column is missing"),
        (b"price,label\n", "a column is missing"),
        (b"\xff\xfe\x00\x01", "UTF-8"),
    ],
)
def test_unreadable_table(tmp_path, content, says):
    """Proves: an empty, headless or binary table is an error about that file, not a traceback."""
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_table("prices", path)
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        read_table("prices", path)


def test_ragged_row_names_its_first_line(tmp_path):
    """Proves: the line number is that of the row even after a cell with line breaks."""
    lines = (DATA / "price_index.csv").read_text().splitlines()
    text = "\n".join([lines[0], lines[1].replace("not opened", '"not\nopened"'), lines[2] + ",more"])
    path = tmp_path / "price_index.csv"
    path.write_text(text)
    with pytest.raises(DataError, match="line 4  needs 6 cells, got 7"):
        read_table("price_index", path)


def test_vintage_of_november_2024():
    """Proves: a plan as of November 2024 sees the planning cost of then (895 USD/kW of 2023) and of today else.

    If broken: a combined cycle of 2024 costs 2,400 USD/kW.
    """
    then, now = load_catalogue(AS_OF_2024), load_catalogue()
    capex = then.technologies["ccgt"].figure("capex_usd_per_mw")
    assert (capex.value, capex.year) == (895_000, 2023)
    assert now.technologies["ccgt"].value("capex_usd_per_mw") == 2_400_000
    assert then.technologies["ccgt"].value("lead_months") == 36
    assert then.technologies["nuclear_large"].value("capex_usd_per_mw") == 9_350_000  # October 2024, not January's
    lifetime = then.technologies["microreactor"].figure("capex_usd_per_mw")
    assert "later than 2024-11-01" in lifetime.note
    assert any(note.subject == "technologies.microreactor" for note in then.notes)
    assert not now.notes


def test_vintage_hides_everything_later():
    """Proves: no run, chip, deal or campus state announced after the day is there, nor what became of a deal.

    If broken: the forecast of November 2024 knows GPT-6 and VR200.
    """
    then = load_catalogue(AS_OF_2024)
    assert max(run.release_on for run in then.runs) <= AS_OF_2024
    assert max(run.released_on for run in then.frontier_runs) <= AS_OF_2024
    assert max(chip.announced_on for chip in then.chips.values()) <= AS_OF_2024
    assert max(deal.announced_on for deal in then.deals) <= AS_OF_2024
    assert all(c.known_on is None or c.known_on <= AS_OF_2024 for c in then.campuses)
    assert "gb200" in then.chips  # announced in March 2024, released in 2025
    with pytest.raises(DataError, match="known on 2024-11-01"):
        then.chip("vr200")
    crane = next(deal for deal in then.deals if deal.deal == "crane")
    assert crane.expected == "2028"
    assert "hidden" in crane.status
    assert len(then.outcomes) >= 10  # what happened is never hidden: it is shown beside


@settings(max_examples=8, deadline=None)
@given(st.dates(date(2020, 1, 1), date(2027, 1, 1)))
def test_vintage_picks_the_newest_known_figure(day):
    """Proves: on any day each figure was known by then or is marked as later, and none is newer than today's.

    If broken: today's cost leaks into a plan of the past without a word.
    """
    catalogue = load_catalogue(day)
    now = load_catalogue()
    for key, technology in catalogue.technologies.items():
        for quantity, figure in technology.figures.items():
            assert figure.known_on <= day or "later than" in figure.note
            assert figure.known_on <= now.technologies[key].figures[quantity].known_on


def test_convert_usd_by_hand():
    """Proves: money moves by the ratio of the index: 100 USD of 2024 are 105.55 of 2026.

    If broken: the inverse ratio gives 94.74.
    """
    assert convert_usd(100.0, 2024, 2026) == pytest.approx(100 * 331.1 / 313.689)
    assert convert_usd(convert_usd(7.0, 2019, 2026), 2026, 2019) == pytest.approx(7.0)
    assert convert_usd(1.0, 2004, 2024) == pytest.approx(1.66, abs=0.005)
    with pytest.raises(DataError, match="1999"):
        convert_usd(1.0, 1999, 2026)


def test_restated_figure_keeps_its_proof():
    """Proves: low, mid and high move together, the note says so, and what is not money stays."""
    figure = Figure(10.0, 8.0, None, "USD/MWh", 2024, "A", "somewhere")
    moved = restate_figure(figure)
    assert moved.value == pytest.approx(10.555, abs=1e-3)
    assert moved.low == pytest.approx(8.444, abs=1e-3)
    assert moved.high is None
    assert (moved.year, moved.grade) == (2026, "A")
    assert "2024 USD" in moved.note
    heat = Figure(6.3, None, None, "MMBtu/MWh (higher heating value)", 2024, "A", "somewhere")
    assert restate_figure(heat) is heat


def test_rent_is_not_counted_twice(catalogue):
    """Proves: a rented turbine has rent and neither capital nor fixed cost: 30 USD/kW-month is the 360 a year.

    If broken: rented power is charged 360 USD/kW-year twice.
    """
    rental = catalogue.technologies["rental_turbines"]
    assert rental.value("rent_usd_per_mw_month") * 12 == 360_000
    assert rental.value("capex_usd_per_mw") == 0
    assert rental.value("fixed_usd_per_mw_year") == 0
    assert rental.bridge


@pytest.mark.parametrize(
    ("technology", "fuel"),
    [("ccgt", "Natural gas"), ("gt_frame", "Natural gas"), ("gt_aero", "Natural gas"), ("engines", "Natural gas"),
     ("rental_turbines", "Natural gas"), ("fuel_cells", "Natural gas"), ("coal_to_gas", "Natural gas"),
     ("coal_existing", "Bituminous coal"), ("diesel", "Distillate fuel oil No. 2")],
)  # fmt: skip
def test_direct_emission_is_heat_rate_times_fuel_factor(catalogue, technology, fuel):
    """Proves: emission at the stack agrees with the fuel's carbon within 1 %.

    If broken: kg for t, or Btu for MMBtu.
    """
    t = catalogue.technologies[technology]
    expected = t.value("heat_rate_mmbtu_per_mwh") * catalogue.fuels[fuel].value
    assert t.value("direct_tco2_per_mwh") == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(("contract", "owned"), [("wind_ppa", "wind"), ("solar_ppa", "solar")])
def test_contract_prices_are_what_their_notes_say(catalogue, contract, owned):
    """Proves: a PPA's price is the annuity of the same plant's capital at 7 % plus its fixed cost, over its output."""
    t, ppa = catalogue.technologies[owned], catalogue.technologies[contract]
    rate = annuity_rate(t.value("lifetime_years"), 0.07)
    capex = t.figure("capex_usd_per_mw")
    price = ppa.figure("contract_price_usd_per_mwh")
    for capital, got in ((capex.low, price.low), (capex.value, price.value), (capex.high, price.high)):
        output = 8766 * t.value("typical_capacity_factor_frac")
        assert got == pytest.approx((capital * rate + t.value("fixed_usd_per_mw_year")) / output, abs=0.06)
    assert ppa.delivery == "contract"


def test_grid_tiers_are_ordered(catalogue):
    """Proves: less firm service comes sooner, costs less, pays less and is called more.

    If broken: the tiers are not a choice.
    """
    tiers = [catalogue.technologies[f"grid_{name}"] for name in ("firm", "conditional", "interruptible")]
    for quantity in ("capex_usd_per_mw", "demand_charge_usd_per_mw_month", "minimum_take_frac", "lead_months"):
        values = [tier.value(quantity) for tier in tiers]
        assert values == sorted(values, reverse=True), quantity
    hours = [tier.value("curtailed_hours_per_year") for tier in tiers]
    assert hours == [0, 44, 175]
    adder = catalogue.prices["grid_delivery_adder"].value
    energy = tiers[0].value("variable_usd_per_mwh")
    demand = tiers[0].value("demand_charge_usd_per_mw_month") / (730.5 * 0.85)
    assert energy + demand == pytest.approx(adder, rel=1e-3)


def test_units_were_converted(catalogue):
    """Proves: figures stated per kW, GW, kg and Btu are in the package's units."""
    assert catalogue.prices["dc_capex"].value == 38e6  # 38 billion USD per GW of IT
    assert catalogue.prices["ai_cloud_revenue"].value == 11e6
    assert catalogue.grid_factors["SRVC"].value == pytest.approx(0.2839)
    assert catalogue.technologies["ccgt"].value("heat_rate_mmbtu_per_mwh") == 6.33
    assert catalogue.infrastructure["lpt"].figures["cost_usd"].value == 6e6
    assert catalogue.infrastructure["lpt"].lead_months.value == 30
    assert catalogue.chip("h100").server_power_w * 8 == 10_200


def test_chips_are_found_by_any_name(catalogue):
    """Proves: id, label and the names other tables use lead to one chip; an unknown one is an error with the ids."""
    for name in ("h100", "H100 SXM5", "NVIDIA H100 SXM5 80GB", "NVIDIA H800 SXM5"):
        assert catalogue.chip(name).name == "h100"
    with pytest.raises(DataError, match="known: v100, a100"):
        catalogue.chip("h9000")


def test_sources_of_keys(catalogue):
    """Proves: `list_sources` gives unit, year, grade and source for keys of every kind, all unknown keys at once."""
    keys = ["ccgt.capex_usd_per_mw", "technologies.wind.capex_usd_per_mw", "prices.coal", "grid_factors.AVERT SE",
            "infrastructure.lpt.lead_months", "chips.h100.tdp_w", "parameters.node_load_frac"]  # fmt: skip
    table = list_sources(keys)
    assert list(table["key"]) == keys
    assert list(table.columns) == ["key", "figure", "value", "low", "high", "unit", "year", "grade", "source", "note"]
    assert table["source"].str.len().min() > 5
    assert table.set_index("key").loc["chips.h100.tdp_w", "value"] == 700
    with pytest.raises(DataError) as caught:
        list_sources(["ccgt.colour", "prices.tea", "prices.coal"])
    assert len(caught.value.problems) == 2


def test_tables_can_be_listed(catalogue):
    """Proves: every table of the schema comes as a frame with its own columns; no other name does."""
    for name in catalogue.table_names:
        table = catalogue.table(name)
        assert list(table.columns) == [column.name for column in SCHEMA[name]]
        assert len(table)
    with pytest.raises(DataError, match="no such table"):
        catalogue.table("chip")


def test_record_is_frozen(catalogue):
    """Proves: nobody can change the catalogue for others."""
    with pytest.raises(AttributeError):
        catalogue.chips["h100"].tdp_w = 1.0
    with pytest.raises(TypeError):
        catalogue.prices["coal"] = None


def test_growth_figures_with_other_perimeters_stay_apart(catalogue):
    """Proves: Google's +48 % (2019-23) follows from totals of one perimeter, and 2024's is marked as another measure.

    If broken: 11.5 over 9.66 Mt would show +19 % where the report says +51 %.
    """
    google = {(c.measure, c.figure.year): c.figure.value for c in catalogue.companies if c.company == "Google"}
    total = "total GHG (scope 1, 2 market, 3)"
    assert google[total, 2023] / google[total, 2019] - 1 == pytest.approx(0.48, abs=0.005)
    assert (total, 2024) not in google


def test_vintages_side_by_side():
    """Proves: a combined cycle planned at 895 USD/kW of 2023 (973 of 2026) stands at 2,533 now: 2.6 times as much.

    Figures without a vintage of their own are not compared with themselves. If broken: 2023 USD beside 2024 USD.
    """
    table = compare_vintages(AS_OF_2024).set_index(["technology", "quantity"])
    row = table.loc[("ccgt", "capex_usd_per_mw")]
    assert row["then_value"] == pytest.approx(895 * 331.1 / 304.702)
    assert row["now_value"] == pytest.approx(2400 * 331.1 / 313.689)
    assert row["change_frac"] == pytest.approx(1.605, abs=0.005)
    assert ("microreactor", "capex_usd_per_mw") not in table.index
    assert (table["then_known_on"] <= AS_OF_2024).all()
    outcomes = tabulate_vintage_outcomes(AS_OF_2024)
    assert list(outcomes.columns) == ["subject", "planned", "happened", "grade", "source"]
    assert "+160%" in outcomes.set_index("subject").loc["Gas combined cycle (H-class): capital", "happened"]
    assert compare_vintages(date(2027, 1, 1)).empty

"""The report: what it says, that it says the same from a saved study, and that it stands alone."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from make_study import make_study
from trainload.errors import DataError
from trainload.report import amounts
from trainload.report.contents import build_sections
from trainload.report.demand_figures import draw_generations, list_generations
from trainload.report.dispatch_figures import find_weeks, spread_week
from trainload.report.figures import Figure, Listing, fill_spec, safe_field, write_cell
from trainload.report.forecast_figures import draw_fans
from trainload.report.money_figures import draw_ledger, list_comparison
from trainload.report.page import MAX_BYTES, VENDORED, render_report, write_report
from trainload.report.reading import read_study
from trainload.report.schedule_figures import list_odds_of_orders, list_step_rows
from trainload.report.wording import find_gating_order, state_headline
from trainload.study.folder import StudyTables, save_study
from trainload.tables import TABLES, empty_table

# numbers without a unit: counts and ratios, whose headings say what they count
UNITLESS = {
    "Chips",
    "Forecasts",
    "Blocks",
    "Brier 100 MW",
    "Brier 1 GW",
    "Year",
    "Plan year",
    "For the year",
    "Value",
    "Low",
    "High",
    "Amount",
    "Units",
}


@pytest.fixture(scope="module")
def study() -> StudyTables:
    return make_study()


@pytest.fixture(scope="module")
def page(study: StudyTables) -> str:
    return render_report(study)


@pytest.fixture(scope="module")
def items(study: StudyTables) -> list[Figure | Listing]:
    return list_items(study)


@pytest.fixture(scope="module")
def figures(items: list[Figure | Listing]) -> list[Figure]:
    return [item for item in items if isinstance(item, Figure)]


def change(study: StudyTables, name: str, table: pd.DataFrame, **summary: Any) -> StudyTables:
    """Return the study with one table replaced, and parts of the summary's plan."""
    plan = {**study.summary["plan"], **summary}
    return StudyTables.of({**study.summary, "plan": plan}, study.manifest, {**study.tables, name: table})


def list_items(study: StudyTables) -> list[Figure | Listing]:
    return [item for section in build_sections(read_study(study)) for item in section.items]


def list_figures(study: StudyTables) -> list[Figure]:
    return [item for item in list_items(study) if isinstance(item, Figure)]


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (amounts.format_power, 640.0, "640 MW"),
        (amounts.format_power, 1250.0, "1.25 GW"),
        (amounts.format_power, 999.7, "1 GW"),
        (amounts.format_power, None, "–"),
        (amounts.format_usd, 1.234e9, "$1.23bn"),
        (amounts.format_usd, -38e6, "−$38m"),
        (amounts.format_usd, 74.25, "$74.2"),
        (amounts.format_energy, 2.4e6, "2.4 TWh"),
        (amounts.format_tco2, 3.8e7, "38 Mt CO₂"),
        (amounts.format_odds, 0.9999, ">99%"),
        (amounts.format_odds, 1.0, ">99%"),
        (amounts.format_odds, 0.001, "<1%"),
        (amounts.format_odds, 0.0, "<1%"),
        (amounts.format_odds, 0.625, "62%"),
        (amounts.format_date, "2029-03-01", "1 Mar 2029"),
        (amounts.format_usd, 3e-9, "$0"),
        (amounts.format_energy, 0.02, "0 MWh"),
        (amounts.round_digits, 1234567.0, "1,234,567"),
        (amounts.round_digits, 0.012345, "0.0123"),
        (amounts.round_digits, 9e28, "9 × 10²⁸"),
        (amounts.round_digits, -0.5, "−0.5"),
        (amounts.round_digits, float("inf"), "∞"),
    ],
)
def test_amounts_are_written_as_people_read_them(function: Any, value: Any, text: str) -> None:
    """Proves: GW and $bn for reading, odds never rounded to a certainty. If broken: 0.9999 reads as 100%."""
    assert function(value) == text


def test_headline_names_the_order_that_costs_most_to_delay(study: StudyTables) -> None:
    """Proves: of the orders due first, the one with the dearest month leads, with its own loss.

    If broken: the rented turbines ($46m) or the gas combined cycle, which is due half a year later, would lead.
    """
    assert state_headline(study) == (
        "Order conditional grid service by 1 Jan 2027 or lose $182m a month; "
        "1 GW on 1 Jan 2029 (P50) or 31 Jan 2030 (P80)."
    )


def test_headline_leaves_out_a_loss_that_was_not_computed(study: StudyTables) -> None:
    """Proves: without values the clause is gone and the last order in time for 1 GW leads. If broken: "lose $0"."""
    without = change(study, "values", empty_table("values"))
    text = state_headline(without)
    assert "lose" not in text
    gating = find_gating_order(read_study(without))
    assert gating is not None
    orders = study.tables["orders"]
    first = orders[orders["order_on"] == orders["order_on"].min()]
    in_time = first[first["arrive_p50_on"] <= "2029-01-01"]
    contracts = {"wind_ppa", "nuclear_restart", "coal_existing", "geothermal"}
    assert gating.option in set(in_time["option"]) - contracts
    assert not (set(first.loc[first["arrive_p50_on"] <= "2029-01-01", "arrive_p50_on"]) - {""}) - set(
        in_time["arrive_p50_on"]
    )
    own = in_time.loc[in_time["option"] == gating.option, "arrive_p50_on"].iloc[0]
    assert own == in_time.loc[~in_time["option"].isin(contracts), "arrive_p50_on"].max()


def test_headline_says_when_a_gigawatt_never_comes_or_nothing_is_ordered(study: StudyTables) -> None:
    """Proves: nulls of the summary are words, not dates. If broken: "1 GW on None" or a crash."""
    late = change(study, "values", study.tables["values"], p50_1gw_on=None, p80_1gw_on=None)
    assert state_headline(late).endswith("; 1 GW is not reached within the horizon.")
    half = change(study, "values", study.tables["values"], p80_1gw_on=None)
    assert state_headline(half).endswith("1 GW on 1 Jan 2029 (P50), and not within the horizon at P80.")
    none = change(study, "orders", empty_table("orders"), p50_1gw_on=None, p80_1gw_on=None, first_power_on=None)
    assert state_headline(none) == "Nothing is worth ordering; 1 GW is not reached within the horizon."


def test_loss_belongs_to_the_period_in_which_the_order_arrives(study: StudyTables) -> None:
    """Proves: an option ordered twice takes the value of its own arrival. If broken: the other order's $900m."""
    values = pd.DataFrame(
        [
            ["one_month_later", "grid_conditional", "2033-01-01", 900e6, "USD"],
            ["one_month_later", "grid_conditional", "2029-01-01", 50e6, "USD"],
        ],
        columns=list(TABLES["values"]),
    )
    gating = find_gating_order(read_study(change(study, "values", values)))
    assert gating is not None and gating.loss_usd == 50e6


def test_report_is_the_same_from_the_saved_study(study: StudyTables, page: str, tmp_path: Path) -> None:
    """Proves: report(load(save(study))) == report(study). If broken: a date, a gap or a number changes on the way."""
    folder = save_study(tmp_path / "study", study)
    out = write_report(folder)
    assert out == folder / "report.html"
    assert out.read_text(encoding="utf-8") == page
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []


def test_report_of_a_broken_folder_is_an_error_and_leaves_nothing(study: StudyTables, tmp_path: Path) -> None:
    """Proves: a table with a missing column ends in a DataError, without a half-written page."""
    folder = save_study(tmp_path / "study", study)
    table = pd.read_csv(folder / "orders.csv", dtype=str).drop(columns="order_on")
    table.to_csv(folder / "orders.csv", index=False)
    with pytest.raises(DataError, match="order_on"):
        write_report(folder)
    assert not (folder / "report.html").exists()


class _Page(HTMLParser):
    """Collects what a page would load, its ids, and its links; scripts end where a browser ends them."""

    def read(self, page: str) -> None:
        self.feed(re.sub(r"(<script[^>]*>).*?(</script)", r"\1\2", page, flags=re.DOTALL))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.unlabelled: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        if tag == "a":
            self.links.append(str(found.get("href")))
        if tag in {"script", "img", "iframe", "object", "embed", "source", "video", "audio", "base"}:
            self.scripts += tag == "script"
            self.loads += [str(found[k]) for k in ("src", "data", "href", "srcset") if k in found]
        if tag == "link" and found.get("rel") != "icon":
            self.loads.append(str(found.get("href")))
        if "data-chart" in found and not found.get("aria-label"):
            self.unlabelled.append(str(found["data-chart"]))
        if tag == "th" and found.get("scope") not in {"col", "row"}:
            self.unlabelled.append(tag)


def test_page_stands_alone_within_two_megabytes(page: str) -> None:
    """Proves: nothing is loaded, every chart and header cell is labelled, every id is used once."""
    parser = _Page()
    parser.read(page)
    assert len(page.encode("utf-8")) <= MAX_BYTES
    assert parser.loads == []
    assert parser.unlabelled == []
    assert len(parser.ids) == len(set(parser.ids))
    style = page.split("<style>")[1].split("</style>", maxsplit=1)[0]
    assert "@import" not in style and "url(" not in style
    assert {link for link in parser.links if not link.startswith(("#", "https://example.org/"))} == set()
    assert {link[1:] for link in parser.links if link.startswith("#")} <= set(parser.ids)


def test_text_of_a_scenario_stays_text(study: StudyTables) -> None:
    """Proves: labels, notes and scenario text can't open a script or a link. If broken: one more script element."""
    nasty = "</script><script>alert('x')</script><!-- & ]]>"
    tables = {name: table.copy() for name, table in study.tables.items()}
    tables["options"]["label"] = [nasty, *tables["options"]["label"].iloc[1:]]
    tables["options"]["source"] = ["javascript:alert(1)", *tables["options"]["source"].iloc[1:]]
    tables["notes"]["text"] = nasty
    manifest = {**study.manifest, "scenario_text": nasty, "title": nasty}
    plain, parser = _Page(), _Page()
    plain.read(render_report(study))
    parser.read(render_report(StudyTables.of(study.summary, manifest, tables)))
    assert parser.scripts == plain.scripts
    assert not [link for link in parser.links if "javascript" in link]
    assert safe_field("a.b['c'], d\\e") == "a b c d e"


def walk_fields(node: Any, known: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each field that a spec reads, with the fields that exist there."""
    if isinstance(node, dict):
        own = node.get("data", {}).get("values") if isinstance(node.get("data"), dict) else None
        if own is not None:
            known = frozenset(k for row in own for k in row)
        for step in node.get("transform", []):
            made = step.get("as", [])
            known |= frozenset([made] if isinstance(made, str) else made)
            for name in step.get("fold", []):
                yield name, known
        if isinstance(node.get("field"), str):
            yield node["field"], known
        for key, value in node.items():
            if key not in {"data", "transform"}:
                yield from walk_fields(value, known)
    elif isinstance(node, list):
        for value in node:
            yield from walk_fields(value, known)


def test_every_chart_draws_the_rows_of_its_table(figures: list[Figure]) -> None:
    """Proves: picture, table and CSV are the same rows, and no channel reads a column that is not there.

    If broken: a renamed column leaves an empty chart without any error.
    """
    assert len(figures) >= 18
    for figure in figures:
        csv = fill_spec(figure)["datasets"]["rows"]
        table = pd.read_csv(StringIO(csv))
        assert len(table) == len(figure.listing.cells()) > 0, figure.key
        assert list(table.columns) == list(figure.listing.rows.columns), figure.key
        parse = figure.spec["data"]["format"]["parse"]
        assert set(parse) == set(table.columns)
        for name, known in walk_fields(figure.spec, frozenset(map(str, table.columns))):
            assert name in known, (figure.key, name)
        json.dumps(figure.spec, allow_nan=False)


def test_every_number_has_a_unit_or_a_name_that_counts(items: list[Figure | Listing]) -> None:
    """Proves: no table shows a bare number. If broken: USD/MWh was once headed MWh."""
    for item in items:
        listing = item.listing if isinstance(item, Figure) else item
        for column, header in zip(listing.rows.columns, listing.headers, strict=True):
            kind = listing.kind_of(str(column))
            if kind in {"number", "million", "share"}:
                assert header.unit or header.label in UNITLESS, (listing.key, column)
    options = next(i for i in items if isinstance(i, Listing) and i.key == "options-rows")
    units = {h.label: h.unit for h in options.headers}
    assert units["Levelised cost"] == "USD/MWh" and units["Capital"] == "USD/MW" and units["Ordered"] == "MW"


def test_why_not_table_has_every_option_with_its_reason(study: StudyTables, items: list[Figure | Listing]) -> None:
    """Proves: chosen options first, all others with dates, cost and a reason, reactors included."""
    listing = next(i for i in items if isinstance(i, Listing) and i.key == "options-rows")
    assert len(listing.rows) == len(study.tables["options"])
    assert listing.marked == frozenset(range(11))
    rest = listing.rows.iloc[11:]
    assert {"SMR BWRX-300", "Microreactor", "Large new nuclear"} <= set(listing.rows["label"])
    assert rest["reason"].str.len().min() > 10
    assert rest["chosen_mw"].isna().all()
    assert listing.rows[["arrive_p50_on", "arrive_p80_on"]].notna().all(axis=None)


def test_legend_runs_as_the_stack(figures: list[Figure]) -> None:
    """Proves: the legend from top to bottom is the stack from top to bottom. If broken: solar below the grid."""
    capacity = next(f for f in figures if f.key == "capacity")
    area = capacity.spec["layer"][0]
    level = dict(
        re.findall(r"'([^']+)': (\d+)", next(t["calculate"] for t in area["transform"] if t.get("as") == "level"))
    )
    legend = area["encoding"]["color"]["scale"]["domain"]
    assert [int(level[name]) for name in legend] == sorted((int(v) for v in level.values()), reverse=True)
    assert legend.index("Solar") < legend.index("Gas combined cycle") < legend.index("Firm grid service")
    colours = dict(zip(legend, area["encoding"]["color"]["scale"]["range"], strict=True))
    assert colours["Solar"] == "#f9d002" and "Wind contract elsewhere" not in colours


def make_operation(unserved: list[float], wind: list[float]) -> pd.DataFrame:
    """Return one block of whole weeks: load 100 MW, `wind` and `unserved` MW constant in each week, the rest grid."""
    frames = []
    for week, (short, blown) in enumerate(zip(unserved, wind, strict=True)):
        hours = pd.date_range("2030-01-01", periods=168, freq="h", tz="UTC") + pd.Timedelta(weeks=week)
        frames.append(
            pd.DataFrame(
                {
                    "block": "all",
                    "period_start": hours,
                    "weight_hours": 1.0,
                    "load_mw": 100.0,
                    "grid_firm_mw": 100.0 - short - blown + 5.0,
                    "solar_mw": blown,
                    "battery_4h_charge_mw": 5.0,
                    "battery_4h_discharge_mw": 0.0,
                    "battery_4h_level_mwh": 0.0,
                    "unserved_pause_mw": short,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(
    ("unserved", "wind", "worst", "median"),
    [
        ([0.0, 3.0, 0.0], [10.0, 40.0, 0.0], 1, 0),  # the week with unserved load, though it has most wind
        ([0.0, 0.0, 0.0], [10.0, 40.0, 0.0], 2, 0),  # nothing unserved: the week with most load left
    ],
)
def test_worst_and_median_week(
    study: StudyTables, unserved: list[float], wind: list[float], worst: int, median: int
) -> None:
    """Proves: the rules by which the two weeks are chosen, on three constant weeks a person can rank."""
    reading = read_study(change(study, "operation", make_operation(unserved, wind)))
    weeks = find_weeks(reading)
    assert weeks is not None
    starts = [w["period_start"].iloc[0].date() for w in weeks]
    assert starts == [date(2030, 1, 1 + 7 * worst), date(2030, 1, 1 + 7 * median)]


def test_dispatch_adds_up_to_the_load(study: StudyTables) -> None:
    """Proves: what is stacked above and below zero sums to the load in every hour. If broken: charging twice."""
    reading = read_study(change(study, "operation", make_operation([3.0], [20.0])))
    weeks = find_weeks(reading)
    assert weeks is not None
    rows, colours, charging = spread_week(reading, weeks[0])
    assert (rows[charging] <= 0).all(axis=None) and len(charging) == 1
    assert rows[[*colours, *charging]].sum(axis=1).to_numpy() == pytest.approx(rows["load_mw"].to_numpy())
    assert list(colours)[-1] == "Unserved" and len(rows) == 168


def test_orders_carry_the_odds_of_their_own_date(study: StudyTables) -> None:
    """Proves: P10 and P90 of a later order are those of the first day moved by the days between."""
    rows = list_odds_of_orders(read_study(study)).set_index("label")
    ccgt = rows.loc["Gas combined cycle, 1.1 GW"]
    assert ccgt["order_on"] == date(2027, 7, 3)
    assert (ccgt["p10_on"] - date(2030, 12, 31)).days - 183 in (0, 1)  # 48 months after 1 January 2027, 183 days later
    assert ccgt["p10_on"] < ccgt["p50_on"] < ccgt["p80_on"] < ccgt["p90_on"]
    assert rows["gating"].sum() == 1 and rows.loc["Conditional grid service, 900 MW", "gating"]


def test_steps_start_with_the_order_that_gates_power(study: StudyTables) -> None:
    """Proves: every order has a line for its whole lead, and the gating one comes first."""
    rows, left_out = list_step_rows(read_study(study))
    assert rows["owner"].iloc[0] == "grid_conditional" and bool(rows["whole"].iloc[0])
    assert rows["whole"].sum() + left_out == study.tables["orders"]["option"].nunique()
    one = rows[rows["owner"] == "substation"]
    assert one.loc[one["whole"], "finish_p80_months"].iloc[0] == one.loc[~one["whole"], "finish_p80_months"].max()


def test_fan_says_the_year_in_which_the_median_passes_a_gigawatt(study: StudyTables) -> None:
    """Proves: the title states the table. If broken: the second model's or the article's year."""
    reading = read_study(study)
    forecast = reading["forecast"]
    ours = forecast[(forecast["target"] == "record_run") & (forecast["model"] == "trainload")]
    year = int(ours.loc[ours["p50_mw"] >= 1000, "year"].min())
    fans = draw_fans(reading)
    assert [f.width for f in fans] == ["full", "half", "half"]
    assert f"the median passes 1 GW in {year}" in fans[0].title
    names = json.dumps(fans[0].spec)
    assert "Seattle, 1.93 GW" in names and "5 GW" in names  # peak with peak


def test_comparison_shows_cash_and_shadow_apart(study: StudyTables) -> None:
    """Proves: two cases, their difference with its sign, and null as words. If broken: +1.3bn reads as a saving."""
    listing = list_comparison(read_study(study), ("base", "plan"), key="k", title="t", caption="")
    assert listing is not None
    rows = listing.rows.set_index("measure")
    assert list(rows.loc["Power: cash, present value"]) == ["$9.1bn", "$10.4bn", "+$1.3bn"]
    assert list(rows.loc["Shadow: compute that waits for power"]) == ["$14.2bn", "$3.1bn", "−$11.1bn"]
    assert rows.loc["Full power after", "base"] == "not within the horizon"
    assert "Shadow: goals broken" not in rows.index  # zero in both cases
    alone = change(study, "comparison", study.tables["comparison"].query("case == 'plan'"))
    assert list_comparison(read_study(alone), ("base", "plan"), key="k", title="t", caption="") is None


def test_ledger_chart_keeps_the_sum(study: StudyTables) -> None:
    """Proves: the bars of a year sum to the ledger's dollars of that year, small terms gathered under one name."""
    table = study.tables["ledger"]
    many = pd.concat([table, *(table[table["term"] == "fuel"].assign(term=f"extra {i}") for i in range(5))])
    reading = read_study(change(study, "ledger", many))
    figure = draw_ledger(reading, "cash")
    assert figure is not None
    rows = figure.listing.rows.set_index("plan_year")
    assert "Other terms" in rows
    expected = many[many["group"] == "cash"].groupby("year")["usd"].sum()
    assert rows.sum(axis=1).to_numpy() == pytest.approx(expected.to_numpy(), abs=len(rows.columns))


def test_study_without_a_plan_says_so(study: StudyTables) -> None:
    """Proves: a study of forecast and demand alone is a report with empty sections named, not a crash."""
    kept = {n: study.tables[n] for n in ("forecast", "generations", "derivation", "notes")}
    bare = StudyTables.of({"scenario": "only", "as_of": "2026-11-22"}, {}, kept)
    text = render_report(bare)
    assert "The study holds no plan." in text and "The plan orders nothing." in text
    assert len(list_figures(bare)) >= 4
    assert "Nothing is worth ordering" in text


def test_vendored_files_are_the_ones_the_readme_states() -> None:
    """Proves: the chart library is unchanged and its licences are there."""
    folder = resources.files("trainload.report") / "vendor"
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for name in VENDORED:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert f"`{digest}`" in readme and name in readme
        package = name.removesuffix(".min.js")
        assert "University of Washington" in (folder / f"LICENSE-{package}.txt").read_text(encoding="utf-8")
    assert (folder / "LICENSES-bundled.txt").is_file()


def test_grades_stand_beside_figures(figures: list[Figure], page: str) -> None:
    """Proves: charts and key figures carry the weakest grade behind them, and every source its own."""
    assert {f.key for f in figures if f.key != "load-duration" and f.grade not in {"A", "B", "C"}} == set()
    assert page.count('class="grade gc"') > 20
    assert write_cell("A read", "grade").css == "grade ga"
    table = pd.Series(["A", "B", None])
    assert amounts.worst_grade(table) == "B"


def test_backtest_marks_our_rows(study: StudyTables, items: list[Figure | Listing]) -> None:
    """Proves: every pooled score stands in the table, ours marked and first; without scores the section is left out.

    If broken: rows of the tuning or hold-out origins count twice, or the mix is held against itself.
    """
    listing = next(i for i in items if isinstance(i, Listing) and i.key == "backtest-rows")
    assert len(listing.rows) == 2 * 3 * 4
    assert {listing.rows["model"].iloc[i] for i in listing.marked} == {"trainload"} and len(listing.marked) == 6
    mix = listing.rows["model"] == "mix of random walk and last 5 years"
    assert listing.rows.loc[mix, "crps_less_mix_oom"].isna().all()
    ours = listing.rows.iloc[min(listing.marked)]
    assert (ours["crps_oom"], ours["crps_less_mix_oom"], ours["crps_less_mix_se_oom"]) == (0.16, -0.06, 0.014)
    splits = next(i for i in items if isinstance(i, Listing) and i.key == "backtest-splits")
    assert len(splits.rows) == 2 * 2 * 3 * 3 and splits.rows["split"].nunique() == 2
    without = change(study, "backtest", empty_table("backtest"))
    assert not next(part for part in build_sections(read_study(without)) if part.key == "backtest").items


def test_score_chart_says_what_it_shows(figures: list[Figure]) -> None:
    """Proves: the title holds ours and the mix's scores of each horizon, pooled origins only."""
    figure = next(f for f in figures if f.key == "scores-power")
    assert figure.title == (
        "Record power: off by 0.16, 0.17 and 0.18 OOM 1, 2 and 3 years ahead, against 0.22, 0.25 and 0.28 for the mix "
        "of simple methods"
    )
    assert len(figure.listing.rows) == 3 * 4 and figure.grade == "C"


def test_tornado_has_a_bar_an_input_and_names_the_widest(figures: list[Figure], items: list[Figure | Listing]) -> None:
    """Proves: widest first, one-sided inputs too, the range in the title, and a table for each later generation.

    If broken: an input without a low side ("a run may span campuses") vanishes, or a chart mixes MW with odds.
    """
    charts = {f.key: f for f in figures if f.key.startswith("drivers-")}
    assert list(charts) == [
        *("drivers-record-run-2028-p50-mw", "drivers-record-run-2028-p-ge-1gw", "drivers-g1-facility-peak-mw"),
    ]
    median = charts["drivers-record-run-2028-p50-mw"]
    assert median.title == (
        "The largest run by the end of 2028: median power moves from 800 MW to 1.5 GW with one input alone (releases "
        "that count)"
    )
    assert list(median.listing.rows["label"])[2] == "a run may span campuses" and median.grade == "C"
    assert (
        charts["drivers-record-run-2028-p-ge-1gw"].title.split(": ")[1].startswith("odds of 1 GW moves from 40% to 73%")
    )
    assert "stated" not in charts["drivers-g1-facility-peak-mw"].caption
    later = next(i for i in items if isinstance(i, Listing) and i.key == "drivers-g2-flop-rows")
    assert later.folded and [h.unit for h in later.headers if h.label.startswith("Result")] == ["FLOP"] * 3


def test_rounding_of_a_solver_is_not_shown_as_an_amount(study: StudyTables) -> None:
    """Proves: cents of shadow cost and 1e-9 days of delay read as zero. If broken: "lost 1 × 10⁻⁹ days"."""
    table = study.tables["comparison"].copy()
    table.loc[table["measure"] == "programme_delay_present", "value"] = 0.03
    listing = list_comparison(
        read_study(change(study, "comparison", table)), ("base", "plan"), key="k", title="t", caption=""
    )
    assert listing is not None and "Shadow: compute that waits for power" not in set(listing.rows["measure"])
    assert write_cell(1.05e-9, "number").text == "0"
    listed = list_generations(
        read_study(change(study, "generations", study.tables["generations"].assign(delay_days=0.0016)))
    )
    assert listed is not None and listed.rows["delay_days"].tolist() == [0.0, 0.0, 0.0]
    generations = study.tables["generations"].assign(delay_days=1e-9)
    dates = draw_generations(read_study(change(study, "generations", generations)))
    assert dates is not None and dates.title == "Every generation finishes as if its power had been there in time"


def test_programme_that_has_not_begun_draws_nothing(study: StudyTables) -> None:
    """Proves: zero power before the first generation is a gap, not the foot of the log axis."""
    forecast = study.tables["forecast"].copy()
    early = (forecast["target"] == "programme") & (forecast["year"] < 2029)
    forecast.loc[early, [c for c in forecast.columns if c.endswith("_mw")]] = 0.0
    fan = draw_fans(read_study(change(study, "forecast", forecast)))[2]
    rows = fan.listing.rows.set_index("year")
    assert rows.loc[:2028, "p50_mw"].isna().all() and rows.loc[2029:, "p50_mw"].notna().all()


def test_step_of_a_gate_has_its_name(study: StudyTables) -> None:
    """Proves: ``gate:<id>.<step>`` and ``gate:<id>`` read as words."""
    reading = read_study(study)
    assert reading.name_step("ccgt", "gate:gas_lateral.slot") == "Gas lateral: manufacturing slot"
    assert reading.name_step("ccgt", "slot") == "Manufacturing slot"
    assert reading.name_wait("ccgt", "gate:substation") == "Substation (gate)"
    assert reading.name_step("ccgt", "") is None


def test_page_that_would_be_too_large_shortens_its_tables(study: StudyTables) -> None:
    """Proves: a thousand sources don't break the 2 MB; what is left out is said, and the CSV holds all."""
    sources = study.tables["sources"].assign(note="a note of some length " * 8)
    many = pd.concat([sources.assign(key=[f"{k}.{i}" for k in sources["key"]]) for i in range(50)], ignore_index=True)
    text = render_report(change(study, "sources", many))
    assert len(text.encode("utf-8")) <= MAX_BYTES
    assert re.search(r"The first \d+ of 1000 rows; the CSV holds all.", text)
    assert "grid_firm.capex_usd_per_mw.49" in text


def test_half_figure_without_a_neighbour_is_full(study: StudyTables, figures: list[Figure]) -> None:
    """Proves: pairs stand side by side and a single one takes the row. If broken: half a page of nothing."""
    widths = {f.key: f.width for f in figures}
    assert widths["emissions-chart"] == widths["matching"] == "half"
    emissions = study.tables["emissions"]
    alone = change(study, "emissions", emissions[emissions["measure"] != "matched"])
    assert next(f for f in list_figures(alone) if f.key == "emissions-chart").width == "full"

"""The command line: quick to start, plain about errors, no traceback, nothing half-written."""

import csv
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from make_study import make_study
from trainload import __version__
from trainload.cli import app
from trainload.commands import scenarios
from trainload.commands.arguments import repeat_options
from trainload.commands.screen import Progress, show_value, to_plain
from trainload.study.folder import save_study

RUNNER = CliRunner()
COMMANDS = (
    "new",
    "check",
    "schema",
    "catalogue",
    "cite",
    "demand",
    "forecast",
    "backtest",
    "plan",
    "report",
    "run",
    "runs",
)


def call(*arguments: str) -> Result:
    return RUNNER.invoke(app, list(arguments))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    leftovers = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert leftovers == [], "scratch files were left behind"


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the real program; its terminal is a pipe."""
    command = [sys.executable, "-c", "from trainload.cli import main; main()", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment})


def run_to_the_end(*arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start(*arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_help_names_every_command_and_is_quick() -> None:
    """Proves: <= 0.4 s, because nothing heavy is imported before a command runs.

    If broken: with pandas, scipy and numba at the top `--help` would take 2 s.
    """
    result = call("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)
    assert not any(line.endswith("...") for line in result.stdout.splitlines()[1:])  # no summary is cut
    code = "import sys, trainload.cli; print([m for m in sys.modules if m.split('.')[0] in sys.argv[1:]])"
    heavy = ["numpy", "pandas", "scipy", "numba", "highspy", "pvlib", "pydantic", "ruamel", "rich", "jinja2"]
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run_to_the_end("--help")[0] == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # processor time: the clock on the wall also counts whatever else the machine does
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "runs"])
def test_every_command_explains_itself(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_version() -> None:
    assert call("--version").stdout == f"trainload {__version__}\n"


# ---- new and check ------------------------------------------------------------------------------------------------


def test_a_new_scenario_is_written_once_and_is_valid(tmp_path: Path) -> None:
    """Proves: new -> check works, and nothing is ever overwritten."""
    result = call("new", "mine")
    assert result.exit_code == 0
    path = tmp_path / "mine.yaml"
    written = path.read_bytes()
    assert call("check", "mine.yaml").exit_code == 0
    assert call("check", "mine").exit_code == 0
    again = call("new", "mine.yaml")
    assert again.exit_code == 2
    assert "already there" in again.stderr
    assert path.read_bytes() == written


@pytest.mark.parametrize("name", ["gigawatt", "a b", "../up", "", "5gw"])
def test_names_that_new_refuses(name: str, tmp_path: Path) -> None:
    result = call("new", name)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert list(tmp_path.iterdir()) == []


def test_check_says_what_is_defaulted() -> None:
    result = call("check", "gigawatt")
    assert result.exit_code == 0
    assert "gigawatt.yaml is valid" in result.stdout
    listed = call("check", "gigawatt", "--defaults")
    assert "money.wacc_frac" in listed.stdout
    found = json.loads(call("check", "garman", "--json").stdout)
    assert found["valid"] is True
    assert found["scenario"]["as_of"] == "2024-11-01"
    assert {"path", "value", "unit", "note"} == set(found["defaults"][0])


def test_set_and_variant_reach_the_scenario() -> None:
    found = json.loads(
        call(
            "check", "gigawatt", "--variant", "no-goal", "--set", "grid.max_mw=900", "--set", "seed=3", "--json"
        ).stdout
    )
    assert found["scenario"]["grid"]["max_mw"] == 900
    assert found["scenario"]["seed"] == 3
    assert found["scenario"]["rules"]["clean_matched_frac"] is None


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--set", "grid.max_mw"), "must be PATH=VALUE"),
        (("--set", "=3"), "must be PATH=VALUE"),
        (("--set", "grid.max_mw=2 GW"), "--set grid.max_mw  grid.max_mw: must be a number (MW), got '2 GW'"),
        (("--set", "grid.maxmw=2"), "did you mean max_mw?"),
        (("--set", "title=a: b: c"), "put it in quotes"),
        (("--variant", "nogoal"), "did you mean no-goal?"),
    ],
)
@pytest.mark.parametrize("command", ["check", "run", "plan", "forecast", "demand"])
def test_bad_settings_are_said_by_every_command(command: str, arguments: tuple[str, str], part: str) -> None:
    result = call(command, "gigawatt", *arguments)
    assert result.exit_code == 2
    assert part in result.stderr
    assert "Traceback" not in result.output


# ---- bad input: check and run alike -------------------------------------------------------------------------------


def bad_files(folder: Path) -> dict[str, str]:
    """Write one file of each kind that can't be planned, and return what each must be told."""
    base = "name: bad\nas_of: 2026-11-01\n"
    texts: dict[str, tuple[str | bytes, str]] = {
        "key.yaml": (base + "horizn_years: 3\n", "did you mean horizon_years?"),
        "unit.yaml": (base + "grid: {max_mw: 2 GW}\n", "must be a number (MW)"),
        "date.yaml": (base + "start_on: 2027-02-30\n", "day is out of range"),
        "negative.yaml": (base + "grid: {max_mw: -2}\n", "at least 0"),
        "chip.yaml": (base + "programme: {generations: {G: {wanted_on: 2030-01-01, chip: x}}}\n", "no such chip"),
        "before.yaml": (base + "start_on: 2020-01-01\n", "must not be before as_of"),
        "series.yaml": (base + "site: {price: {file: no.csv, column: a, unit: USD/MWh}}\n", "no such file"),
        "short.yaml": (base + "site: {price: {file: s.csv, column: a, unit: USD/MWh}}\n", "8,760 or 8,784 hours"),
        "cycle.yaml": (
            base + "gates: {g: {steps: {a: {p10_months: 1, p50_months: 1, p90_months: 1, after: [a]}}}}\n",
            "a -> a",
        ),
        "empty.yaml": ("", "the file is empty"),
        "binary.yaml": (b"\x7fELF\x00\x01", "not a text file"),
        "bomb.yaml": ("a: &a [*a]\n", "refers to itself"),
    }
    (folder / "s.csv").write_text("a\n1\n2\n")
    for name, (content, _) in texts.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "folder.yaml").mkdir()
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(100_000_000)
    return {name: part for name, (_, part) in texts.items()} | {
        "folder.yaml": "a folder",
        "huge.yaml": "100,000,000 bytes",
        "missing.yaml": "no such file",
    }


def test_check_and_run_say_the_same_of_bad_files_and_leave_nothing(tmp_path: Path) -> None:
    """Proves: exit code 2, where-what-got-fix, no traceback and no output folder, for check and run alike.

    If broken: a run of minutes would end in a stack of our own code, with half a study on disk.
    """
    parts = bad_files(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    for name, part in parts.items():
        checked = call("check", name)
        ran = call("run", name, "--out", "out")
        for result in (checked, ran):
            assert result.exit_code == 2, name
            assert part in result.stderr, (name, result.stderr)
            assert "Traceback" not in result.output
            assert result.stdout == ""
        assert checked.stderr == ran.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_check_tries_the_stages_that_only_read(tmp_path: Path) -> None:
    """Proves: an own weather file, an own file of runs and impossible figures of a run are found by check already."""
    (tmp_path / "page.csv").write_text("<html></html>")
    (tmp_path / "stages.yaml").write_text(
        "name: stages\nas_of: 2026-01-01\nsite: {weather_file: page.csv}\nforecast: {runs: page.csv}\n"
        "programme: {generations: {G: {wanted_on: 2028-01-01, flop: 1e27, facility_peak_mw: 1, run_days: 1}}}\n"
    )
    result = call("check", "stages.yaml")
    assert result.exit_code == 2
    assert "weather file page.csv" in result.stderr
    assert "runs file page.csv" in result.stderr
    assert "programme.generations.G" in result.stderr


def test_run_will_not_write_where_it_must_not(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    result = call("run", "gigawatt", "--out", "mine", "--overwrite")
    assert result.exit_code == 2
    assert "holds no study" in result.stderr
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("")
    assert call("run", "gigawatt", "--out", "file").exit_code == 2


def test_interruption_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: Ctrl-C in the middle of a run ends with 130, in words, and without a folder."""
    seen: list[str] = []

    def interrupt(self: Progress, message: str, share: float | None) -> None:
        seen.append(message)
        if "lead times" in message:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Progress, "__call__", interrupt)
    result = call("run", "gigawatt", "--quick", "--out", "out")
    assert result.exit_code == 130
    assert len(seen) > 2
    assert result.stderr == "Interrupted; nothing was left half-written.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_real_program_can_be_interrupted_at_any_time(tmp_path: Path) -> None:
    """Proves: the same for a process of its own, with a signal from outside, while stages load or run."""
    for seconds in (1.5, 2.5, 4.0):
        process = start("run", "gigawatt", "--quick", "--out", "out")
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in out + err, (seconds, err)
        assert process.returncode in (130, -signal.SIGINT), (seconds, err)
        assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_is_logged_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: even an unforeseen error shows one line, and keeps what a maintainer needs in a file it names."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(scenarios, "check_file", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = call("check", "gigawatt")
    assert result.exit_code == 1
    assert result.stderr.startswith("Internal error: ZeroDivisionError. Details are in ")
    assert "Traceback" not in result.output
    log = next(tmp_path.glob("trainload-error-*.log"))
    assert str(log) in result.stderr
    assert "secret detail" in log.read_text()
    assert "Traceback" in log.read_text()


def test_wrong_usage_is_told_by_the_parser() -> None:
    assert call("chek").exit_code == 2
    assert call("run").exit_code == 2
    assert call("catalogue", "chips", "--csv", "--json").exit_code == 2


@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_error() -> None:
    """Proves: `trainload catalogue technologies --csv | head -1` ends in peace."""
    process = start("catalogue", "technologies", "--csv")
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert process.wait(timeout=60) == 0
    assert err == ""


@pytest.mark.slow
def test_a_terminal_without_unicode_shows_something() -> None:
    code, out, err = run_to_the_end("catalogue", "cities", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert code == 0, err
    assert len(out.splitlines()) > 10


# ---- answers ------------------------------------------------------------------------------------------------------


def test_catalogue_lists_tables_rows_and_keys() -> None:
    tables = json.loads(call("catalogue", "--json").stdout)
    assert {"chips", "technologies", "steps"} <= {row["table"] for row in tables}
    rows = list(csv.DictReader(io.StringIO(call("catalogue", "technologies", "ccgt", "--csv").stdout)))
    assert {row["technology"] for row in rows} == {"ccgt"}
    assert all(row["unit"] and row["source"] and row["grade"] in "ABC" for row in rows)
    text = call("catalogue", "technologies", "CCGT").stdout
    assert "capex_usd_per_mw" in text
    assert "did you mean chips?" in call("catalogue", "chip").stderr
    assert "did you mean ccgt" in call("catalogue", "technologies", "ccgtt").stderr


def test_cite_prints_the_sources_of_a_study(tmp_path: Path) -> None:
    study = make_study()
    save_study(tmp_path / "study", study)
    result = call("cite", "study")
    assert result.exit_code == 0
    assert f"{len(study.tables['sources'])} figures" in result.stdout
    grade = str(study.tables["sources"]["grade"].iloc[0])
    only = json.loads(call("cite", "study", "--grade", grade, "--json").stdout)
    assert {row["grade"] for row in only} == {grade}
    assert {"key", "value", "unit", "source"} <= set(only[0])
    missing = call("cite", "nowhere")
    assert missing.exit_code == 2
    assert "trainload run" in missing.stderr


def test_report_is_written_anew_from_the_tables(tmp_path: Path) -> None:
    save_study(tmp_path / "study", make_study())
    assert call("report", "study").exit_code == 0
    assert (tmp_path / "study" / "report.html").stat().st_size > 10_000
    missing = call("report", "nowhere")
    assert missing.exit_code == 2
    assert not (tmp_path / "nowhere").exists()


def test_demand_of_a_run_a_scenario_and_two_figures() -> None:
    """Proves: LLaMA-65B's compute and chips come back as published; two of MW, days and FLOP give the third."""
    run = json.loads(call("demand", "llama-65b", "--json").stdout)
    assert run["n_chips"] == run["published"]["n_chips"] == 2048
    assert {row["definition"] for row in run["powers"]} >= {"chip_tdp", "facility_peak", "node_measured"}
    assert run["derivation"][0]["formula"]
    by_days = json.loads(call("demand", "--mw", "1000", "--days", "120", "--chip", "gb200", "--json").stdout)
    by_flop = json.loads(
        call("demand", "--mw", "1000", "--flop", str(by_days["flop"]), "--chip", "gb200", "--json").stdout
    )
    assert by_flop["days"] == pytest.approx(120, rel=1e-6)
    by_size = json.loads(
        call("demand", "--days", "120", "--flop", str(by_days["flop"]), "--chip", "gb200", "--json").stdout
    )
    assert by_size["facility_peak_mw"] == pytest.approx(1000, rel=1e-4)
    scenario = json.loads(call("demand", "gigawatt", "--json").stdout)
    assert [round(g["facility_peak_mw"]) for g in scenario["generations"]] == [1000, 2200, 5000]
    for arguments in (("llama-65b",), ("--mw", "1000", "--days", "120"), ("gigawatt",)):
        text = call("demand", *arguments).stdout
        assert "facility" in text
        assert "tCO2" in text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "two of --mw, --days and --flop"),
        (("--mw", "1000"), "got --mw"),
        (("--mw", "1", "--days", "2", "--flop", "3"), "two of"),
        (("--mw", "-1", "--days", "100"), ""),
        (("--mw", "nan", "--days", "100"), ""),
        (("--mw", "1000", "--days", "100", "--chip", "gb20"), "gb20"),
        (("--mw", "1000", "--days", "100", "--on", "soon"), "YYYY-MM-DD"),
        (("no-such-run",), "no such run"),
        (("gigawat",), "did you mean gigawatt?"),
        (("llama",), "did you mean"),
        (("llama-65b", "--set", "seed=1"), "belongs to a scenario"),
        (("gigawatt", "--mw", "5"), "not both"),
    ],
)
def test_demand_says_what_it_needs(arguments: tuple[str, ...], part: str) -> None:
    result = call("demand", *arguments)
    assert result.exit_code == 2
    assert part in result.output
    assert "Traceback" not in result.output


def test_explain_gives_formula_sources_and_drivers() -> None:
    """Proves: the number explained is the number of `trainload demand`, and its widest driver moves it.

    If broken: the explanation would be of another run than the one that is planned for.
    """
    planned = json.loads(call("demand", "gigawatt", "--json").stdout)["generations"][0]
    found = json.loads(call("explain", "demand", "G1.energy_mwh", "--json").stdout)
    assert found["value"] == planned["energy_mwh"]
    assert found["unit"] == "MWh"
    assert any(step["step"] == "energy" for step in found["derivation"])
    widest = found["drivers"][0]
    assert widest["at_mid"] == pytest.approx(found["value"])
    assert max(abs(widest["at_low"] / widest["at_mid"] - 1), abs(widest["at_high"] / widest["at_mid"] - 1)) > 0.05
    assert "energy x grid factor" in call("explain", "demand", "llama-65b.tco2").stdout
    settings = ("--set", "forecast.n_draws=256", "--set", "forecast.last_year=2029")
    odds = json.loads(call("explain", "forecast", "record_run.2029.p_ge_1gw", *settings, "--json").stdout)
    assert 0 <= odds["values"]["trainload"] <= 1
    assert len(odds["drivers"]) > 5
    campus = call("explain", "forecast", "forecast.largest_campus.2028.p50_mw", *settings)
    assert "31 December 2028" in campus.stdout


@pytest.mark.parametrize(
    ("stage", "key", "part"),
    [
        ("demand", "G1.energy", "did you mean energy_mwh?"),
        ("demand", "energy_mwh", "NAME.RESULT"),
        ("demand", "G9.energy_mwh", "generations of gigawatt: G1, G2, G3"),
        ("forecast", "record_run", "TARGET.YEAR.MEASURE"),
        ("forecast", "record_rn.2029.p50_mw", "did you mean record_run?"),
        ("forecast", "record_run.1999.p50_mw", "no such year"),
        ("forecast", "record_run.2029.p50", "did you mean p50_mw?"),
        ("plan", "x", "plan"),
    ],
)
def test_explain_says_what_a_key_is(stage: str, key: str, part: str) -> None:
    result = call("explain", stage, key, "--set", "forecast.n_draws=256")
    assert result.exit_code == 2
    assert part in result.output


def test_forecast_prints_odds_that_never_fall() -> None:
    arguments = ("forecast", "gigawatt", "--set", "forecast.n_draws=256", "--seed", "5")
    found = json.loads(call(*arguments, "--json").stdout)
    assert found["seed"] == 5
    rows = [r for r in found["table"] if r["target"] == "record_run" and r["model"] == "trainload"]
    odds = [row["p_ge_1gw"] for row in rows]
    assert odds == sorted(odds)
    text = call(*arguments).stdout
    assert ">= 1 GW" in text
    assert "record run" in text


def test_backtest_prints_scores_beside_the_baselines() -> None:
    arguments = ("backtest", "--origins", "2021", "--horizons", "1", "--target", "compute")
    found = json.loads(call(*arguments, "--json").stdout)
    models = found["targets"]["compute"]["horizons"]["1"]["models"]
    assert {"trainload", "random_walk", "mix"} <= set(models)
    assert {"crps", "cov50", "cov80", "bias", "n"} <= set(models["trainload"])
    assert found["origins"][0].keys() >= {"origin", "horizon", "truth", "quantiles"}
    assert "CRPS" in call(*arguments).stdout
    assert "no such target" in call("backtest", "--target", "money").stderr


def test_many_values_may_follow_one_option() -> None:
    """Proves: `--horizons 1 2 3` as well as `--horizons 1 --horizons 2`, and nothing else is touched."""
    assert repeat_options(["backtest", "--horizons", "1", "2", "--json", "--target", "compute", "power"]) == [
        *("backtest", "--horizons", "1", "--horizons", "2", "--json", "--target", "compute", "--target", "power")
    ]
    assert repeat_options(["backtest", "--horizons", "1", "--horizons", "2"]) == [
        *("backtest", "--horizons", "1", "--horizons", "2")
    ]
    untouched = ["run", "--horizons", "1", "2"]
    assert repeat_options(untouched) == untouched
    assert repeat_options([]) == []


def test_runs_import_says_what_was_left_out(tmp_path: Path) -> None:
    text = (
        "Model,Publication date,Training compute (FLOP),Organization\n"
        "One,2023-03-01,1e25,A\nTwo,2024-05,2e25,B\nThree,someday,3e25,C\n"
    )
    (tmp_path / "notable_ai_models_2024-10-18.csv").write_text(text)
    result = call("runs", "import", "notable_ai_models_2024-10-18.csv")
    assert result.exit_code == 0, result.output
    assert "3 rows of models, as of 2024-10-18" in result.stdout
    assert "left out" in result.stdout
    timeline = "Data center,Date,Power (MW)\nOne,2025-01-01,300\nOne,2026-01-01,600\n"
    (tmp_path / "data_center_timelines_2026-03-01.csv").write_text(timeline)
    campuses = call("runs", "import", "data_center_timelines_2026-03-01.csv")
    assert "2 rows of data centres" in campuses.stdout, campuses.output
    (tmp_path / "page.csv").write_text("<html></html>")
    assert call("runs", "import", "page.csv").exit_code == 2
    assert call("runs", "import", "none.csv").exit_code == 2
    bad = call("runs", "import", "notable_ai_models_2024-10-18.csv", "--snapshot-on", "2024")
    assert bad.exit_code == 2
    assert "YYYY-MM-DD" in bad.stderr


def test_schema_is_json() -> None:
    assert json.loads(call("schema").stdout)["title"] == "trainload scenario"


def test_cells_and_json_hold_what_they_must() -> None:
    assert [show_value(v) for v in (None, True, 3, 12345, 0.07, 1234.5, 5e25, float("nan"), 0.0)] == [
        *("", "yes", "3", "12,345", "0.07", "1,234", "5e+25", "", "0")
    ]
    assert to_plain({"a": float("inf"), 1: (2, float("nan"))}) == {"a": None, "1": [2, None]}

"""The pages say what the code does: commands, links, figures and examples are tried; generated pages are fresh."""

import hashlib
import importlib
import re
import runpy
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from trainload.catalogue.facts import load_catalogue
from trainload.cli import app
from trainload.commands.arguments import repeat_options
from trainload.commands.scenarios import read_scenario
from trainload.demand.demand import tabulate_powers
from trainload.demand.published import estimate_training_run
from trainload.plan.prices import price_idle_compute
from trainload.scenario.file import list_bundled, load_scenario
from trainload.study.folder import load_study
from trainload.units import HOURS_PER_YEAR

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
BY_HAND = [p for p in PAGES if "reference/api" not in p.as_posix()]
FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUICK = ("new", "check", "catalogue", "schema")  # commands that the pages' own scenarios are tried on
OTHER_PROGRAMS = ("source", "sbatch", "git", "cd")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks_of(page: Path, language: str) -> list[tuple[str, str]]:
    """The fenced blocks of a language: (title, text)."""
    return [(title, text) for kind, title, text in FENCE.findall(read(page)) if kind == language]


def commands_of(page: Path) -> list[list[str]]:
    """The commands that a page shows, as words."""
    lines = [line for _, text in blocks_of(page, "console") for line in text.splitlines()]
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


def identify(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@cache
def whole_command() -> Any:
    return typer.main.get_command(app)


def parse_command(words: list[str]) -> None:
    """Raise what the command line itself raises for these words, without running anything."""
    command: Any = whole_command()
    context = command.context_class(command, info_name="trainload")
    rest = repeat_options(words)
    while hasattr(command, "get_command") and rest and not rest[0].startswith("-"):
        below = command.get_command(context, rest[0])
        assert below is not None, f"no such command: {rest[0]}"
        command, context = below, type(context)(below, info_name=rest.pop(0), parent=context)
    if not {"--help", "--version"} & set(rest):
        command.parse_args(context, rest)


@pytest.mark.parametrize("page", [p for p in PAGES if commands_of(p)], ids=identify)
def test_every_command_shown_exists(page: Path) -> None:
    """Proves: each line after a $ is accepted by the program it names: command, options, paths, variants, files.

    If broken: a reader's first line answers "no such option".
    """
    targets = set(re.findall(r"(?m)^([a-z-]+):", read(ROOT / "Makefile")))
    titled = {title for language in ("yaml", "python", "bash") for title, _ in blocks_of(page, language)}
    for words in commands_of(page):
        program, *rest = words
        if program == "trainload":
            parse_command(rest)
            if len(rest) > 1 and rest[1] in list_bundled():
                sets = [rest[i + 1] for i, word in enumerate(rest) if word == "--set"]
                variant = rest[rest.index("--variant") + 1] if "--variant" in rest else None
                read_scenario(rest[1], sets, variant=variant)
        elif program == "make":
            assert set(rest) <= targets, words
        elif program == "python":
            assert rest[0] in titled or (ROOT / rest[0]).is_file(), words
        else:
            assert program in OTHER_PROGRAMS, words


@pytest.mark.parametrize("page", BY_HAND, ids=identify)
def test_commands_in_the_text_exist(page: Path) -> None:
    """Proves: `trainload run --quick` in a sentence names a command and options that exist."""
    for text in re.findall(r"`trainload ([a-z][^`]*)`", read(page)):
        name, *rest = text.split()
        command = whole_command().commands.get(name)
        assert command is not None, text
        if hasattr(command, "commands"):
            continue
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= known, text


@pytest.mark.parametrize("page", [p for p in PAGES if any(t for t, _ in blocks_of(p, "yaml"))], ids=identify)
def test_the_scenarios_shown_are_valid(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: a page followed line by line works: its files are written, its scripts run, its quick commands pass.

    If broken: a field was renamed and the page still shows the old one.
    """
    monkeypatch.chdir(tmp_path)
    for title, text in blocks_of(page, "yaml"):
        assert len([line for line in text.splitlines() if line.strip()]) > 5
        Path(title).write_text(text, encoding="utf-8")
    scripts = {title: text for title, text in blocks_of(page, "python") if title}
    tried = 0
    for program, *rest in commands_of(page):
        if program == "python" and rest[0] in scripts:
            exec(compile(scripts[rest[0]], rest[0], "exec"), {})
        elif program == "trainload" and rest[0] in QUICK:
            result = CliRunner().invoke(app, rest)
            assert result.exit_code == 0, f"{rest}: {result.output}"
            tried += 1
    assert tried


def test_readers_are_told_of_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proves: the tutorial's mistake gives the tutorial's answer: line and suggestion, exit code 2."""
    monkeypatch.chdir(tmp_path)
    [(name, text)] = blocks_of(DOCS / "tutorial.md", "yaml")
    Path(name).write_text(text.replace("horizon_years", "horizon_yeers"), encoding="utf-8")
    result = CliRunner().invoke(app, ["check", name])
    assert result.exit_code == 2
    assert "line 4" in result.output
    assert "horizon_years" in result.output


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", read(page)))
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=identify)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Proves: each file and heading linked from a page is there."""
    text = re.sub(r"(?ms)^```.*?^```$", "", read(page))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith(("mailto:", "#trainload")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target), link


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r"[\w/-]+\.md", read(ROOT / "mkdocs.yml"))
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


@pytest.fixture(scope="module")
def document() -> Iterator[Any]:
    """The script that writes the generated pages."""
    sys.path.insert(0, str(ROOT / "tools"))
    yield importlib.import_module("document")
    sys.path.remove(str(ROOT / "tools"))
    for name in [name for name in sys.modules if name.split("_")[0] == "document"]:
        del sys.modules[name]


def test_generated_pages_are_fresh(document: Any) -> None:
    """Proves: `python tools/document.py` would change nothing. If broken: the reference describes older code."""
    assert document.find_stale(document.make_pages()) == []


def test_the_formulation_names_what_a_plan_pays(document: Any, small_study: Path) -> None:
    """Proves: reading the families' code finds every term of a real ledger, with its group.

    If broken: a cost that a helper function enters is missing from the page.
    """
    stated = set(re.findall(r"(?m)^\| `(\w+)` \| (cash|shadow) \| \[", document.write_formulation()))
    ledger = load_study(small_study).tables["ledger"]
    assert set(zip(ledger.term, ledger.group, strict=True)) <= stated
    assert {"capital", "fuel", "rent", "settlement", "demand_charge", "co2_slack"} <= {term for term, _ in stated}


def test_every_public_module_has_its_place(document: Any) -> None:
    """Proves: API pages are found, not listed: each module has one directive, on its package's page."""
    pages = document.write_api_pages()
    directives = re.findall(r"(?m)^::: (\S+)$", "".join(pages.values()))
    modules = document.list_modules()
    assert sorted(directives) == [name for name, path in modules.items() if path.name != "__init__.py"]
    assert len(pages) == len(modules) - len(directives)


@pytest.fixture(scope="module")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of the examples' small campus, made by the example that plans it."""
    folder = tmp_path_factory.mktemp("docs") / "small-campus"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["plan", str(folder)])
        runpy.run_path(str(ROOT / "examples" / "plan_of_a_small_campus.py"))
    return folder


def run_example(name: str, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_titled_by_a_question(path: Path) -> None:
    lines = read(path).splitlines()
    assert len(lines) <= 60
    assert lines[0].startswith('"""')
    assert lines[0].endswith("?")


def test_examples_are_all_run() -> None:
    run = {"plan_of_a_small_campus", *re.findall(r'run_example\("(\w+)"', read(Path(__file__)))}
    assert run == {path.stem for path in EXAMPLES}


def test_example_of_a_published_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: the published energy of the run is that of its chips' TDP, to 1 MWh. If broken: definitions mix."""
    run_example("demand_of_a_published_run")
    out = capsys.readouterr().out
    assert "published, counting chip_tdp: 21,588 MWh" in out
    assert re.search(r"chip_tdp .* 11\.5 MW +21,588 MWh", out)


def test_example_of_odds(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: odds of a record never fall with the year, and a campus is at least as likely as a run."""
    run_example("odds_of_a_gigawatt")
    out = capsys.readouterr().out
    run, campus = (re.findall(r"trainload: +(\d+)%", part) for part in out.split("largest_campus")[:2])
    assert len(run) == len(campus) > 3
    assert [int(v) for v in run] == sorted(int(v) for v in run)
    assert all(int(a) >= int(b) for a, b in zip(campus, run, strict=True))


def test_example_of_a_balance(small_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: the balance that the page states holds, with pandas alone. If broken: charged energy is lost."""
    run_example("balance_of_a_study", str(small_study))
    out = capsys.readouterr().out
    assert float(re.search(r"use\| (\S+) MW", out)[1]) < 1e-6  # type: ignore[index]
    paid, objective = re.findall(r"([\d,]+) USD\b(?!/)", out)
    assert paid == objective


def test_example_of_a_small_plan(small_study: Path) -> None:
    """Proves: the own option is ordered and arrives six months after its order. If broken: `like` drops a field."""
    orders = load_study(small_study).tables["orders"].set_index("option")
    assert orders.loc["quick_cells", "mw"] == pytest.approx(40, abs=0.01)
    assert orders.loc["quick_cells", "arrive_p50_on"][:7] == "2027-10"
    assert orders.loc["quick_cells", "order_on"][:7] in ("2027-03", "2027-04")


def test_example_of_an_arrival(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: transformers in stock bring the substation forward, and firm service by less."""
    run_example("arrival_of_a_transformer")
    days = re.findall(r"(substation|grid_firm) +P50 (\S+)", capsys.readouterr().out)
    before, after = dict(days[:2]), dict(days[2:])
    assert after["substation"] < before["substation"]
    assert after["grid_firm"] < before["grid_firm"]


def test_example_of_a_power_cap(capsys: pytest.CaptureFixture[str]) -> None:
    """Proves: each further share of load that is shed costs more compute."""
    run_example("compute_under_a_power_cap")
    lost = [float(v) for v in re.findall(r"(?m)% +[\d.]+% +([\d.]+)$", capsys.readouterr().out)]
    assert len(lost) == 8
    assert lost == sorted(lost)


@pytest.mark.parametrize("page", ["how-to/read-a-study.md", "how-to/compare-variants.md"])
def test_the_snippets_read_a_study(
    page: str, small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Proves: the pages' pandas lines run as they stand. If broken: a column was renamed."""
    monkeypatch.chdir(tmp_path)
    for name in ("gigawatt", "variants", "variants-dear-gas"):
        shutil.copytree(small_study, tmp_path / "studies" / name)
    names: dict[str, Any] = {}
    for _, text in blocks_of(DOCS / page, "python"):
        exec(compile(text, page, "exec"), names)
    shown = capsys.readouterr().out
    assert "quick_cells" in shown or "variants-dear-gas" in shown


def test_the_table_of_powers_is_the_engines() -> None:
    """Proves: the eight definitions on the page are what the engine computes for that run."""
    catalogue = load_catalogue()
    [record] = [run for run in catalogue.runs if run.name == "Llama 3.1-405B"]
    powers = tabulate_powers(estimate_training_run(record, catalogue)).set_index("definition")
    rows = re.findall(r"(?m)^\| `(\w+)` \| .* \| ([\d,]+) \| ([\d.]+) \|$", read(DOCS / "explanation" / "power.md"))
    assert {name for name, _, _ in rows} == set(powers.index)
    for name, watts, megawatts in rows:
        assert float(watts.replace(",", "")) == pytest.approx(powers.loc[name, "power_w"], abs=0.5)
        assert float(megawatts) == pytest.approx(powers.loc[name, "power_mw"], abs=0.05)


def test_the_prices_of_missing_power_are_the_defaults() -> None:
    scenario = load_scenario("gigawatt").scenario
    prices = price_idle_compute(scenario, load_catalogue(scenario.as_of), it_share_frac=0.8)
    text = read(DOCS / "explanation" / "missing-power.md")
    assert f"about {prices.programme_usd_per_mwh:.0f} USD per MWh" in text
    assert f"about {prices.idle_chip_usd_per_mwh:.0f} USD per MWh" in text
    assert f"about {prices.programme_usd_per_mwh * HOURS_PER_YEAR / 1e6:.1f} billion USD per GW-year" in text


def test_the_lock_of_the_docs_is_fresh() -> None:
    """Proves: `make docs` installs what pyproject asks for, with hashes and without a host."""
    project = tomllib.loads(read(ROOT / "pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables>=0.5"]
    wanted += project["dependency-groups"]["docs"]
    digest = hashlib.sha256("\n".join([project["project"]["requires-python"], *sorted(wanted)]).encode()).hexdigest()
    text = read(ROOT / "requirements-docs.txt")
    assert text.splitlines()[0] == f"# dependencies sha256: {digest}", "run `make lock`"
    assert "zensical==" in text
    assert "://" not in text

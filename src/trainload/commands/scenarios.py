"""`trainload new` and `trainload check`, and how every command reads its scenario."""

import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from trainload.commands.screen import print_json, print_notes, print_table
from trainload.errors import Problem, ScenarioError, TrainloadError
from trainload.scenario.file import LoadedScenario, list_bundled, load_scenario
from trainload.scenario.models import Scenario
from trainload.scenario.template import write_template
from trainload.scenario.yaml_tree import parse_value


def read_scenario(name: str, sets: Sequence[str], *, variant: str | None) -> LoadedScenario:
    """Load a scenario with the values of ``--set PATH=VALUE`` applied.

    Raises:
        ScenarioError: a --set that is not PATH=VALUE, or anything wrong with the scenario.
    """
    patches: list[tuple[str, object]] = []
    problems = []
    for text in sets:
        path, sign, value = text.partition("=")
        if not sign or not path.strip():
            fix = "give a path and a value, e.g. --set options.ccgt.max_mw=500"
            problems.append(Problem(f"--set {text[:60]}", "must be PATH=VALUE", fix=fix))
            continue
        try:
            patches.append((path.strip(), parse_value(value)))
        except ValueError as error:
            problems.append(
                Problem(f"--set {path}", f"not a YAML value: {error}", repr(value[:60]), "put it in quotes")
            )
    if problems:
        raise ScenarioError(f"scenario {name}", *problems)
    return load_scenario(name, patches=patches, variant=variant)


def write_new(name: str) -> None:
    """Write ./NAME.yaml, whole or not at all, and never over a file that is there."""
    name = name.removesuffix(".yaml")
    text = write_template(name, as_of=date.today())
    if name in list_bundled():
        raise ScenarioError(
            f"new scenario {name}", Problem("", "a bundled scenario has this name", fix="choose another")
        )
    target = Path(f"{name}.yaml")
    scratch = Path(f".{name}.yaml.writing-{os.getpid()}")
    try:
        scratch.write_text(text, encoding="utf-8")
        os.link(scratch, target)  # fails where the target exists, without a moment in between
    except FileExistsError:
        raise ScenarioError(
            f"new scenario {name}", Problem(str(target), "is already there", fix="choose another name, or remove it")
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ScenarioError(f"new scenario {name}", Problem(str(target), "can't be written", reason)) from error
    finally:
        scratch.unlink(missing_ok=True)
    print(f"Wrote {target}. Change it, then: trainload check {target} && trainload run {target}")


def try_stages(loaded: LoadedScenario) -> None:
    """Run the stages that only read: options and gates, an own weather file or file of runs, stated demand.

    Raises:
        ScenarioError: what they can't use, all stages together; a run would stop there as well.
    """
    # `new` and the reading of scenarios do without them
    from trainload.catalogue.facts import load_catalogue  # noqa: PLC0415
    from trainload.demand.demand import estimate_demand  # noqa: PLC0415
    from trainload.forecast.runs import import_runs  # noqa: PLC0415
    from trainload.supply.schedule import check_graphs  # noqa: PLC0415
    from trainload.supply.supply import build_supply  # noqa: PLC0415

    scenario = loaded.scenario
    catalogue = load_catalogue(scenario.as_of)
    folder = Path(scenario.folder or ".")
    stages: list[Callable[[], object]] = [lambda: check_graphs(build_supply(scenario, catalogue))]
    if scenario.site.weather_file is not None:
        from trainload.profiles.weather import read_weather  # noqa: PLC0415

        weather = folder / scenario.site.weather_file
        stages.append(lambda: read_weather(weather))
    if scenario.forecast.runs is not None:
        runs = folder / scenario.forecast.runs
        stages.append(lambda: import_runs(runs))
    if states_demand(scenario):
        stages.append(lambda: estimate_demand(scenario, catalogue))
    problems: list[Problem] = []
    for stage in stages:
        try:
            stage()
        except TrainloadError as error:
            problems += [Problem(f"{error.subject}  {p.where}".rstrip(), p.what, p.got, p.fix) for p in error.problems]
    if problems:
        raise ScenarioError(f"scenario {loaded.path.name}", *problems)


def states_demand(scenario: Scenario) -> bool:
    """Return whether the scenario itself says what each generation asks for, so that no forecast is needed."""
    generations = scenario.programme.generations.values()
    return bool(generations) and all(g.flop is not None or g.facility_peak_mw is not None for g in generations)


def check_file(scenario: str, sets: Sequence[str], *, variant: str | None, show_defaults: bool, as_json: bool) -> None:
    """Print that a scenario is valid, with its notes and defaults; problems are raised."""
    loaded = read_scenario(scenario, sets, variant=variant)
    found = loaded.scenario
    try_stages(loaded)
    if as_json:
        print_json(
            {
                "valid": True,
                "name": found.name,
                "scenario": found.model_dump(mode="json", exclude_unset=True),
                "defaults": loaded.defaults,
                "notes": loaded.notes,
            }
        )
        return
    n_generations = len(found.programme.generations)
    print(
        f"{loaded.path.name} is valid: {found.name}, as of {found.as_of}, orders from {found.first_order_on} "
        f"over {found.horizon_years} years, {n_generations} generation{'' if n_generations == 1 else 's'}."
    )
    print_notes(loaded.notes)
    if show_defaults:
        rows = [
            {"path": d.path, "value": d.note if d.value is None else str(d.value), "unit": d.unit}
            for d in loaded.defaults
        ]
        print_table(rows, {"path": "left out", "value": "default", "unit": "unit"})
    else:
        print(f"  {len(loaded.defaults)} values are left out and take defaults; --defaults lists them.")

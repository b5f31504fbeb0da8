"""Scenario files: read, patch, check, list what was defaulted, write, and the JSON Schema for editors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML

from trainload.errors import Note, Problem, ScenarioError
from trainload.scenario.check import Where, check_scenario
from trainload.scenario.models import Scenario
from trainload.scenario.patch import KeyPath, describe_validation, resolve_path, set_value, suggest
from trainload.scenario.yaml_tree import YamlTree, parse_yaml, read_yaml
from trainload.units import unit_of

SUFFIXES = (".yaml", ".yml")
MAX_SHOWN = 100  # problems named one by one
_MAX_PRUNINGS = 5
_CATALOGUED = (("options",), ("gates",), ("chips",))  # what they leave out, supply and demand list with its figure


@dataclass(frozen=True, slots=True)
class Default:
    """One value that the file does not give.

    Attributes:
        path: dotted path.
        value: the default; None where a later stage takes it from the catalogue or derives it.
        unit: unit of the value, empty where it has none.
        note: where the value comes from if it is None.
    """

    path: str
    value: Any
    unit: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A valid scenario and what a reader must know of how it came about.

    Attributes:
        path: the file; for a bundled scenario, inside the package.
        patches: the dotted paths set by the variant and by the caller, in order.
    """

    scenario: Scenario
    defaults: tuple[Default, ...]
    path: Path
    notes: tuple[Note, ...]
    variant: str | None = None
    patches: tuple[tuple[str, object], ...] = ()


def list_bundled() -> tuple[str, ...]:
    """Return the names of the scenarios that come with the package."""
    folder = resources.files("trainload") / "data" / "studies"
    return tuple(sorted(Path(item.name).stem for item in folder.iterdir() if item.name.endswith(SUFFIXES)))


def find_scenario(path_or_name: str | Path) -> Path:
    """Return the file of a path or of a bundled scenario's name; a file of that name in the way wins only by its path.

    Raises:
        ScenarioError: neither a bundled name nor an existing path; says which was meant.
    """
    text = str(path_or_name)
    bundled = list_bundled()
    if text in bundled:
        return Path(str(resources.files("trainload") / "data" / "studies" / f"{text}.yaml"))
    path = Path(path_or_name)
    try:
        found = path.exists()
    except (OSError, ValueError) as error:  # a name too long, or with a zero byte
        problem = Problem("", "this can't be the name of a file", str(error)[:60])
        raise ScenarioError(f"scenario {text[:80]!r}", problem) from error
    if found:
        return path
    if path.suffix not in SUFFIXES and path.with_name(path.name + ".yaml").is_file():
        return path.with_name(path.name + ".yaml")
    near = [*bundled, *(item.name for item in _siblings(path))]
    guess = suggest(path.name, near) if path.suffix in SUFFIXES or path.parent == Path() else ""
    fix = guess if guess.startswith("did") else f"give a file, or a bundled scenario: {', '.join(bundled)}"
    raise ScenarioError(f"scenario {text}", Problem("", "there is no such file or bundled scenario", "", fix))


def load_scenario(
    path_or_name: str | Path,
    *,
    patches: Sequence[tuple[str, object]] = (),
    variant: str | None = None,
) -> LoadedScenario:
    """Read a scenario file, apply a named variant and then the patches, and check all of it.

    Args:
        path_or_name: a YAML file, or the name of a bundled scenario.
        patches: (dotted path, value) pairs, as from ``--set``; they win over the variant.
        variant: name of an entry of the file's `variants`.

    Raises:
        ScenarioError: everything that is wrong, at once, with lines.
        DataError: a series file that can't be used, where it is the only thing wrong.
    """
    path = find_scenario(path_or_name)
    subject = f"scenario {path.name}"
    return _load_tree(read_yaml(path, subject=subject), path, patches=patches, variant=variant)


def read_scenario_text(text: str, *, folder: Path | None = None) -> Scenario:
    """Return the scenario of a YAML text, checked in full.

    Raises:
        ScenarioError: everything that is wrong, at once, with lines.
    """
    path = (folder or Path()) / "scenario.yaml"
    return _load_tree(parse_yaml(text, subject="scenario"), path, patches=(), variant=None).scenario


def dump_scenario(scenario: Scenario) -> str:
    """Return the YAML text of what the scenario sets; reading it again gives an equal scenario."""
    out = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # keep the order of fields
    yaml.allow_unicode = True
    yaml.dump(_plain(scenario.model_dump(exclude_unset=True)), out)
    return out.getvalue()


def write_schema() -> str:
    """Return the JSON Schema of scenario files, for editors that complete and check YAML."""
    schema = Scenario.model_json_schema()
    schema["properties"].pop("folder", None)
    schema.update({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "trainload scenario"})
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def list_defaults(scenario: Scenario) -> tuple[Default, ...]:
    """Return every field that the scenario does not set, with the value it takes."""
    return tuple(_defaults_of(scenario, ()))


def _load_tree(
    tree: YamlTree, path: Path, *, patches: Sequence[tuple[str, object]], variant: str | None
) -> LoadedScenario:
    subject = f"scenario {path.name}"
    origins: dict[KeyPath, str] = {}
    problems = list(tree.problems)
    data = tree.data
    chosen = _variant_patches(tree, variant, problems)
    for source, (dotted, value) in [
        *((f"line {tree.line_of(('variants', str(variant), d))}", (d, v)) for d, v in chosen),
        *((f"--set {d}", (d, v)) for d, v in patches),
    ]:
        try:
            keys = resolve_path(dotted, data)
        except ScenarioError as error:
            problems += [Problem(source, f"{dotted}: {p.what}", p.got, p.fix) for p in error.problems]
            continue
        data = set_value(data, keys, value)
        origins[keys] = source

    def where(keys: KeyPath) -> str:
        for length in range(len(keys), 0, -1):
            if keys[:length] in origins:
                return origins[keys[:length]]
        return f"line {tree.line_of(keys)}"

    scenario, found = _validate(data, path.parent, where, broken=tree.broken)
    problems += found
    notes: tuple[Note, ...] = ()
    if scenario is not None:
        checked = check_scenario(scenario, data, where=where)
        notes = checked.notes
        problems += checked.problems
        if not problems:
            problems += _variant_problems(scenario, data, path.parent, tree, skip=variant)
    if problems or scenario is None:
        problems = _sorted(problems)
        if len(problems) > MAX_SHOWN:
            rest = len(problems) - MAX_SHOWN
            problems = [*problems[:MAX_SHOWN], Problem("", f"and {rest:,} more problems")]
        raise ScenarioError(subject, *problems)
    return LoadedScenario(
        scenario=scenario,
        defaults=list_defaults(scenario),
        path=path,
        notes=notes,
        variant=variant,
        patches=(*chosen, *patches),
    )


def _variant_patches(tree: YamlTree, variant: str | None, problems: list[Problem]) -> tuple[tuple[str, object], ...]:
    if variant is None:
        return ()
    variants = tree.data.get("variants")
    known = list(variants) if isinstance(variants, Mapping) else []
    if variant not in known:
        what = f"there is no variant {variant!r}"
        problems.append(Problem("--variant", what, fix=suggest(variant, known) or "the file names no variants"))
        return ()
    chosen = tree.data["variants"][variant]
    return tuple(chosen.items()) if isinstance(chosen, Mapping) else ()


def _validate(
    data: Mapping[str, Any], folder: Path, where: Where, *, broken: Sequence[KeyPath] = ()
) -> tuple[Scenario | None, list[Problem]]:
    """Return the scenario and the problems of its fields.

    Fields in error are taken out and the rest is validated again, so that the checks of meaning can run on what is
    left and everything wrong is reported at once; such a scenario is never returned to a caller.
    """
    problems: list[Problem] = []
    rest: Mapping[str, Any] = data
    for path in broken:
        rest = _pruned(rest, path, "")
    for attempt in range(_MAX_PRUNINGS):
        try:
            return Scenario.model_validate({**rest, "folder": folder}), problems
        except ValidationError as error:
            items = error.errors(include_url=False)
            if items[0]["type"] == "scenario_dates":
                # dates are compared once all fields are valid; beside an as_of that was made up they mean nothing
                if rest.get("as_of") == data.get("as_of"):
                    problems += describe_validation(error, where)
                for dotted, *_ in items[0]["ctx"]["problems"]:
                    keys = resolve_path(dotted, rest)
                    rest = set_value(rest, keys, rest["as_of"])
                continue
            if attempt == 0:
                problems += describe_validation(error, where)
            for item in items:
                rest = _pruned(rest, tuple(part for part in item["loc"] if part != "[key]"), str(item["type"]))
    return None, problems


def _pruned(data: Any, loc: tuple[int | str, ...], kind: str) -> Any:
    """Return plain data without the value at loc; what is missing at the top is filled so that checking can go on."""
    if not loc:
        return {}
    if len(loc) == 1 and kind == "missing":
        return {**data, loc[0]: date(2026, 1, 1) if loc[0] == "as_of" else "unnamed"}
    if len(loc) == 2 and kind == "missing":
        return _pruned(data, loc[:1], "")
    key, rest = loc[0], loc[1:]
    if isinstance(data, Mapping):
        if key not in data:
            return data
        if len(loc) == 1:
            if key in ("name", "as_of"):
                return _pruned(data, loc, "missing")
            return {name: value for name, value in data.items() if name != key}
        if kind == "missing" and len(rest) == 1:
            return {name: value for name, value in data.items() if name != key}
        return {**data, key: _pruned(data[key], rest, kind)}
    if isinstance(data, list):
        return [value for i, value in enumerate(data) if i != key]
    return data


def _variant_problems(
    scenario: Scenario, data: Mapping[str, Any], folder: Path, tree: YamlTree, *, skip: str | None
) -> Iterator[Problem]:
    """Yield what is wrong with each variant that was not chosen, each tried on the file's own scenario."""
    for name, patches in scenario.variants.items():
        if name == skip:
            continue
        patched: Mapping[str, Any] = data
        touched: dict[KeyPath, str] = {}
        broken = False
        for dotted, value in patches.items():
            line = f"line {tree.line_of(('variants', name, dotted))}"
            try:
                keys = resolve_path(dotted, patched)
            except ScenarioError as error:
                broken = True
                yield from (Problem(line, f"variants.{name}: {p.what}", p.got, p.fix) for p in error.problems)
                continue
            patched = set_value(patched, keys, value)
            touched[keys] = line
        if broken:
            continue
        here = f"line {tree.line_of(('variants', name))}"

        def where(keys: KeyPath, touched: dict[KeyPath, str] = touched, here: str = here) -> str:
            for length in range(len(keys), 0, -1):
                if keys[:length] in touched:
                    return touched[keys[:length]]
            return here

        changed, found = _validate(patched, folder, where)
        if changed is not None:
            found = [*found, *check_scenario(changed, patched, where=where).problems]
        yield from (Problem(p.where, f"variant {name}: {p.what}", p.got, p.fix) for p in found)


def _sorted(problems: Sequence[Problem]) -> list[Problem]:
    def line(problem: Problem) -> tuple[int, str]:
        words = problem.where.replace(",", "").split()
        return (int(words[1]) if len(words) > 1 and words[0] == "line" and words[1].isdigit() else 10**9, problem.where)

    unique = dict.fromkeys(problems)
    return sorted(unique, key=line)


def _siblings(path: Path) -> list[Path]:
    try:
        return sorted(item for item in path.parent.iterdir() if item.suffix in SUFFIXES)[:200]
    except OSError:
        return []


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _defaults_of(model: BaseModel, path: KeyPath) -> Iterator[Default]:
    for name, field in type(model).model_fields.items():
        if name == "folder":
            continue
        value = getattr(model, name)
        here = (*path, name)
        if isinstance(value, BaseModel):
            yield from _defaults_of(value, here)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                if isinstance(item, BaseModel):
                    yield from _defaults_of(item, (*here, key))
        elif name not in model.model_fields_set and not (value is None and path[:1] in _CATALOGUED):
            unit = unit_of(name) or ""
            yield Default(".".join(here), value, unit, _default_note(value, field.description or "", path))


def _default_note(value: Any, description: str, path: KeyPath) -> str:
    if value is not None:
        return ""
    if "default: " in description:
        return description.split("default: ", 1)[1]
    return "the catalogue's value" if path == ("money",) else "not set"

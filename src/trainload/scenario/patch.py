"""One way to change a scenario: dotted path -> value. `--set`, variants, sensitivities and draws all use it.

A path names fields and the keys of named entries, never list indexes: ``options.ccgt.capex_usd_per_mw``. A key that
holds dots itself is matched whole (``programme.generations.GPT-4.5.wanted_on``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from trainload.errors import Problem, ScenarioError
from trainload.scenario.models import Scenario
from trainload.units import unit_of

KeyPath = tuple[str, ...]


def resolve_path(path: str, data: Mapping[str, Any]) -> KeyPath:
    """Return the keys of a dotted path into a scenario; named entries may be new, fields must exist.

    Args:
        path: dotted path, such as ``options.ccgt.max_mw``.
        data: the scenario as plain data, whose keys are tried first where a key may hold dots.

    Raises:
        ScenarioError: no such field; says which was meant.
    """
    subject = f"path {path!r}"
    rest = path.split(".") if path else []
    if not rest or not all(rest):
        raise ScenarioError(subject, Problem("", "must be names joined by dots", fix="e.g. options.ccgt.max_mw"))
    keys: list[str] = []
    kind: Any = Scenario
    here: Any = data
    while rest:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            name = rest.pop(0)
            fields = [field for field in kind.model_fields if field != "folder"]
            if name not in fields:
                where = ".".join(keys) or "the scenario"
                raise ScenarioError(subject, Problem("", f"{where} has no field {name!r}", fix=suggest(name, fields)))
            kind = inner_kind(kind.model_fields[name].annotation)
        elif get_origin(kind) is dict:
            name = _take_key(rest, here)
            kind = inner_kind(get_args(kind)[1])
        elif kind is Any:
            name = rest.pop(0)
        else:
            raise ScenarioError(subject, Problem("", f"{'.'.join(keys)} is a single value and has no fields"))
        keys.append(name)
        here = here.get(name) if isinstance(here, Mapping) else None
    return tuple(keys)


def set_value(data: Mapping[str, Any], path: KeyPath, value: Any) -> dict[str, Any]:
    """Return a copy of plain data with the value at the path; levels that are not there are added."""
    key, rest = path[0], path[1:]
    if not rest:
        return {**data, key: value}
    inner = data.get(key)
    return {**data, key: set_value(inner if isinstance(inner, Mapping) else {}, rest, value)}


def get_value(scenario: Scenario, path: str) -> Any:
    """Return the scenario's value at a dotted path.

    Raises:
        ScenarioError: no such field or entry.
    """
    keys = resolve_path(path, scenario.model_dump())
    here: Any = scenario
    for i, key in enumerate(keys):
        inner = here.get(key) if isinstance(here, Mapping) else getattr(here, key, None)
        if inner is None and i < len(keys) - 1:
            known = list(here) if isinstance(here, Mapping) else []
            what = f"{'.'.join(keys[: i + 1])} is not given in this scenario"
            raise ScenarioError(f"path {path!r}", Problem("", what, fix=suggest(key, known)))
        here = inner
    return here


def patch_scenario(scenario: Scenario, patches: Sequence[tuple[str, object]]) -> Scenario:
    """Return the scenario with each path set to its value, in order, validated anew.

    Raises:
        ScenarioError: an unknown path, or a value that its field refuses; all at once.
    """
    data = scenario.model_dump(exclude_unset=True)
    problems: list[Problem] = []
    for path, value in patches:
        try:
            data = set_value(data, resolve_path(path, data), value)
        except ScenarioError as error:
            problems += [Problem(error.subject, p.what, p.got, p.fix) for p in error.problems]
    if problems:
        raise ScenarioError(f"scenario {scenario.name}", *problems)
    try:
        return Scenario.model_validate({**data, "folder": scenario.folder})
    except ValidationError as error:
        raise ScenarioError(f"scenario {scenario.name}", *describe_validation(error)) from error


def inner_kind(annotation: Any) -> Any:
    """Return what an annotation holds, without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return inner_kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        inner = [kind for kind in get_args(annotation) if kind is not type(None)]
        return inner_kind(inner[0]) if len(inner) == 1 else annotation
    return annotation


def suggest(name: str, known: Collection[str]) -> str:
    """Return "did you mean X?" for the nearest known names, or the list of them where it is short, or nothing."""
    lower = {choice.lower(): choice for choice in known}
    near = get_close_matches(name.lower(), lower, n=2, cutoff=0.6)
    if not near:
        stem = name.lower()
        near = [choice for choice in lower if len(stem) > 2 and (choice.startswith(stem) or stem in choice.split("_"))][
            :2
        ]
    if near:
        return f"did you mean {' or '.join(lower[choice] for choice in near)}?"
    if 0 < len(known) <= 12:
        return f"choose from {', '.join(sorted(known))}"
    return ""


def describe_validation(error: ValidationError, where: Callable[[KeyPath], str] = lambda _: "") -> list[Problem]:
    """Return pydantic's errors in the house's form: where, what, got, fix.

    Args:
        error: raised by validating a `Scenario`.
        where: gives the place of a path, such as ``line 14``; the path itself is always named.
    """
    problems: list[Problem] = []
    for item in error.errors(include_url=False):
        path = tuple(str(part) for part in item["loc"] if part != "[key]")
        if item["type"] == "scenario_dates":
            for dotted, what, got, fix in item["ctx"]["problems"]:
                keys = tuple(dotted.split("."))
                problems.append(Problem(where(keys), f"{dotted}: {what}", got, fix))
            continue
        what, got, fix = _described(item, path)
        problems.append(Problem(where(path), f"{'.'.join(path)}: {what}" if path else what, got, fix))
    return problems


def _take_key(rest: list[str], here: Any) -> str:
    known = here if isinstance(here, Mapping) else {}
    for length in range(len(rest), 0, -1):
        name = ".".join(rest[:length])
        if name in known or length == 1:
            del rest[:length]
            return name
    raise AssertionError("a path has at least one key")


def _described(item: Any, path: KeyPath) -> tuple[str, str, str]:
    kind, context = str(item["type"]), item.get("ctx", {})
    name = path[-1] if path else ""
    got = shown(item["input"])
    if kind == "extra_forbidden":
        model = _model_at(path[:-1])
        known = [field for field in model.model_fields if field != "folder"] if model else []
        return "no such field", "", suggest(name, known)
    if kind == "missing":
        return "is required", "", _unit_hint(name)
    if kind == "literal_error":
        choices = _choices_at(path)
        text = f"must be one of {', '.join(choices)}"
        guess = suggest(str(item["input"]), choices)
        return text, got, guess if guess.startswith("did") else ""
    bounds = {
        "greater_than": ("gt", "more than"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "less than"),
        "less_than_equal": ("le", "at most"),
    }
    if kind in bounds:
        key, words = bounds[kind]
        fix = "give a fraction, e.g. 0.40 for 40 %" if name.endswith("_frac") else ""
        bound = context[key]
        text = f"{bound:g}" if isinstance(bound, int | float) else str(bound)
        return f"must be {words} {text}{_unit_suffix(name)}", got, fix
    if kind in ("float_type", "float_parsing", "int_type", "int_parsing", "int_from_float"):
        whole = "a whole number" if kind.startswith("int") else "a number"
        return f"must be {whole}{_unit_suffix(name)}", got, _number_fix(item["input"])
    if kind == "finite_number":
        return f"must be a finite number{_unit_suffix(name)}", got, ""
    if kind == "bool_type":
        return "must be true or false", got, ""
    if kind == "string_type":
        return "must be text", got, "put it in quotes" if isinstance(item["input"], int | float) else ""
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        known = [field for field in model.model_fields if field != "folder"] if (model := _model_at(path)) else []
        fields = f"its fields: {', '.join(known[:6])}{' ...' if len(known) > 6 else ''}" if known else ""
        fix = "leave the heading out, or give something under it" if item["input"] is None else fields
        return "must be `key: value` lines", got, fix
    if kind == "list_type":
        return "must be a list", got, "write it as [a, b]"
    if kind == "string_pattern_mismatch":
        return "a name must start with a letter and hold letters, digits, `_`, `.` and `-` only", got, ""
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters", got, ""
    message = str(item["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return message, "", ""
    return message[0].lower() + message[1:], got, ""


def shown(value: Any) -> str:
    """Return a value as an error shows it: short, and in quotes where it is text."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _unit_suffix(name: str) -> str:
    unit = unit_of(name)
    return "" if unit in (None, "count", "date", "fraction") else f" ({unit})"


def _unit_hint(name: str) -> str:
    if name in ("as_of",) or name.endswith("_on"):
        return "give a date, e.g. 2027-01-01"
    unit = _unit_suffix(name).strip(" ()")
    return f"in {unit}" if unit else ""


def _number_fix(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if any(character.isdigit() for character in value):
        return "give the number alone, in the unit that the field names"
    return ""


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    kind = _kind_at(path)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _choices_at(path: KeyPath) -> list[str]:
    kind = _kind_at(path)
    return [str(choice) for choice in get_args(kind)] if get_origin(kind) is Literal else []


def _kind_at(path: KeyPath) -> Any:
    kind: Any = Scenario
    for key in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(key)
            kind = inner_kind(field.annotation) if field else None
        elif get_origin(kind) in (dict, list):
            kind = inner_kind(get_args(kind)[-1])
        else:
            return None
    return kind

"""The scenario that `trainload new` writes, from the models: every field with its unit, range and meaning."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainload.errors import Problem, ScenarioError
from trainload.scenario.models import Scenario
from trainload.scenario.patch import inner_kind
from trainload.scenario.yaml_tree import parse_value
from trainload.units import unit_of

NAME_PATTERN = r"[A-Za-z][A-Za-z0-9_.-]*"
_WIDTH = 118
# values that a new scenario states, so that it answers something at once; everything else stands commented out
_GIVEN: tuple[str, ...] = (
    "name",
    "title",
    "as_of",
    "start_on",
    "horizon_years",
    "site.label",
    "site.latitude_deg",
    "site.longitude_deg",
    "site.utc_offset_hours",
    "site.grid_region",
    "programme.generations.G1.wanted_on",
    "programme.generations.G1.facility_peak_mw",
    "grid.max_mw",
)
# path of a mapping with named entries -> the name of the example entry
_EXAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "programme.generations": "G1",
        "options": "ccgt",
        "options.ccgt.steps": "build",
        "gates": "gas_lateral",
        "gates.gas_lateral.steps": "build",
        "chips": "my_chip",
        "site.availability": "my_wind",
        "delay.tranches": "cap",
        "uncertain": "options.ccgt.capex_usd_per_mw",
        "variants": "dear-gas",
    }
)
# what the example entries show where a field has no default of its own
_SAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "grid.max_mw": "600",
        "programme.generations.G1.facility_peak_mw": "1000",
        "chips.my_chip.like": "gb300",
        "delay.tranches.cap.share_frac": "1.0",
        "delay.tranches.cap.usd_per_mwh": "150",
        "delay.tranches.cap.compute_lost_frac": "0.4",
        "uncertain.options.ccgt.capex_usd_per_mw.low": "2000000",
        "uncertain.options.ccgt.capex_usd_per_mw.mid": "2400000",
        "uncertain.options.ccgt.capex_usd_per_mw.high": "3200000",
    }
)
_SERIES_EXAMPLE = "e.g. {file: hours.csv, column: value, unit: UNIT, time_column: time}"


def write_template(name: str, *, as_of: date) -> str:
    """Return a commented scenario of this name that is valid as it stands.

    A `#` without a blank after it stands before a setting: without the `#` it is valid and keeps its default.

    Args:
        name: of the scenario; letters, digits, `_`, `.` and `-`, starting with a letter.
        as_of: day of the study; orders can be placed from the first day of the next year on.

    Raises:
        ScenarioError: the name can't be used.
    """
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > 60:
        fix = "start with a letter and use at most 60 letters, digits, `_`, `.` and `-`"
        raise ScenarioError(f"new scenario {name[:80]!r}", Problem("", "this name can't be used", fix=fix))
    start_on = date(as_of.year + 1, 1, 1)
    samples = {
        **_SAMPLES,
        "name": name if parse_value(name) == name else f'"{name}"',
        "title": f"The power of {name}",
        "as_of": str(as_of),
        "start_on": str(start_on),
        "programme.generations.G1.wanted_on": str(date(start_on.year + 3, 1, 1)),
    }
    head = [
        "# A trainload scenario: what one campus trains, where it stands, and what power may be ordered for it.",
        "# A # with no blank after it stands before a setting at its default: take it away to set it, headings too.",
        "# null means: from the catalogue, or derived; a run lists every default that it used.",
        "# `trainload check FILE` checks this file, `trainload run FILE` plans it, `trainload catalogue` lists facts.",
        "",
    ]
    return "\n".join([*head, *_write_model(Scenario, (), samples)]) + "\n"


def describe_field(name: str, field: FieldInfo) -> str:
    """Return a field's unit, allowed values and meaning in one line, such as ``MW, >= 0: most that can be ordered``."""
    kind = inner_kind(field.annotation)
    parts = []
    unit = unit_of(name)
    if unit and unit != "date":
        parts.append(unit)
    if name.endswith("_on") or name == "as_of":
        parts.append("YYYY-MM-DD")
    if get_origin(kind) is Literal:
        parts.append(" | ".join(str(choice) for choice in get_args(kind)))
    elif kind is bool:
        parts.append("true | false")
    elif get_origin(kind) is list:
        parts.append("[a, b]")
    elif not (name.endswith("_on") or name == "as_of"):
        parts += _bounds(field)
    facts = ", ".join(part for part in parts if part)
    meaning = field.description or ""
    return ": ".join(part for part in (facts, meaning) if part)


def _write_model(model: type[BaseModel], path: tuple[str, ...], samples: Mapping[str, str]) -> Iterator[str]:
    indent = "  " * len(path)
    for name, field in model.model_fields.items():
        if name == "folder":
            continue
        here = (*path, name)
        dotted = ".".join(here)
        kind = inner_kind(field.annotation)
        mark = "" if any(given == dotted or given.startswith(f"{dotted}.") for given in _GIVEN) else "#"
        if isinstance(kind, type) and issubclass(kind, BaseModel) and not field.is_required():
            if field.get_default() is None:
                yield from _setting(indent, mark, name, "null", f"{field.description}; {_SERIES_EXAMPLE}")
                continue
            if not path:
                yield ""
            yield from _prose(indent, kind.__doc__ or "")
            yield f"{indent}{mark}{name}:"
            yield from _write_model(kind, here, samples)
        elif get_origin(kind) is dict:
            if not path:
                yield ""
            yield from _prose(indent, f"{name}: {field.description or ''}")
            yield from _write_entries(name, get_args(kind)[1], here, mark, samples)
        else:
            if not path and name == "option_set":
                yield ""
            value = samples.get(dotted) or _shown_default(field)
            yield from _setting(indent, mark, name, value, describe_field(name, field))


def _write_entries(
    name: str, entry: Any, here: tuple[str, ...], mark: str, samples: Mapping[str, str]
) -> Iterator[str]:
    indent = "  " * (len(here) - 1)
    dotted = ".".join(here)
    example = _EXAMPLES[dotted]
    if name == "variants":
        yield f"{indent}#{name}:"
        yield f"{indent}  #{example}:  # trainload run FILE --variant {example}"
        yield f"{indent}    #money.gas_usd_per_mmbtu: 8"
        return
    if name == "steps":
        yield f"{indent}#{name}: null"
        text = "e.g. {build: {p10_months: 12, p50_months: 18, p90_months: 30, after: [permit, gate:substation]}, ...}"
        yield f"{indent}# {text}"
        return
    if name == "availability":
        yield f"{indent}#{name}: {{}}"
        yield f"{indent}# {_SERIES_EXAMPLE.replace('{file', example + ': {file').replace('UNIT', 'fraction')}"
        return
    if name == "tranches":
        yield f"{indent}#{name}: null"
        yield f"{indent}# e.g. {example}: {{share_frac: 1.0, usd_per_mwh: 150, compute_lost_frac: 0.4}}"
        return
    yield f"{indent}{mark}{name}:"
    yield f"{indent}  {mark}{example}:"
    yield from _write_model(inner_kind(entry), (*here, example), samples)


def _setting(indent: str, mark: str, name: str, value: str, note: str) -> Iterator[str]:
    line = f"{indent}{mark}{name}: {value}"
    if not note:
        yield line
    elif len(line) + len(note) + 4 <= _WIDTH:
        yield f"{line}  # {note}"
    else:
        yield from _prose(indent, note)
        yield line


def _prose(indent: str, text: str) -> list[str]:
    words = " ".join(text.split())
    return textwrap.wrap(words, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _shown_default(field: FieldInfo) -> str:
    value = None if field.is_required() else field.get_default(call_default_factory=True)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, list):
        return "[]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _bounds(field: FieldInfo) -> list[str]:
    texts = []
    for item in _metadata(field.annotation, field.metadata):
        for kind, sign in ((Ge, ">="), (Gt, ">"), (Le, "<="), (Lt, "<")):
            if isinstance(item, kind):
                texts.append(f"{sign} {_plain_number(getattr(item, kind.__name__.lower()))}")
    texts = list(dict.fromkeys(texts))
    if len(texts) == 2 and {text[:2] for text in texts} == {">=", "<="}:
        low, high = sorted(texts, key=lambda text: text[0], reverse=True)
        return [f"{low[3:]} to {high[3:]}"]
    return texts


def _metadata(annotation: Any, own: list[Any]) -> Iterator[Any]:
    yield from _unfolded(own)
    if get_origin(annotation) is Annotated:
        yield from _unfolded(list(annotation.__metadata__))
        yield from _metadata(get_args(annotation)[0], [])
    else:
        for inner in get_args(annotation):
            if get_origin(inner) is Annotated:
                yield from _metadata(inner, [])


def _unfolded(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, FieldInfo):
            yield from item.metadata
        else:
            yield item


def _plain_number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

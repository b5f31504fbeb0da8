"""Pages of the interfaces: scenario file, study tables, command line and summary.json, from what the code reads."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import typer
from document_text import HEAD, escape, tabulate

from trainload import cli
from trainload.hedge.tables import HEDGE_KEYS
from trainload.scenario.models import Scenario
from trainload.study import assemble
from trainload.tables import COMPRESSED_TABLES, OPEN_TABLES, TABLES, column_kind
from trainload.units import SUFFIXES, unit_of


def describe_allowed(schema: Mapping[str, Any]) -> str:
    """Return the values that a field of the JSON schema may have, in words."""
    kinds = [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]
    return " or ".join(dict.fromkeys(_allowed(kind) for kind in kinds))


def _allowed(kind: Mapping[str, Any]) -> str:
    if "enum" in kind:
        return ", ".join(f"`{choice}`" for choice in kind["enum"])
    if kind.get("format") == "date":
        return "YYYY-MM-DD"
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true`, `false`"}
    if kind.get("type") == "array":
        return f"list of {_allowed(kind.get('items', {}))}"
    text = words.get(kind.get("type", ""), "any value")
    low = f">= {kind['minimum']:g}" if "minimum" in kind else ""
    low = f"> {kind['exclusiveMinimum']:g}" if "exclusiveMinimum" in kind else low
    high = f"<= {kind['maximum']:,.10g}" if "maximum" in kind else ""
    high = f"< {kind['exclusiveMaximum']:g}" if "exclusiveMaximum" in kind else high
    bounds = ", ".join(bound for bound in (low, high) if bound)
    return f"{text} {bounds}".strip()


def find_model(schema: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the model that a field holds, empty for a plain value, and whether it holds many of them by name."""
    for kind in schema.get("anyOf", [schema]):
        if "$ref" in kind:
            return kind["$ref"].rsplit("/", 1)[1], False
        for inner in (kind.get("additionalProperties"), *kind.get("patternProperties", {}).values()):
            if isinstance(inner, Mapping) and "$ref" in inner:
                return inner["$ref"].rsplit("/", 1)[1], True
    return "", False


def list_places(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the paths at which each model of the scenario may stand, the shallowest first; "" is the scenario."""
    places: dict[str, list[str]] = {"": [""]}
    queue = [("", schema)]
    while queue:
        path, found = queue.pop(0)
        for name, field_schema in found["properties"].items():
            inner, many = find_model(field_schema)
            if inner:
                here = f"{path}.{name}".removeprefix(".") + (".NAME" if many else "")
                places.setdefault(inner, []).append(here)
                queue.append((here, schema["$defs"][inner]))
    return places


def write_scenario_reference() -> str:
    """Return the page of everything a scenario file may say, from the models that read it."""
    schema = Scenario.model_json_schema()
    places = list_places(schema)
    parts = [
        HEAD + "# Scenario file\n",
        "A scenario is a YAML file. Only `name` and `as_of` are required. A value that is left out takes its default; "
        "where the default is `null`, a later stage takes the value from the catalogue or derives it, and the study's "
        "`manifest.json` lists each. A key that is not listed here is an error. `trainload new NAME` writes a file "
        "with every field in it, `trainload check FILE --defaults` says what a file leaves out, `trainload schema` "
        "prints the JSON Schema for an editor.\n",
        "There is one unit per quantity: the suffix of the field's name. NAME in a path is a name of your own, or one "
        "of the catalogue.\n",
    ]
    for model, paths in places.items():
        found = schema["$defs"][model] if model else schema
        parts.append(f"## {paths[0] or 'Top level'}\n")
        if model:
            parts.append(f"{' '.join(found.get('description', '').split())}\n")
        if len(paths) > 1:
            parts.append(f"The same fields stand below {', '.join(f'`{path}`' for path in paths[1:])}.\n")
        rows = []
        for name, field_schema in found["properties"].items():
            if name == "folder":  # set by the loader
                continue
            inner, many = find_model(field_schema)
            allowed = describe_allowed(field_schema)
            if inner:
                anchor = re.sub(r"[^a-z0-9_-]", "", places[inner][0].lower())
                allowed = f"[{'by name' if many else 'fields'}](#{anchor})"
            elif field_schema.get("type") == "object":
                allowed = "path: value"
            unit = unit_of(name)
            text = field_schema.get("description") or schema["$defs"].get(inner, {}).get("description", "")
            shown = "" if unit in (None, "date", "count") else str(unit)
            rows.append((f"`{name}`", shown, _default(name, field_schema, found), allowed, escape(text)))
        parts.append(tabulate(("field", "unit", "default", "allowed", "meaning"), rows))
    return "\n".join(parts)


def _default(name: str, field_schema: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    if name in model.get("required", ()):
        return "required"
    value = field_schema.get("default")
    if isinstance(value, Mapping) or field_schema.get("type") == "object":
        return ""
    if value is None:
        return "`null`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`" if value != "" else "empty"


def write_tables_reference() -> str:
    """Return the page of a study folder's tables, from their schema."""
    parts = [
        HEAD + "# Tables of a study folder\n",
        "Every table is a CSV file in UTF-8 with a header, `NAME.csv` or, where it says so, `NAME.csv.gz`. Columns "
        "and their order are fixed. Dates are ISO 8601, times UTC, an empty cell is unknown or does not apply. Power "
        "is MW at the campus meter unless a name says otherwise; money is constant USD of the scenario's price year.\n",
    ]
    for name, columns in TABLES.items():
        file = f"`{name}.csv{'.gz' if name in COMPRESSED_TABLES else ''}`"
        parts.append(f"## {name}\n\n{file}{', its capitals standing for names' if name in OPEN_TABLES else ''}\n")
        rows = [(f"`{c}`", column_kind(c), _column_unit(c), escape(text)) for c, text in columns.items()]
        rows += [(f"`{c}`", "number", unit, text) for c, unit, text in _FURTHER_COLUMNS.get(name, ())]
        parts.append(tabulate(("column", "kind", "unit", "meaning"), rows))
    parts.append("## Units\n\nThe suffix of a name is its unit.\n")
    parts.append(tabulate(("suffix", "unit"), [(f"`{suffix}`", unit) for suffix, unit in SUFFIXES.items()]))
    return "\n".join(parts)


_FURTHER_COLUMNS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "operation": (
        ("OPTION_mw", "MW", "output of each source, and of each contract (which stays outside the balance)"),
        ("STORE_charge_mw", "MW", "into each store"),
        ("STORE_discharge_mw", "MW", "out of each store"),
        ("STORE_level_mwh", "MWh", "held at the end of the hour"),
        ("unserved_TRANCHE_mw", "MW", "load shed, by tranche"),
    ),
    "availability": (
        ("OPTION_available_frac", "fraction", "weather x utility's calls x (1 - forced outages), per MW in service"),
    ),
}


def _column_unit(column: str) -> str:
    unit = unit_of(column)
    if column.startswith(("usd", "tco2", "flop")) and "_per_" not in column:
        return {"tco2": "tCO2", "flop": "FLOP"}.get(column[:4], "USD")
    if column.startswith("p_ge_"):
        return "probability"
    return "" if unit in (None, "date") else str(unit)


def list_commands() -> Iterator[tuple[str, Any, Any]]:
    """Yield every command of the command line with its full name, in the order of its help."""

    def walk(command: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:
        yield context.command_path, command, context
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                below = command.get_command(context, name)
                yield from walk(below, type(context)(below, info_name=name, parent=context))

    command: Any = typer.main.get_command(cli.app)
    yield from walk(command, command.context_class(command, info_name="trainload"))


def write_command_reference() -> str:
    """Return the page of the command line, from the commands' own help."""
    parts = [
        HEAD + "# Command line\n",
        "Answers go to standard output, progress and errors to standard error. Exit codes: 0 done, "
        f"{cli.EXIT_INPUT} the input is at fault (the message says where, what, what was found and how to mend it), "
        f"{cli.EXIT_INTERRUPTED} interrupted, {cli.EXIT_INTERNAL} a fault of the program.\n",
    ]
    for name, command, context in list_commands():
        parts.append(f"## {name}\n")
        usage = re.sub(r"\{(\w+)\}|\[(\[\S+\])\]", r"\1\2", " ".join(command.collect_usage_pieces(context)))
        parts.append(f"```text\n{name} {usage}\n```\n\n{inspect.cleandoc(command.help or '')}\n")
        rows = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
        if rows:
            cells = [
                (f"`{re.sub(r' <(str|path)>', '', left)}`".replace("|", "\\|"), escape(right)) for left, right in rows
            ]
            parts.append(tabulate(("argument or option", "meaning"), cells))
    return "\n".join(parts)


_SUMMARY: Mapping[str, str] = {
    "scenario": "name of the scenario",
    "as_of": "nothing dated later was known to the forecast",
    "seed": "of every draw",
    "version": "of trainload",
}
_PLAN: Mapping[str, str] = {
    "solver": "which solver found the plan",
    "status": "`optimal`; `feasible`: stopped early, see `gap`",
    "hours": "hours of operation in the program",
    "objective_usd": "present value of all cost, cash and shadow",
    "bound_usd": "proven lower bound of it",
    "gap": "(objective - bound) / objective, dimensionless",
    "build_seconds": "time to state the program",
    "solve_seconds": "time to solve it",
    "peak_mb": "peak memory of the process",
    "usd_per_mwh": "present value of cash over present value of energy served",
    "unserved_mwh": "running load shed over the horizon",
    "idle_compute_usd": "present value of compute that was wanted and had no power",
    "tco2_direct": "emission at the campus's own stacks over the horizon",
    "tco2_location": "emission of grid energy at the grid's average over the horizon",
    "clean_matched_frac": "share of load matched hour by hour by clean supply; null without such a goal",
    "first_power_on": "first day with any powered load",
    "p50_1gw_on": "day on which 1 GW is powered, at the median of the lead times",
    "p80_1gw_on": "the same at their 80th percentile",
}
_HEDGE: Mapping[str, str] = {
    "scenarios": "scenarios of lead times that orders were shared over",
    "distance_months": "mean weighted distance between a draw and the scenario that stands for it",
    "spread_kept_frac": "share of the weighted variance of lead times that lies between scenarios",
    "expected_usd": "present cost of the hedged orders, by the settings' measure of risk",
    "bound_usd": "proven lower bound of it",
    "gap": "(expected_usd - bound_usd) / expected_usd, dimensionless",
    "deterministic_usd": "the deterministic plan's orders in the same scenarios",
    "rescheduled_usd": "the same with only the chips' dates hedged",
    "value_of_hedging_usd": "deterministic_usd less expected_usd",
    "value_of_knowing_usd": "what it would be worth to know all lead times before the first order",
    "steps": "a list: `step`, and `value_usd` of knowing before the first order whether it will be short or long",
    "hedged": "`p50_`, `p80_`, `p95_` of `first_gw_on` and `full_power_on`, with the hedged orders",
    "deterministic": "the same with the deterministic plan's orders",
}
_CHECKS: Mapping[str, str] = {
    "ledger_error": "cost by term, owner and year, and their sum",
    "balance_error": "supply against load in every hour",
    "limit_error": "availability, floors, gates, adequacy, whole units, arrivals, rentals",
    "level_error": "recursion of the stores",
    "budget_error": "clean matching, CO2 cap, run hours",
}


def write_summary_reference() -> str:
    """Return the page of ``summary.json``; raises where the code writes a key that is not explained, or the reverse."""
    written = _read_summary_keys()
    explained = {
        "": {*_SUMMARY, "forecast", "generations", "plan", "orders", "hedge", "checks"},
        "hedge": set(_HEDGE),
        "plan": set(_PLAN),
        "checks": set(_CHECKS),
        "generations": set(assemble.GENERATION_KEYS),
    }
    shown = set(assemble.GENERATION_KEYS) & set(TABLES["generations"])
    written |= {"plan": set(assemble.PLAN_KEYS), "generations": shown, "hedge": set(HEDGE_KEYS)}
    for part, keys in explained.items():
        if keys != written[part]:
            odd = ", ".join(sorted(keys ^ written[part]))
            raise SystemExit(
                f"summary.json: explained here and written by study.assemble differ in {part or 'top'}: {odd}"
            )
    forecast = {key: text for key, text in TABLES["forecast"].items() if key in written["forecast"]}
    orders = {key: TABLES["orders"][key] for key in TABLES["orders"] if key in written["orders"]}
    generations = {key: TABLES["generations"][key] for key in assemble.GENERATION_KEYS}
    sections: list[tuple[str, str, Mapping[str, str]]] = [
        ("Top level", "", _SUMMARY),
        (
            "forecast",
            "`forecast.basis` names the definition of power (`facility_peak`). Below `forecast.record_run`, "
            "`forecast.largest_campus` and `forecast.programme` stand years, and in each year:",
            forecast,
        ),
        ("generations", "A list, one object a generation.", generations),
        ("plan", "", _PLAN),
        ("orders", "A list, in order of the order dates.", orders),
        ("hedge", "Only with `plan.lead_scenarios`, else `null`.", _HEDGE),
        (
            "checks",
            "Every figure of the plan, recomputed from the tables alone: max |residual| / max(1, scale), "
            "dimensionless. A sound plan has all five at 1e-6 or less.",
            _CHECKS,
        ),
    ]
    parts = [
        HEAD + "# summary.json\n",
        "What other programs read of a study. It is a contract: keys do not change without a line under *Breaking* in "
        "the changelog; a figure that was not computed is `null`. Dates are ISO 8601.\n",
    ]
    for title, text, keys in sections:
        parts.append(f"## {title}\n")
        if text:
            parts.append(f"{text}\n")
        rows = [(f"`{key}`", _column_unit(key), meaning) for key, meaning in keys.items()]
        parts.append(tabulate(("key", "unit", "meaning"), rows))
    return "\n".join(parts)


def _read_summary_keys() -> dict[str, set[str]]:
    """Return the keys that `study.assemble.summarise` writes, by part, from its source."""
    tree = ast.parse(inspect.getsource(assemble.summarise))
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
            for part, sign in (("", "scenario"), ("checks", "ledger_error"), ("forecast", "p50_mw")):
                if sign in keys:
                    found[part] = keys
        elif isinstance(node, ast.List):
            names = {str(item.value) for item in node.elts if isinstance(item, ast.Constant)}
            if "order_on" in names:
                found["orders"] = names
    return found

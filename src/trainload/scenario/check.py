"""What a scenario means, checked against the catalogue and the files it names: unknown names, cycles, series."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from trainload.catalogue.facts import Catalogue, load_catalogue
from trainload.errors import DataError, Note, Problem, ScenarioError
from trainload.scenario.models import GATE_PREFIX, GateSpec, OptionSpec, Scenario, SeriesFile, StepSpec
from trainload.scenario.patch import KeyPath, get_value, suggest
from trainload.scenario.series import Quantity, check_coverage, read_series

Where = Callable[[KeyPath], str]
PROFILES = ("one", "solar", "wind", "wind_offshore")  # availability profiles that every scenario has


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a scenario's meaning, and what a reader must know of it."""

    problems: tuple[Problem, ...]
    notes: tuple[Note, ...]


def check_scenario(scenario: Scenario, data: Mapping[str, Any], *, where: Where) -> Checked:
    """Return everything wrong with the meaning of a scenario whose fields are valid by themselves.

    Args:
        scenario: fields validated; those in error may have been taken out.
        data: the scenario as plain data with nothing taken out: the names that count as given.
        where: place of a path, such as ``line 14``.
    """
    context = _Context(load_catalogue(), data, where)
    notes: list[Note] = []
    problems = [
        *_check_options(scenario, context),
        *_check_gates(scenario, context),
        *_check_chips(scenario, context),
        *_check_site(scenario, context),
        *_check_programme(scenario, where, notes),
        *_check_files(scenario, where, notes),
        *_check_uncertain(scenario, where),
    ]
    return Checked(tuple(problems), tuple(notes))


def find_cycle(after: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the steps of a cycle, its first again at the end, or nothing; unknown predecessors are passed over."""
    done: set[str] = set()
    for start in after:
        trail: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            trail.append(start)
            stack.append((start, iter(after[start])))
        while stack:
            step, others = stack[-1]
            other = next(others, None)
            if other is None:
                stack.pop()
                trail.pop()
                done.add(step)
            elif other in trail:
                return (*trail[trail.index(other) :], other)
            elif other in after and other not in done:
                trail.append(other)
                stack.append((other, iter(after[other])))
    return ()


def _check_options(scenario: Scenario, context: "_Context") -> Iterator[Problem]:
    known = list(context.catalogue.technologies)
    gates = context.gates
    profiles = [*PROFILES, *context.keys("site", "availability")]
    for name, option in scenario.options.items():
        path = ("options", name)
        at = _Place(path, context.where)
        if option.like is not None and option.like not in known:
            yield at.problem("like", "no such option in the catalogue", option.like, suggest(option.like, known))
        elif option.like is None and name not in known:
            yield from _check_own_option(name, option, context, at)
        for i, gate in enumerate(option.gates or ()):
            if gate.removeprefix(GATE_PREFIX) not in gates:
                line = context.where((*path, "gates", str(i)))
                yield Problem(line, f"{at.dotted('gates')}: no such gate", repr(gate), suggest(gate, gates))
        if option.availability is not None and option.availability not in profiles:
            fix = suggest(option.availability, profiles)
            yield at.problem("availability", "no such availability profile", option.availability, fix)
        yield from _check_leads(option, at)
        yield from _check_pairs(option, at)
        yield from _check_steps(option.steps or {}, (*path, "steps"), context, inherited_from=option.like or name)
    if scenario.option_set == "named" and not any(option.enabled for option in scenario.options.values()):
        yield Problem(
            context.where(("option_set",)), "option_set: named, but no option is named and enabled", fix="name some"
        )


def _check_own_option(name: str, option: OptionSpec, context: "_Context", at: "_Place") -> Iterator[Problem]:
    given = context.keys("options", name)
    if not {"kind", "delivery", "carrier"} & set(given):
        guess = suggest(name, context.catalogue.technologies)
        fix = guess if guess.startswith("did") else "say what it is `like`, or give kind, delivery and carrier"
        yield at.problem("", "no such option in the catalogue", "", fix)
        return
    missing = [field for field in ("kind", "delivery", "carrier") if field not in given]
    prices = ("capex_usd_per_mw", "rent_usd_per_mw_month", "contract_price_usd_per_mwh")
    if option.delivery != "grid" and not set(prices) & set(given):
        missing.append("capex_usd_per_mw (or rent_usd_per_mw_month, or contract_price_usd_per_mwh)")
    if not {"lead_p50_months", "steps"} & set(given):
        missing.append("lead_p10_months, lead_p50_months and lead_p90_months (or steps)")
    if option.kind == "store" and "duration_hours" not in given:
        missing.append("duration_hours")
    if missing:
        yield at.problem("", f"an option of your own also needs {', '.join(missing)}", "", "or say what it is `like`")


def _check_gates(scenario: Scenario, context: "_Context") -> Iterator[Problem]:
    known = [record.gate for record in context.catalogue.gates]
    for name, gate in scenario.gates.items():
        at = _Place(("gates", name), context.where)
        if name not in known and not {"lead_p50_months", "steps"} & set(context.keys("gates", name)):
            guess = suggest(name, known)
            fix = guess if guess.startswith("did") else "give lead_p10/p50/p90_months or steps to define your own"
            yield at.problem("", "no such gate in the catalogue", "", fix)
        yield from _check_leads(gate, at)
        yield from _check_steps(gate.steps or {}, ("gates", name, "steps"), context, inherited_from=name)
    cycle = find_cycle(_gate_waits(scenario, context))
    if cycle:
        first = next((name for name in cycle if name in scenario.gates), cycle[0])
        chain = " -> ".join(cycle)
        line = context.where(("gates", first, "steps"))
        yield Problem(line, "gates: they wait for each other in a circle", chain, "cut one `after`")


def _gate_waits(scenario: Scenario, context: "_Context") -> dict[str, list[str]]:
    """Return the gates that each enabled gate waits for."""
    off = {name for name, gate in scenario.gates.items() if not gate.enabled}
    waits: dict[str, list[str]] = {}
    for name in dict.fromkeys(context.gates):
        after = {step.step: step.after for step in context.catalogue.steps if step.owner == name}
        own = scenario.gates.get(name)
        after |= {step: tuple(spec.after) for step, spec in ((own and own.steps) or {}).items()}
        named = [before.removeprefix(GATE_PREFIX) for befores in after.values() for before in befores if ":" in before]
        waits[name] = [] if name in off else [gate for gate in named if gate not in off]
    return waits


def _check_leads(owner: OptionSpec | GateSpec, at: "_Place") -> Iterator[Problem]:
    names = ("lead_p10_months", "lead_p50_months", "lead_p90_months")
    given = {name: value for name in names if (value := getattr(owner, name)) is not None}
    if not given:
        return
    missing = [name for name in names if name not in given]
    if missing:
        yield at.problem(next(iter(given)), "lead times come in threes", "", f"give {' and '.join(missing)} as well")
    elif list(given.values()) != sorted(given.values()):
        got = ", ".join(f"{value:g}" for value in given.values())
        yield at.problem("lead_p50_months", "P10 <= P50 <= P90 must hold", got, "")


def _check_pairs(option: OptionSpec, at: "_Place") -> Iterator[Problem]:
    for low, high in (("min_mw", "max_mw"), ("min_stay_months", "max_stay_months"), ("available_on", "return_on")):
        least, most = getattr(option, low), getattr(option, high)
        if least is not None and most is not None and least > most:
            yield at.problem(low, f"must not be more than {high} {most}", str(least), "")


def _check_steps(
    steps: Mapping[str, StepSpec], path: KeyPath, context: "_Context", *, inherited_from: str
) -> Iterator[Problem]:
    inherited = {step.step: step.after for step in context.catalogue.steps if step.owner == inherited_from}
    names = [*dict.fromkeys([*context.keys(*path), *inherited])]
    for name, step in steps.items():
        for i, before in enumerate(step.after):
            is_gate = before.startswith(GATE_PREFIX)
            if before in names or (is_gate and before.removeprefix(GATE_PREFIX) in context.gates):
                continue
            choices = [f"{GATE_PREFIX}{gate}" for gate in context.gates] if is_gate else names
            dotted = ".".join((*path, name, "after"))
            line = context.where((*path, name, "after", str(i)))
            yield Problem(line, f"{dotted}: no such step of this graph", repr(before), suggest(before, choices))
    given = {name: tuple(step.after) for name, step in steps.items()}
    cycle = find_cycle({**inherited, **given})  # steps that are given replace the catalogue's of the same name
    if cycle:
        first = next((name for name in cycle if name in steps), cycle[0])
        line = context.where((*path, first, "after"))
        chain = " -> ".join(cycle)
        yield Problem(line, f"{'.'.join(path)}: steps wait for each other in a circle", chain, "cut one `after`")


def _check_chips(scenario: Scenario, context: "_Context") -> Iterator[Problem]:
    chips = context.catalogue.chips
    catalogued = [*chips, *(alias for chip in chips.values() for alias in chip.aliases)]
    known = [*catalogued, *context.keys("chips")]
    late = [chip for chip in chips.values() if chip.announced_on > scenario.as_of]
    hidden = [name for chip in late for name in (chip.name, *chip.aliases)]
    for name, generation in scenario.programme.generations.items():
        if generation.chip is not None and generation.chip not in known:
            at = _Place(("programme", "generations", name), context.where)
            yield at.problem("chip", "no such chip", generation.chip, suggest(generation.chip, known))
        elif generation.chip in hidden and generation.chip not in scenario.chips:
            at = _Place(("programme", "generations", name), context.where)
            what = f"this chip was announced after as_of {scenario.as_of}, and is not known then"
            yield at.problem("chip", what, generation.chip, "define it under `chips`, `like` an earlier one")
    for name, chip in scenario.chips.items():
        at = _Place(("chips", name), context.where)
        if chip.like is not None and chip.like not in catalogued:
            yield at.problem("like", "no such chip in the catalogue", chip.like, suggest(chip.like, catalogued))
        elif chip.like is None and name not in chips:
            missing = _missing_of_chip(context.keys("chips", name))
            if missing:
                yield at.problem("", f"a chip of your own also needs {' and '.join(missing)}", "", "or `like`")


def _missing_of_chip(given: Sequence[str]) -> list[str]:
    missing = []
    if not {"bf16_flop_per_s", "fp8_flop_per_s", "fp4_flop_per_s"} & set(given):
        missing.append("bf16_flop_per_s (or fp8, fp4)")
    if not {"it_power_w", "server_power_w", "tdp_w"} & set(given):
        missing.append("it_power_w (or server_power_w, tdp_w)")
    return missing


def _check_site(scenario: Scenario, context: "_Context") -> Iterator[Problem]:
    at = _Place(("site",), context.where)
    regions = list(context.catalogue.grid_factors)
    for field in ("grid_region", "marginal_region"):
        region = getattr(scenario.site, field)
        if region is not None and region not in regions:
            yield at.problem(field, "no such region among the grid factors", region, suggest(region, regions))
    for name in scenario.site.availability:
        if name == "one":
            yield at.problem("availability.one", "this name is taken: it stands for always available", "", "rename it")


def _check_programme(scenario: Scenario, where: Where, notes: list[Note]) -> Iterator[Problem]:
    programme = scenario.programme
    previous = ("", date.min)
    for name, generation in programme.generations.items():
        at = _Place(("programme", "generations", name), where)
        if generation.wanted_on < previous[1]:
            yield at.problem(
                "wanted_on",
                f"generations stand in order of their dates, and {previous[0]} is wanted on {previous[1]}",
                str(generation.wanted_on),
                "put them in order",
            )
        previous = (name, generation.wanted_on)
        if generation.wanted_on < scenario.first_order_on:
            text = f"wanted on {generation.wanted_on}, before the first order can be placed ({scenario.first_order_on})"
            notes.append(Note(f"programme.generations.{name}", text, "warning"))
    if programme.load is not None and programme.generations:
        text = "the hourly load series is planned for; the generations only count compute"
        notes.append(Note("programme.load", text))
    rules = scenario.rules
    if rules.clean_from_on is not None and rules.clean_from_on >= scenario.ends_on:
        at = _Place(("rules",), where)
        yield at.problem("clean_from_on", f"must be before the horizon ends ({scenario.ends_on})", "", "")


def _check_files(scenario: Scenario, where: Where, notes: list[Note]) -> Iterator[Problem]:
    folder = Path(scenario.folder or ".")
    site = scenario.site
    columns: list[tuple[KeyPath, SeriesFile | None, Quantity]] = [
        (("site", "price"), site.price, "price"),
        (("site", "carbon"), site.carbon, "carbon"),
        (("programme", "load"), scenario.programme.load, "load"),
        *((("site", "availability", name), series, "availability") for name, series in site.availability.items()),
    ]
    offset = timedelta(hours=site.utc_offset_hours)
    starts_at = datetime.combine(scenario.first_order_on, time(), UTC)
    ends_at = datetime.combine(scenario.ends_on, time(), UTC)
    for path, series, quantity in columns:
        if series is None:
            continue
        dotted = ".".join(path)
        try:
            read = read_series(series, folder, quantity=quantity, utc_offset_hours=site.utc_offset_hours, name=dotted)
            # the horizon is local; a series may begin on local or UTC midnight of the first day
            check_coverage(read, max(starts_at, starts_at - offset), min(ends_at, ends_at - offset))
            notes += read.notes
        except DataError as error:
            for problem in error.problems:
                place = ", ".join(part for part in (series.file, problem.where) if part)
                yield Problem(where(path), f"{dotted} ({place}): {problem.what}", problem.got, problem.fix)
    for path, name in ((("site", "weather_file"), site.weather_file), (("forecast", "runs"), scenario.forecast.runs)):
        if name is not None and not _is_file(folder / name):
            fix = "paths are relative to the scenario file"
            yield Problem(where(path), f"{'.'.join(path)}: there is no such file", repr(name), fix)


def _check_uncertain(scenario: Scenario, where: Where) -> Iterator[Problem]:
    for path in scenario.uncertain:
        line = where(("uncertain", path))
        try:
            value = get_value(scenario, path)
        except ScenarioError as error:
            yield from (Problem(line, f"uncertain {path}: {p.what}", p.got, p.fix) for p in error.problems)
            continue
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield Problem(line, f"uncertain {path}: only a number can be uncertain", type(value).__name__)


@dataclass(frozen=True, slots=True)
class _Context:
    """What names are looked up in: the catalogue, and the scenario as given."""

    catalogue: Catalogue
    data: Mapping[str, Any]
    where: Where

    def keys(self, *path: str) -> list[str]:
        """Return the keys given under a path, right or wrong, but for those that are null or empty."""
        here: Any = self.data
        for key in path:
            here = here.get(key) if isinstance(here, Mapping) else None
        return [key for key, value in here.items() if value not in (None, {}, [])] if isinstance(here, Mapping) else []

    @property
    def gates(self) -> list[str]:
        own = self.data.get("gates")
        return [*(record.gate for record in self.catalogue.gates), *(own if isinstance(own, Mapping) else ())]


@dataclass(frozen=True, slots=True)
class _Place:
    """A block of the scenario, to name problems of its fields."""

    path: KeyPath
    where: Where

    def dotted(self, field: str) -> str:
        return ".".join((*self.path, *([field] if field else [])))

    def problem(self, field: str, what: str, got: str, fix: str) -> Problem:
        keys = (*self.path, *(field.split(".") if field else ()))
        return Problem(self.where(keys), f"{self.dotted(field)}: {what}", repr(got) if got else "", fix)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False

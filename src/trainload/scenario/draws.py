"""Draws of a scenario's uncertain numbers; one draw is an ordinary scenario, so no stage needs to know of chance."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainload.chance import Floats, Spread, draw_spreads
from trainload.errors import Problem, ScenarioError
from trainload.scenario.models import Scenario
from trainload.scenario.patch import get_value, patch_scenario


@dataclass(frozen=True, slots=True)
class Draws:
    """n values of each uncertain path of a scenario, drawn together."""

    scenario: Scenario
    values: Mapping[str, Floats]
    n: int
    seed: int


def draw_scenario(scenario: Scenario, n: int, *, seed: int | None = None) -> Draws:
    """Return n draws of every path named under `uncertain`; without a seed, the scenario's own.

    A path's draw *i* depends on nothing but seed, path and *i*; paths that name a common factor move together.

    Raises:
        ScenarioError: a path that does not exist or does not hold a number.
    """
    problems = []
    for path in scenario.uncertain:
        try:
            value = get_value(scenario, path)
        except ScenarioError as error:
            problems += [Problem(f"uncertain {path}", p.what, p.got, p.fix) for p in error.problems]
            continue
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            problems.append(Problem(f"uncertain {path}", "only a number can be uncertain", type(value).__name__))
    if problems:
        raise ScenarioError(f"scenario {scenario.name}", *problems)
    spreads = {
        path: Spread(u.low, u.mid, u.high, u.distribution, u.factor, u.loading_frac)
        for path, u in scenario.uncertain.items()
    }
    seed = scenario.seed if seed is None else seed
    return Draws(scenario, draw_spreads(spreads, n, seed), n, seed)


def scenario_at(draws: Draws, i: int) -> Scenario:
    """Return draw i as an ordinary scenario, without its `uncertain` entries.

    Raises:
        IndexError: there is no draw i.
        ScenarioError: a drawn value that its field refuses, such as a fraction over 1; use `distribution: pert`.
    """
    if not 0 <= i < draws.n:
        raise IndexError(f"draw {i} of {draws.n}")
    patches: list[tuple[str, object]] = [(path, float(values[i])) for path, values in draws.values.items()]
    fixed = draws.scenario.model_copy(update={"uncertain": {}})
    return patch_scenario(fixed, patches)

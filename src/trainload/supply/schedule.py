"""When power arrives: the arrival of every option and gate, its critical path, and who is to blame how often.

An option arrives when its last step has finished and all its gates are ready, everything ordered on one day. What this
stage does not do: it knows no load, no money and no choice of when to order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from trainload.errors import DataError, Problem
from trainload.scenario.models import GATE_PREFIX
from trainload.supply.graphs import (
    END,
    Floats,
    Graph,
    find_circle,
    flag_critical,
    list_durations,
    list_finishes,
    simulate_graph,
    without_gates,
)
from trainload.supply.options import Gate, Option, Supply
from trainload.tables import TABLES
from trainload.units import DAYS_PER_MONTH

OwnerKind = Literal["option", "gate"]
PERCENTILES = (10, 50, 80, 90, 95)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Arrival draws of every option and gate, in months from an order of everything on one day."""

    n_draws: int
    seed: int
    _options: Mapping[str, Graph] = field(repr=False)
    _gates: Mapping[str, Graph] = field(repr=False)
    _available_on: Mapping[str, date] = field(repr=False)

    @property
    def owners(self) -> tuple[str, ...]:
        """Options, then gates, in the supply's order."""
        return (*self._options, *self._gates)

    def owner_kind(self, owner: str) -> OwnerKind:
        """Return whether the owner is an option or a gate."""
        self._graph(owner)
        return "option" if owner in self._options else "gate"

    def draws(self, owner: str, *, gates: bool = True) -> Floats:
        """Return the months from order to arrival in every draw.

        Args:
            owner: option or gate id.
            gates: True counts the option's gates as ordered on the same day; False leaves them out, for gates that
                were ordered long before.
        """
        graph = self._graph(owner)
        return graph.arrival if gates or owner in self._gates else without_gates(graph).arrival

    def lead_months(self, owner: str, percentile: float, *, gates: bool = True) -> float:
        """Return the given percentile (0-100) of the months from order to arrival."""
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile must be in [0, 100], got {percentile}")
        return float(np.quantile(self.draws(owner, gates=gates), percentile / 100))

    def arrival_on(self, owner: str, order_on: date, *, percentile: float = 50.0) -> date:
        """Return the day of arrival at this percentile if the owner and its gates are ordered on `order_on`.

        Never before the option's `available_on`.
        """
        day = add_months(order_on, self.lead_months(owner, percentile))
        return max(day, self._available_on.get(owner, day))

    def critical_shares(self, owner: str) -> Mapping[str, float]:
        """Return the share of draws in which each step lies on the critical path, gates' steps as ``gate:<id>.<step>``.

        See `graphs.flag_critical`.
        """
        return MappingProxyType({key: float(on.mean()) for key, on in flag_critical(self._graph(owner)).items()})

    def last_share(self, owner: str) -> Mapping[str, float]:
        """Return the share of draws in which each predecessor of the final step is the last to finish before it.

        A gate counts as one predecessor, ``gate:<id>``. Without one final step the predecessors are those of the
        arrival itself; an owner of a single step is its own last step. So the shares answer "what was everybody
        waiting for when commissioning could begin?".
        """
        graph = self._graph(owner)
        names = graph.waits[END]
        if len(names) == 1 and not names[0].startswith(GATE_PREFIX) and graph.waits[names[0]]:
            names = graph.waits[names[0]]
        last = np.argmax(np.stack([graph.finish_of(name) for name in names]), axis=0)
        return MappingProxyType({name: float(np.mean(last == i)) for i, name in enumerate(names)})

    def critical_months(self, owner: str) -> Mapping[str, float]:
        """Return the mean months that each step spends on the critical path; together they are the mean lead time.

        Keys as in `critical_shares`.
        """
        graph = self._graph(owner)
        durations = list_durations(graph)
        return MappingProxyType({key: float(np.mean(durations[key] * on)) for key, on in flag_critical(graph).items()})

    def step_months(self, owner: str) -> Mapping[str, Floats]:
        """Return the months that each step takes in every draw, gates' steps as ``gate:<id>.<step>``."""
        return list_durations(self._graph(owner))

    def critical_step(self, owner: str) -> str:
        """Return the step that holds the owner up longest: most months on the critical path, on average."""
        months = self.critical_months(owner)
        return max(months, key=lambda step: months[step])

    def critical_path(self, owner: str) -> tuple[str, ...]:
        """Return the critical path that occurs most often, in order of time; gates' steps as ``gate:<id>.<step>``."""
        flags = flag_critical(self._graph(owner))
        patterns = Counter(map(bytes, np.stack(list(flags.values()), axis=1)))
        pattern, _ = min(patterns.items(), key=lambda item: (-item[1], item[0]))
        ends = list_finishes(self._graph(owner))
        chosen = [key for key, on in zip(flags, pattern, strict=True) if on]
        return tuple(sorted(chosen, key=lambda key: float(np.median(ends[key]))))

    def arrivals_table(self, start_on: date) -> pd.DataFrame:
        """Return the table `arrivals`: dates if everything is ordered on `start_on`."""
        rows = [
            {"owner": owner, "owner_kind": self.owner_kind(owner)}
            | {f"p{p}_on": self.arrival_on(owner, start_on, percentile=p) for p in PERCENTILES}
            for owner in self.owners
        ]
        return pd.DataFrame(rows, columns=list(TABLES["arrivals"]))

    def steps_table(self) -> pd.DataFrame:
        """Return the table `steps`: every step of every owner, its start and finish in months after the order.

        `last_share_frac` is the share of draws in which the step lies on its own owner's critical path.
        """
        rows = []
        for owner in self.owners:
            graph = self._graph(owner)
            shares = self.critical_shares(owner)
            path = set(self.critical_path(owner))
            rows += [
                {
                    "owner": owner,
                    "owner_kind": self.owner_kind(owner),
                    "step": step.step,
                    "label": step.label,
                    "after": ";".join(step.after),
                    "factor": step.factor or "",
                    "p10_months": step.p10_months,
                    "p50_months": step.p50_months,
                    "p90_months": step.p90_months,
                    "start_p50_months": float(np.median(graph.start[step.step])),
                    "finish_p50_months": float(np.median(graph.finish[step.step])),
                    "finish_p80_months": float(np.quantile(graph.finish[step.step], 0.8)),
                    "last_share_frac": shares[step.step],
                    "critical": step.step in path,
                    "grade": step.grade,
                    "source": step.source,
                }
                for step in graph.steps
            ]
        return pd.DataFrame(rows, columns=list(TABLES["steps"]))

    def _graph(self, owner: str) -> Graph:
        graph = self._options.get(owner) or self._gates.get(owner)
        if graph is None:
            known = ", ".join(self.owners)
            raise DataError("schedule", Problem("", "no such option or gate", owner, f"known: {known}"))
        return graph


def simulate_arrivals(supply: Supply, *, n_draws: int = 8192, seed: int = 1) -> Schedule:
    """Return the arrival draws of every option and gate of a supply.

    Draw *i* of a step depends on nothing but the seed, the owner, the step and *i*: not on `n_draws`, and not on which
    other options exist.

    Raises:
        DataError: a step waits for something that does not exist, or steps wait for each other in a circle.
        ValueError: n_draws is not positive.
    """
    if n_draws < 1:
        raise ValueError(f"n_draws must be >= 1, got {n_draws}")
    check_graphs(supply)
    by_name = {gate.gate: gate for gate in supply.gates}
    gates: dict[str, Graph] = {}
    for name in order_gates(by_name):
        gates[name] = simulate_graph(name, by_name[name].steps, gates=gates, n_draws=n_draws, seed=seed)
    options = {
        option.option: simulate_graph(
            option.option, option.steps, own_gates=option.gates, gates=gates, n_draws=n_draws, seed=seed
        )
        for option in supply.options
    }
    floors = {option.option: option.available_on for option in supply.options if option.available_on is not None}
    return Schedule(
        n_draws,
        seed,
        MappingProxyType(options),
        MappingProxyType({gate.gate: gates[gate.gate] for gate in supply.gates}),
        MappingProxyType(floors),
    )


def check_graphs(supply: Supply) -> None:
    """Raise `DataError` with every step that waits for the unknown and every circle of steps, all at once."""
    counts = Counter([*supply.option_ids, *supply.gate_ids])
    problems = [
        Problem("", "two options or gates have one name", name, "rename one") for name, n in counts.items() if n > 1
    ]
    known_gates = supply.gate_ids
    for option in supply.options:
        problems += [
            Problem(option.option, "waits for a gate that does not exist", gate, _known(known_gates))
            for gate in option.gates
            if gate not in known_gates
        ]
        problems += _check_steps(option, known_gates)
    for gate in supply.gates:
        problems += _check_steps(gate, known_gates)
    circle = find_circle({gate.gate: _gates_of(gate) for gate in supply.gates})
    if circle:
        got = " -> ".join(circle)
        problems.append(Problem("gates", "wait for each other in a circle", got, "drop one `after`"))
    if problems:
        raise DataError("step graphs", *problems)


def order_gates(gates: Mapping[str, Gate]) -> tuple[str, ...]:
    """Return the gates' ids, each after those that it waits for; they must not form a circle."""
    ordered: list[str] = []
    while len(ordered) < len(gates):
        ordered += [g for g in gates if g not in ordered and all(b in ordered for b in _gates_of(gates[g]))]
    return tuple(ordered)


def add_months(start_on: date, months: float) -> date:
    """Return the day that lies `months` mean months (30.4375 days) after a day, rounded to the nearest day."""
    return start_on + timedelta(days=round(months * DAYS_PER_MONTH))


def _check_steps(owner: Option | Gate, known_gates: tuple[str, ...]) -> list[Problem]:
    name = owner.option if isinstance(owner, Option) else owner.gate
    own = [step.step for step in owner.steps]
    problems = [Problem(name, "two steps have one name", s, "rename one") for s, n in Counter(own).items() if n > 1]
    if not own:
        problems.append(Problem(name, "has no steps", "", "give steps, or lead_p10_months, p50 and p90"))
    for step in owner.steps:
        where = f"{name}.{step.step}"
        for before in step.after:
            gate = before.removeprefix(GATE_PREFIX)
            if not before.startswith(GATE_PREFIX):
                if before not in own:
                    problems.append(Problem(where, "waits for a step that does not exist", before, _known(own)))
            elif gate not in known_gates:
                problems.append(Problem(where, "waits for a gate that does not exist", gate, _known(known_gates)))
            elif isinstance(owner, Option) and gate not in owner.gates:
                problems.append(Problem(where, "waits for a gate that the option does not list", gate, "add it"))
    circle = find_circle({step.step: step.after for step in owner.steps})
    if circle:
        got = " -> ".join(circle)
        problems.append(Problem(name, "steps wait for each other in a circle", got, "drop one `after`"))
    return problems


def _gates_of(gate: Gate) -> list[str]:
    return [b.removeprefix(GATE_PREFIX) for step in gate.steps for b in step.after if b.startswith(GATE_PREFIX)]


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(names)}" if names else "there are none"

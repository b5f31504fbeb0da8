"""When power arrives: step graphs drawn with common factors, their critical paths, and who is to blame how often.

Every step's duration is a draw from the distribution through its P10, P50 and P90; steps that share a common factor
move together through a one-factor Gaussian copula. A step starts when the last of its predecessors has finished; an
option arrives when its last step has finished and all its gates are ready. All durations count from one order day.
What this stage does not do: it knows no load, no money and no choice of when to order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.chance import correlated_uniform_stream, sample_three_point
from trainload.errors import DataError, Problem
from trainload.options import GATE_PREFIX, Gate, Option, Step, Supply
from trainload.tables import TABLES
from trainload.units import DAYS_PER_MONTH

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
OwnerKind = Literal["option", "gate"]


@dataclass(frozen=True, slots=True)
class _Graph:
    """One owner's simulated graph; times in months after its order."""

    owner: str
    owner_kind: OwnerKind
    steps: tuple[Step, ...]
    start: Mapping[str, Floats]
    finish: Mapping[str, Floats]  # in topological order
    waits: Mapping[str, tuple[str, ...]]  # step or END -> predecessors, gates among them
    gates: Mapping[str, "_Graph"]
    arrival: Floats
    available_on: date | None


END = "end"
PERCENTILES = (10, 50, 80, 90, 95)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Arrival draws of every option and gate, in months from an order of everything on one day.

    Attributes:
        n_draws: number of draws.
        seed: seed of the streams.
    """

    n_draws: int
    seed: int
    _graphs: Mapping[str, _Graph] = field(repr=False)
    _alone: Mapping[str, _Graph] = field(repr=False)

    @property
    def owners(self) -> tuple[str, ...]:
        """Options and gates, in the supply's order."""
        return tuple(self._graphs)

    def owner_kind(self, owner: str) -> OwnerKind:
        """Return whether the owner is an option or a gate."""
        return self._graph(owner).owner_kind

    def draws(self, owner: str, *, gates: bool = True) -> Floats:
        """Return the months from order to arrival in every draw.

        Args:
            owner: option or gate id.
            gates: True counts the option's gates as ordered on the same day; False leaves them out, for a gate that
                was ordered long before.
        """
        return self._graph(owner, gates=gates).arrival

    def lead_months(self, owner: str, percentile: float, *, gates: bool = True) -> float:
        """Return the given percentile (0-100) of the months from order to arrival."""
        if not 0 <= percentile <= 100:
            raise ValueError(f"percentile must be in [0, 100], got {percentile}")
        return float(np.quantile(self.draws(owner, gates=gates), percentile / 100))

    def arrival_on(self, owner: str, order_on: date, *, percentile: float = 50.0) -> date:
        """Return the day of arrival at this percentile if the owner and its gates are ordered on `order_on`.

        Never before the option's `available_on`.
        """
        floor = self._graph(owner).available_on
        day = add_months(order_on, self.lead_months(owner, percentile))
        return day if floor is None else max(day, floor)

    def critical_shares(self, owner: str) -> Mapping[str, float]:
        """Return the share of draws in which each step lies on the critical path, gates' steps as ``gate:<id>.<step>``.

        The critical path of a draw runs back from the last step to finish, always to the predecessor that finished
        last. Where two finish together (only possible with fixed durations) both are counted.
        """
        graph = self._graph(owner)
        return MappingProxyType({key: float(flags.mean()) for key, flags in _critical_flags(graph).items()})

    def last_share(self, owner: str) -> Mapping[str, float]:
        """Return the share of draws in which each predecessor of the final step is the last to finish before it.

        A gate counts as one predecessor, ``gate:<id>``. An owner of a single step is its own last step. So the shares
        answer "what was everybody waiting for when commissioning began?".
        """
        graph = self._graph(owner)
        final = graph.waits[END]
        if len(final) == 1 and not final[0].startswith(GATE_PREFIX) and graph.waits[final[0]]:
            final = graph.waits[final[0]]
        times = np.stack([_finish(graph, name) for name in final])
        last = np.argmax(times, axis=0)
        return MappingProxyType({name: float(np.mean(last == i)) for i, name in enumerate(final)})

    def critical_path(self, owner: str) -> tuple[str, ...]:
        """Return the critical path that occurs most often, in order of time; gates' steps as ``gate:<id>.<step>``."""
        flags = _critical_flags(self._graph(owner))
        keys = tuple(flags)
        patterns = Counter(map(bytes, np.stack([flags[key] for key in keys], axis=1)))
        if not patterns:
            return ()
        pattern, _ = min(patterns.items(), key=lambda item: (-item[1], item[0]))
        chosen = [key for key, on in zip(keys, pattern, strict=True) if on]
        ends = _all_finishes(self._graph(owner))
        return tuple(sorted(chosen, key=lambda key: float(np.median(ends[key]))))

    def critical_step(self, owner: str) -> str:
        """Return the predecessor of the final step that is most often the last to finish."""
        shares = self.last_share(owner)
        return max(shares, key=lambda name: shares[name])

    def arrivals_table(self, start_on: date) -> pd.DataFrame:
        """Return the table `arrivals`: dates if everything is ordered on `start_on`."""
        rows = [
            {"owner": owner, "owner_kind": graph.owner_kind}
            | {f"p{p}_on": self.arrival_on(owner, start_on, percentile=p) for p in PERCENTILES}
            for owner, graph in self._graphs.items()
        ]
        return pd.DataFrame(rows, columns=["owner", "owner_kind", *(f"p{p}_on" for p in PERCENTILES)])

    def steps_table(self) -> pd.DataFrame:
        """Return the table `steps`: every step of every owner, its start and finish in months after the order."""
        rows = []
        for owner, graph in self._graphs.items():
            shares = self.critical_shares(owner)
            path = set(self.critical_path(owner))
            rows += [
                {
                    "owner": owner,
                    "owner_kind": graph.owner_kind,
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

    def _graph(self, owner: str, *, gates: bool = True) -> _Graph:
        graphs = self._graphs if gates else self._alone
        try:
            return graphs[owner]
        except KeyError:
            raise DataError(
                "schedule", Problem("", "no such option or gate", owner, f"known: {', '.join(graphs)}")
            ) from None


def simulate_arrivals(supply: Supply, *, n_draws: int = 8192, seed: int = 1) -> Schedule:
    """Return the arrival draws of every option and gate of a supply.

    Draw *i* of a step depends on nothing but the seed, the owner, the step and *i*: not on `n_draws`, and not on which
    other options exist.

    Raises:
        DataError: a step waits for something that does not exist, or steps wait for each other in a circle.
    """
    check_graphs(supply)
    gates: dict[str, _Graph] = {}
    by_name = {gate.gate: gate for gate in supply.gates}
    for name in _ordered_gates(by_name):
        gates[name] = _simulate_graph(by_name[name], gates, n_draws, seed)
    whole: dict[str, _Graph] = {}
    alone: dict[str, _Graph] = {}
    for option in supply.options:
        whole[option.option] = _simulate_graph(option, gates, n_draws, seed)
        alone[option.option] = _without_gates(whole[option.option])
    for gate in supply.gates:
        whole[gate.gate] = alone[gate.gate] = gates[gate.gate]
    return Schedule(n_draws, seed, MappingProxyType(whole), MappingProxyType(alone))


def check_graphs(supply: Supply) -> None:
    """Raise `DataError` with every step that waits for the unknown and every circle of steps, all at once."""
    problems: list[Problem] = []
    names = [*supply.option_ids, *supply.gate_ids]
    problems += [
        Problem("", "an option and a gate, or two of them, have one name", name, "rename one")
        for name, count in Counter(names).items()
        if count > 1
    ]
    known_gates = set(supply.gate_ids)
    owners: list[Option | Gate] = [*supply.options, *supply.gates]
    for owner in owners:
        name, waits_for_gates = _identity(owner)
        problems += [
            Problem(f"option {name}", "waits for a gate that does not exist", gate, _known(known_gates))
            for gate in waits_for_gates
            if gate not in known_gates
        ]
        own = [step.step for step in owner.steps]
        if not own:
            problems.append(Problem(name, "has no steps", "", "give steps, or lead_p10/p50/p90_months"))
        problems += [
            Problem(name, "two steps have one name", step, "rename one") for step, n in Counter(own).items() if n > 1
        ]
        for step in owner.steps:
            for before in step.after:
                gate = before.removeprefix(GATE_PREFIX)
                if before.startswith(GATE_PREFIX):
                    if gate not in known_gates:
                        problems.append(
                            Problem(f"{name}.{step.step}", "waits for no known gate", gate, _known(known_gates))
                        )
                    elif isinstance(owner, Option) and gate not in owner.gates:
                        fix = f"add {gate} to the gates of {name}"
                        problems.append(Problem(f"{name}.{step.step}", "waits for a gate the option lacks", gate, fix))
                elif before not in own:
                    problems.append(Problem(f"{name}.{step.step}", "waits for no known step", before, _known(own)))
        circle = find_circle({step.step: step.after for step in owner.steps})
        if circle:
            problems.append(
                Problem(name, "steps wait for each other in a circle", " -> ".join(circle), "drop one `after`")
            )
    circle = find_circle({g.gate: tuple(_gates_of(g)) for g in supply.gates})
    if circle:
        problems.append(
            Problem("gates", "gates wait for each other in a circle", " -> ".join(circle), "drop one `after`")
        )
    if problems:
        raise DataError("step graphs", *problems)


def find_circle(after: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return one circle of a graph (node -> predecessors), its first node repeated at the end; empty without one."""
    done: set[str] = set()
    for root in after:
        trail: list[str] = []
        stack = [(root, iter(after[root]))] if root not in done else []
        if stack:
            trail.append(root)
        while stack:
            node, rest = stack[-1]
            for before in rest:
                if before in trail:
                    return (*reversed(trail[trail.index(before) :]), trail[-1])
                if before in after and before not in done:
                    stack.append((before, iter(after[before])))
                    trail.append(before)
                    break
            else:
                done.add(node)
                stack.pop()
                trail.pop()
    return ()


def add_months(start_on: date, months: float) -> date:
    """Return the day that lies `months` mean months (30.4375 days) after a day, rounded to the nearest day."""
    return start_on + timedelta(days=round(months * DAYS_PER_MONTH))


def _simulate_graph(owner: Option | Gate, gates: Mapping[str, _Graph], n: int, seed: int) -> _Graph:
    name, own_gates = _identity(owner)
    waits: dict[str, tuple[str, ...]] = {step.step: step.after for step in owner.steps}
    awaited = {before for after in waits.values() for before in after}
    last = tuple(step for step in waits if step not in awaited)
    unawaited = tuple(GATE_PREFIX + gate for gate in own_gates if GATE_PREFIX + gate not in awaited)
    waits[END] = last + unawaited
    start: dict[str, Floats] = {}
    finish: dict[str, Floats] = {}
    pending = {step.step: step for step in owner.steps}
    while pending:
        ready = [s for s in pending.values() if not any(before in pending for before in s.after)]
        for step in ready:
            start[step.step] = _latest(
                [
                    gates[b.removeprefix(GATE_PREFIX)].arrival if b.startswith(GATE_PREFIX) else finish[b]
                    for b in step.after
                ],
                n,
            )
            finish[step.step] = start[step.step] + _draw_duration(step, n, seed)
            del pending[step.step]
    reached = {gate: gates[gate] for gate in {*own_gates, *_gates_of(owner)}}
    arrival = _latest([finish[s] for s in last] + [gates[g.removeprefix(GATE_PREFIX)].arrival for g in unawaited], n)
    kind: OwnerKind = "option" if isinstance(owner, Option) else "gate"
    floor = owner.available_on if isinstance(owner, Option) else None
    waited = MappingProxyType(waits)
    return _Graph(name, kind, owner.steps, start, finish, waited, MappingProxyType(reached), arrival, floor)


def _without_gates(graph: _Graph) -> _Graph:
    """Return the graph as if all its gates stood ready on the order day; durations stay as drawn."""
    waits = {step: tuple(b for b in before if not b.startswith(GATE_PREFIX)) for step, before in graph.waits.items()}
    n = graph.arrival.size
    start: dict[str, Floats] = {}
    finish: dict[str, Floats] = {}
    for step in graph.finish:
        start[step] = _latest([finish[b] for b in waits[step]], n)
        finish[step] = start[step] + (graph.finish[step] - graph.start[step])
    arrival = _latest([finish[b] for b in waits[END]], n)
    return replace(
        graph, start=start, finish=finish, waits=MappingProxyType(waits), gates=MappingProxyType({}), arrival=arrival
    )


def _draw_duration(step: Step, n: int, seed: int) -> Floats:
    u = correlated_uniform_stream(
        seed, f"step:{step.owner}.{step.step}", n, factor=step.factor, loading_frac=step.factor_loading_frac
    )
    return sample_three_point(step.p10_months, step.p50_months, step.p90_months, u)


def _critical_flags(graph: _Graph) -> dict[str, Flags]:
    """Return, by step, the draws in which it lies on the critical path; gates' steps as ``gate:<id>.<step>``."""
    n = graph.arrival.size
    flags: dict[str, Flags] = {step.step: np.zeros(n, dtype=bool) for step in graph.steps}
    through: dict[str, Flags] = {gate: np.zeros(n, dtype=bool) for gate in graph.gates}
    for node in (END, *reversed(tuple(graph.finish))):
        reached = graph.arrival if node == END else graph.start[node]
        on = np.ones(n, dtype=bool) if node == END else flags[node]
        for before in graph.waits[node]:
            holds_up = on & (_finish(graph, before) == reached)
            if before.startswith(GATE_PREFIX):
                through[before.removeprefix(GATE_PREFIX)] |= holds_up
            else:
                flags[before] |= holds_up
    for gate, on in through.items():
        for step, inside in _critical_flags(graph.gates[gate]).items():
            key = step if step.startswith(GATE_PREFIX) else f"{GATE_PREFIX}{gate}.{step}"
            flags[key] = flags.get(key, np.zeros(n, dtype=bool)) | (on & inside)
    return flags


def _all_finishes(graph: _Graph) -> dict[str, Floats]:
    ends = dict(graph.finish)
    for gate, inner in graph.gates.items():
        for step, finish in _all_finishes(inner).items():
            ends[step if step.startswith(GATE_PREFIX) else f"{GATE_PREFIX}{gate}.{step}"] = finish
    return ends


def _finish(graph: _Graph, name: str) -> Floats:
    if name.startswith(GATE_PREFIX):
        return graph.gates[name.removeprefix(GATE_PREFIX)].arrival
    return graph.finish[name]


def _latest(times: list[Floats], n: int) -> Floats:
    return np.maximum.reduce(times) if times else np.zeros(n)


def _identity(owner: Option | Gate) -> tuple[str, tuple[str, ...]]:
    return (owner.option, owner.gates) if isinstance(owner, Option) else (owner.gate, ())


def _gates_of(owner: Option | Gate) -> list[str]:
    return [b.removeprefix(GATE_PREFIX) for step in owner.steps for b in step.after if b.startswith(GATE_PREFIX)]


def _ordered_gates(gates: Mapping[str, Gate]) -> list[str]:
    """Return the gates' ids so that each comes after those it waits for."""
    ordered: list[str] = []
    while len(ordered) < len(gates):
        ordered += [g for g in gates if g not in ordered and all(b in ordered for b in _gates_of(gates[g]))]
    return ordered


def _known(names: Iterable[str]) -> str:
    return f"known: {', '.join(sorted(names))}" if names else "there are none"

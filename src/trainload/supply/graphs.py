"""Step graphs drawn with common factors: start and finish of every step, what holds up each draw, fitting to a target.

A step starts when the last of its predecessors has finished; its duration is a draw from the distribution through its
P10, P50 and P90. Steps that share a common factor move together through a one-factor Gaussian copula. All times are
months from the order; a graph's gates are ordered on the same day.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from trainload.catalogue.records import LeadTriple
from trainload.chance import correlated_uniform_stream, sample_three_point
from trainload.scenario.models import GATE_PREFIX
from trainload.supply.options import Step

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

END = "<arrival>"  # not a name that a step can have
TOLERANCE_FRAC = 0.10  # how closely a graph's P50 and P90 must meet the all-in lead time
_FIT_DRAWS = 2048
_FIT_SEED = 0
_NO_GATES: Mapping[str, "Graph"] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Graph:
    """One owner's simulated graph.

    Attributes:
        start: months from the order to the step's start, by step, one value a draw.
        finish: to its finish; in topological order.
        waits: predecessors of every step and of `END`, gates as ``gate:<id>``.
        gates: graphs of the gates it waits for.
        arrival: finish of the last step and the last gate.
    """

    owner: str
    steps: tuple[Step, ...]
    start: Mapping[str, Floats]
    finish: Mapping[str, Floats]
    waits: Mapping[str, tuple[str, ...]]
    gates: Mapping[str, "Graph"]
    arrival: Floats

    def finish_of(self, name: str) -> Floats:
        """Return the finish of a step, or of a whole gate ``gate:<id>``."""
        if name.startswith(GATE_PREFIX):
            return self.gates[name.removeprefix(GATE_PREFIX)].arrival
        return self.finish[name]


def simulate_graph(
    owner: str,
    steps: Sequence[Step],
    *,
    own_gates: Sequence[str] = (),
    gates: Mapping[str, Graph] = _NO_GATES,
    n_draws: int,
    seed: int,
) -> Graph:
    """Return the graph's draws.

    Args:
        owner: option or gate id; part of the name of every stream.
        steps: without circles, every predecessor present (see `find_circle`).
        own_gates: gates the owner waits for; those that no step names are waited for at the end.
        gates: graphs of all gates.
        n_draws: number of draws; draw i does not depend on it.
        seed: of the streams.
    """
    waits: dict[str, tuple[str, ...]] = {step.step: step.after for step in steps}
    awaited = {before for after in waits.values() for before in after}
    named = [before.removeprefix(GATE_PREFIX) for before in awaited if before.startswith(GATE_PREFIX)]
    waits[END] = tuple(step.step for step in steps if step.step not in awaited) + tuple(
        GATE_PREFIX + gate for gate in own_gates if GATE_PREFIX + gate not in awaited
    )
    reached = MappingProxyType({gate: gates[gate] for gate in sorted({*own_gates, *named})})
    durations = {step.step: _draw_duration(step, n_draws, seed) for step in steps}
    return _pass_forward(owner, tuple(steps), waits, gates=reached, durations=durations, n=n_draws)


def without_gates(graph: Graph) -> Graph:
    """Return the graph as if all its gates stood ready on the order day; durations stay as drawn."""
    waits = {name: tuple(b for b in before if not b.startswith(GATE_PREFIX)) for name, before in graph.waits.items()}
    durations = {step: graph.finish[step] - graph.start[step] for step in graph.finish}
    return _pass_forward(graph.owner, graph.steps, waits, gates=_NO_GATES, durations=durations, n=graph.arrival.size)


def flag_critical(graph: Graph) -> Mapping[str, Flags]:
    """Return, by step, the draws in which it lies on the critical path; gates' steps as ``gate:<id>.<step>``.

    The critical path of a draw runs back from the end, always to the predecessor that finished last. Where two finish
    together, which only fixed durations can do, both are counted.
    """
    n = graph.arrival.size
    flags: dict[str, Flags] = {step.step: np.zeros(n, dtype=bool) for step in graph.steps}
    through: dict[str, Flags] = {gate: np.zeros(n, dtype=bool) for gate in graph.gates}
    for node in (END, *reversed(tuple(graph.finish))):
        reached = graph.arrival if node == END else graph.start[node]
        on = np.ones(n, dtype=bool) if node == END else flags[node]
        for before in graph.waits[node]:
            holds_up = on & (graph.finish_of(before) == reached)
            if before.startswith(GATE_PREFIX):
                through[before.removeprefix(GATE_PREFIX)] |= holds_up
            else:
                flags[before] |= holds_up
    for gate, on in through.items():
        for step, inside in flag_critical(graph.gates[gate]).items():
            key = _inner_key(gate, step)
            flags[key] = flags.get(key, np.zeros(n, dtype=bool)) | (on & inside)
    return MappingProxyType(flags)


def list_finishes(graph: Graph) -> Mapping[str, Floats]:
    """Return the finish of every step, its gates' included as ``gate:<id>.<step>``."""
    ends = dict(graph.finish)
    for gate, inner in graph.gates.items():
        ends |= {_inner_key(gate, step): finish for step, finish in list_finishes(inner).items()}
    return MappingProxyType(ends)


def list_durations(graph: Graph) -> Mapping[str, Floats]:
    """Return the duration of every step, its gates' included as ``gate:<id>.<step>``."""
    durations = {step: finish - graph.start[step] for step, finish in graph.finish.items()}
    for gate, inner in graph.gates.items():
        durations |= {_inner_key(gate, step): months for step, months in list_durations(inner).items()}
    return MappingProxyType(durations)


def measure_lead(
    owner: str, steps: Sequence[Step], *, own_gates: Sequence[str] = (), gates: Mapping[str, Graph] = _NO_GATES
) -> LeadTriple:
    """Return the graph's P10, P50 and P90 in months; gates must hold `fit_draws` of the same fixed seed."""
    graph = simulate_graph(owner, steps, own_gates=own_gates, gates=gates, n_draws=_FIT_DRAWS, seed=_FIT_SEED)
    p10, p50, p90 = np.quantile(graph.arrival, [0.1, 0.5, 0.9])
    return float(p10), float(p50), float(p90)


def simulate_for_fit(owner: str, steps: Sequence[Step], *, gates: Mapping[str, Graph] = _NO_GATES) -> Graph:
    """Return a gate's graph with the draws that `measure_lead` and `fit_steps` use."""
    return simulate_graph(owner, steps, gates=gates, n_draws=_FIT_DRAWS, seed=_FIT_SEED)


def meets_target(lead: LeadTriple, target: LeadTriple) -> bool:
    """Return whether P50 and P90 lie within 10 % of the target's (or within a week of it)."""
    return all(
        abs(have - want) <= max(TOLERANCE_FRAC * want, 0.25) for have, want in zip(lead[1:], target[1:], strict=True)
    )


def fit_steps(
    owner: str,
    steps: Sequence[Step],
    target: LeadTriple,
    *,
    own_gates: Sequence[str] = (),
    gates: Mapping[str, Graph] = _NO_GATES,
) -> tuple[Step, ...] | None:
    """Return the steps with durations scaled so that the whole graph meets another target, or None where it can't.

    Every own step's median is multiplied by one factor and its spread above the median raised to one power; gates keep
    theirs. So a target that the gates alone exceed can't be met. A damped fixed point on ln P50 and ln (P90 / P50)
    (undamped it circles, as a wider spread also moves the median of the later of two steps); where gates keep it from
    settling, the simplex method of Nelder and Mead on the larger miss of the two.
    """
    if min(target) <= 0:
        return None

    def try_out(scale: float, stretch: float) -> tuple[float, LeadTriple, tuple[Step, ...]]:
        scaled = tuple(_scale_step(step, scale, stretch) for step in steps)
        lead = measure_lead(owner, scaled, own_gates=own_gates, gates=gates)
        miss = max(abs(np.log(max(lead[i], 1e-6) / target[i])) for i in (1, 2))
        return miss, lead, scaled

    def miss_at(logs: Floats) -> float:
        return float(try_out(*np.exp(logs))[0])

    scale, stretch, best = 1.0, 1.0, np.ones(2)
    least, _, found = try_out(scale, stretch)
    for _ in range(24):
        miss, lead, scaled = try_out(scale, stretch)
        if miss < least:
            least, found, best = miss, scaled, np.array([scale, stretch])
        if least < 0.005:
            return found
        scale = float(np.clip(scale * (target[1] / max(lead[1], 1e-6)) ** 0.8, 1e-3, 1e3))
        want, have = np.log(max(target[2] / target[1], 1.0 + 1e-6)), np.log(max(lead[2] / lead[1], 1.0 + 1e-6))
        stretch = float(np.clip(stretch * (want / have) ** 0.5, 0.05, 8.0))
    if least > 0.02:
        x, y = (float(v) for v in np.log(best))
        options: Any = {"maxfev": 80, "xatol": 0.01, "initial_simplex": [[x, y], [x + 1.0, y], [x, y - 0.7]]}
        polished = minimize(miss_at, np.array([x, y]), method="Nelder-Mead", options=options)
        miss, _, scaled = try_out(*np.exp(polished.x))
        if miss < least:
            least, found = miss, scaled
    return found if least <= TOLERANCE_FRAC else None


def find_circle(after: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return one circle of a graph (node -> predecessors), its first node repeated at the end; empty without one."""
    done: set[str] = set()
    for root in after:
        trail = [root] if root not in done else []
        stack = [iter(after[root])] if trail else []
        while stack:
            for before in stack[-1]:
                if before in trail:
                    circle = trail[trail.index(before) :][::-1]
                    return (*circle, circle[0])
                if before in after and before not in done:
                    stack.append(iter(after[before]))
                    trail.append(before)
                    break
            else:
                done.add(trail.pop())
                stack.pop()
    return ()


def _pass_forward(
    owner: str,
    steps: tuple[Step, ...],
    waits: Mapping[str, tuple[str, ...]],
    *,
    gates: Mapping[str, Graph],
    durations: Mapping[str, Floats],
    n: int,
) -> Graph:
    start: dict[str, Floats] = {}
    finish: dict[str, Floats] = {}

    def finish_of(name: str) -> Floats:
        return gates[name.removeprefix(GATE_PREFIX)].arrival if name.startswith(GATE_PREFIX) else finish[name]

    pending = [step.step for step in steps]
    while pending:
        ready = [step for step in pending if not any(before in pending for before in waits[step])]
        if not ready:
            raise ValueError(f"steps of {owner} wait for each other in a circle: {find_circle(waits)}")
        for step in ready:
            start[step] = _latest([finish_of(before) for before in waits[step]], n)
            finish[step] = start[step] + durations[step]
        pending = [step for step in pending if step not in finish]
    arrival = _latest([finish_of(before) for before in waits[END]], n)
    return Graph(
        owner, steps, MappingProxyType(start), MappingProxyType(finish), MappingProxyType(waits), gates, arrival
    )


def _draw_duration(step: Step, n: int, seed: int) -> Floats:
    draw = _draw_probabilities if (n, seed) == (_FIT_DRAWS, _FIT_SEED) else _draw_probabilities.__wrapped__
    u = draw(seed, f"step:{step.owner}.{step.step}", n, step.factor, step.factor_loading_frac)
    return sample_three_point(step.p10_months, step.p50_months, step.p90_months, u)


@lru_cache(maxsize=1024)  # fitting draws the same streams for every trial; 16 kB each
def _draw_probabilities(seed: int, name: str, n: int, factor: str | None, loading_frac: float) -> Floats:
    u = correlated_uniform_stream(seed, name, n, factor=factor, loading_frac=loading_frac)
    u.flags.writeable = False
    return u


def _scale_step(step: Step, scale: float, stretch: float) -> Step:
    """Return the step with its median times `scale` and its upper ratio to the power `stretch`."""
    p50 = step.p50_months * scale
    if step.p50_months == 0:
        return replace(step, p90_months=step.p90_months * scale * stretch)
    p10 = step.p10_months * scale
    p90 = p50 * (step.p90_months / step.p50_months) ** stretch
    return replace(step, p10_months=p10, p50_months=p50, p90_months=p90)


def _latest(times: list[Floats], n: int) -> Floats:
    return np.maximum.reduce(times) if times else np.zeros(n)


def _inner_key(gate: str, step: str) -> str:
    return step if step.startswith(GATE_PREFIX) else f"{GATE_PREFIX}{gate}.{step}"

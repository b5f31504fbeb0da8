"""Arrival draws of small step graphs whose answer is known in closed form or by hand."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from make_supply import make_gate, make_option, make_step
from trainload.errors import DataError
from trainload.supply.graphs import fit_steps, flag_critical, measure_lead, simulate_for_fit, simulate_graph
from trainload.supply.options import Option, Supply
from trainload.supply.schedule import add_months, find_circle, simulate_arrivals
from trainload.tables import check_table


def world(*options: Option, gates: tuple = ()) -> Supply:  # type: ignore[type-arg]
    return Supply(options=options, gates=gates)


def fixed(step: str, months: float, *after: str) -> dict[str, object]:
    return {"step": step, "months": (months, months, months), "after": after}


def test_fixed_durations_add_up_along_the_longest_chain() -> None:
    """Proves: two parallel chains of 5 + 4 and 7 months, then 2 of commissioning: 11 months; a gate of 12 makes it 14.

    If broken: adding all steps would give 18, the shortest chain 9, and ignoring the gate 11.
    """
    steps = [fixed("permit", 5), fixed("build", 4, "permit"), fixed("turbine", 7)]
    plain = make_option("plain", steps=[*steps, fixed("commission", 2, "build", "turbine")])
    gated = make_option(
        "gated", steps=[*steps, fixed("commission", 2, "build", "turbine", "gate:lateral")], gates=("lateral",)
    )
    lateral = make_gate("lateral", steps=[fixed("lay", 12)])
    schedule = simulate_arrivals(world(plain, gated, gates=(lateral,)), n_draws=16, seed=1)
    assert schedule.lead_months("plain", 50) == 11
    assert schedule.lead_months("gated", 50) == 14
    assert schedule.lead_months("gated", 50, gates=False) == 11
    assert schedule.critical_path("plain") == ("permit", "build", "commission")
    assert schedule.critical_path("gated") == ("gate:lateral.lay", "commission")
    assert schedule.critical_step("plain") == "permit"
    assert schedule.critical_months("plain") == {"permit": 5, "build": 4, "turbine": 0, "commission": 2}
    assert schedule.last_share("plain") == {"build": 1.0, "turbine": 0.0}
    assert schedule.critical_step("gated") == "gate:lateral.lay"
    assert schedule.last_share("gated") == {"build": 0.0, "turbine": 0.0, "gate:lateral": 1.0}
    assert schedule.critical_shares("gated")["gate:lateral.lay"] == 1.0


def test_a_gate_no_step_names_is_still_waited_for() -> None:
    """Proves: an option listed behind a gate arrives no earlier than the gate. If broken: 3 months instead of 12."""
    option = make_option("o", steps=[fixed("all", 3)], gates=("g",))
    schedule = simulate_arrivals(world(option, gates=(make_gate("g", steps=[fixed("x", 12)]),)), n_draws=8, seed=1)
    assert schedule.lead_months("o", 50) == 12
    assert schedule.last_share("o") == {"all": 0.0, "gate:g": 1.0}


def test_a_gate_behind_a_gate() -> None:
    """Proves: gates may wait for gates, in any order of the list. If broken: 4 or 6 months instead of 10 and 11."""
    first = make_gate("first", steps=[fixed("line", 6)])
    second = make_gate("second", steps=[fixed("tap", 4, "gate:first")])
    option = make_option("o", steps=[fixed("end", 1, "gate:second")], gates=("second",))
    schedule = simulate_arrivals(world(option, gates=(second, first)), n_draws=8, seed=1)
    assert schedule.lead_months("second", 50) == 10
    assert schedule.lead_months("o", 90) == 11
    assert schedule.critical_path("o") == ("gate:first.line", "gate:second.tap", "end")


def test_percentiles_of_one_step_are_its_own() -> None:
    """Proves: a single step's P10, P50 and P90 come back. If broken: a normal fit would put P50 at 31."""
    option = make_option("o", steps=[{"step": "s", "months": (18, 30, 48)}])
    schedule = simulate_arrivals(world(option), n_draws=8192, seed=3)
    for percentile, months in ((10, 18), (50, 30), (90, 48)):
        assert schedule.lead_months("o", percentile) == pytest.approx(months, rel=0.002)


def test_later_of_two_equal_independent_steps() -> None:
    """Proves: the later of two independent, equal steps has its median at their 70.7th percentile.

    If broken: one shared stream for both would give the single step's median.
    """
    steps = [{"step": s, "months": (10, 20, 40)} for s in ("a", "b")]
    schedule = simulate_arrivals(world(make_option("o", steps=steps)), n_draws=16384, seed=5)
    one = simulate_arrivals(world(make_option("o", steps=steps[:1])), n_draws=16384, seed=5)
    assert schedule.lead_months("o", 50) == pytest.approx(one.lead_months("o", 100 * 0.5**0.5), rel=0.01)
    assert schedule.last_share("o")["a"] == pytest.approx(0.5, abs=0.012)


def test_a_common_factor_correlates_options_as_stated() -> None:
    """Proves: loadings of 0.8 and 0.5 on one factor give arrivals whose normal scores correlate by 0.40.

    If broken: correlation 0 (no factor), 0.8 or 1 (the loading used as variance share or shared draws).
    """
    a = make_option("a", steps=[{"step": "s", "months": (10, 20, 40), "factor": "market", "loading": 0.8}])
    b = make_option("b", steps=[{"step": "s", "months": (10, 20, 40), "factor": "market", "loading": 0.5}])
    c = make_option("c", steps=[{"step": "s", "months": (10, 20, 40), "factor": "other", "loading": 0.9}])
    schedule = simulate_arrivals(world(a, b, c), n_draws=16384, seed=7)
    logs = [np.log(schedule.draws(name)) for name in "abc"]  # equal log ratios either side: exactly normal scores
    correlation = np.corrcoef(logs)
    assert correlation[0, 1] == pytest.approx(0.40, abs=0.02)
    assert correlation[0, 2] == pytest.approx(0.0, abs=0.02)


def test_draws_do_not_depend_on_their_number_or_on_other_options() -> None:
    """Proves: draw i of an option is the same with 256 or 4,096 draws, alone or among others.

    If broken: adding an option to a scenario would move every other option's dates.
    """
    a = make_option("a", steps=[{"step": "s", "months": (10, 20, 40), "factor": "market", "loading": 0.8}])
    b = make_option("b", steps=[{"step": "s", "months": (1, 2, 4), "factor": "market", "loading": 0.8}])
    alone = simulate_arrivals(world(a), n_draws=256, seed=1).draws("a")
    among = simulate_arrivals(world(b, a), n_draws=4096, seed=1).draws("a")
    assert np.array_equal(alone, among[:256])
    assert not np.array_equal(alone, simulate_arrivals(world(a), n_draws=256, seed=2).draws("a"))


def test_every_fault_of_the_graphs_comes_at_once() -> None:
    """Proves: a circle is named step by step, beside an unknown step, an unknown gate and a gate not listed.

    If broken: the simulation would hang or stop at the first.
    """
    circle = make_option("circle", steps=[fixed("a", 1, "c"), fixed("b", 1, "a"), fixed("c", 1, "b")])
    unknown = make_option("unknown", steps=[fixed("a", 1, "nothing"), fixed("b", 1, "gate:none")])
    loose = make_option("loose", steps=[fixed("a", 1, "gate:g")])
    with pytest.raises(DataError) as caught:
        simulate_arrivals(world(circle, unknown, loose, gates=(make_gate("g", steps=[fixed("x", 1)]),)))
    text = str(caught.value)
    assert "circle" in text
    assert "a -> b -> c -> a" in text or "b -> c -> a -> b" in text or "c -> a -> b -> c" in text
    assert "nothing" in text
    assert "none" in text
    assert "does not list" in text
    assert len(caught.value.problems) == 4


def test_gates_in_a_circle_are_refused() -> None:
    """Proves: gates that wait for each other are an error. If broken: `order_gates` would never return."""
    gates = (make_gate("g", steps=[fixed("x", 1, "gate:h")]), make_gate("h", steps=[fixed("x", 1, "gate:g")]))
    with pytest.raises(DataError, match="circle"):
        simulate_arrivals(world(gates=gates))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14))
@settings(max_examples=60, deadline=None)
def test_find_circle_agrees_with_repeated_removal(edges: list[tuple[int, int]]) -> None:
    """Proves: a circle is found exactly when stripping steps without predecessors leaves something.

    If broken: a cyclic scenario would pass `check` and hang in `run`.
    """
    after: dict[str, list[str]] = {str(i): [] for i in range(8)}
    for step, before in edges:
        after[str(step)].append(str(before))
    left = set(after)
    while free := {s for s in left if not any(b in left for b in after[s])}:
        left -= free
    circle = find_circle(after)
    assert bool(circle) == bool(left)
    if circle:
        assert circle[0] == circle[-1]
        assert all(first in after[then] for first, then in pairwise(circle))


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sets(st.integers(0, 6), max_size=3), st.booleans()), min_size=1, max_size=7
    ),
    st.integers(0, 60),
)
@settings(max_examples=60, deadline=None)
def test_arrival_is_the_longest_of_all_chains(steps: list[tuple[int, set[int], bool]], gate_months: int) -> None:
    """Proves: for any graph of fixed durations, the arrival is the longest of all chains, listed one by one.

    If broken: a step that waits for a later one in the file would start too early.
    """
    spec = [
        fixed(f"s{i}", months, *(f"s{b}" for b in sorted(after) if b < i), *(["gate:g"] if waits else []))
        for i, (months, after, waits) in enumerate(steps)
    ]
    option = make_option("o", steps=spec[::-1], gates=("g",))
    schedule = simulate_arrivals(world(option, gates=(make_gate("g", steps=[fixed("x", gate_months)]),)), n_draws=2)

    def chains(i: int) -> list[int]:
        months, after, waits = steps[i]
        before = [chain for b in after if b < i for chain in chains(b)] + ([gate_months] if waits else [])
        return [months + chain for chain in before or [0]]

    longest = max([gate_months, *(chain for i in range(len(steps)) for chain in chains(i))])
    assert schedule.lead_months("o", 50) == longest
    assert sum(schedule.critical_months("o").values()) >= longest - 1e-9


def test_exactly_one_path_is_critical_in_each_draw() -> None:
    """Proves: in a diamond every draw has one critical branch, and the first and last steps are always critical.

    If broken: shares of parallel branches would not add up to one.
    """
    option = make_option(
        "o",
        steps=[
            {"step": "start", "months": (1, 2, 3)},
            {"step": "left", "months": (5, 9, 20), "after": ("start",)},
            {"step": "right", "months": (6, 9, 15), "after": ("start",)},
            {"step": "end", "months": (1, 2, 3), "after": ("left", "right")},
        ],
    )
    graph = simulate_graph("o", option.steps, n_draws=2048, seed=1)
    flags = flag_critical(graph)
    assert flags["start"].all()
    assert flags["end"].all()
    assert np.array_equal(flags["left"], ~flags["right"])
    total = sum(np.where(flags[s.step], graph.finish[s.step] - graph.start[s.step], 0.0) for s in option.steps)
    assert np.allclose(total, graph.arrival)


def test_available_on_is_a_floor() -> None:
    """Proves: no arrival before `available_on`. If broken: a unit would serve load before its site exists."""
    option = replace(make_option("o", steps=[fixed("s", 3)]), available_on=date(2030, 1, 1))
    schedule = simulate_arrivals(world(option), n_draws=8, seed=1)
    assert schedule.arrival_on("o", date(2027, 1, 1)) == date(2030, 1, 1)
    assert schedule.arrival_on("o", date(2031, 1, 1)) == date(2031, 4, 2)  # 3 x 30.4375 = 91.3 days
    assert add_months(date(2027, 1, 1), 12) == date(2028, 1, 1)


def test_tables_hold_their_columns() -> None:
    """Proves: both tables match the study's schema, percentiles in order. If broken: the report can't read them."""
    option = make_option("o", steps=[{"step": "s", "months": (10, 20, 40)}], gates=("g",))
    gate = make_gate("g", steps=[{"step": "x", "months": (5, 6, 8)}])
    schedule = simulate_arrivals(world(option, gates=(gate,)), n_draws=1024, seed=1)
    arrivals = check_table("arrivals", schedule.arrivals_table(date(2027, 1, 1)))
    assert list(arrivals["owner"]) == ["o", "g"]
    assert (arrivals["p10_on"] < arrivals["p50_on"]).all()
    assert (arrivals["p90_on"] < arrivals["p95_on"]).all()
    steps = check_table("steps", schedule.steps_table())
    assert list(steps["owner_kind"]) == ["option", "gate"]
    assert steps["critical"].all()


def test_fitting_meets_another_target_and_admits_when_it_cannot() -> None:
    """Proves: a graph scaled to a shorter target meets it within 1 %; a target that its gate alone exceeds is refused.

    If broken: an overridden lead time would be ignored, or a gate silently shortened.
    """
    gate = simulate_for_fit("g", [make_step("g", step="x", months=(9, 18, 30))])
    steps = [
        make_step("o", step="slot", months=(36, 54, 84)),
        make_step("o", step="c", months=(1, 2, 3), after=("slot",)),
    ]
    fitted = fit_steps("o", steps, (20.0, 30.0, 45.0), own_gates=("g",), gates={"g": gate})
    assert fitted is not None
    lead = measure_lead("o", fitted, own_gates=("g",), gates={"g": gate})
    assert lead[1] == pytest.approx(30, rel=0.01)
    assert lead[2] == pytest.approx(45, rel=0.01)
    assert fit_steps("o", steps, (3.0, 5.0, 8.0), own_gates=("g",), gates={"g": gate}) is None


def test_unknown_owner_is_named() -> None:
    """Proves: a wrong id is a `DataError` with the known ones. If broken: a KeyError traceback."""
    schedule = simulate_arrivals(world(make_option("o", steps=[fixed("s", 3)])), n_draws=8, seed=1)
    with pytest.raises(DataError, match=r"known: o"):
        schedule.lead_months("p", 50)

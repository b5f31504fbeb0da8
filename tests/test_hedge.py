"""Orders over scenarios of lead times: toy worlds on paper, the joined program, who knows what when."""

from dataclasses import replace

import numpy as np
import pytest

from make_world import make_option, make_world
from trainload.errors import SolverError
from trainload.hedge.program import (
    CasePart,
    LeadCase,
    find_arrivals,
    link_case,
    make_case,
    require_least_orders,
    state_shared,
)
from trainload.hedge.values import Outcome, bound_costs, solve_known, solve_shared
from trainload.plan.prices import IdlePrices
from trainload.plan.world import World
from trainload.solve.check import check_solution
from trainload.solve.join import join_programs, weigh_costs
from trainload.solve.program import Border

MW = 100.0
# hours of 2027: January to March, April to June
JAN_FEB, MAR, APR_JUN = 744 + 672, 744, 720 + 744 + 720
MAR_APR = 744 + 720


def make_toy(*, programme: float, idle: float, spare: bool = False, **plan: object) -> World:
    """A free plant whose lead time is uncertain; on demand a spare one of 3 months at 10 USD per hour of service."""
    options = [make_option("plant")]
    if spare:
        options.append(make_option("spare", fixed_usd_per_mw_year=87_660.0))
    world = make_world(
        options, wanted_mw=MW, money={"wacc_frac": 0.0}, rules={"largest_unit_reserve": False}, plan=plan
    )
    return replace(world, idle=IdlePrices(programme, idle, world.idle.tranches, ()))


def make_cases(world: World, leads: dict[str, tuple[float, ...]], weights: tuple[float, ...]) -> list[LeadCase]:
    return [
        make_case(world, name=f"w{k + 1}", weight=w, lead_months={o: months[k] for o, months in leads.items()})
        for k, w in enumerate(weights)
    ]


def link(cases: list[LeadCase]) -> tuple[list[CasePart], Border]:
    shared = state_shared(cases)
    return [link_case(case, shared) for case in cases], shared


def solve(world: World, cases: list[LeadCase], **given: object) -> Outcome:
    parts, shared = link(cases)
    return solve_shared(parts, shared, world.scenario.plan, [], **given)  # type: ignore[arg-type]


def test_chips_come_early_where_waiting_costs_more_than_standing_idle() -> None:
    """Proves: chips are planned once for both scenarios; price (b) comes on top of (a) where power is late.

    The plant takes 2 or 4 months. In March and April chips earn 100 USD/MWh in one half of cases and stand idle at 50
    on top of 100 in the other. On paper: 1,416 h x 100 x 100 USD, and 1,464 h x 100 x 150 USD in half of the cases.
    If broken: without (b) the cost is 2.15e7; with chips in each scenario of its own as well.
    """
    world = make_toy(programme=100.0, idle=50.0)
    cases = make_cases(world, {"plant": (2.0, 4.0)}, (0.5, 0.5))
    hedged = solve(world, cases)
    expected = JAN_FEB * MW * 100 + 0.5 * MAR_APR * MW * 150
    assert hedged.objective_usd == pytest.approx(expected, rel=1e-6)
    assert hedged.idle_usd == pytest.approx([0.0, MAR_APR * MW * 50], rel=1e-6, abs=1.0)
    assert hedged.shared["delivered[2]"] == pytest.approx(MW, rel=1e-6)


def test_chips_come_late_where_standing_idle_costs_more() -> None:
    """Proves: with the two prices exchanged chips wait for the late date, and nothing is powered before they are there.

    On paper: nobody has power before May: 2,880 h x 100 MW x 50 USD in both cases, nothing idle.
    If broken: power without chips gives 1.07e7, early chips 1.81e7.
    """
    world = make_toy(programme=50.0, idle=100.0)
    hedged = solve(world, make_cases(world, {"plant": (2.0, 4.0)}, (0.5, 0.5)))
    assert hedged.objective_usd == pytest.approx((JAN_FEB + MAR_APR) * MW * 50, rel=1e-6)
    assert hedged.shared["delivered[2]"] == pytest.approx(0.0, abs=1e-3)


def spare_world() -> tuple[World, list[LeadCase]]:
    world = make_toy(programme=100.0, idle=0.0, spare=True)
    return world, make_cases(world, {"plant": (2.0, 6.0), "spare": (3.0, 3.0)}, (0.5, 0.5))


def test_every_value_of_a_spare_plant_is_as_on_paper() -> None:
    """Proves: RP, EEV, WS and so VSS and EVPI of a hedge by a spare plant are what a person computes.

    The plant takes 2 or 6 months, the spare one 3 for certain and 6,600 h x 10 USD/MW. Per MW: hedged 141,600 + 66,000
    or 216,000 + 66,000; the plant alone 141,600 or 434,400; knowing all 141,600 or 282,000.
    If broken: a spare one ordered after the first arrival shows would come in July and help nobody, so EEV would fall.
    """
    world, cases = spare_world()
    parts, shared = link(cases)
    settings = world.scenario.plan
    hedged = solve_shared(parts, shared, settings, [])
    chips = {f"delivered[{m}]": MW for m in range(2, 12)}
    replayed = solve_shared(parts, shared, settings, [], held={"order[plant,0]": MW, **chips})
    known, _ = solve_known(parts, shared, settings, [])
    assert hedged.costs_usd / MW == pytest.approx([207_600, 282_000], rel=1e-6)
    assert replayed.costs_usd / MW == pytest.approx([141_600, 434_400], rel=1e-6)
    assert known / MW == pytest.approx([141_600, 282_000], rel=1e-6)
    value_of_hedging = (replayed.objective_usd - hedged.objective_usd) / MW
    value_of_knowing = hedged.objective_usd / MW - float(np.mean(known)) / MW
    assert value_of_hedging == pytest.approx(43_200, rel=1e-4)
    assert value_of_knowing == pytest.approx(33_000, rel=1e-4)
    assert np.mean(known) <= hedged.objective_usd <= replayed.objective_usd


def test_knowing_a_step_is_worth_all_or_nothing_by_what_it_tells() -> None:
    """Proves: orders shared within groups cost as much as known where the group is the scenario, else as hedged.

    Four scenarios: the plant takes 2 or 6 months, and something that changes nothing tells w1, w2 from w3, w4.
    If broken: groups that do not share at all would make the idle news worth 33,000 USD/MW.
    """
    world = make_toy(programme=100.0, idle=0.0, spare=True)
    cases = make_cases(world, {"plant": (2.0, 6.0, 2.0, 6.0), "spare": (3.0,) * 4}, (0.25,) * 4)
    no_news = solve(world, cases, groups=[[0, 1], [2, 3]])
    news = solve(world, cases, groups=[[0, 2], [1, 3]])
    assert no_news.objective_usd / MW == pytest.approx(244_800, rel=1e-6)
    assert news.objective_usd / MW == pytest.approx(211_800, rel=1e-6)
    with pytest.raises(ValueError, match="each of 4 scenarios once"):
        solve(world, cases, groups=[[0, 1, 2, 3], [0]], cost_box=(0.0, 1e8))


def test_one_scenario_is_the_deterministic_plan() -> None:
    """Proves: sharing with nobody changes nothing: same optimum as the plan at these lead times, chain and HiGHS.

    If broken: an order date that reaches no period, or chips that cost something, would make it dearer.
    """
    world = make_toy(programme=100.0, idle=70.0, spare=True)
    plain = make_case(world, name="w1", weight=1.0, lead_months={"plant": 5.4, "spare": 1.3})
    alone = solve(world, [plain])
    highs = replace(
        world,
        scenario=world.scenario.model_copy(update={"plan": world.scenario.plan.model_copy(update={"solver": "highs"})}),
    )
    direct = solve_shared(*link([plain]), highs.scenario.plan, [])
    known, _ = solve_known(link([plain])[0], link([plain])[1], world.scenario.plan, [])
    assert alone.objective_usd == pytest.approx(float(known[0]), rel=1e-7)
    assert alone.objective_usd == pytest.approx(direct.objective_usd, rel=1e-6)


def test_chain_and_highs_agree_on_shared_orders() -> None:
    """Proves: the joined program has one optimum, with weight on the tail, whoever solves it.

    If broken: a bound, a box or a budget of the joined program that only one of them reads.
    """
    leads, weights = {"plant": (2.0, 4.4, 6.0), "spare": (3.0, 2.2, 5.0)}, (0.5, 0.3, 0.2)
    found = []
    for solver in ("chain", "highs"):
        world = make_toy(
            programme=100.0, idle=40.0, spare=True, solver=solver, cvar_weight_frac=0.6, cvar_tail_frac=0.3
        )
        outcome = solve(world, make_cases(world, leads, weights), cost_box=(1e6, 1e9))
        assert outcome.gap < 1e-6
        found.append(outcome.objective_usd)
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_orders_are_the_same_until_the_lead_time_is_known() -> None:
    """Proves: before its first arrival a plant can't be ordered in one scenario only; afterwards it can.

    Free plants of 2 or 6 months: what arrives up to the period in which an order after the first arrival would, is
    what was ordered for all.
    If broken: builds differ from shared orders before period 4 in w1 or at any time in w2 (6 + 6 months).
    """
    world, cases = spare_world()
    parts, shared = link(cases)
    hedged = solve_shared(parts, shared, world.scenario.plan, [])
    for item, values in zip(parts, hedged.parts, strict=True):
        names = {name: i for i, name in enumerate(item.part.program.border.names)}
        for owner in ("plant", "spare"):
            arrives = item.case.arrives[owner]
            for m in range(int(arrives[arrives[0]]) if arrives[0] < 12 else 12):
                ordered = sum(hedged.shared.get(f"order[{owner},{q}]", 0.0) for q in np.flatnonzero(arrives == m))
                cancelled = values.columns[names[f"cancel[{owner},{m}]"]] if f"cancel[{owner},{m}]" in names else 0.0
                built = values.columns[names[f"build[{owner},{m}]"]] if f"build[{owner},{m}]" in names else 0.0
                assert built == pytest.approx(ordered - cancelled, abs=1e-3)


def test_the_tail_alone_is_the_worst_case() -> None:
    """Proves: with all weight on a tail thinner than any scenario the worst scenario's cost is what counts.

    On paper: without a spare plant the slow scenario costs 434,400 USD/MW, with it 282,000, whatever its probability;
    at 5 % the mean alone would not pay for the spare one (66,000 > 0.05 x 218,400).
    If broken: the mean's orders leave 434,400.
    """
    weights = (0.95, 0.05)
    leads = {"plant": (2.0, 6.0), "spare": (3.0, 3.0)}
    mean = make_toy(programme=100.0, idle=0.0, spare=True)
    worst = make_toy(programme=100.0, idle=0.0, spare=True, cvar_weight_frac=1.0, cvar_tail_frac=0.01)
    cheap = solve(mean, make_cases(mean, leads, weights))
    box = bound_costs(np.array([14.16e6, 28.2e6]), 43.44e6, np.array(weights))
    safe = solve(worst, make_cases(worst, leads, weights), cost_box=box)
    assert cheap.costs_usd.max() / MW == pytest.approx(434_400, rel=1e-6)
    assert safe.costs_usd.max() / MW == pytest.approx(282_000, rel=1e-5)
    assert safe.objective_usd == pytest.approx(safe.costs_usd.max(), rel=1e-9)
    assert box[0] <= safe.costs_usd.min() <= safe.costs_usd.max() <= box[1]


def test_weighed_costs_are_mean_and_tail() -> None:
    """Proves: mean, tail and their mixture of three costs are what a person computes.

    If broken: a tail that does not split a scenario would give 30 or 20 instead of 28.
    """
    costs, weights = np.array([10.0, 20.0, 30.0]), np.array([0.5, 0.3, 0.2])
    assert weigh_costs(costs, weights) == pytest.approx(17.0)
    assert weigh_costs(costs, weights, weight_frac=1.0, tail_frac=0.25) == pytest.approx((0.2 * 30 + 0.05 * 20) / 0.25)
    assert weigh_costs(costs, weights, weight_frac=0.5, tail_frac=0.25) == pytest.approx(0.5 * 17 + 0.5 * 28)


def test_joined_program_is_certified_and_taken_apart() -> None:
    """Proves: the joined program passes the plain check, and its parts' weighted costs are its objective.

    If broken: a misplaced column or budget shows as a residual or as another sum.
    """
    from trainload.solve.chain import solve_chain  # noqa: PLC0415

    _, cases = spare_world()
    parts, shared = link(cases)
    joined = join_programs([item.part for item in parts], shared)
    solution = solve_chain(joined.program)
    assert check_solution(joined.program, solution).passed(1e-6)
    costs = joined.part_costs(solution)
    assert 0.5 * costs.sum() == pytest.approx(solution.objective, rel=1e-9)
    for k, item in enumerate(parts):
        own = joined.take_part(solution, k)
        assert check_solution(item.part.program, own).residual < 1e-6


def test_parts_that_do_not_fit_are_refused_together() -> None:
    """Proves: a weight of zero and links of the wrong shape are both named, with the part.

    If broken: numpy would complain of shapes, or a scenario would silently not count.
    """
    _, cases = spare_world()
    parts, shared = link(cases)
    wrong = replace(parts[0].part, weight=0.0)
    short = replace(parts[1].part, link_own=parts[1].part.link_own[:, :-1])
    with pytest.raises(SolverError) as caught:
        join_programs([wrong, short], shared)
    assert "w1" in str(caught.value) and "w2" in str(caught.value)
    with pytest.raises(SolverError, match="at least one program"):
        join_programs([], shared)


def test_arrivals_reach_every_period() -> None:
    """Proves: months, then quarters: an order of some period reaches each period from the first on, never earlier.

    If broken: a lead time of 2.99 months, or the step from months to quarters, would leave a period out.
    """
    world = make_world([make_option("plant")], years=3, plan={"monthly_years": 1})
    for months in (0.0, 0.5, 2.0, 2.99, 7.3, 13.0):
        first = int(find_arrivals(world.periods, months, first=0)[0])
        arrives = find_arrivals(world.periods, months, first=first)
        reached = set(arrives.tolist()) - {len(world.periods)}
        assert reached == set(range(first, len(world.periods)))
        assert (np.diff(arrives) >= 0).all()


def test_what_must_be_ordered_is_asked_of_shared_orders() -> None:
    """Proves: `min_mw` binds orders that arrive at the plan's own lead times, in every scenario alike.

    If broken: the useless spare plant would be ordered in one scenario only, or at the end where it never arrives.
    """
    options = [make_option("plant"), make_option("spare", fixed_usd_per_mw_year=87_660.0, min_mw=40.0)]
    world = make_world(options, wanted_mw=MW, money={"wacc_frac": 0.0}, rules={"largest_unit_reserve": False})
    cases = make_cases(world, {"plant": (0.0, 1.0), "spare": (3.0, 3.0)}, (0.5, 0.5))
    planned = make_case(world, name="planned", weight=1.0, lead_months={"plant": 0.0, "spare": 3.0})
    shared = require_least_orders(state_shared(cases), world, planned)
    hedged = solve_shared([link_case(c, shared) for c in cases], shared, world.scenario.plan, [])
    ordered = sum(mw for name, mw in hedged.shared.items() if name.startswith("order[spare"))
    assert ordered == pytest.approx(40.0, rel=1e-6)

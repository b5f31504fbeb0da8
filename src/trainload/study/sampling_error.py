"""How wrong sampled weeks are: one full year operated at the plan's capacities, beside what the weeks said of it."""

from dataclasses import dataclass, replace

import numpy as np

from trainload.errors import Note
from trainload.plan.formulate import Formulation, formulate
from trainload.plan.plan import Plan
from trainload.plan.sampling import list_calendar_blocks
from trainload.plan.solvers import choose_solver
from trainload.plan.world import World

OPERATING_TERMS = ("fuel", "variable", "energy", "demand_charge", "carbon", "curtailment", "clean_slack", "co2_slack")
CRUMB_MW = 1e-3
FIXED_FAMILIES = ("build[", "cap[", "end[", "powered[")


@dataclass(frozen=True, slots=True)
class SamplingError:
    """Operating cost of one plan year by sampled weeks and by all its hours, USD of that year."""

    year: int
    sampled_usd: float
    full_usd: float
    unserved_mwh: float

    @property
    def error_frac(self) -> float:
        """What the weeks say over what the year costs, less one."""
        return self.sampled_usd / self.full_usd - 1.0 if self.full_usd else float("nan")

    def note(self) -> Note:
        """Return it in words."""
        return Note(
            "plan.sampling",
            f"all hours of plan year {self.year}, operated at the plan's capacities, cost "
            f"${self.full_usd / 1e6:,.0f}M; the sampled weeks say ${self.sampled_usd / 1e6:,.0f}M "
            f"({self.error_frac:+.1%}); {self.unserved_mwh:,.0f} MWh are shed in that year.",
            "limit",
        )


def measure_sampling_error(plan: Plan) -> SamplingError:
    """Operate every hour of the last plan year at the plan's capacities and compare with what the weeks said.

    The last year belongs to a group of years with the same wanted load, so that the weeks' share of it is its own.
    """
    world = plan.formulation.world
    year = world.periods[-1].year
    formulation = fix_capacities(plan, year)
    solve = choose_solver(formulation.program, world.scenario.plan.solver, [])
    solution = solve(formulation.program)
    full = formulation.ledger.evaluate(solution)
    sampled = plan.tables["ledger"]

    def operating(table: object) -> float:
        rows = table[(table.year == year) & table.term.isin(OPERATING_TERMS)]  # type: ignore[index, attr-defined]
        return float(rows.usd.sum())

    shed = 0.0
    for b, block in enumerate(formulation.program.blocks):
        for j, name in enumerate(block.flow_names):
            if name.startswith("unserved_"):
                shed += float(solution.flows[b][j].sum())
    return SamplingError(year, operating(sampled), operating(full), shed)


def fix_capacities(plan: Plan, year: int) -> Formulation:
    """Return the program of all hours of one plan year with every order and capacity held at the plan's values."""
    world: World = plan.formulation.world
    inside = [p for p in world.periods if p.year == year]
    blocks, chains = list_calendar_blocks(inside, world.present[inside[0].index : inside[-1].index + 1])
    formulation = formulate(replace(world, blocks=tuple(blocks), chains=tuple(chains)))
    values = dict(zip(plan.formulation.program.border.names, plan.solution.columns, strict=True))
    border = formulation.program.border
    lower, upper = border.lower.copy(), border.upper.copy()
    for i, name in enumerate(border.names):
        if name.startswith(FIXED_FAMILIES) and name in values:
            lower[i] = upper[i] = float(values[name]) if values[name] > CRUMB_MW else 0.0
    # what is fixed satisfies its rows only to the solver's tolerance: rows over fixed columns alone are dropped
    free = np.flatnonzero(upper > lower)
    keep = np.flatnonzero(np.asarray(abs(border.matrix[:, free]).sum(axis=1)).ravel() > 0)
    program = replace(
        formulation.program,
        border=replace(
            border,
            lower=lower,
            upper=upper,
            unit=np.zeros_like(border.unit),
            row_names=tuple(border.row_names[i] for i in keep),
            matrix=border.matrix[keep],
            row_lower=border.row_lower[keep],
            row_upper=border.row_upper[keep],
        ),
    )
    return replace(formulation, program=program)

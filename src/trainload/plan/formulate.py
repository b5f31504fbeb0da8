"""The calendar program, one function per constraint family; the formulation page is made from their docstrings.

Symbols: options i, gates g, capacity periods m, hours t of an operation block b, tranches k. All variables are >= 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trainload.plan.delivery import (
    state_adequacy,
    state_block_means,
    state_clean_budget,
    state_co2_budget,
    state_delivery,
    state_run_limits,
    state_tiers,
)
from trainload.plan.draft import Draft, DraftBlock
from trainload.plan.hours import state_balance, state_matching, state_shedding, state_sources, state_stores
from trainload.plan.ledger import Ledger
from trainload.plan.limiting import state_limited_flows, state_limits
from trainload.plan.orders import (
    state_arrivals,
    state_bridge_limits,
    state_gates,
    state_grid_limit,
    state_held,
    state_orders,
)
from trainload.plan.world import World
from trainload.solve.program import Program

BORDER_FAMILIES: tuple[Callable[[Draft, World], None], ...] = (
    state_orders,
    state_arrivals,
    state_gates,
    state_grid_limit,
    state_bridge_limits,
    state_delivery,
    state_adequacy,
    state_block_means,
    state_tiers,
    state_clean_budget,
    state_co2_budget,
    state_run_limits,
    state_limits,
    state_held,
)
HOURLY_FAMILIES: tuple[Callable[[Draft, World, int], None], ...] = (
    state_balance,
    state_sources,
    state_stores,
    state_shedding,
    state_matching,
    state_limited_flows,
)


@dataclass(frozen=True, slots=True)
class Formulation:
    """The program, the ledger that priced it, and the world it was stated from."""

    program: Program
    ledger: Ledger
    world: World


def formulate(world: World) -> Formulation:
    """State every constraint family in order and return the program with its ledger."""
    draft = Draft()
    for state in BORDER_FAMILIES:
        state(draft, world)
    for index, block in enumerate(world.blocks):
        draft.blocks.append(DraftBlock(block.name, len(block.hours), block.years))
        for state_block in HOURLY_FAMILIES:
            state_block(draft, world, index)
    draft.chains = list(world.chains)
    program, ledger = draft.finish()
    return Formulation(program, ledger, world)

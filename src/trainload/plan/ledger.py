"""One ledger: each cost term is stated once, as USD per unit of a variable; objective and report both read it.

A term on a border column is paid in one plan year; a term on an hourly flow is paid in the years its block stands for.
``sum of usd_present over all entries == objective`` of the program, and a test holds the two equal.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainload.solve.program import Solution
from trainload.tables import TABLES

Array = NDArray[np.float64]
Group = Literal["cash", "shadow"]


@dataclass(frozen=True, slots=True)
class ColumnTerm:
    """``usd`` per unit of a border column, spent in plan year ``year``; ``usd_present`` is its present value."""

    term: str
    owner: str
    group: Group
    year: int
    column: int
    usd: float
    usd_present: float
    quantity: float
    unit: str


@dataclass(frozen=True, slots=True)
class FlowTerm:
    """``usd_per_mwh`` of an hourly flow of its block, in every hour; weights and years come from the block."""

    term: str
    owner: str
    group: Group
    flow: int
    usd_per_mwh: Array | float


@dataclass(frozen=True, slots=True)
class BlockYears:
    """What a block stands for: hours of the horizon per step, split over plan years.

    Attributes:
        weight_hours: (T,) hours of the horizon that each step stands for.
        years: plan years; ``shares`` (sum 1) of the block's weight in each; ``present`` present-value factors.
    """

    weight_hours: Array
    years: tuple[int, ...]
    shares: tuple[float, ...]
    present: tuple[float, ...]

    @property
    def present_factor(self) -> float:
        """Present value of one dollar spent evenly over all that the block stands for."""
        return float(sum(s * p for s, p in zip(self.shares, self.present, strict=True)))


@dataclass(frozen=True, slots=True)
class Ledger:
    """All cost terms of one program."""

    column_terms: tuple[ColumnTerm, ...]
    flow_terms: tuple[tuple[FlowTerm, ...], ...]  # per block
    blocks: tuple[BlockYears, ...]

    def column_costs(self, n_columns: int) -> Array:
        """Return the objective's coefficients of the border columns (n_columns,), USD per unit."""
        cost = np.zeros(n_columns)
        for entry in self.column_terms:
            cost[entry.column] += entry.usd_present
        return cost

    def flow_costs(self, block: int, n_flows: int) -> Array:
        """Return the objective's coefficients of a block's flows (n_flows, T), USD per MW in that step."""
        years = self.blocks[block]
        cost = np.zeros((n_flows, len(years.weight_hours)))
        for entry in self.flow_terms[block]:
            cost[entry.flow] += entry.usd_per_mwh * years.weight_hours * years.present_factor
        return cost

    def evaluate(self, solution: Solution) -> pd.DataFrame:
        """Return the ledger table of a solution: amounts and USD by term, owner and plan year."""
        rows: list[tuple[str, str, str, int, float, str, float, float]] = []
        for column in self.column_terms:
            x = float(solution.columns[column.column])
            if x != 0.0 and (column.usd != 0.0 or column.usd_present != 0.0):
                rows.append(
                    (
                        column.term,
                        column.owner,
                        column.group,
                        column.year,
                        column.quantity * x,
                        column.unit,
                        column.usd * x,
                        column.usd_present * x,
                    )
                )
        for index, block in enumerate(self.blocks):
            for flow in self.flow_terms[index]:
                energy = solution.flows[index][flow.flow] * block.weight_hours
                usd = float(np.sum(flow.usd_per_mwh * energy))
                mwh = float(energy.sum())
                if mwh == 0.0:
                    continue
                rows.extend(
                    (flow.term, flow.owner, flow.group, year, mwh * share, "MWh", usd * share, usd * share * present)
                    for year, share, present in zip(block.years, block.shares, block.present, strict=True)
                )
        table = pd.DataFrame(rows, columns=list(TABLES["ledger"]))
        keys = ["term", "owner", "group", "year", "unit"]
        summed = table.groupby(keys, as_index=False, sort=True)[["quantity", "usd", "usd_present"]].sum()
        return summed[list(TABLES["ledger"])]

"""A program being written down: columns, rows, flows and their costs by name, turned into arrays once at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trainload.plan.ledger import BlockYears, ColumnTerm, FlowTerm, Group, Ledger
from trainload.solve.program import Block, Border, Program

Array = NDArray[np.float64]


@dataclass(slots=True)
class DraftBlock:
    """One block while its flows, rows and states are being stated."""

    name: str
    n_steps: int
    years: BlockYears
    flow_names: list[str] = field(default_factory=list)
    cap_columns: list[int] = field(default_factory=list)
    caps: list[Array] = field(default_factory=list)
    floors: list[Array | None] = field(default_factory=list)
    row_names: list[str] = field(default_factory=list)
    row_senses: list[str] = field(default_factory=list)
    row_entries: list[dict[int, float]] = field(default_factory=list)
    row_border: list[dict[int, Array]] = field(default_factory=list)
    state_names: list[str] = field(default_factory=list)
    state_keep: list[float] = field(default_factory=list)
    state_entries: list[dict[int, float]] = field(default_factory=list)
    state_cap_columns: list[int] = field(default_factory=list)
    state_caps: list[float] = field(default_factory=list)
    budgets: dict[int, dict[int, Array]] = field(default_factory=dict)
    terms: list[FlowTerm] = field(default_factory=list)

    def spread(self, value: Array | float) -> Array:
        """Return the value as one number per step (T,)."""
        return np.broadcast_to(np.asarray(value, dtype=float), (self.n_steps,))

    def add_flow(
        self,
        name: str,
        cap_column: int,
        cap: Array | float,
        *,
        floor: Array | float | None = None,
        rows: Mapping[str, float] | None = None,
    ) -> int:
        """State one flow and where it stands in the rows; return its index."""
        flow = len(self.flow_names)
        self.flow_names.append(name)
        self.cap_columns.append(cap_column)
        self.caps.append(self.spread(cap))
        self.floors.append(None if floor is None else self.spread(floor))
        for row, coefficient in (rows or {}).items():
            self.row_entries[self.row_names.index(row)][flow] = coefficient
        return flow

    def add_row(self, name: str, sense: str) -> int:
        """State one coupled row (right-hand side zero); return its index."""
        self.row_names.append(name)
        self.row_senses.append(sense)
        self.row_entries.append({})
        self.row_border.append({})
        return len(self.row_names) - 1

    def add_border_to_row(self, row: str, column: int, factor: Array | float) -> None:
        """Put a border column into a row with a factor per step."""
        entries = self.row_border[self.row_names.index(row)]
        entries[column] = entries.get(column, np.zeros(self.n_steps)) + self.spread(factor)

    def add_state(self, name: str, *, keep: float, inflow: Mapping[int, float], cap_column: int, cap: float) -> None:
        """State one level: what is kept from step to step, what the flows add, and its cap."""
        self.state_names.append(name)
        self.state_keep.append(keep)
        self.state_entries.append(dict(inflow))
        self.state_cap_columns.append(cap_column)
        self.state_caps.append(cap)

    def add_to_budget(self, budget: int, flow: int, coefficient: Array | float) -> None:
        """Put a flow into a budget with a coefficient per step, weights included."""
        self.budgets.setdefault(budget, {})[flow] = self.spread(coefficient)

    def charge(self, term: str, owner: str, flow: int, usd_per_mwh: Array | float, *, group: Group = "cash") -> None:
        """Enter a cost of a flow into the ledger."""
        self.terms.append(FlowTerm(term=term, owner=owner, group=group, flow=flow, usd_per_mwh=usd_per_mwh))

    def finish(self, costs: Array) -> Block:
        """Return the block as arrays; `costs` (J, T) come from the ledger."""
        n_flows, n_rows, n_states = len(self.flow_names), len(self.row_names), len(self.state_names)
        row_coeff = np.zeros((n_rows, n_flows))
        for r, entries in enumerate(self.row_entries):
            for flow, coefficient in entries.items():
                row_coeff[r, flow] = coefficient
        state_coeff = np.zeros((n_states, n_flows))
        for s, entries in enumerate(self.state_entries):
            for flow, coefficient in entries.items():
                state_coeff[s, flow] = coefficient
        floor = None
        if any(f is not None and f.any() for f in self.floors):
            floor = np.array([np.zeros(self.n_steps) if f is None else f for f in self.floors])
        budgets = {}
        for budget, flows in self.budgets.items():
            budgets[budget] = np.zeros((n_flows, self.n_steps))
            for flow, values in flows.items():
                budgets[budget][flow] += values
        return Block(
            name=self.name,
            flow_names=tuple(self.flow_names),
            flow_cost=costs,
            flow_cap_column=np.array(self.cap_columns, dtype=np.int64),
            flow_cap=np.array(self.caps).reshape(n_flows, self.n_steps),
            flow_floor=floor,
            row_names=tuple(self.row_names),
            row_coeff=row_coeff,
            row_sense=tuple("=" if s == "=" else "<" for s in self.row_senses),
            row_rhs=np.zeros((n_rows, self.n_steps)),
            row_border=tuple(self.row_border),
            state_names=tuple(self.state_names),
            state_keep=np.array(self.state_keep),
            state_coeff=state_coeff,
            state_cap_column=np.array(self.state_cap_columns, dtype=np.int64),
            state_cap=np.array(self.state_caps),
            budget_coeff=budgets,
        )


@dataclass(slots=True)
class Draft:
    """The whole program while it is being stated, one constraint family after the other."""

    names: list[str] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    unit: list[float] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)
    row_names: list[str] = field(default_factory=list)
    row_entries: list[tuple[list[int], list[float]]] = field(default_factory=list)
    row_lower: list[float] = field(default_factory=list)
    row_upper: list[float] = field(default_factory=list)
    budget_names: list[str] = field(default_factory=list)
    budget_entries: list[dict[int, float]] = field(default_factory=list)
    budget_upper: list[float] = field(default_factory=list)
    blocks: list[DraftBlock] = field(default_factory=list)
    chains: list[tuple[int, ...]] = field(default_factory=list)
    terms: list[ColumnTerm] = field(default_factory=list)

    def add_column(self, name: str, *, upper: float, lower: float = 0.0, unit: float = 0.0) -> int:
        """State one boxed border column; return its index."""
        if name in self.index:
            raise ValueError(f"column {name} is stated twice")
        self.index[name] = len(self.names)
        self.names.append(name)
        self.lower.append(lower)
        self.upper.append(upper)
        self.unit.append(unit)
        return self.index[name]

    def column(self, name: str) -> int | None:
        """Return the index of a column, None where it was never stated (nothing can be in service then)."""
        return self.index.get(name)

    def add_row(
        self, name: str, entries: Mapping[int, float], *, lower: float = -np.inf, upper: float = np.inf
    ) -> None:
        """State one row over border columns; a row without columns is left out."""
        kept = {c: v for c, v in entries.items() if v != 0.0}
        if not kept:
            return
        self.row_names.append(name)
        self.row_entries.append((list(kept), list(kept.values())))
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def add_budget(self, name: str, *, upper: float, columns: Mapping[int, float] | None = None) -> int:
        """State one budget (sum of flows and columns <= upper); return its index."""
        self.budget_names.append(name)
        self.budget_entries.append(dict(columns or {}))
        self.budget_upper.append(upper)
        return len(self.budget_names) - 1

    def charge(
        self,
        term: str,
        owner: str,
        column: int,
        *,
        year: int,
        usd: float,
        present: float,
        group: Group = "cash",
        quantity: float = 1.0,
        unit: str = "MW",
    ) -> None:
        """Enter a cost of a border column into the ledger: `usd` per unit of it, worth ``usd * present`` today."""
        self.terms.append(
            ColumnTerm(
                term=term,
                owner=owner,
                group=group,
                year=year,
                column=column,
                usd=usd,
                usd_present=usd * present,
                quantity=quantity,
                unit=unit,
            )
        )

    def finish(self) -> tuple[Program, Ledger]:
        """Return the program as arrays and the ledger that priced it."""
        n = len(self.names)
        ledger = Ledger(
            column_terms=tuple(self.terms),
            flow_terms=tuple(tuple(block.terms) for block in self.blocks),
            blocks=tuple(block.years for block in self.blocks),
        )
        border = Border(
            names=tuple(self.names),
            cost=ledger.column_costs(n),
            lower=np.array(self.lower),
            upper=np.array(self.upper),
            unit=np.array(self.unit),
            row_names=tuple(self.row_names),
            matrix=_stack_rows(self.row_entries, n),
            row_lower=np.array(self.row_lower),
            row_upper=np.array(self.row_upper),
        )
        blocks = tuple(block.finish(ledger.flow_costs(i, len(block.flow_names))) for i, block in enumerate(self.blocks))
        program = Program(
            border=border,
            blocks=blocks,
            chains=tuple(self.chains),
            budget_names=tuple(self.budget_names),
            budget_matrix=_stack_rows([(list(e), list(e.values())) for e in self.budget_entries], n),
            budget_upper=np.array(self.budget_upper),
        )
        return program, ledger


def _stack_rows(entries: list[tuple[list[int], list[float]]], n_columns: int) -> sparse.csr_matrix:
    """Return the sparse matrix whose rows are given as (columns, values)."""
    starts = np.cumsum([0, *(len(columns) for columns, _ in entries)])
    columns = np.array([c for row, _ in entries for c in row], dtype=np.int64)
    values = np.array([v for _, row in entries for v in row], dtype=float)
    return sparse.csr_matrix((values, columns, starts), shape=(len(entries), n_columns))

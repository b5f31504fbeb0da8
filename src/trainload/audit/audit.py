"""The audit: balance, limits, levels, budgets and every dollar of a plan, recomputed from its tables alone.

The program and its ledger are not read: a wrong coefficient, a wrong formulation, a shifted row or a swapped column
shows as a residual. The tables say what the plan used (`parameters`); whether those figures are right is not asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import pandas as pd

from trainload.audit.capacity import audit_capacity
from trainload.audit.inputs import Check, find_worst, read_inputs
from trainload.audit.limits import audit_given_limits
from trainload.audit.money import audit_emissions, audit_ledger, audit_weights
from trainload.audit.operation import audit_balance, audit_budgets, audit_hours, audit_levels, audit_limits

TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Audit:
    """What is left over when a plan is recomputed from its tables: ``max |residual| / max(1, scale)``, dimensionless.

    Attributes:
        ledger_error: cost by term, owner and year, its present value and quantity, their sum; weights; emissions.
        balance_error: supply against load in each hour; the time axis (a count of rows that are not where they belong).
        limit_error: availability, floors, gates, adequacy, whole units, arrivals, orders, rentals, sign.
        level_error: recursion of the stores, closing on itself.
        budget_error: clean matching, CO2 cap and run hours, by group of years; limits over the horizon.
        worst: where each of the five maxima stands, in words.
        findings: everything above the tolerance, worst first.
    """

    ledger_error: float
    balance_error: float
    limit_error: float
    level_error: float
    budget_error: float
    worst: Mapping[str, str]
    findings: tuple[str, ...]

    def passed(self, tolerance: float = TOLERANCE) -> bool:
        """Return whether all five errors are at most the tolerance."""
        errors = (self.ledger_error, self.balance_error, self.limit_error, self.level_error, self.budget_error)
        return all(error <= tolerance for error in errors)


def audit_tables(
    tables: Mapping[str, pd.DataFrame], *, objective_usd: float | None = None, tolerance: float = TOLERANCE
) -> Audit:
    """Return the audit of a plan's tables, in memory or as loaded from a study folder.

    Args:
        tables: options, orders, capacity, periods, blocks, operation, availability, parameters, ledger, emissions.
        objective_usd: the solver's objective, to be compared with the ledger's sum; not compared where None.
        tolerance: what is above it is a finding.

    Raises:
        DataError: a table, column or parameter is missing or can't be read; figures that disagree are findings.
    """
    inputs = read_inputs(tables)
    residuals = [
        *audit_hours(inputs),
        *audit_balance(inputs),
        *audit_limits(inputs),
        *audit_levels(inputs),
        *audit_budgets(inputs),
        *audit_given_limits(inputs),
        *audit_capacity(inputs),
        *audit_weights(inputs),
        *audit_ledger(inputs),
        *audit_emissions(inputs),
    ]
    if objective_usd is not None:
        ledger_usd = float(inputs.ledger["usd_present"].sum())
        residuals.append(
            find_worst(
                "ledger",
                "objective",
                excess=abs(ledger_usd - objective_usd),
                scale=objective_usd,
                text="the ledger sums to {:,.0f} USD, the solver's objective is {:,.0f}",
                shown=(ledger_usd, objective_usd),
            )
        )
    errors, worst = {}, {}
    for check in get_args(Check):
        largest = max((r for r in residuals if r.check == check), key=lambda r: r.error, default=None)
        errors[check] = 0.0 if largest is None else largest.error
        worst[check] = "nothing to check" if largest is None else largest.words
    over = sorted((r for r in residuals if r.error > tolerance), key=lambda r: -r.error)
    return Audit(
        ledger_error=errors["ledger"],
        balance_error=errors["balance"],
        limit_error=errors["limit"],
        level_error=errors["level"],
        budget_error=errors["budget"],
        worst=worst,
        findings=tuple(f"{r.check}: {r.words} (error {r.error:.2g})" for r in over),
    )

"""Lumpy columns: their box in whole units, and programs with them fixed or relaxed."""

from dataclasses import replace

import numpy as np

from trainload.errors import Problem, SolverError
from trainload.solve.program import Array, IntArray, Program


def whole_unit_box(program: Program) -> tuple[Array, Array]:
    """Return lower and upper limits of x, drawn in to whole multiples of the unit where a column is lumpy."""
    border = program.border
    unit = np.where(border.unit > 0, border.unit, 1.0)
    lower = np.where(border.unit > 0, np.ceil(border.lower / unit - 1e-9) * unit, border.lower)
    upper = np.where(border.unit > 0, np.floor(border.upper / unit + 1e-9) * unit, border.upper)
    return lower, upper


def fix_columns(program: Program, columns: IntArray, values: Array) -> Program:
    """Return the program with some border columns fixed; a fixed column is no longer lumpy.

    Raises:
        SolverError: where a value lies outside its column's box.
    """
    border = program.border
    slack = 1e-9 * np.maximum(1.0, np.abs(values))
    outside = (values < border.lower[columns] - slack) | (values > border.upper[columns] + slack)
    if outside.any() or np.isnan(values).any():
        problems = [
            Problem("border", f"{border.names[c]} fixed outside {border.lower[c]}..{border.upper[c]}", f"{v}")
            for c, v in zip(columns[outside], values[outside], strict=True)
        ]
        raise SolverError("columns can't be fixed", *problems)
    lower, upper, unit = border.lower.copy(), border.upper.copy(), border.unit.copy()
    lower[columns] = upper[columns] = values
    unit[columns] = 0.0
    return replace(program, border=replace(border, lower=lower, upper=upper, unit=unit))


def relax_units(program: Program) -> Program:
    """Return the program with every lumpy column continuous between the whole multiples inside its box."""
    lower, upper = whole_unit_box(program)
    unit = np.zeros_like(program.border.unit)
    return replace(program, border=replace(program.border, lower=lower, upper=upper, unit=unit))

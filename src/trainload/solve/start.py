"""Where the interior point method starts: nearest to a guess, among the points that meet the equations.

The guess puts every variable half way into its room and all products of variables and multipliers at one value, so
that "nearest" means least relative change. One solve of Newton's system projects it on the equations; what that pushes
out of its bounds is put back at a part of the guess. Source: as Mehrotra's starting point (SIAM J. Optim. 2, 1992,
section 7), but with relative distances.
"""

import numpy as np

from trainload.solve.border import BorderState
from trainload.solve.free import BoolArray
from trainload.solve.pieces import Cut
from trainload.solve.program import Array

PRODUCT = 10.0  # of every variable and its multiplier, in scaled units
LEAST = 0.1  # of the guess that a variable keeps
SMALL = 0.3  # least guess of a variable, scaled; one with less room would need a multiplier far above all prices


def guess(cuts: tuple[Cut, ...], border: BorderState) -> int:
    """Set the guess; return the number of products."""
    border.guess(PRODUCT, SMALL)
    count = border.n_products
    values = np.append(border.values, 0.0)
    for cut in cuts:
        k = cut.work
        here, capped, room = _rooms(cut, values)
        k.y[:] = np.where(here, np.maximum(0.5 * room, SMALL), 0.0)
        k.slack[:] = np.where(capped, np.maximum(0.5 * room, SMALL), 1.0)
        k.z[here] = PRODUCT / k.y[here]
        k.w[capped] = PRODUCT / k.slack[capped]
        count += int(here.sum() + capped.sum())
    return count


def aim_at_equations(cuts: tuple[Cut, ...], border: BorderState) -> None:
    """Prepare the right-hand side whose direction leads from the guess to the nearest point of the equations."""
    border.aim_at_equations()
    values = np.append(border.values, 0.0)
    for cut in cuts:
        k = cut.work
        _, capped, room = _rooms(cut, values)
        k.target_y[:] = 0.0
        k.target_slack[:] = 0.0
        k.g[:] = np.where(capped, k.w / k.slack * (room - k.y - k.slack), 0.0)


def move_inside(cuts: tuple[Cut, ...], border: BorderState) -> None:
    """Take the full step to the equations, and put what it pushes out back inside the bounds."""
    border.move_inside(LEAST)
    values = np.append(border.values, 0.0)
    for cut in cuts:
        k = cut.work
        here, capped, room = _rooms(cut, values)
        moved = k.y + k.dy
        k.slack[:] = np.where(capped, np.maximum(room - moved, LEAST * k.slack), 1.0)
        k.y[:] = np.where(here, np.maximum(moved, LEAST * k.y), 0.0)


def _rooms(cut: Cut, values: Array) -> tuple[BoolArray, BoolArray, Array]:
    """Which variables exist, which are capped, and at what (1 where not), for these values of the border."""
    p = cut.piece
    x = np.append(values[cut.where], 1.0)
    here = p.cap >= 0
    capped = here & np.isfinite(p.cap)
    return here, capped, np.where(capped, np.where(capped, p.cap, 0.0) * x[p.column][:, None], 1.0)

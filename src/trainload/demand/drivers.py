"""What moves a run's result most: each parameter of the demand model to its low and high value, one at a time."""

from dataclasses import replace
from types import MappingProxyType
from typing import Literal

import pandas as pd

from trainload.catalogue.facts import Catalogue
from trainload.demand.chips import choose_chip
from trainload.demand.run import RunDemand, estimate_run
from trainload.demand.size import RunSpec
from trainload.errors import TrainloadError

Result = Literal[
    "flop",
    "n_chips",
    "days",
    "facility_peak_mw",
    "facility_average_mw",
    "energy_mwh",
    "cost_usd",
    "tco2",
    "goodput_frac",
]


def rank_drivers(spec: RunSpec, catalogue: Catalogue, *, result: Result = "facility_peak_mw") -> pd.DataFrame:
    """Return how far each parameter's low and high value move one result of a run, the widest first.

    Everything else stays; so ranges that move together are not joined. A default chip that is projected ahead of its
    release is one of the drivers. Parameters that don't move the result, or that the spec fixes, are left out.

    Columns: parameter, label, low, high (values set), at_low, at_mid, at_high (the result), swing_frac (widest change
    over the result), unit, grade, source.
    """
    mid = _value(estimate_run(spec, catalogue), result)
    table = catalogue.table("demand_parameters")
    labels = dict(zip(table["parameter"], table["label"], strict=True))
    rows: list[dict[str, object]] = []
    for name, figure in catalogue.parameters.items():
        if figure.low is None or figure.high is None or figure.low == figure.high:
            continue
        ends = []
        for value in (figure.low, figure.high):
            changed = MappingProxyType({**catalogue.parameters, name: replace(figure, value=value)})
            try:
                ends.append(_value(estimate_run(spec, replace(catalogue, parameters=changed)), result))
            except TrainloadError:  # an end of the range at which the run can't be done has no result
                ends.append(float("nan"))
        rows.append(
            _row(name, labels[name], (figure.low, figure.high), (ends[0], mid, ends[1]))
            | {"unit": figure.unit, "grade": figure.grade, "source": figure.source}
        )
    if spec.chip is None and spec.on is not None:
        _, projected, _ = choose_chip(catalogue, spec.on, as_of=spec.as_of or spec.on)
        if projected is not None:
            ends = [
                _value(estimate_run(replace(spec, chip=chip), catalogue), result)
                for chip in (projected.low, projected.high)
            ]
            levels = (10**-projected.spread_oom, 10**projected.spread_oom)
            rows.append(
                _row("chip", f"FLOP/s per W of the {projected.mid.label}", levels, (ends[0], mid, ends[1]))
                | {"unit": "of the median", "grade": "C", "source": projected.mid.source}
            )
    ranked = pd.DataFrame(rows)
    moved = ranked[ranked["swing_frac"] > 1e-9]
    return moved.sort_values("swing_frac", ascending=False).reset_index(drop=True)


def _row(name: str, label: str, ends: tuple[float, float], results: tuple[float, float, float]) -> dict[str, object]:
    at_low, mid, at_high = results
    changes = [abs(value / mid - 1.0) for value in (at_low, at_high) if value == value]  # noqa: PLR0124  (not nan)
    return {
        "parameter": name,
        "label": label,
        "low": ends[0],
        "high": ends[1],
        "at_low": at_low,
        "at_mid": mid,
        "at_high": at_high,
        "swing_frac": max(changes, default=0.0),
    }


def _value(run: RunDemand, result: Result) -> float:
    return float(getattr(run, result))

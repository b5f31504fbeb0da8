"""Which chip a run uses: one of the catalogue, one of the user's own, or one projected ahead of its release."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from trainload.catalogue.facts import Catalogue, Chip, Figure
from trainload.demand.power import decimal_year
from trainload.errors import DataError, Note, Problem, ScenarioError
from trainload.scenario.models import ChipSpec
from trainload.units import DAYS_PER_MONTH

Precision = Literal["bf16", "fp8", "fp4"]
RECORD_OOM = 0.02  # a gain of 5 % in FLOP/s per W makes a record; smaller ones are the same generation
DEFAULT_VENDOR = "NVIDIA"  # sold to anyone, and with rack power on record; a developer's own chips can be named instead


@dataclass(frozen=True, slots=True)
class ProjectedChip:
    """A chip ahead of its release: the median of the trend, and its 10th and 90th percentile of FLOP/s per W."""

    mid: Chip
    low: Chip
    high: Chip
    gain_per_year: float
    spread_oom: float


def choose_precision(chip: Chip) -> Precision:
    """Return the format that frontier runs use on this chip: fp8 from late 2024 on, else bf16."""
    if chip.fp8_flop_per_s and (chip.release_on >= date(2024, 11, 1) or not chip.bf16_flop_per_s):
        return "fp8"
    return "bf16"


def peak_flop_per_s(chip: Chip, precision: Precision) -> float:
    """Return the chip's dense peak in this format.

    Raises:
        DataError: the catalogue has no peak in this format.
    """
    peaks = {"bf16": chip.bf16_flop_per_s, "fp8": chip.fp8_flop_per_s, "fp4": chip.fp4_flop_per_s}
    peak = peaks[precision]
    if peak is None:
        known = ", ".join(name for name, value in peaks.items() if value)
        raise DataError(
            f"chip {chip.name}", Problem("", f"no {precision} peak", "nothing", f"use {known or 'another chip'}")
        )
    return peak


def rate_power(chip: Chip, parameters: Mapping[str, Figure]) -> tuple[float, float, float, str, str]:
    """Return TDP, server and IT rating in W per chip, with the formula and grade of what had to be derived.

    Where the catalogue has no server rating it is TDP x 1.82; where it has no IT rating, server x 1.14.

    Raises:
        DataError: the chip's TDP is not known.
    """
    if chip.tdp_w is None:
        fix = "state tdp_w or it_power_w of the chip under `chips`"
        raise DataError(f"chip {chip.name}", Problem("", "no power figure in the catalogue", "nothing", fix))
    formula, grade = "rated", chip.grade_power
    server, it = chip.server_power_w, chip.it_power_w
    if server is None:
        server = chip.tdp_w * parameters["server_over_tdp_frac"].value
        formula, grade = "TDP x 1.82 (server) x 1.14 (network)", "C"
    if it is None:
        it = server * parameters["network_over_server_frac"].value
        formula = formula if formula != "rated" else "server x 1.14 (network)"
    return chip.tdp_w, server, it, formula, grade


def resolve_chip(name: str, catalogue: Catalogue, own: Mapping[str, ChipSpec] | None = None) -> Chip:
    """Return the chip of this name: the user's own first, then the catalogue's by id, label or alias.

    Raises:
        DataError: no such chip in the catalogue.
        ScenarioError: an own chip lacks what it needs.
    """
    spec = (own or {}).get(name)
    if spec is None:
        return catalogue.chip(name)
    given = {key: value for key, value in spec.model_dump(exclude={"like"}).items() if value is not None}
    like = spec.like or (name if name in catalogue.chips else None)
    if like is not None:
        base = catalogue.chip(like)
        # Ratings of the copied chip no longer belong to one whose TDP or server was changed.
        if "tdp_w" in given:
            base = replace(base, server_power_w=None, it_power_w=None, measured_w=None, measured_utilisation_frac=None)
        if "server_power_w" in given:
            base = replace(base, it_power_w=None, measured_w=None, measured_utilisation_frac=None)
        given.setdefault("source", f"scenario, like {base.name}")
        return replace(base, name=name, aliases=(), note="", grade="C", grade_power="C", **given)
    peaks = [spec.bf16_flop_per_s, spec.fp8_flop_per_s, spec.fp4_flop_per_s]
    power = spec.tdp_w or spec.server_power_w or spec.it_power_w
    problems = [
        Problem(f"chips.{name}.{field}", "is missing", "nothing", f"give it, or name a chip under chips.{name}.like")
        for field, ok in (
            ("release_on", spec.release_on is not None),
            ("bf16_flop_per_s", any(peaks)),
            ("it_power_w", power is not None),
        )
        if not ok
    ]
    if problems or spec.release_on is None:
        raise ScenarioError("scenario", *problems)
    server = spec.server_power_w or spec.it_power_w
    return Chip(
        name=name,
        label=spec.label or name,
        vendor="scenario",
        announced_on=spec.release_on,
        release_on=spec.release_on,
        bf16_flop_per_s=spec.bf16_flop_per_s,
        fp8_flop_per_s=spec.fp8_flop_per_s,
        fp4_flop_per_s=spec.fp4_flop_per_s,
        memory_gb=None,
        tdp_w=spec.tdp_w or server,
        server_power_w=server,
        it_power_w=spec.it_power_w,
        measured_w=None,
        measured_utilisation_frac=None,
        price_usd=spec.price_usd,
        aliases=(),
        grade="C",
        grade_power="C",
        source=spec.source or "scenario",
    )


def project_chip(chips: Iterable[Chip], release_on: date, *, confidence_frac: float = 0.8) -> ProjectedChip:
    """Return the chip expected at a release date beyond the newest one, with its predictive spread.

    The chips' records of FLOP/s per W (peak over IT rating, compared within a format that both have) are taken as a
    random walk with drift: drift b = gain over all records / years between them; variance of a year's step
    s^2 = sum((gain - b dt)^2 / dt) / (k - 1) over k steps. After h years the log10 is that of the last record + b h,
    with variance s^2 (h + h^2 / T): the walk and the error of the drift over T years, Student's t with k - 1 degrees of
    freedom. IT power per chip goes on at its own drift. Formats and racks change in jumps: beyond five years a guess.

    Args:
        chips: chips known by then, of one vendor or several.
        release_on: release of the projected chip.
        confidence_frac: probability inside low to high.

    Raises:
        DataError: fewer than four records, or the date is not after the last of them.
    """
    records: list[Chip] = []
    gains: list[float] = []
    for chip in sorted((c for c in chips if c.it_power_w), key=lambda c: c.release_on):
        gain = _gain_oom(records[-1], chip) if records else 0.0
        if gain is not None and (not records or gain > RECORD_OOM):
            records.append(chip)
            gains.append(gain)
    if len(records) < 4 or release_on <= records[-1].release_on:
        got = f"{len(records)} records, the last of {records[-1].release_on}" if records else "no record"
        raise DataError("chips", Problem("", f"can't project a chip to {release_on}", got, "name a chip instead"))
    times = np.array([decimal_year(chip.release_on) for chip in records])
    spans, steps = np.diff(times), np.array(gains[1:])
    total_years = float(times[-1] - times[0])
    drift = float(steps.sum()) / total_years
    freedom = len(steps) - 1
    variance = float(np.sum((steps - drift * spans) ** 2 / spans)) / freedom
    ahead = decimal_year(release_on) - float(times[-1])
    spread = float(stdtrit(freedom, 0.5 + confidence_frac / 2)) * float(
        np.sqrt(variance * (ahead + ahead**2 / total_years))
    )
    last = records[-1]
    last_w, first_w = last.it_power_w or 0.0, records[0].it_power_w or 0.0
    it_power_w = last_w * (last_w / first_w) ** (ahead / total_years)

    def make(shift_oom: float) -> Chip:
        factor = 10 ** (drift * ahead + shift_oom) * it_power_w / last_w
        return Chip(
            name=f"projected_{release_on.year}",
            label=f"projected chip of {release_on:%B %Y}",
            vendor="projected",
            announced_on=release_on,
            release_on=release_on,
            bf16_flop_per_s=last.bf16_flop_per_s and last.bf16_flop_per_s * factor,
            fp8_flop_per_s=last.fp8_flop_per_s and last.fp8_flop_per_s * factor,
            fp4_flop_per_s=last.fp4_flop_per_s and last.fp4_flop_per_s * factor,
            memory_gb=None,
            tdp_w=last.tdp_w and last.tdp_w * it_power_w / last_w,
            server_power_w=last.server_power_w and last.server_power_w * it_power_w / last_w,
            it_power_w=it_power_w,
            measured_w=None,
            measured_utilisation_frac=None,
            price_usd=None,
            aliases=(),
            grade="C",
            grade_power="C",
            source=f"derived: drift of FLOP/s per W over the records {', '.join(chip.label for chip in records)}",
            note=f"{drift:+.3f} orders of magnitude a year after {last.label}; 10-90 % +-{spread:.2f}",
        )

    return ProjectedChip(make(0.0), make(-spread), make(spread), 10**drift - 1.0, spread)


def _gain_oom(old: Chip, new: Chip) -> float | None:
    """Return log10 of the gain in FLOP/s per W, in the widest format that both have; None where they share none."""
    for before, after in (
        (old.bf16_flop_per_s, new.bf16_flop_per_s),
        (old.fp8_flop_per_s, new.fp8_flop_per_s),
        (old.fp4_flop_per_s, new.fp4_flop_per_s),
    ):
        if before and after and old.it_power_w and new.it_power_w:
            return float(np.log10(after / new.it_power_w * old.it_power_w / before))
    return None


def choose_chip(
    catalogue: Catalogue, wanted_on: date, *, as_of: date, vendor: str = DEFAULT_VENDOR
) -> tuple[Chip, ProjectedChip | None, Note]:
    """Return the default chip of a run that starts on a day: the fastest one that can be there in numbers.

    That is a chip of the vendor announced by `as_of` and released at least nine months before `wanted_on`; of equally
    fast ones the newest. Where a
    further generation is due by then (24 months after the last, and so on) it is projected from the trend.

    Raises:
        DataError: no chip of the vendor is old enough.
    """
    wait_days = catalogue.parameters["chip_wait_months"].value * DAYS_PER_MONTH
    cadence_days = catalogue.parameters["chip_cadence_months"].value * DAYS_PER_MONTH
    known = [chip for chip in catalogue.chips.values() if chip.announced_on <= as_of and chip.it_power_w]
    mine = [chip for chip in known if chip.vendor == vendor]
    latest_release = wanted_on - timedelta(days=wait_days)
    ready = [chip for chip in mine if chip.release_on <= latest_release]
    if not ready:
        raise DataError(
            "chips",
            Problem("", f"no {vendor} chip in numbers by", f"{wanted_on}", "name one under the generation's `chip`"),
        )
    newest = max(chip.release_on for chip in mine)
    n_ahead = int((latest_release - newest).days // cadence_days)
    if n_ahead >= 1:
        release_on = newest + timedelta(days=round(n_ahead * cadence_days))
        projected = project_chip(mine, release_on)
        text = (
            f"projected: generation {n_ahead} after those announced by {as_of}, released {release_on:%Y-%m}; FLOP/s "
            f"per W within a factor of {10**projected.spread_oom:.1f} either way (10-90 %)"
        )
        return projected.mid, projected, Note("chip", text, "default")
    best = max(ready, key=lambda chip: (chip.fp8_flop_per_s or chip.bf16_flop_per_s or 0.0, chip.release_on))
    text = f"{best.label}: fastest {vendor} chip released at least {wait_days / DAYS_PER_MONTH:g} months before"
    return best, None, Note("chip", text, "default")

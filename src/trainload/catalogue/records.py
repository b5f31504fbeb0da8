"""The catalogue's frozen records: every one carries its source and grade.

Grades: A read in a source, B from a named source that was not opened, C judgement or derived.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from trainload.errors import DataError, Problem

Grade = Literal["A", "B", "C"]
LeadTriple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the catalogue.

    Attributes:
        value: the middle value.
        low: low value, or the 10th percentile of a lead time; None where the source gives no range.
        high: high value, or the 90th percentile of a lead time.
        year: price year of money, otherwise the year that the figure describes.
        known_on: first day on which it could be known; None where the table does not say.
    """

    value: float
    low: float | None
    high: float | None
    unit: str
    year: int
    grade: str
    source: str
    note: str = ""
    known_on: date | None = None

    def scale(self, factor: float, *, unit: str, note: str) -> "Figure":
        """Return the figure times `factor` in another unit, its grade kept and `note` appended."""
        return replace(
            self,
            value=self.value * factor,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
            unit=unit,
            note=f"{self.note}; {note}" if self.note else note,
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """One accelerator; FLOP/s are dense, power is per chip.

    Attributes:
        server_power_w: rating of the server, per chip.
        it_power_w: server and network, per chip.
        measured_w: measured system power in training, per chip, where a source has it; `measured_utilisation_frac`
            is the FLOP utilisation of those runs.
        announced_on: first day its figures could be known.
        grade_power: grade of the power figures where it differs.
    """

    name: str
    label: str
    vendor: str
    announced_on: date
    release_on: date
    bf16_flop_per_s: float | None
    fp8_flop_per_s: float | None
    fp4_flop_per_s: float | None
    memory_gb: float | None
    tdp_w: float | None
    server_power_w: float | None
    it_power_w: float | None
    measured_w: float | None
    measured_utilisation_frac: float | None
    price_usd: float | None
    aliases: tuple[str, ...]
    grade: str
    grade_power: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One training run with what was published or estimated about it; None where nothing was.

    Attributes:
        energy_perimeter: what the published energy counts: ``chip_tdp``, ``chip_tdp_pue``, ``chip_measured_pue``,
            ``server_measured_pue`` or ``unknown``; empty without energy.
        rated_facility_mw: chips x TDP x 1.82 x PUE(t), a rated peak and not a measurement.
        from_memory: ``all`` or ``part`` where the row rests on memory of its source.
    """

    name: str
    developer: str
    release_on: date
    flop: float | None
    chip: str
    n_chips: int | None
    chip_hours: float | None
    utilisation_frac: float | None
    days: float | None
    energy_mwh: float | None
    energy_perimeter: str
    pue: float | None
    tco2: float | None
    it_power_mw: float | None
    rated_facility_mw: float | None
    basis: str
    from_memory: str
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Technology:
    """One supply technology with its figures by quantity, such as ``capex_usd_per_mw``."""

    technology: str
    label: str
    carrier: str
    kind: Literal["source", "store"]
    delivery: Literal["onsite", "grid", "contract"]
    firm: bool
    bridge: bool
    clean: bool
    fuel: str
    availability: str
    permits: str
    status: str
    figures: Mapping[str, Figure]

    def figure(self, quantity: str) -> Figure:
        """Return the figure of this quantity, or raise `DataError` where the catalogue has none."""
        try:
            return self.figures[quantity]
        except KeyError:
            raise DataError(
                f"catalogue technology {self.technology}",
                Problem("", "no figure for this quantity", quantity, f"known: {', '.join(sorted(self.figures))}"),
            ) from None

    def value(self, quantity: str, default: float | None = None) -> float:
        """Return the middle value of this quantity, or `default` where it is given and the catalogue has none."""
        if default is not None and quantity not in self.figures:
            return default
        return self.figure(quantity).value


@dataclass(frozen=True, slots=True)
class InfrastructureItem:
    """One piece of infrastructure that power waits for, with its figures by quantity."""

    asset: str
    label: str
    region: str
    figures: Mapping[str, Figure]

    @property
    def lead_months(self) -> Figure | None:
        """Order to delivery, 10th, 50th and 90th percentile."""
        return self.figures.get("lead_months")


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of an option's or a gate's graph as the table states it; `supply` resolves it."""

    owner: str
    owner_kind: Literal["option", "gate"]
    step: str
    label: str
    after: tuple[str, ...]
    p10_months: float
    p50_months: float
    p90_months: float
    factor: str | None
    loading_frac: float
    cost_share_frac: float
    year: int
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateRecord:
    """One shared gate as the table states it; `supply` resolves it.

    Attributes:
        contained_in: options whose all-in connection cost already contains this gate.
        milestones: (share of capital, share of the lead time at which it is paid).
    """

    gate: str
    label: str
    unit_mw: float
    max_mw: float
    capex: Figure
    lifetime_years: float
    lead_target: LeadTriple | None
    contained_in: tuple[str, ...]
    milestones: tuple[tuple[float, float], ...]
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Deal:
    """One announced project: what was expected when it was announced, and what was last seen of it."""

    deal: str
    buyer: str
    project: str
    technology: str
    capacity_mw: float
    announced_on: date
    expected: str
    latest: str
    status: str
    status_on: date
    slip: str
    in_article: bool
    grade: str
    source: str
    source_2: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was planned or expected, and what happened."""

    subject: str
    planned_on: str
    planned: str
    happened: str
    grade: str
    source: str


@dataclass(frozen=True, slots=True)
class City:
    """Average and peak load of a city or country, for comparison."""

    city: str
    country: str
    kind: str
    average_mw: float
    peak_mw: float | None
    annual_mwh: float | None
    year: int
    basis: str
    grade: str
    grade_peak: str
    source: str


@dataclass(frozen=True, slots=True)
class Campus:
    """One state of a campus, past or planned."""

    campus: str
    operator: str
    users: str
    location: str
    online_on: date | None
    status: str
    state_on: date | None
    known_on: date | None
    facility_mw: float | None
    it_mw: float | None
    chips: str
    power_source: str
    year: int
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class FrontierRun:
    """One model that was among the ten largest by training compute at its release."""

    model: str
    developer: str
    released_on: date
    rank_at_release: int
    compute_flop: float
    chip: str
    n_chips: float | None
    training_hours: float | None
    utilisation_frac: float | None
    n_parameters: float | None
    rated_facility_mw: float | None
    confidence: str
    year: int
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """One public statement on training power as the table states it; `claims` judges it."""

    claim: str
    who: str
    said_on: date
    target: Literal["run", "campus", "compute"]
    year: int
    threshold: float
    unit: str
    grade: str
    source: str


@dataclass(frozen=True, slots=True)
class CompanyFigure:
    """One figure from a company's report; its perimeter is in the measure and the note: never join two of them."""

    company: str
    measure: str
    figure: Figure

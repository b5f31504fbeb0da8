"""How many chips a training run takes, and for how long: any sufficient subset of its figures fixes the rest.

    FLOP       = chips x hours x 3600 x peak x utilisation x goodput
    chip-hours = chips x days x 24
    MW         = chips x W per chip / 10^6, W by named definition

Utilisation is that of a running job; goodput is the share of time in which it runs. What was given too much must agree;
what was chosen is a `Note`; each step is kept with formula, grade and source.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainload.catalogue.facts import Chip, Figure
from trainload.demand.chips import Precision
from trainload.demand.goodput import Checkpointing, bound_exchange, estimate_goodput, exchange_efficiency
from trainload.demand.power import PowerDefinition
from trainload.errors import Note, Problem, ScenarioError

Floats = NDArray[np.float64]
DERIVED, INPUT = ("C", "derived"), ("C", "input")  # grade and source of a step
AGREE_FRAC = 0.02  # inputs given too much must agree within this


def count_flop(
    n_chips: ArrayLike,
    *,
    days: ArrayLike,
    peak_flop_per_s: ArrayLike,
    utilisation_frac: ArrayLike,
    goodput_frac: ArrayLike = 1.0,
) -> Floats:
    """Return the training compute in FLOP: chips x days x 86,400 x peak x utilisation x goodput."""
    return _multiply(n_chips, days, 86400.0, peak_flop_per_s, utilisation_frac, goodput_frac)


def count_days(
    flop: ArrayLike,
    *,
    n_chips: ArrayLike,
    peak_flop_per_s: ArrayLike,
    utilisation_frac: ArrayLike,
    goodput_frac: ArrayLike = 1.0,
) -> Floats:
    """Return the length of a run in days: FLOP over the FLOP of one day."""
    day = count_flop(
        n_chips, days=1.0, peak_flop_per_s=peak_flop_per_s, utilisation_frac=utilisation_frac, goodput_frac=goodput_frac
    )
    return np.asarray(np.asarray(flop, dtype=np.float64) / day)


def measure_energy_mwh(chip_hours: ArrayLike, power_w: ArrayLike, *, pue: ArrayLike = 1.0) -> Floats:
    """Return energy in MWh: chip-hours x W per chip x PUE / 10^6."""
    return _multiply(chip_hours, power_w, pue, 1e-6)


def measure_tco2(energy_mwh: ArrayLike, carbon_tco2_per_mwh: ArrayLike) -> Floats:
    """Return the emission of energy at a grid factor, in tCO2."""
    return _multiply(energy_mwh, carbon_tco2_per_mwh)


def _multiply(*factors: ArrayLike) -> Floats:
    product = np.asarray(1.0)
    for factor in factors:
        product = product * np.asarray(factor, dtype=np.float64)
    return np.asarray(product)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """What is known of a run; None is to be derived or chosen.

    Attributes:
        on: day on which it starts: sets PUE and the default chip; default: the chip's release.
        power_mw: power under `power_definition`.
        utilisation_frac: model FLOP utilisation while running, against the peak of `precision`.
        duty_frac: mean IT power over IT rating; default: nodes as measured in training.
        node_power_w: measured server power per chip, in place of the rated or calibrated one.
        n_islands: fault-isolated groups of chips; default: one for each 16,384 chips.
        n_campuses: campuses that exchange gradients over `bandwidth_gb_per_s` each.
        chip_cost_usd: price of one chip with its share of server and network.
        proof: grade and source of what is given.
        carbon_proof: the same of `carbon_tco2_per_mwh`, where it differs.
    """

    name: str = "run"
    chip: str | Chip | None = None
    on: date | None = None
    as_of: date | None = None
    flop: float | None = None
    n_chips: float | None = None
    days: float | None = None
    chip_hours: float | None = None
    power_mw: float | None = None
    power_definition: PowerDefinition = "facility_peak"
    utilisation_frac: float | None = None
    goodput_frac: float | None = None
    precision: Precision | None = None
    n_islands: int | None = None
    checkpointing: Checkpointing = "async"
    spare_frac: float = 0.0
    n_campuses: int = 1
    bandwidth_gb_per_s: float | None = None
    steps_per_exchange: int = 1
    pue_annual: float | None = None
    peak_to_it_frac: float | None = None
    duty_frac: float | None = None
    node_power_w: float | None = None
    energy_usd_per_mwh: float | None = None
    carbon_tco2_per_mwh: float | None = None
    chip_cost_usd: float | None = None
    chip_wacc_frac: float | None = None
    proof: tuple[str, str] = INPUT
    carbon_proof: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DerivationStep:
    """One quantity of a derivation: its value, how it follows, and the grade and source of what it rests on."""

    step: str
    value: float
    unit: str
    formula: str
    grade: str
    source: str


class Derivation:
    """Collects steps, notes and problems of one run while it is worked out; frozen into `RunDemand` afterwards."""

    def __init__(self, spec: RunSpec, figures: Mapping[str, Figure]) -> None:
        self.name = spec.name
        self.proof = spec.proof
        self.figures = figures
        self.steps: list[DerivationStep] = []
        self.notes: list[Note] = []

    def add(self, step: str, value: float, unit: str, formula: str, proof: tuple[str, str] = DERIVED) -> float:
        self.steps.append(DerivationStep(step, float(value), unit, formula, *proof))
        return float(value)

    def given(self, step: str, value: float, unit: str, proof: tuple[str, str] | None = None) -> float:
        return self.add(step, value, unit, "given", proof or self.proof)

    def parameter(self, name: str, given: float | None = None, *, step: str | None = None) -> float:
        figure = self.figures[name]
        if given is not None:
            return self.given(step or name, given, figure.unit)
        formula = f"default{f': {figure.note}' if figure.note else ''}"
        return self.add(step or name, figure.value, figure.unit, formula, (figure.grade, figure.source))

    def note(self, text: str) -> None:
        self.notes.append(Note(f"run {self.name}", text, "default"))


def check_ranges(spec: RunSpec) -> None:
    """Raise `ScenarioError` with every figure of the spec that is out of its range."""
    problems = [
        Problem(name, "must be > 0", f"{value:g}")
        for name in ("flop", "n_chips", "days", "chip_hours", "power_mw", "node_power_w", "bandwidth_gb_per_s")
        if (value := getattr(spec, name)) is not None and not 0 < value < float("inf")
    ]
    problems += [
        Problem(name, "must be in (0, 1]", f"{value:g}", "give a fraction, e.g. 0.40")
        for name in ("utilisation_frac", "goodput_frac", "duty_frac")
        if (value := getattr(spec, name)) is not None and not 0 < value <= 1
    ]
    problems += [
        Problem(name, "must be >= 1", f"{value:g}", "give facility over IT power, e.g. 1.1")
        for name in ("pue_annual", "peak_to_it_frac", "n_campuses", "n_islands")
        if (value := getattr(spec, name)) is not None and not 1 <= value < float("inf")
    ]
    if spec.n_campuses > 1 and spec.bandwidth_gb_per_s is None:
        problems.append(Problem("bandwidth_gb_per_s", "is needed with more than one campus", "nothing"))
    if problems:
        raise ScenarioError(f"run {spec.name}", *problems)


def count_chips(
    spec: RunSpec, watts: Mapping[PowerDefinition, float], book: Derivation
) -> tuple[float | None, float | None]:
    """Return chips and hours as far as the given figures fix them; those given too much must agree."""
    hours = None if spec.days is None else spec.days * 24.0
    n = spec.n_chips
    if spec.flop is not None:
        book.given("compute", spec.flop, "FLOP")
    if spec.days is not None:
        book.given("days", spec.days, "days")
    if n is not None:
        book.given("chips", n, "count")
    if spec.power_mw is not None:
        from_power = spec.power_mw * 1e6 / watts[spec.power_definition]
        book.given(f"power ({spec.power_definition})", spec.power_mw, "MW")
        if n is not None:
            require_agreement(spec, "n_chips", n, from_power, f"power_mw under {spec.power_definition}")
        else:
            n = book.add("chips", from_power, "count", f"power x 10^6 / {watts[spec.power_definition]:.0f} W per chip")
    if spec.chip_hours is not None:
        book.given("chip-hours", spec.chip_hours, "h")
        if n is not None and hours is not None:
            require_agreement(spec, "chip_hours", spec.chip_hours, n * hours, "chips x days x 24")
        elif n is not None:
            hours = spec.chip_hours / n
            book.add("days", hours / 24.0, "days", "chip-hours / chips / 24")
        elif hours is not None:
            n = book.add("chips", spec.chip_hours / hours, "count", "chip-hours / days / 24")
    return n, hours


def require_agreement(spec: RunSpec, name: str, given: float, implied: float, by: str = "the other figures") -> None:
    """Raise `ScenarioError` where a given figure and what the others imply differ by more than 2 %."""
    if abs(given / implied - 1.0) > AGREE_FRAC:
        raise ScenarioError(
            f"run {spec.name}",
            Problem(
                name, f"does not agree with {by}, which give {implied:.4g}", f"{given:.4g}", "leave one of them out"
            ),
        )


def imply_share(spec: RunSpec, what: str, *, n_chips: float, hours: float, other_flop_per_s: float) -> float:
    """Return the utilisation or goodput that the given FLOP, chips and time imply; both are shares."""
    value = (spec.flop or 0.0) / (n_chips * hours * 3600.0 * other_flop_per_s)
    if value > 1.0 + AGREE_FRAC:
        raise ScenarioError(
            f"run {spec.name}",
            Problem("flop", f"needs a {what} of {value:.2f} on {n_chips:.4g} chips in {hours / 24:.4g} days",
                    f"{spec.flop:.3g} FLOP", "give fewer FLOP, more chips or days, or a lower precision"),
        )  # fmt: skip
    return min(1.0, value)


@dataclass(frozen=True, slots=True)
class Job:
    """What goodput depends on beside the number of chips."""

    spec: RunSpec
    p: Mapping[str, Figure]
    peak_flop_per_s: float
    utilisation_frac: float

    def goodput(self, n_chips: float, flop: float | None) -> tuple[float, int, float, float]:
        """Return goodput, islands, seconds between failures of an island, and GB/s that each campus needs."""
        share, islands, mtbf, needed = self.share_time(np.array([n_chips]), flop)
        return float(share[0]), int(islands[0]), float(mtbf[0]), float(needed[0])

    def share_time(self, n_chips: Floats, flop: float | None) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the same for an array of fleets."""
        kind = self.spec.checkpointing
        islands = np.maximum(1.0, np.ceil(n_chips / self.p["island_chips"].value))
        if self.spec.n_islands is not None:
            islands = np.full(n_chips.shape, float(self.spec.n_islands))
        result = estimate_goodput(
            n_chips,
            checkpoint_seconds=self.p[f"checkpoint_{kind}_seconds"].value,
            restart_seconds=self.p[f"restart_{kind}_seconds"].value,
            failures_per_1000_node_days=self.p["failure_rate"].value,
            chips_per_node=self.p["chips_per_node"].value,
            n_islands=islands,
            spare_frac=self.spec.spare_frac,
        )
        share, needed = result.goodput_frac, np.zeros(n_chips.shape)
        if self.spec.n_campuses > 1:
            rate = n_chips * self.peak_flop_per_s * self.utilisation_frac
            # Without a FLOP budget the run's size is that of a usual run of 100 days: traffic varies with its root.
            budget = rate * share * 100 * 86400.0 if flop is None else np.full(n_chips.shape, flop)
            n_parameters = np.sqrt(budget / (6.0 * self.p["tokens_per_parameter"].value))
            needed = bound_exchange(
                n_parameters,
                n_campuses=self.spec.n_campuses,
                step_seconds=6.0 * n_parameters * self.p["batch_tokens"].value / rate,
                bytes_per_parameter=self.p["bytes_per_parameter"].value,
            )
            share = share * exchange_efficiency(
                needed,
                bandwidth_gb_per_s=self.spec.bandwidth_gb_per_s or 1.0,
                steps_per_exchange=self.spec.steps_per_exchange,
            )
        return share, islands, result.mtbf_seconds, needed


def solve_size(job: Job, *, n_chips: float | None, hours: float | None, book: Derivation) -> tuple[float, float]:
    """Return chips and hours where one of them, or both, follow from the FLOP or from the usual length."""
    spec, known_goodput, utilisation = job.spec, job.spec.goodput_frac, job.utilisation_frac
    if n_chips is not None and spec.flop is not None:
        good = known_goodput or job.goodput(n_chips, spec.flop)[0]
        days = float(
            count_days(
                spec.flop,
                n_chips=n_chips,
                peak_flop_per_s=job.peak_flop_per_s,
                utilisation_frac=utilisation,
                goodput_frac=good,
            )
        )
        book.add("days", days, "days", "FLOP / (chips x 86,400 x peak x utilisation x goodput)")
        return n_chips, days * 24.0
    if hours is None and (n_chips is not None or spec.flop is not None or spec.chip_hours is not None):
        days = book.parameter("run_days", step="days")
        missing = "length" if n_chips is not None else "number of chips, power or length"
        book.note(f"{days:.3g} days, the median of runs of 1e25 FLOP and more: no {missing} is given")
        hours = days * 24.0
        if n_chips is not None:
            return n_chips, hours
        if spec.chip_hours is not None:
            return book.add("chips", spec.chip_hours / hours, "count", "chip-hours / days / 24"), hours
    if hours is None or spec.flop is None:
        raise ScenarioError(
            f"run {spec.name}",
            Problem(
                "",
                "too little is known",
                _list_given(spec),
                "give flop, or n_chips or power_mw, or chip_hours",
            ),
        )
    need = spec.flop / (hours * 3600.0 * job.peak_flop_per_s * utilisation)
    n = _smallest_fleet(job, need) if known_goodput is None else need / known_goodput
    return book.add("chips", n, "count", "FLOP / (hours x 3600 x peak x utilisation x goodput)"), hours


def _smallest_fleet(job: Job, need: float) -> float:
    """Return the fewest chips n with n x goodput(n) >= need; goodput may fall faster than n grows."""
    spec = job.spec
    grid = need * np.geomspace(1.0, 1e3, 400)
    useful = grid * job.share_time(grid, spec.flop)[0]
    reached = np.flatnonzero(useful >= need)
    if reached.size == 0:
        raise ScenarioError(
            f"run {spec.name}",
            Problem(
                "n_islands",
                f"failures eat the gain of more chips: so few islands never deliver {spec.flop:.3g} FLOP in this time",
                f"at best {useful.max() / need:.2f} of it",
                "use more islands",
            ),
        )
    k = int(reached[0])
    low, high = float(grid[max(k - 1, 0)]), float(grid[k])
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if middle * job.goodput(middle, spec.flop)[0] >= need else (middle, high)
    return high


def _list_given(spec: RunSpec) -> str:
    names = [n for n in ("flop", "n_chips", "days", "chip_hours", "power_mw") if getattr(spec, n) is not None]
    return ", ".join(names) or "nothing"

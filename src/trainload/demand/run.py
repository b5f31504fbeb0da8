"""One training run: power under every named definition, energy, cost and emission, with the derivation kept.

Sizes (chips, days, FLOP) come from `trainload.demand.size`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from trainload.catalogue.facts import Catalogue, Chip, Figure, restate_figure
from trainload.demand.chips import Precision, choose_chip, choose_precision, peak_flop_per_s, rate_power, resolve_chip
from trainload.demand.power import POWER_DEFINITIONS, PowerDefinition, decimal_year, node_load, pue_at
from trainload.demand.size import (
    Derivation,
    DerivationStep,
    Job,
    RunSpec,
    check_ranges,
    count_chips,
    count_flop,
    imply_share,
    measure_tco2,
    require_agreement,
    solve_size,
)
from trainload.errors import Note, Problem, ScenarioError
from trainload.finance import annuity_rate

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class DefinedPower:
    """The run's power and energy under one named definition."""

    definition: PowerDefinition
    power_w: float
    power_mw: float
    energy_mwh: float
    formula: str
    grade: str


@dataclass(frozen=True, slots=True)
class RunDemand:
    """One run, everything resolved.

    Attributes:
        spec: what was known of it.
        utilisation_frac: while running; times `goodput_frac` it is the share of peak over all hours.
        facility_average_mw: mean over the run: measured nodes and network, or IT rating x the duty given; x PUE.
        powers: every definition, see `trainload.demand.power`.
        cost_usd: chips' capital share of the run's days plus energy, in 2026 USD.
    """

    name: str
    spec: RunSpec
    chip: Chip
    precision: Precision
    flop: float
    n_chips: float
    days: float
    chip_hours: float
    utilisation_frac: float
    goodput_frac: float
    n_islands: int
    mtbf_hours: float
    it_peak_mw: float
    it_average_mw: float
    facility_peak_mw: float
    facility_average_mw: float
    contracted_mw: float
    pue_annual: float
    energy_mwh: float
    chip_cost_usd: float
    energy_cost_usd: float
    cost_usd: float
    tco2: float
    bandwidth_gb_per_s: float
    powers: Mapping[PowerDefinition, DefinedPower]
    derivation: tuple[DerivationStep, ...]
    notes: tuple[Note, ...]


def estimate_run(spec: RunSpec, catalogue: Catalogue) -> RunDemand:
    """Return the run that a sufficient subset of its figures determines.

    Raises:
        ScenarioError: too little, contradictory or impossible figures; each with what to change.
        DataError: the chip is not known, or has no figure that is needed.
    """
    p = catalogue.parameters
    book = Derivation(spec, p)
    check_ranges(spec)
    chip = _find_chip(spec, catalogue, book)
    on = spec.on or chip.release_on
    precision = spec.precision or choose_precision(chip)
    peak = peak_flop_per_s(chip, precision)
    book.add(f"peak ({precision})", peak, "FLOP/s", f"dense peak of {chip.label}", (chip.grade, chip.source))
    watts, formulas, pue, base_w = _power_per_chip(spec, chip, on, book)

    n_chips, hours = count_chips(spec, watts, book)
    usual = p[f"utilisation_{precision}_frac"]
    utilisation = spec.utilisation_frac
    free = spec.flop is not None and n_chips is not None and hours is not None
    if utilisation is not None:
        book.given("utilisation", utilisation, "fraction")
    elif not free:
        utilisation = book.add(
            "utilisation", usual.value, "fraction", f"default for {precision}", (usual.grade, usual.source)
        )
        book.note(f"utilisation {utilisation:g}: default for {precision}")

    job = Job(spec, p, peak, utilisation or usual.value)
    if n_chips is None or hours is None:
        n_chips, hours = solve_size(job, n_chips=n_chips, hours=hours, book=book)
    goodput, n_islands, mtbf_seconds, needed = job.goodput(n_chips, spec.flop)
    if needed > 0:
        text = "ring all-reduce of 2 (k - 1)/k x parameters x bytes in one step, parameters = sqrt(FLOP / (6 x 20))"
        book.add("bandwidth of each campus", needed, "GB/s", text)
    if spec.goodput_frac is not None:
        goodput = book.given("goodput", spec.goodput_frac, "fraction")
    elif free and spec.utilisation_frac is not None:
        goodput = imply_share(
            spec, "goodput", n_chips=n_chips, hours=hours, other_flop_per_s=peak * spec.utilisation_frac
        )
        book.add("goodput", goodput, "fraction", "FLOP / (chips x hours x 3600 x peak x utilisation)")
    else:
        text = f"Daly's exact formula: islands: {n_islands}, one failure in {mtbf_seconds / 3600:.2f} h each"
        text += ", times what the exchange between campuses leaves" if needed > 0 else ""
        book.add("goodput", goodput, "fraction", text, ("C", "Daly 2006, equations 13 and 37; failure rate of H100"))
    if utilisation is None:
        utilisation = imply_share(spec, "utilisation", n_chips=n_chips, hours=hours, other_flop_per_s=peak * goodput)
        book.add("utilisation", utilisation, "fraction", "FLOP / (chips x hours x 3600 x peak x goodput)")
    if free and spec.utilisation_frac is not None and spec.goodput_frac is not None:
        require_agreement(spec, "flop", cast(float, spec.flop), n_chips * hours * 3600 * peak * utilisation * goodput)

    days = hours / 24.0
    flop = spec.flop
    if flop is None:
        flop = float(count_flop(n_chips, days=days, peak_flop_per_s=peak, utilisation_frac=utilisation,
                                goodput_frac=goodput))  # fmt: skip
        book.add("compute", flop, "FLOP", "chips x days x 86,400 x peak x utilisation x goodput")
    if base_w is not None:
        # The calibrated load needs the utilisation, which is only known now.
        watts["node_measured"] = _node_measured_w(chip, base_w, utilisation, precision, p) * pue
    sized = _Sized(
        chip, precision, flop, n_chips, hours, utilisation, goodput, n_islands, mtbf_seconds / 3600, needed, pue
    )
    return _assemble(spec, catalogue, book, sized=sized, watts=watts, formulas=formulas)


@dataclass(frozen=True, slots=True)
class _Sized:
    chip: Chip
    precision: Precision
    flop: float
    n_chips: float
    run_hours: float
    utilisation_frac: float
    goodput_frac: float
    n_islands: int
    mtbf_hours: float
    needed_gb_per_s: float
    pue: float


def _find_chip(spec: RunSpec, catalogue: Catalogue, book: Derivation) -> Chip:
    if isinstance(spec.chip, Chip):
        return spec.chip
    if spec.chip is not None:
        return resolve_chip(spec.chip, catalogue)
    if spec.on is None:
        fix = "name a chip, or give the start day `on` for the default chip"
        raise ScenarioError(f"run {spec.name}", Problem("chip", "is missing", "nothing", fix))
    chip, _, note = choose_chip(catalogue, spec.on, as_of=spec.as_of or spec.on)
    book.notes.append(replace(note, subject=f"run {spec.name}"))
    return chip


def _power_per_chip(
    spec: RunSpec, chip: Chip, on: date, book: Derivation
) -> tuple[dict[PowerDefinition, float], dict[PowerDefinition, tuple[str, str]], float, float | None]:
    """Return W per chip by definition, formulas with grades, the annual PUE, and the node power still to be scaled."""
    p = book.figures
    tdp_w, server_w, it_w, how, grade = rate_power(chip, p)
    if spec.pue_annual is not None:
        pue = book.given("annual PUE", spec.pue_annual, "fraction")
    else:
        pue = float(
            pue_at(decimal_year(on), pue_2018=p["pue_2018_frac"].value,
                   decline_per_year=p["pue_decline_per_year"].value, floor=p["pue_floor_frac"].value)
        )  # fmt: skip
        source = p["pue_2018_frac"].source
        book.add("annual PUE", pue, "fraction", f"max(1.05, 1.1401 - 0.00907 (t - 2018.33)), {on}", ("A", source))
    ratio = book.parameter("peak_to_it_frac", spec.peak_to_it_frac, step="peak facility over IT rating")
    book.add("chip TDP", tdp_w, "W", "rated", (chip.grade, chip.source))
    book.add("server rating per chip", server_w, "W", how, (grade, chip.source))
    book.add("IT rating per chip", it_w, "W", how, (grade, chip.source))
    over, all_in = p["server_over_tdp_frac"].value, p["all_in_pue_frac"].value
    margin = 1.0 + p["contract_margin_frac"].value
    base_w = None
    node_w = spec.node_power_w
    if node_w is None:
        base_w = chip.measured_w or server_w * p["node_load_frac"].value
        node_w = base_w
    watts: dict[PowerDefinition, float] = {
        "chip_tdp": tdp_w,
        "server": server_w,
        "it": it_w,
        "node_measured": node_w * pue,
        "rated_facility": tdp_w * over * pue,
        "all_in": it_w * all_in,
        "facility_peak": it_w * ratio,
        "contracted": it_w * ratio * margin,
    }
    measured = "given node power" if base_w is None else "measured node" if chip.measured_w else "server x 0.76"
    formulas: dict[PowerDefinition, tuple[str, str]] = {
        "chip_tdp": ("TDP", chip.grade),
        "server": (how, grade),
        "it": (how, grade),
        "node_measured": (f"{measured} at this utilisation x annual PUE", p["node_load_frac"].grade),
        "rated_facility": (f"TDP x {over:g} x annual PUE", p["server_over_tdp_frac"].grade),
        "all_in": (f"IT rating x {all_in:g}", p["all_in_pue_frac"].grade),
        "facility_peak": (f"IT rating x {ratio:g}", p["peak_to_it_frac"].grade),
        "contracted": (f"facility peak x {margin:g}", p["contract_margin_frac"].grade),
    }
    return watts, formulas, pue, base_w


def _node_measured_w(
    chip: Chip, base_w: float, utilisation_frac: float, precision: Precision, p: Mapping[str, Figure]
) -> float:
    """Return node power per chip at this utilisation, scaled from the one at which it was measured or calibrated."""
    reference = p[f"utilisation_{precision}_frac"].value
    if chip.measured_w and chip.measured_utilisation_frac and precision == "bf16":
        reference = chip.measured_utilisation_frac
    rated_w = max(base_w, rate_power(chip, p)[1])
    load = node_load(
        utilisation_frac,
        reference_load_frac=base_w / rated_w,
        reference_utilisation_frac=reference,
        elasticity=p["power_elasticity_frac"].value,
    )
    return float(load) * rated_w


def _assemble(
    spec: RunSpec,
    catalogue: Catalogue,
    book: Derivation,
    *,
    sized: _Sized,
    watts: Mapping[PowerDefinition, float],
    formulas: Mapping[PowerDefinition, tuple[str, str]],
) -> RunDemand:
    n, hours = sized.n_chips, sized.run_hours
    powers: dict[PowerDefinition, DefinedPower] = {}
    for definition in POWER_DEFINITIONS:
        formula, grade = formulas[definition]
        mw = n * watts[definition] / 1e6
        powers[definition] = DefinedPower(definition, watts[definition], mw, mw * hours, formula, grade)
        book.add(f"power ({definition})", mw, "MW", f"chips x {watts[definition]:.0f} W: {formula}", (grade, "derived"))
    if spec.duty_frac is not None:
        it_average = n * watts["it"] * spec.duty_frac / 1e6
        average = it_average * sized.pue
        book.given("duty", spec.duty_frac, "fraction")
        book.add("facility average", average, "MW", "IT rating x duty x annual PUE")
    else:
        # A node power given from a meter is taken as the whole; a rated one leaves the network out.
        network_w = 0.0 if spec.node_power_w is not None else watts["it"] - watts["server"]
        average = powers["node_measured"].power_mw + n * network_w * sized.pue / 1e6
        it_average = average / sized.pue
        text = f"power (node_measured) + chips x {network_w:.0f} W of network x annual PUE"
        book.add("facility average", average, "MW", text, (formulas["node_measured"][1], "derived"))
    energy = book.add("energy", average * hours, "MWh", "facility average x hours")
    life = book.parameter("server_life_years")
    wacc = spec.chip_wacc_frac if spec.chip_wacc_frac is not None else catalogue.prices["wacc_chips"].value
    if spec.chip_cost_usd is not None:
        capital = book.add("chips' capital", n * spec.chip_cost_usd, "USD", "chips x price given", spec.proof)
    else:
        whole, shell = (restate_figure(catalogue.prices[k]) for k in ("dc_capex", "facility_capex"))
        per_mw = whole.value - shell.value
        text = f"IT rating x {per_mw / 1e6:.1f} million USD/MW (data centre less shell, power and cooling)"
        capital = book.add("chips' capital", n * watts["it"] / 1e6 * per_mw, "USD", text, ("C", whole.source))
    share = annuity_rate(life, wacc) * hours / 24.0 / DAYS_PER_YEAR
    chip_cost = book.add("chips' share", capital * share, "USD",
                         f"capital x annuity ({life:g} years, {wacc:.0%}) x days / 365.25")  # fmt: skip
    usd_per_mwh = spec.energy_usd_per_mwh
    if usd_per_mwh is None:
        parts = [restate_figure(catalogue.prices[k]).value for k in ("wholesale_us_2026", "grid_delivery_adder")]
        usd_per_mwh = book.add("energy price", sum(parts), "USD/MWh", "US wholesale + delivery",
                               ("C", catalogue.prices["wholesale_us_2026"].source))  # fmt: skip
    else:
        book.given("energy price", usd_per_mwh, "USD/MWh")
    energy_cost = book.add("energy cost", energy * usd_per_mwh, "USD", "energy x price")
    factor = spec.carbon_tco2_per_mwh
    if factor is None:
        figure = catalogue.grid_factors["US average"]
        factor = book.add("grid factor", figure.value, figure.unit, "US average", (figure.grade, figure.source))
    else:
        book.given("grid factor", factor, "tCO2/MWh", spec.carbon_proof)
    tco2 = book.add("emission", float(measure_tco2(energy, factor)), "tCO2", "energy x grid factor")
    return RunDemand(
        name=spec.name,
        spec=spec,
        chip=sized.chip,
        precision=sized.precision,
        flop=sized.flop,
        n_chips=n,
        days=hours / 24.0,
        chip_hours=n * hours,
        utilisation_frac=sized.utilisation_frac,
        goodput_frac=sized.goodput_frac,
        n_islands=sized.n_islands,
        mtbf_hours=sized.mtbf_hours,
        it_peak_mw=powers["it"].power_mw,
        it_average_mw=it_average,
        facility_peak_mw=powers["facility_peak"].power_mw,
        facility_average_mw=average,
        contracted_mw=powers["contracted"].power_mw,
        pue_annual=sized.pue,
        energy_mwh=energy,
        chip_cost_usd=chip_cost,
        energy_cost_usd=energy_cost,
        cost_usd=chip_cost + energy_cost,
        tco2=tco2,
        bandwidth_gb_per_s=sized.needed_gb_per_s,
        powers=powers,
        derivation=tuple(book.steps),
        notes=tuple(book.notes),
    )


def solve_flop(power_mw: float, days: float, catalogue: Catalogue, *, spec: RunSpec | None = None) -> RunDemand:
    """Return the run that a power (facility peak, or the spec's definition) can train in so many days."""
    return estimate_run(replace(spec or RunSpec(), power_mw=power_mw, days=days, flop=None), catalogue)


def solve_days(flop: float, power_mw: float, catalogue: Catalogue, *, spec: RunSpec | None = None) -> RunDemand:
    """Return the run of so much compute on a power (facility peak, or the spec's definition): how long it takes."""
    return estimate_run(replace(spec or RunSpec(), power_mw=power_mw, flop=flop, days=None), catalogue)

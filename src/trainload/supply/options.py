"""The records that supply, schedule and plan share: options, gates and the steps that hold them up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from trainload.catalogue.records import LeadTriple
from trainload.errors import DataError, Note, Problem

if TYPE_CHECKING:
    from trainload.catalogue.records import Figure

Kind = Literal["source", "store"]
Delivery = Literal["onsite", "grid", "contract"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an option's or a gate's graph; it starts when the last of `after` has finished.

    Attributes:
        step: id, unique within its owner.
        owner: option or gate it belongs to; its cost is part of that owner's capital and of no other's.
        after: steps of the same owner, or ``gate:<id>`` for the whole of a gate.
        p10_months: duration in months, 10th percentile; so `p50_months` and `p90_months`.
        factor: common factor that moves this step together with others, None if it stands alone.
        factor_loading_frac: correlation of the step's normal score with that factor.
        cost_usd_per_mw: share of the owner's capital that this step spends, not on top of it.
    """

    step: str
    owner: str
    label: str
    after: tuple[str, ...]
    p10_months: float
    p50_months: float
    p90_months: float
    factor: str | None
    factor_loading_frac: float
    cost_usd_per_mw: float
    grade: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """Something shared that options wait for (substation, lateral): ordered once, carries MW.

    Attributes:
        unit_mw: size of one unit; 0 = any size.
        max_mw: most that the gate can be made to carry.
        capex_usd_per_mw: capital per MW carried; never contained in an option's capital as well.
        lead_target: catalogue's order-to-ready percentiles (P10, P50, P90) in months, None where it states none.
        decomposed: False where the gate is a single step drawn from `lead_target`.
    """

    gate: str
    label: str
    unit_mw: float
    max_mw: float
    capex_usd_per_mw: float
    lifetime_years: float
    steps: tuple[Step, ...]
    lead_target: LeadTriple | None
    decomposed: bool
    milestones: tuple[tuple[float, float], ...]
    grade: str
    source: str
    note: str = ""
    wacc_frac: float = 0.07


@dataclass(frozen=True, slots=True)
class Option:
    """One way to get power, every field resolved from the scenario and the catalogue.

    Attributes:
        unit_mw: size of one unit; 0 = any size.
        max_mw: most that can be ordered; 0 keeps the option in the why-not table with `limit_reason`.
        min_mw: ordered whatever it costs.
        capex_usd_per_mw: overnight capital of the option itself, without its gates'; 0 for a pure contract or rental.
        variable_usd_per_mwh: variable cost without fuel; for grid service the charge on top of the hourly price.
        fuel_cost_usd_per_mwh: `heat_rate_mmbtu_per_mwh` x `fuel_usd_per_mmbtu`.
        availability: key of `Profiles.availability`.
        curtailed_hours_per_year: hours a year called by the utility (see `profiles.call_curtailments`).
        contract_price_usd_per_mwh: paid per contracted MWh produced; the buyer then owns no plant and pays no capital.
        max_full_load_hours_per_year: limit on output over capacity, infinite where there is none.
        available_on: no power before this day, whatever the lead time says.
        return_on: a rental must be gone by this day.
        lead_target: all-in order-to-power percentiles (P10, P50, P90) in months, gates included.
        decomposed: False where the option is a single step drawn from `lead_target`.
        milestones: payments as (share of capital, share of the time from order to arrival).
        limit_reason: why `max_mw` is what it is, in words for the reader.
    """

    option: str
    label: str
    carrier: str
    kind: Kind
    delivery: Delivery
    firm: bool
    bridge: bool
    clean: bool
    unit_mw: float
    max_mw: float
    min_mw: float
    capex_usd_per_mw: float
    fixed_usd_per_mw_year: float
    variable_usd_per_mwh: float
    fuel: str | None
    heat_rate_mmbtu_per_mwh: float
    fuel_usd_per_mmbtu: float
    fuel_cost_usd_per_mwh: float
    rent_usd_per_mw_month: float
    lifetime_years: float
    forced_outage_frac: float
    repair_hours: float
    min_output_frac: float
    ramp_frac_per_minute: float
    availability: str
    typical_capacity_factor_frac: float
    direct_tco2_per_mwh: float
    lifecycle_tco2_per_mwh: float
    land_acres_per_mw: float
    duration_hours: float
    roundtrip_frac: float
    loss_frac_per_hour: float
    demand_charge_usd_per_mw_month: float
    minimum_take_frac: float
    curtailed_hours_per_year: float
    contract_price_usd_per_mwh: float
    max_full_load_hours_per_year: float
    min_stay_months: float
    max_stay_months: float
    available_on: date | None
    return_on: date | None
    gates: tuple[str, ...]
    steps: tuple[Step, ...]
    lead_target: LeadTriple | None
    decomposed: bool
    milestones: tuple[tuple[float, float], ...]
    grade_cost: str
    grade_lead: str
    source: str
    wacc_frac: float
    limit_reason: str = ""
    note: str = ""

    @property
    def powers_campus(self) -> bool:
        """Whether its MW count as firm: contract MW of grid service, or firm plant on site."""
        return self.delivery == "grid" or (self.delivery == "onsite" and self.firm)

    @property
    def energy_cost_usd_per_mwh(self) -> float:
        """Fuel and variable cost of one MWh, without the grid's hourly price."""
        return self.fuel_cost_usd_per_mwh + self.variable_usd_per_mwh


@dataclass(frozen=True, slots=True)
class Supply:
    """Every option and gate of one scenario, with the figures behind them.

    Attributes:
        figures: the catalogue or scenario figure behind each value, by key such as ``ccgt.capex_usd_per_mw``.
    """

    options: tuple[Option, ...]
    gates: tuple[Gate, ...]
    figures: "Mapping[str, Figure]" = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def option(self, option: str) -> Option:
        """Return the option of this id, or raise `DataError`."""
        for item in self.options:
            if item.option == option:
                return item
        raise DataError("supply", Problem("", "no such option", option, f"known: {', '.join(self.option_ids)}"))

    def gate(self, gate: str) -> Gate:
        """Return the gate of this id, or raise `DataError`."""
        for item in self.gates:
            if item.gate == gate:
                return item
        raise DataError("supply", Problem("", "no such gate", gate, f"known: {', '.join(self.gate_ids)}"))

    @property
    def owners(self) -> "tuple[Option | Gate, ...]":
        """Options, then gates: everything that is ordered and arrives."""
        return (*self.options, *self.gates)

    @property
    def option_ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(item.option for item in self.options)

    @property
    def gate_ids(self) -> tuple[str, ...]:
        """Ids in order."""
        return tuple(item.gate for item in self.gates)

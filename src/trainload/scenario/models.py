"""The frozen models a person writes in YAML: everything has a default but the name, and every field says its unit.

Values left out (``None``) are taken from the catalogue by the stage that needs them, and the manifest lists each.
Reading, patching and line-numbered errors live in `trainload.scenario.file`.
"""

import re
from datetime import date, datetime, time
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


def _read_day(value: Any) -> Any:
    """Take a date, a midnight or the text YYYY-MM-DD for a day; numbers are not dates, whatever they count."""
    if isinstance(value, datetime):
        if value.time() != time():
            raise PydanticCustomError("day", "must be a day without a time of day")
        return value.date()
    if isinstance(value, str):
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            raise PydanticCustomError("day", "must be a date written YYYY-MM-DD")
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise PydanticCustomError("day", "must be a date that exists ({reason})", {"reason": str(error)}) from error
    if not isinstance(value, date):
        raise PydanticCustomError("day", "must be a date written YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_read_day), Field(ge=date(1990, 1, 1), le=date(2099, 12, 31))]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFraction = Annotated[float, Field(gt=0, le=1)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$", max_length=60)]
Precision = Literal["bf16", "fp8", "fp4"]


GATE_PREFIX = "gate:"  # how a step names a gate that it waits for


class Model(BaseModel):
    """Frozen; a key that is not a field is an error, and so is `true` or a text where a number is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())


class SeriesFile(Model):
    """One column of a CSV file: an hourly series in local standard time, a typical year or the real calendar."""

    file: str = Field(description="path of the CSV, relative to the scenario file")
    column: str = Field(description="name of the column that holds the values")
    unit: str = Field(description="unit of the values: MW, fraction, USD/MWh, tCO2/MWh, kg/MWh or C")
    scale: Positive = Field(1.0, description="multiplies the values into that unit, e.g. 0.01 for a 100 MW wind farm")
    time_column: str | None = Field(None, description="name of the column with the start of each hour, ISO 8601")
    utc_offset_hours: float | None = Field(None, ge=-12, le=14, description="of the time column; default: the site's")


class Site(Model):
    """Where the campus stands, and the hourly series that belong to the place."""

    label: str = Field("Greensboro, North Carolina", description="name of the place, for the report")
    latitude_deg: float = Field(36.1, ge=-90, le=90, description="north positive")
    longitude_deg: float = Field(-79.95, ge=-180, le=180, description="east positive")
    altitude_m: float = Field(273.0, ge=-500, le=9000, description="above sea level")
    utc_offset_hours: float = Field(-5.0, ge=-12, le=14, description="local standard time less UTC")
    weather_file: str | None = Field(
        None,
        description="TMY3, EPW or PSM file read by pvlib, relative to the scenario; default: bundled Greensboro TMY3",
    )
    grid_region: str = Field("SRVC", description="eGRID subregion or country of the catalogue's grid factors")
    marginal_region: str | None = Field("AVERT SE", description="AVERT region of the marginal factor")
    price: SeriesFile | None = Field(None, description="hourly power price; default: shaped around the catalogue mean")
    carbon: SeriesFile | None = Field(None, description="hourly grid carbon intensity; default: shaped annual factor")
    price_mean_usd_per_mwh: NonNegative | None = Field(
        None, description="mean of the shaped power price; default: the catalogue's wholesale price and delivery"
    )
    carbon_mean_tco2_per_mwh: NonNegative | None = Field(
        None, description="mean of the shaped carbon intensity; default: the grid region's factor"
    )
    availability: dict[Key, SeriesFile] = Field(
        default_factory=dict, description="own availability profiles by name (0-1), usable by options"
    )


class Generation(Model):
    """One model generation: its compute, or its power, or neither (then the forecast's cadence gives it)."""

    wanted_on: Day = Field(description="the day on which training should start at full power")
    flop: Positive | None = Field(None, description="training compute, FLOP")
    facility_peak_mw: Positive | None = Field(None, description="facility peak of this generation's run")
    run_days: Positive | None = Field(None, le=1100, description="wanted length of the run; default: demand model")
    chip: str | None = Field(None, description="chip id of the catalogue or of `chips`; default: demand model")
    precision: Precision | None = Field(None, description="number format of the arithmetic; default: demand model")
    utilisation_frac: PositiveFraction | None = Field(None, description="model FLOP utilisation; default: demand model")
    n_islands: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        None, description="fault-isolated islands; default: demand model"
    )


class Programme(Model):
    """What the campus is for: the generations to train, in order, and the load they ask for."""

    developer: str | None = Field(None, description="whose own generations the forecast is conditioned on")
    generations: dict[Key, Generation] = Field(
        default_factory=dict, description="the generations by name, in order of their dates"
    )
    run_share_frac: PositiveFraction = Field(1.0, description="share of the campus that the run takes")
    load: SeriesFile | None = Field(None, description="hourly campus load in MW instead of the generations' path")
    peak_to_it_frac: Annotated[float, Field(ge=1, le=2)] | None = Field(
        None, description="facility peak over IT peak; default: demand model"
    )
    pue_annual: Annotated[float, Field(ge=1, le=2)] | None = Field(
        None, description="annual PUE; default: demand model"
    )
    duty_frac: PositiveFraction = Field(
        0.79, description="mean IT power over IT rating while training: nodes measured at 76 % of rating, and network"
    )


class StepSpec(Model):
    """A step of an option's or a gate's graph; months from its last predecessor's end."""

    label: str = Field("", description="name for the report")
    after: list[str] = Field(default_factory=list, description="steps of the same graph, or gate:<name>")
    p10_months: NonNegative = Field(description="duration, 10th percentile")
    p50_months: NonNegative = Field(description="duration, 50th percentile")
    p90_months: NonNegative = Field(description="duration, 90th percentile")
    factor: str | None = Field(None, description="common factor, such as transformer_market")
    loading_frac: Fraction = Field(0.7, description="correlation of its normal score with the factor")
    source: str = Field("scenario", description="where the figures come from")

    @model_validator(mode="after")
    def _ordered(self) -> "StepSpec":
        if not self.p10_months <= self.p50_months <= self.p90_months:
            raise ValueError("p10_months <= p50_months <= p90_months must hold")
        return self


class OptionSpec(Model):
    """A supply option: an override of the catalogue's, a copy `like` another, or wholly the user's own."""

    enabled: bool = Field(True, description="false leaves the option out")
    like: str | None = Field(None, description="catalogue option whose values fill what is not given here")
    label: str | None = Field(None, description="name for the report")
    carrier: str | None = Field(None, description="fuel or service, such as gas, grid, sun")
    kind: Literal["source", "store"] | None = Field(None, description="makes power, or stores it")
    delivery: Literal["onsite", "grid", "contract"] | None = Field(
        None, description="serves the campus; is grid service; or is a contract elsewhere on the grid"
    )
    firm: bool | None = Field(None, description="counts as firm at the facility peak")
    bridge: bool | None = Field(None, description="rented for a time")
    clean: bool | None = Field(None, description="counts as clean in hourly matching")
    unit_mw: NonNegative | None = Field(None, description="size of one unit; 0 = any size")
    max_mw: NonNegative | None = Field(None, description="most that can be ordered")
    min_mw: NonNegative | None = Field(None, description="ordered whatever it costs")
    capex_usd_per_mw: NonNegative | None = Field(None, description="overnight capital of the option without its gates")
    fixed_usd_per_mw_year: NonNegative | None = Field(None, description="fixed operation and maintenance")
    variable_usd_per_mwh: float | None = Field(None, description="variable cost without fuel")
    fuel: Literal["gas", "coal", "diesel", "uranium", "none"] | None = Field(None, description="what it burns")
    heat_rate_mmbtu_per_mwh: NonNegative | None = Field(None, description="fuel per MWh, higher heating value")
    rent_usd_per_mw_month: NonNegative | None = Field(None, description="rent of a rented option")
    lifetime_years: Positive | None = Field(None, description="economic life")
    forced_outage_frac: Fraction | None = Field(None, description="share of time lost to forced outages")
    repair_hours: NonNegative | None = Field(None, description="mean time to repair")
    min_output_frac: Fraction | None = Field(None, description="least output of what is in service")
    availability: str | None = Field(None, description="profile: one, solar, wind, wind_offshore or site.availability")
    direct_tco2_per_mwh: NonNegative | None = Field(None, description="emission at the stack")
    lifecycle_tco2_per_mwh: NonNegative | None = Field(None, description="life-cycle emission")
    duration_hours: Positive | None = Field(None, description="energy over power of a store")
    roundtrip_frac: PositiveFraction | None = Field(None, description="round-trip efficiency of a store")
    loss_frac_per_hour: Fraction | None = Field(None, description="self-discharge of a store")
    demand_charge_usd_per_mw_month: NonNegative | None = Field(None, description="charge on the monthly peak")
    minimum_take_frac: Fraction | None = Field(None, description="least billed share of the contract")
    curtailed_hours_per_year: Annotated[float, Field(ge=0, le=8760)] | None = Field(
        None, description="hours in which the utility calls a non-firm service off"
    )
    contract_price_usd_per_mwh: NonNegative | None = Field(None, description="price of contracted energy")
    max_full_load_hours_per_year: NonNegative | None = Field(None, description="limit on output over capacity")
    min_stay_months: NonNegative | None = Field(None, description="shortest rental")
    max_stay_months: NonNegative | None = Field(None, description="longest rental")
    available_on: Day | None = Field(None, description="no power before this day, whatever the lead time says")
    return_on: Day | None = Field(None, description="a rental must be gone by this day")
    lead_p10_months: NonNegative | None = Field(None, description="order to power, all in, 10th percentile")
    lead_p50_months: NonNegative | None = Field(None, description="order to power, median")
    lead_p90_months: NonNegative | None = Field(None, description="order to power, 90th percentile")
    gates: list[str] | None = Field(None, description="gates that must stand before it delivers")
    steps: dict[Key, StepSpec] | None = Field(None, description="steps from order to power, by name")
    source: str | None = Field(None, description="where the figures come from")


class GateSpec(Model):
    """A shared gate (substation, line, gas lateral): ordered once, carries MW for every option that names it."""

    enabled: bool = Field(True, description="false leaves the gate out")
    label: str | None = Field(None, description="name for the report")
    unit_mw: NonNegative | None = Field(None, description="size of one unit; 0 = any size")
    max_mw: NonNegative | None = Field(None, description="most that the gate can carry")
    capex_usd_per_mw: NonNegative | None = Field(None, description="capital per MW carried")
    lead_p10_months: NonNegative | None = Field(None, description="order to ready, 10th percentile")
    lead_p50_months: NonNegative | None = Field(None, description="order to ready, median")
    lead_p90_months: NonNegative | None = Field(None, description="order to ready, 90th percentile")
    steps: dict[Key, StepSpec] | None = Field(None, description="steps from order to ready, by name")
    source: str | None = Field(None, description="where the figures come from")


class ChipSpec(Model):
    """A chip of the user's own, or overrides of the catalogue's."""

    like: str | None = Field(None, description="catalogue chip whose values fill what is not given here")
    label: str | None = Field(None, description="name for the report")
    release_on: Day | None = Field(None, description="first day it ships in volume")
    bf16_flop_per_s: Positive | None = Field(None, description="dense peak per chip")
    fp8_flop_per_s: Positive | None = Field(None, description="dense peak per chip")
    fp4_flop_per_s: Positive | None = Field(None, description="dense peak per chip")
    tdp_w: Positive | None = Field(None, description="thermal design power of the chip")
    server_power_w: Positive | None = Field(None, description="rating of the server, per chip")
    it_power_w: Positive | None = Field(None, description="server and network, per chip")
    price_usd: NonNegative | None = Field(None, description="price per chip")
    source: str | None = Field(None, description="where the figures come from")


class Grid(Model):
    """Limits of grid service at the site, over all its tiers."""

    max_mw: NonNegative | None = Field(None, description="most contract MW over all tiers; default: no limit")
    min_event_hours: Annotated[int, Field(ge=1, le=168)] = Field(4, description="shortest call of a non-firm service")
    price_growth_per_year: float = Field(0.0, ge=-0.2, le=0.3, description="real growth of the power price")
    carbon_decline_per_year: float = Field(0.02, ge=-0.2, le=0.3, description="yearly fall of grid carbon intensity")


class Money(Model):
    """Constant 2026 USD, pre-tax, no credits."""

    price_year: int = Field(2026, ge=2015, le=2035, description="year whose USD all money is in")
    wacc_frac: Annotated[float, Field(ge=0, le=0.3)] = Field(0.07, description="real cost of capital, energy")
    chip_wacc_frac: Annotated[float, Field(ge=0, le=0.4)] = Field(0.10, description="real cost of capital, chips")
    gas_usd_per_mmbtu: NonNegative | None = Field(None, description="delivered; default: the catalogue's price")
    coal_usd_per_mmbtu: NonNegative | None = Field(None, description="delivered; default: the catalogue's price")
    diesel_usd_per_mmbtu: NonNegative | None = Field(None, description="delivered; default: the catalogue's price")
    co2_usd_per_tco2: NonNegative = Field(0.0, description="price on direct and location-based emission")


class Rules(Model):
    """The buyer's own goals; each has a priced slack, so that breaking one shows as a cost and never ends the run."""

    co2_cap_tco2_per_year: NonNegative | None = Field(None, description="direct and grid location-based, per year")
    clean_matched_frac: Fraction | None = Field(None, description="share of load matched hourly by clean supply")
    clean_from_on: Day | None = Field(None, description="the goals hold from this day on; default: from the start")
    co2_slack_usd_per_tco2: Positive = Field(1000.0, description="price of each ton over the cap")
    clean_slack_usd_per_mwh: Positive = Field(500.0, description="price of each MWh short of the clean goal")
    largest_unit_reserve: bool = Field(True, description="an islanded campus carries its largest unit as reserve")


class Tranche(Model):
    """Part of running load that can be shed: its share of the flexible load and its price."""

    share_frac: PositiveFraction = Field(description="share of the flexible load")
    usd_per_mwh: NonNegative = Field(description="price of shedding it")
    compute_lost_frac: Fraction = Field(description="compute lost per unit of power shed, against the mean")


class DelayPrices(Model):
    """The three prices of missing power, reported apart and never inside $/MWh; grade C, the user's to set."""

    programme_usd_per_mwh: NonNegative | None = Field(
        None,
        description="(a) wanted compute without power, chips not delivered; default: revenue less ownership",
    )
    idle_chip_usd_per_mwh: NonNegative | None = Field(None, description="(b) delivered chips idle, per MWh of IT load")
    gpu_share_frac: PositiveFraction = Field(0.65, description="GPU share of facility MW above the idle floor")
    idle_floor_frac: Fraction = Field(0.3, description="facility load that remains when training pauses")
    tranches: dict[Key, Tranche] | None = Field(
        None, description="(c) curtailment of running load; default: power-cap curve"
    )


class PlanSettings(Model):
    """How the plan is computed."""

    mode: Literal["cheapest", "fastest", "cleanest"] = Field("cheapest", description="what is sought first")
    hours: Literal["calendar", "sampled"] = Field("calendar", description="every hour, or sampled weeks")
    solver: Literal["auto", "chain", "highs"] = Field("auto", description="which solver; auto hands over where needed")
    lead_percentile: Annotated[float, Field(ge=1, le=99)] = Field(50.0, description="of the lead times planned with")
    monthly_years: Annotated[int, Field(ge=1, le=30)] = Field(
        5, description="years with monthly decisions, then quarters"
    )
    sampled_hours: Annotated[int, Field(ge=168, le=20000)] = Field(2016, description="hours where `hours: sampled`")
    unit_threshold_mw: Positive = Field(100.0, description="units of this size and more are whole")
    mip_gap_frac: Annotated[float, Field(gt=0, lt=1)] = Field(0.005, description="gap at which whole units are good")
    time_limit_seconds: Positive = Field(300.0, description="for the search of whole units")
    lead_scenarios: Annotated[int, Field(ge=0, le=50)] = Field(
        0, description="scenarios of lead times over which orders are hedged; 0 plans at `lead_percentile`"
    )
    scenario_hours: Annotated[int, Field(ge=168, le=20000)] = Field(
        1008, description="sampled hours operated in each of them"
    )
    cvar_weight_frac: Fraction = Field(0.0, description="weight of the worst scenarios' mean cost in the objective")
    cvar_tail_frac: PositiveFraction = Field(0.1, description="probability that counts as the worst")


class Forecast(Model):
    """Settings of the forecast."""

    runs: str | None = Field(None, description="an Epoch AI export to use instead of the catalogue's runs")
    n_draws: Annotated[int, Field(ge=256, le=1_000_000)] = Field(4096, description="draws of the joint forecast")
    last_year: Annotated[int, Field(ge=2020, le=2045)] | None = Field(
        None, description="last year shown; default: end of the horizon"
    )


class Uncertain(Model):
    """How one number of the scenario varies; drawn by `trainload.scenario.patch.draw_scenario`."""

    low: float = Field(description="P10 (three_point) or least value (pert), in the unit of the number")
    mid: float = Field(description="P50 or most likely value")
    high: float = Field(description="P90 or largest value")
    distribution: Literal["three_point", "pert"] = Field(
        "three_point", description="two-piece lognormal through P10, P50, P90; or PERT between bounds"
    )
    factor: str | None = Field(None, description="common factor that it follows, such as turbine_market")
    loading_frac: Fraction = Field(0.7, description="correlation of its normal score with the factor")

    @model_validator(mode="after")
    def _ordered(self) -> "Uncertain":
        if not self.low <= self.mid <= self.high:
            raise ValueError("low <= mid <= high must hold")
        return self


class Scenario(Model):
    """One campus, one programme, one plan."""

    name: Key = Field(description="short name: letters, digits, `_`, `.`, `-`")
    title: str = Field("", description="title of the report")
    description: str = Field("", description="a paragraph for the report")
    as_of: Day = Field(description="nothing dated later is known to the forecast")
    start_on: Day | None = Field(None, description="first day an order can be placed; default: as_of")
    horizon_years: Annotated[int, Field(ge=1, le=30)] = Field(12, description="12 lets new nuclear arrive")
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(1, description="of every draw")
    n_draws: Annotated[int, Field(ge=256, le=262144)] = Field(8192, description="draws of the lead times")
    site: Site = Site()
    programme: Programme = Programme()
    forecast: Forecast = Forecast()
    option_set: Literal["catalogue", "named"] = Field(
        "catalogue", description="start from all options, or only those named"
    )
    options: dict[Key, OptionSpec] = Field(
        default_factory=dict, description="overrides and own options, by catalogue id or new name"
    )
    gates: dict[Key, GateSpec] = Field(default_factory=dict, description="overrides and own gates")
    chips: dict[Key, ChipSpec] = Field(default_factory=dict, description="overrides and own chips")
    grid: Grid = Grid()
    money: Money = Money()
    rules: Rules = Rules()
    delay: DelayPrices = DelayPrices()
    plan: PlanSettings = PlanSettings()
    uncertain: dict[str, Uncertain] = Field(default_factory=dict, description="path -> how that number varies")
    variants: dict[Key, dict[str, Any]] = Field(default_factory=dict, description="named sets of path: value")
    folder: PurePath | None = Field(None, exclude=True, description="set by the loader: where relative files are found")

    @property
    def first_order_on(self) -> date:
        """The first day an order can be placed."""
        return self.start_on or self.as_of

    @property
    def ends_on(self) -> date:
        """The first day after the horizon."""
        start = self.first_order_on
        try:
            return start.replace(year=start.year + self.horizon_years)
        except ValueError:  # 29 February
            return start.replace(year=start.year + self.horizon_years, day=28)

    @model_validator(mode="after")
    def _dates(self) -> "Scenario":
        problems = []
        if self.start_on is not None and self.start_on < self.as_of:
            fix = f"orders can't precede the plan: start on {self.as_of} or later"
            problems.append(("start_on", f"must not be before as_of {self.as_of}", str(self.start_on), fix))
        for name, generation in self.programme.generations.items():
            if generation.wanted_on >= self.ends_on:
                problems.append(
                    (
                        f"programme.generations.{name}.wanted_on",
                        f"must be before the horizon ends ({self.ends_on})",
                        str(generation.wanted_on),
                        "lengthen horizon_years or move the date",
                    )
                )
        if problems:
            text = "; ".join(f"{path} {what}, got {got}" for path, what, got, _ in problems)
            raise PydanticCustomError("scenario_dates", "{text}", {"text": text, "problems": problems})
        return self

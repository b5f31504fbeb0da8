"""The frozen models a person writes in YAML: everything has a default but the name, and every field says its unit.

Values left out (``None``) are taken from the catalogue by the stage that needs them, and the manifest lists each.
Reading, patching and line-numbered errors live in `trainload.scenario_file`.
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


class Model(BaseModel):
    """Frozen; a key that is not a field is an error, and so is `true` or a text where a number is due."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())


class SeriesFile(Model):
    """One column of a CSV file: an hourly series in local standard time, a typical year or the real calendar."""

    file: str = Field(description="path of the CSV, relative to the scenario file")
    column: str = Field(description="name of the column that holds the values")
    unit: str = Field(description="unit of the values: MW, fraction, USD/MWh, tCO2/MWh, kg/MWh or C")
    time_column: str | None = Field(None, description="name of the column with the start of each hour, ISO 8601")
    utc_offset_hours: float | None = Field(None, ge=-12, le=14, description="of the time column; default: the site's")


class Site(Model):
    """Where the campus stands, and the hourly series that belong to the place."""

    label: str = "Greensboro, North Carolina"
    latitude_deg: float = Field(36.1, ge=-90, le=90)
    longitude_deg: float = Field(-79.95, ge=-180, le=180)
    altitude_m: float = Field(273.0, ge=-500, le=9000)
    utc_offset_hours: float = Field(-5.0, ge=-12, le=14, description="local standard time less UTC")
    weather_file: str | None = Field(
        None,
        description="TMY3, EPW or PSM file read by pvlib, relative to the scenario; default: bundled Greensboro TMY3",
    )
    grid_region: str = Field("SRVC", description="eGRID subregion or country of the catalogue's grid factors")
    marginal_region: str | None = Field("AVERT SE", description="AVERT region of the marginal factor")
    price: SeriesFile | None = Field(None, description="hourly power price; default: shaped around the catalogue mean")
    carbon: SeriesFile | None = Field(None, description="hourly grid carbon intensity; default: shaped annual factor")
    price_mean_usd_per_mwh: NonNegative | None = None
    carbon_mean_tco2_per_mwh: NonNegative | None = None
    availability: dict[Key, SeriesFile] = Field(
        default_factory=dict, description="own availability profiles by name (0-1), usable by options"
    )


class Generation(Model):
    """One model generation: its compute, or its power, or neither (then the forecast's cadence gives it)."""

    wanted_on: Day = Field(description="the day on which training should start at full power")
    flop: Positive | None = Field(None, description="training compute, FLOP")
    facility_peak_mw: Positive | None = Field(None, description="facility peak of this generation's run")
    run_days: Positive | None = Field(None, le=1100, description="wanted length of the run; default: demand model")
    chip: str | None = Field(None, description="chip id of the catalogue or of `chips`")
    precision: Precision | None = None
    utilisation_frac: PositiveFraction | None = Field(None, description="model FLOP utilisation")
    n_islands: Annotated[int, Field(ge=1, le=10000)] | None = Field(None, description="fault-isolated islands")


class Programme(Model):
    """What the campus is for: the generations to train, in order, and the load they ask for."""

    developer: str | None = None
    generations: dict[Key, Generation] = Field(default_factory=dict)
    run_share_frac: PositiveFraction = Field(1.0, description="share of the campus that the run takes")
    load: SeriesFile | None = Field(None, description="hourly campus load in MW instead of the generations' path")
    peak_to_it_frac: Annotated[float, Field(ge=1, le=2)] | None = Field(None, description="facility peak over IT peak")
    pue_annual: Annotated[float, Field(ge=1, le=2)] | None = Field(None, description="annual PUE")
    duty_frac: PositiveFraction = Field(0.88, description="mean IT power over IT peak while training")


class StepSpec(Model):
    """A step of an option's or a gate's graph; months from its last predecessor's end."""

    label: str = ""
    after: list[str] = Field(default_factory=list, description="steps of the same graph, or gate:<name>")
    p10_months: NonNegative
    p50_months: NonNegative
    p90_months: NonNegative
    factor: str | None = Field(None, description="common factor, such as transformer_market")
    loading_frac: Fraction = 0.7
    source: str = "scenario"

    @model_validator(mode="after")
    def _ordered(self) -> "StepSpec":
        if not self.p10_months <= self.p50_months <= self.p90_months:
            raise ValueError("p10_months <= p50_months <= p90_months must hold")
        return self


class OptionSpec(Model):
    """A supply option: an override of the catalogue's, a copy `like` another, or wholly the user's own."""

    enabled: bool = True
    like: str | None = Field(None, description="catalogue option whose values fill what is not given here")
    label: str | None = None
    carrier: str | None = None
    kind: Literal["source", "store"] | None = None
    delivery: Literal["onsite", "grid", "contract"] | None = None
    firm: bool | None = None
    bridge: bool | None = None
    clean: bool | None = None
    unit_mw: NonNegative | None = Field(None, description="size of one unit; 0 = any size")
    max_mw: NonNegative | None = None
    min_mw: NonNegative | None = Field(None, description="ordered whatever it costs")
    capex_usd_per_mw: NonNegative | None = None
    fixed_usd_per_mw_year: NonNegative | None = None
    variable_usd_per_mwh: float | None = None
    fuel: Literal["gas", "coal", "diesel", "uranium", "none"] | None = None
    heat_rate_mmbtu_per_mwh: NonNegative | None = None
    rent_usd_per_mw_month: NonNegative | None = None
    lifetime_years: Positive | None = None
    forced_outage_frac: Fraction | None = None
    repair_hours: NonNegative | None = None
    min_output_frac: Fraction | None = None
    availability: str | None = Field(None, description="profile: one, solar, wind, wind_offshore or site.availability")
    direct_tco2_per_mwh: NonNegative | None = None
    lifecycle_tco2_per_mwh: NonNegative | None = None
    duration_hours: Positive | None = None
    roundtrip_frac: PositiveFraction | None = None
    loss_frac_per_hour: Fraction | None = None
    demand_charge_usd_per_mw_month: NonNegative | None = None
    minimum_take_frac: Fraction | None = None
    curtailed_hours_per_year: Annotated[float, Field(ge=0, le=8760)] | None = None
    contract_price_usd_per_mwh: NonNegative | None = None
    max_full_load_hours_per_year: NonNegative | None = None
    min_stay_months: NonNegative | None = None
    max_stay_months: NonNegative | None = None
    available_on: Day | None = Field(None, description="no power before this day, whatever the lead time says")
    return_on: Day | None = Field(None, description="a rental must be gone by this day")
    lead_p10_months: NonNegative | None = None
    lead_p50_months: NonNegative | None = None
    lead_p90_months: NonNegative | None = None
    gates: list[str] | None = None
    steps: dict[Key, StepSpec] | None = None
    source: str | None = None


class GateSpec(Model):
    """A shared gate (substation, line, gas lateral): ordered once, carries MW for every option that names it."""

    enabled: bool = True
    label: str | None = None
    unit_mw: NonNegative | None = None
    max_mw: NonNegative | None = None
    capex_usd_per_mw: NonNegative | None = None
    lead_p10_months: NonNegative | None = None
    lead_p50_months: NonNegative | None = None
    lead_p90_months: NonNegative | None = None
    steps: dict[Key, StepSpec] | None = None
    source: str | None = None


class ChipSpec(Model):
    """A chip of the user's own, or overrides of the catalogue's."""

    like: str | None = None
    label: str | None = None
    release_on: Day | None = None
    bf16_flop_per_s: Positive | None = None
    fp8_flop_per_s: Positive | None = None
    fp4_flop_per_s: Positive | None = None
    tdp_w: Positive | None = None
    server_power_w: Positive | None = None
    it_power_w: Positive | None = None
    price_usd: NonNegative | None = None
    source: str | None = None


class Grid(Model):
    """Limits of grid service at the site, over all its tiers."""

    max_mw: NonNegative | None = Field(None, description="most contract MW over all tiers; default: no limit")
    min_event_hours: Annotated[int, Field(ge=1, le=168)] = 4
    price_growth_per_year: float = Field(0.0, ge=-0.2, le=0.3, description="real growth of the power price")
    carbon_decline_per_year: float = Field(0.02, ge=-0.2, le=0.3, description="yearly fall of grid carbon intensity")


class Money(Model):
    """Constant 2026 USD, pre-tax, no credits."""

    price_year: int = Field(2026, ge=2015, le=2035)
    wacc_frac: Annotated[float, Field(ge=0, le=0.3)] = 0.07
    chip_wacc_frac: Annotated[float, Field(ge=0, le=0.4)] = 0.10
    gas_usd_per_mmbtu: NonNegative | None = None
    coal_usd_per_mmbtu: NonNegative | None = None
    diesel_usd_per_mmbtu: NonNegative | None = None
    co2_usd_per_tco2: NonNegative = 0.0


class Rules(Model):
    """The buyer's own goals; each has a priced slack, so that breaking one shows as a cost and never ends the run."""

    co2_cap_tco2_per_year: NonNegative | None = Field(None, description="direct and grid location-based, per year")
    clean_matched_frac: Fraction | None = Field(None, description="share of load matched hourly by clean supply")
    clean_from_on: Day | None = Field(None, description="the goals hold from this day on; default: from the start")
    co2_slack_usd_per_tco2: Positive = 1000.0
    clean_slack_usd_per_mwh: Positive = 500.0
    largest_unit_reserve: bool = Field(True, description="an islanded campus carries its largest unit as reserve")


class Tranche(Model):
    """Part of running load that can be shed: its share of the flexible load and its price."""

    share_frac: PositiveFraction
    usd_per_mwh: NonNegative
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

    mode: Literal["cheapest", "fastest", "cleanest"] = "cheapest"
    hours: Literal["calendar", "sampled"] = "calendar"
    solver: Literal["auto", "chain", "highs"] = "auto"
    lead_percentile: Annotated[float, Field(ge=1, le=99)] = 50.0
    monthly_years: Annotated[int, Field(ge=1, le=30)] = 5
    sampled_hours: Annotated[int, Field(ge=168, le=20000)] = 2016
    unit_threshold_mw: Positive = 100.0
    mip_gap_frac: Annotated[float, Field(gt=0, lt=1)] = 0.005
    time_limit_seconds: Positive = 300.0


class Forecast(Model):
    """Settings of the forecast."""

    runs: str | None = Field(None, description="an Epoch AI export to use instead of the catalogue's runs")
    n_draws: Annotated[int, Field(ge=256, le=1_000_000)] = 4096
    last_year: Annotated[int, Field(ge=2020, le=2045)] | None = None


class Uncertain(Model):
    """How one number of the scenario varies; drawn by `trainload.patch.draw_scenario`."""

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

    name: Key
    title: str = ""
    description: str = ""
    as_of: Day = Field(description="nothing dated later is known to the forecast")
    start_on: Day | None = Field(None, description="first day an order can be placed; default: as_of")
    horizon_years: Annotated[int, Field(ge=1, le=30)] = 12
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    n_draws: Annotated[int, Field(ge=256, le=262144)] = 8192
    site: Site = Site()
    programme: Programme = Programme()
    forecast: Forecast = Forecast()
    option_set: Literal["catalogue", "named"] = Field(
        "catalogue", description="start from all options, or only those named"
    )
    options: dict[Key, OptionSpec] = Field(default_factory=dict)
    gates: dict[Key, GateSpec] = Field(default_factory=dict)
    chips: dict[Key, ChipSpec] = Field(default_factory=dict)
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

"""Every way to get power, resolved from the scenario and the catalogue: cost, size, limits, emissions, gates, steps.

Supply does not depend on demand. All money is in the scenario's price year; each value's figure, with source and
grade, is kept in `Supply.figures`. What this stage does not do: it chooses nothing and knows no hour.

Nothing is paid twice: a grid connection's all-in capital contains its substation and network upgrade, which stand here
as gates of their own, so its own capital is the rest; a rental pays rent and no capital; whoever buys by contract owns
no plant, so its capital, fixed and fuel cost are in the contract price.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from trainload.catalogue.facts import Catalogue, Figure, Technology, restate_figure
from trainload.catalogue.schema import read_table
from trainload.errors import DataError, Problem, ScenarioError
from trainload.finance import annuity_rate, levelise_cost
from trainload.scenario.models import OptionSpec, Scenario
from trainload.supply.graphs import Graph
from trainload.supply.leads import Findings, charge_steps, resolve_gates, resolve_lead
from trainload.supply.options import Gate, Option, Supply
from trainload.units import HOURS_PER_YEAR, unit_of

PROFILES = ("one", "solar", "wind", "wind_offshore", "solar_offsite", "wind_offsite")  # made by `profiles`
DEFAULT_LIFE_YEARS = 30.0
DEFAULT_MILESTONES = ((0.2, 0.0), (0.8, 1.0))
STORE_CYCLES_PER_YEAR = 365.0
# between these meridians North America has no hot rock within reach of today's drilling
EASTERN_AMERICA_DEG = (-103.0, -50.0)

# Catalogue quantities and the value that stands where neither catalogue nor scenario gives one: the option has no such
# thing (no rent, no minimum take, no limit), so none of these is a guess.
_NUMBERS: Mapping[str, float | None] = {
    "unit_mw": 0.0,
    "capex_usd_per_mw": 0.0,
    "fixed_usd_per_mw_year": 0.0,
    "variable_usd_per_mwh": 0.0,
    "heat_rate_mmbtu_per_mwh": 0.0,
    "rent_usd_per_mw_month": 0.0,
    "lifetime_years": None,
    "forced_outage_frac": 0.0,
    "repair_hours": 0.0,
    "min_output_frac": 0.0,
    "ramp_frac_per_minute": 1.0,
    "typical_capacity_factor_frac": 1.0,
    "direct_tco2_per_mwh": 0.0,
    "lifecycle_tco2_per_mwh": 0.0,
    "land_acres_per_mw": 0.0,
    "duration_hours": 0.0,
    "roundtrip_frac": 1.0,
    "loss_frac_per_hour": 0.0,
    "demand_charge_usd_per_mw_month": 0.0,
    "minimum_take_frac": 0.0,
    "curtailed_hours_per_year": 0.0,
    "contract_price_usd_per_mwh": 0.0,
    "max_full_load_hours_per_year": float("inf"),
    "min_stay_months": 0.0,
    "max_stay_months": float("inf"),
}
_PLANT_COSTS = ("capex_usd_per_mw", "fixed_usd_per_mw_year", "variable_usd_per_mwh")


def build_supply(scenario: Scenario, catalogue: Catalogue) -> Supply:
    """Return every enabled option and gate of a scenario.

    Options come in the catalogue's order, the scenario's own after them; with ``option_set: named`` only those that
    the scenario names. Values: the scenario's, else those of the option it is `like`, else the catalogue's.

    Raises:
        ScenarioError: an option or gate that can't be resolved; all of them at once.
    """
    findings = Findings(scenario, catalogue)
    gates, graphs = resolve_gates(findings)
    fuels = _price_fuels(findings)
    by_name = {gate.gate: gate for gate in gates}
    options = []
    for name in _list_options(scenario, catalogue):
        try:
            options.append(_build_option(findings, name, gates=by_name, graphs=graphs, fuels=fuels))
        except DataError as error:
            findings.problems += [Problem(f"options.{name}", p.what, p.got, p.fix) for p in error.problems]
    if findings.problems:
        raise ScenarioError(f"scenario {scenario.name}", *findings.problems)
    used = {gate for option in options for gate in option.gates}
    idle = [gate.gate for gate in gates if gate.gate not in used]
    if idle:
        findings.note("gates", f"no option waits for {', '.join(idle)}", "default")
    return Supply(tuple(options), gates, MappingProxyType(findings.figures), tuple(findings.notes))


def levelise_option(
    option: Option, *, supply: Supply, availability_frac: float = 1.0, power_price_usd_per_mwh: float = 0.0
) -> float:
    """Return the option's cost per MWh at its availability and full use, its gates' capital included, in USD/MWh.

    (K a(L) + F + 12 R + 12 D + sum of gates) / (8,766 h x availability x (1 - forced outage)) + fuel + variable, with
    a(L) the annuity rate; output at most the option's full-load hours. A grid tier also pays the power price, a store
    the price of the energy it takes in; a store of d hours is full and empty once a day, or as often as its round trip
    allows. Interest before arrival is left out. For comparison at a glance: the plan's cost follows its real use.

    Args:
        option: as built.
        supply: where its gates are found.
        availability_frac: mean of its availability profile, the utility's calls left out: they are taken off here.
        power_price_usd_per_mwh: mean price of grid energy.
    """
    if option.delivery == "contract":
        return option.contract_price_usd_per_mwh
    yearly = option.fixed_usd_per_mw_year + 12 * (option.rent_usd_per_mw_month + option.demand_charge_usd_per_mw_month)
    for gate in (supply.gate(name) for name in option.gates):
        yearly += gate.capex_usd_per_mw * annuity_rate(gate.lifetime_years, gate.wacc_frac)
    per_mwh = option.energy_cost_usd_per_mwh
    called = option.curtailed_hours_per_year / HOURS_PER_YEAR
    output = HOURS_PER_YEAR * availability_frac * (1 - option.forced_outage_frac) * (1 - called)
    if option.delivery == "grid":
        per_mwh += power_price_usd_per_mwh
    if option.kind == "store":
        per_mwh += power_price_usd_per_mwh / option.roundtrip_frac
        round_trip_hours = option.duration_hours * (1 + 1 / option.roundtrip_frac)
        cycles = min(STORE_CYCLES_PER_YEAR, HOURS_PER_YEAR / round_trip_hours)
        output = cycles * option.duration_hours * (1 - option.forced_outage_frac)
    return levelise_cost(
        option.capex_usd_per_mw,
        yearly,
        yearly_output=min(output, option.max_full_load_hours_per_year),
        per_output=per_mwh,
        life_years=option.lifetime_years,
        rate_frac=option.wacc_frac,
    )


def _list_options(scenario: Scenario, catalogue: Catalogue) -> list[str]:
    named = [name for name, spec in scenario.options.items() if spec.enabled]
    if scenario.option_set == "named":
        return named
    off = {name for name, spec in scenario.options.items() if not spec.enabled}
    return list(dict.fromkeys([*(t for t in catalogue.technologies if t not in off), *named]))


def _build_option(
    findings: Findings,
    name: str,
    *,
    gates: Mapping[str, Gate],
    graphs: Mapping[str, Graph],
    fuels: Mapping[str, Figure],
) -> Option:
    scenario, catalogue = findings.scenario, findings.catalogue
    spec = scenario.options.get(name, OptionSpec())
    base = spec.like or name
    technology = catalogue.technologies.get(base)
    if technology is None and spec.like is not None:
        known = ", ".join(catalogue.technologies)
        raise DataError(
            name, Problem("", "is like an option that the catalogue does not hold", base, f"known: {known}")
        )
    n = {quantity: _resolve_number(findings, name, quantity, spec, technology) for quantity in _NUMBERS}
    kind = spec.kind or (technology.kind if technology else "source")
    delivery = spec.delivery or (technology.delivery if technology else "onsite")
    fuel = spec.fuel or (technology.fuel if technology else "none")
    lead = resolve_lead(findings, name, spec, base=base if technology else None, gates=graphs)
    contained = _contained_gates(catalogue, base, lead.gates)
    if contained and spec.capex_usd_per_mw is None:
        n["capex_usd_per_mw"] = _take_out_gates(findings, name, n["capex_usd_per_mw"], [gates[g] for g in contained])
    fuel_price = fuels[fuel].value if fuel in fuels else 0.0
    if fuel in fuels:
        findings.figures[f"{name}.fuel_usd_per_mmbtu"] = fuels[fuel]
    fuel_cost = n["heat_rate_mmbtu_per_mwh"] * fuel_price
    if delivery == "contract":
        fuel_cost = _settle_contract(findings, name, n, spec=spec, fuel_cost_usd_per_mwh=fuel_cost)
    if delivery == "grid":
        _add_grid_emission(findings, name, n, spec=spec, technology=technology)
    max_mw, reason, milestones = _limit_option(findings, name, base, spec, delivery)
    availability = spec.availability or _profile_of(technology, delivery)
    _check_option(findings, name, n, kind=kind, availability=availability, least_mw=spec.min_mw or 0.0, most_mw=max_mw)
    if spec.lifetime_years is None and technology is None:
        findings.note(f"option {name}", f"the scenario gives no lifetime: {DEFAULT_LIFE_YEARS:g} years", "default")
    source = spec.source or _main_figure(findings, name).source
    return Option(
        option=name,
        label=spec.label or (technology.label if technology and spec.like is None else name),
        carrier=spec.carrier or (technology.carrier if technology else "other"),
        kind=kind,
        delivery=delivery,
        firm=_pick(spec.firm, technology.firm if technology else kind == "source"),
        bridge=_pick(spec.bridge, technology.bridge if technology else False),
        clean=_pick(spec.clean, technology.clean if technology else False),
        max_mw=max_mw,
        min_mw=spec.min_mw or 0.0,
        fuel=None if fuel == "none" else fuel,
        fuel_usd_per_mmbtu=fuel_price,
        fuel_cost_usd_per_mwh=fuel_cost,
        availability=availability,
        available_on=spec.available_on,
        return_on=spec.return_on,
        gates=lead.gates,
        steps=charge_steps(lead.steps, n["capex_usd_per_mw"]),
        lead_target=lead.target,
        decomposed=lead.decomposed,
        milestones=milestones,
        grade_cost=_main_figure(findings, name).grade,
        grade_lead=lead.grade,
        source=source,
        wacc_frac=scenario.money.wacc_frac,
        limit_reason=reason,
        note=technology.status if technology else "",
        **n,
    )


def _resolve_number(
    findings: Findings, name: str, quantity: str, spec: OptionSpec, technology: Technology | None
) -> float:
    key = f"{name}.{quantity}"
    given = getattr(spec, quantity, None)
    if given is not None:
        return findings.given(key, float(given), unit_of(quantity) or "", source=spec.source).value
    if technology is not None and quantity in technology.figures:
        return findings.keep(key, technology.figures[quantity]).value
    default = _NUMBERS[quantity]
    if default is not None:
        return default
    if technology is not None:
        technology.figure(quantity)
    return DEFAULT_LIFE_YEARS


def _check_option(
    findings: Findings,
    name: str,
    n: Mapping[str, float],
    *,
    kind: str,
    availability: str,
    least_mw: float,
    most_mw: float,
) -> None:
    """Keep what makes an option impossible to plan with."""
    profiles = (*PROFILES, *findings.scenario.site.availability)
    if availability not in profiles:
        fix = f"known: {', '.join(profiles)}; or give it under site.availability"
        findings.problems.append(Problem(f"options.{name}.availability", "no such profile", availability, fix))
    if kind == "store" and n["duration_hours"] <= 0:
        findings.problems.append(Problem(f"options.{name}.duration_hours", "a store needs a duration", "0"))
    if least_mw > most_mw:
        got = f"{least_mw:g} > {most_mw:g}"
        findings.problems.append(Problem(f"options.{name}.min_mw", "is above max_mw", got, "raise max_mw"))


def _contained_gates(catalogue: Catalogue, base: str, gates: tuple[str, ...]) -> list[str]:
    return [record.gate for record in catalogue.gates if base in record.contained_in and record.gate in gates]


def _take_out_gates(findings: Findings, name: str, capex_usd_per_mw: float, gates: list[Gate]) -> float:
    """Return what is left of an all-in connection cost once its gates' capital is taken out, at least zero."""
    inside = sum(gate.capex_usd_per_mw for gate in gates)
    left = max(0.0, capex_usd_per_mw - inside)
    names = ", ".join(gate.gate for gate in gates)
    text = (
        f"of the all-in {capex_usd_per_mw / 1000:,.0f} USD/kW, {inside / 1000:,.0f} are paid as gates ({names}), "
        f"{left / 1000:,.0f} here"
    )
    if inside > capex_usd_per_mw:
        text += "; the gates alone cost more than the all-in figure"
    findings.note(f"option {name}", text)
    key = f"{name}.capex_usd_per_mw"
    findings.figures[key] = replace(findings.figures[key], value=left, low=None, high=None, grade="C", note=text)
    return left


def _settle_contract(
    findings: Findings, name: str, n: dict[str, float], *, spec: OptionSpec, fuel_cost_usd_per_mwh: float
) -> float:
    """Put a contract's whole cost into its price, in place; return the fuel cost that is left, which is none.

    Without a price of its own the contract costs what the plant costs: levelised at its typical capacity factor.
    """
    key = f"{name}.contract_price_usd_per_mwh"
    if n["contract_price_usd_per_mwh"] == 0.0 and spec.contract_price_usd_per_mwh is None:
        factor = n["typical_capacity_factor_frac"]
        life, rate = n["lifetime_years"], findings.scenario.money.wacc_frac
        n["contract_price_usd_per_mwh"] = price = levelise_cost(
            n["capex_usd_per_mw"],
            n["fixed_usd_per_mw_year"],
            yearly_output=HOURS_PER_YEAR * factor,
            per_output=n["variable_usd_per_mwh"] + fuel_cost_usd_per_mwh,
            life_years=life,
            rate_frac=rate,
        )
        text = (
            f"levelised cost of the plant at a capacity factor of {factor:.2f}, {life:g} years, {rate:.1%}; no margin"
        )
        capex = findings.figures.get(f"{name}.capex_usd_per_mw")
        year = findings.scenario.money.price_year
        source = capex.source if capex else f"scenario {findings.scenario.name}"
        findings.figures[key] = Figure(price, None, None, "USD/MWh", year, "C", source, text)
        findings.note(f"option {name}", f"contract price {price:.0f} USD/MWh: {text}")
    for quantity in _PLANT_COSTS:
        n[quantity] = 0.0
    return 0.0


def _add_grid_emission(
    findings: Findings, name: str, n: dict[str, float], *, spec: OptionSpec, technology: Technology | None
) -> None:
    """Put the grid's average factor in place as direct emission, and its life cycle above that."""
    site = findings.scenario.site
    if spec.direct_tco2_per_mwh is None:
        key = f"{name}.direct_tco2_per_mwh"
        if site.carbon_mean_tco2_per_mwh is not None:
            n["direct_tco2_per_mwh"] = findings.given(key, site.carbon_mean_tco2_per_mwh, "tCO2/MWh", source=None).value
        else:
            n["direct_tco2_per_mwh"] = findings.keep(key, find_grid_factor(findings.catalogue, site.grid_region)).value
    if spec.lifecycle_tco2_per_mwh is None:
        above = technology.value("lifecycle_over_direct_frac", 0.0) if technology else 0.0
        n["lifecycle_tco2_per_mwh"] = n["direct_tco2_per_mwh"] * (1 + above)


def find_grid_factor(catalogue: Catalogue, region: str) -> Figure:
    """Return the grid factor of a region, or raise `DataError` with the known ones."""
    if region not in catalogue.grid_factors:
        known = ", ".join(sorted(catalogue.grid_factors))
        raise DataError("grid factors", Problem("", "no such region", region, f"known: {known}"))
    return catalogue.grid_factors[region]


def _limit_option(
    findings: Findings, name: str, base: str, spec: OptionSpec, delivery: str
) -> tuple[float, str, tuple[tuple[float, float], ...]]:
    """Return the most that can be ordered, why, and the payment milestones."""
    scenario = findings.scenario
    rows = read_table("option_limits", findings.catalogue.folder / "option_limits.csv")
    row = next((row for row in rows if row["option"] == base), None)
    milestones = row["milestones"] if row else DEFAULT_MILESTONES
    key = f"{name}.max_mw"
    if spec.max_mw is not None:
        findings.given(key, spec.max_mw, "MW", source=spec.source)
        return spec.max_mw, "set in the scenario", milestones
    if row is None:
        findings.note(f"option {name}", "the scenario gives no max_mw: no limit", "default")
        return float("inf"), "no limit given", milestones
    figure = Figure(row["max_mw"], None, None, "MW", row["year"], row["grade"], row["source"], row["note"])
    if base == "geothermal" and _is_eastern_america(scenario):
        text = "no hot rock within reach of today's drilling in the eastern half of North America"
        findings.figures[key] = replace(figure, value=0.0, note=text)
        findings.note(f"option {name}", f"max_mw 0: {text}", "limit")
        return 0.0, text, milestones
    findings.figures[key] = figure
    if delivery == "grid" and scenario.grid.max_mw is not None and scenario.grid.max_mw < figure.value:
        return scenario.grid.max_mw, "grid.max_mw of the scenario", milestones
    if figure.value == 0.0:
        findings.note(f"option {name}", f"max_mw 0: {figure.note}", "limit")
    return figure.value, figure.note, milestones


def _is_eastern_america(scenario: Scenario) -> bool:
    west, east = EASTERN_AMERICA_DEG
    return west < scenario.site.longitude_deg < east and 15 < scenario.site.latitude_deg < 75


def _price_fuels(findings: Findings) -> Mapping[str, Figure]:
    """Return the fuels' prices at the plant, one constant real price each, in USD/MMBtu."""
    money, catalogue = findings.scenario.money, findings.catalogue
    prices = catalogue.prices
    given = {"gas": money.gas_usd_per_mmbtu, "coal": money.coal_usd_per_mmbtu, "diesel": money.diesel_usd_per_mmbtu}
    hub_key, hub = _pick_hub_price(catalogue)
    adder = restate_figure(prices["gas_delivery_adder"], money.price_year)
    hub = restate_figure(hub, money.price_year)
    reactor = catalogue.technologies["nuclear_large"].figure("heat_rate_mmbtu_per_mwh")
    fuels = {
        "gas": replace(
            hub,
            value=hub.value + adder.value,
            low=_add(hub.low, adder.low),
            high=_add(hub.high, adder.high),
            grade="C",
            note=f"{hub_key} {hub.value:.2f} plus delivery {adder.value:.2f}, held for the whole horizon; {hub.note}",
        ),
        "coal": restate_figure(prices["coal"], money.price_year),
        "diesel": restate_figure(prices["diesel"], money.price_year),
        "uranium": restate_figure(prices["nuclear_fuel"], money.price_year).scale(
            1 / reactor.value, unit="USD/MMBtu", note=f"divided by a heat rate of {reactor.value:g} MMBtu/MWh"
        ),
    }
    for fuel, value in given.items():
        if value is not None:
            fuels[fuel] = findings.given(f"money.{fuel}_usd_per_mmbtu", value, "USD/MMBtu", source=None)
        else:
            findings.figures[f"money.{fuel}_usd_per_mmbtu"] = fuels[fuel]
    if given["gas"] is None:
        findings.note("money.gas_usd_per_mmbtu", f"{fuels['gas'].value:.2f} USD/MMBtu: {fuels['gas'].note}", "default")
    return fuels


def _pick_hub_price(catalogue: Catalogue) -> tuple[str, Figure]:
    """Return the hub price furthest ahead among those known on the catalogue's day."""
    hubs = {key: figure for key, figure in catalogue.prices.items() if key.startswith("henry_hub")}
    day = catalogue.vintage_on
    known = {k: f for k, f in hubs.items() if day is None or (f.known_on is not None and f.known_on <= day)} or hubs
    key = max(known, key=lambda k: known[k].year)
    return key, known[key]


def _add(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


def _pick(given: bool | None, otherwise: bool) -> bool:
    return otherwise if given is None else given


def _profile_of(technology: Technology | None, delivery: str) -> str:
    """Return the availability profile; wind and sun bought by contract blow and shine elsewhere."""
    if technology is None:
        return "one"
    if delivery == "contract" and technology.availability in ("solar", "wind"):
        return f"{technology.availability}_offsite"
    return technology.availability


def _main_figure(findings: Findings, name: str) -> Figure:
    """Return the figure that says most about the option's cost."""
    for quantity in ("contract_price_usd_per_mwh", "rent_usd_per_mw_month", "capex_usd_per_mw"):
        figure = findings.figures.get(f"{name}.{quantity}")
        if figure is not None and figure.value > 0:
            return figure
    kept = findings.figures.get(f"{name}.capex_usd_per_mw")
    return kept or Figure(0.0, None, None, "", 0, "C", f"scenario {findings.scenario.name}")

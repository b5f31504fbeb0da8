"""The audit of money and emissions: every ledger term from quantities and parameters alone."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from trainload.audit.capacity import built_mw, owners
from trainload.audit.inputs import Array, Inputs, Residual, find_worst
from trainload.audit.operation import hourly_emission, need_slack
from trainload.plan.periods import shift_months
from trainload.units import HOURS_PER_YEAR

# a term of less than this share of the whole is judged against this share: solvers leave crumbs of capacity
LEAST_SHARE = 1e-4
LEAST_CONTRACT_MW = 0.5  # `emissions` leaves out contracts of less
_KEYS = ["term", "owner", "group", "year", "unit"]
_AMOUNTS = ["quantity", "usd", "usd_present"]


class _Account:
    """Amounts by term, owner, group, year and unit while they are being added up."""

    def __init__(self) -> None:
        self.amounts: dict[tuple[str, str, str, int, str], Array] = {}

    def add(
        self, term: str, owner: str, *, year: int, quantity: float, unit: str, usd: float, present: float, group: str
    ) -> None:
        """Add an amount; `present` is its present value, USD."""
        key = (term, owner, group, int(year), unit)
        self.amounts[key] = self.amounts.get(key, np.zeros(3)) + np.array([quantity, usd, present])

    def table(self) -> pd.DataFrame:
        rows = [(*key, *amounts) for key, amounts in self.amounts.items() if amounts.any()]
        return pd.DataFrame(rows, columns=[*_KEYS, *_AMOUNTS])


def recompute_ledger(inputs: Inputs) -> pd.DataFrame:
    """Return the ledger as the tables' quantities and parameters give it."""
    account = _Account()
    for owner in owners(inputs):
        _add_capital(account, inputs, owner)
    for option in inputs.options:
        _add_standing(account, inputs, option)
        _add_energy(account, inputs, option)
    _add_delay(account, inputs)
    for tranche in inputs.tranches:
        price = np.full(len(inputs.hours.block), inputs.number(f"tranche:{tranche}", "usd_per_mwh"))
        _add_flow(account, inputs, "curtailment", tranche, column=f"unserved_{tranche}_mw", price=price, group="shadow")
    _add_slack(account, inputs, "clean_slack", inputs.number("rules", "clean_slack_usd_per_mwh"), "MWh")
    _add_slack(account, inputs, "co2_slack", inputs.number("rules", "co2_slack_usd_per_tco2"), "tCO2")
    _add_limit_slack(account, inputs)
    return account.table()


def _add_capital(account: _Account, inputs: Inputs, owner: str) -> None:
    """Add capital at its milestones between order and arrival, and what its annuities are worth after the horizon."""
    capex = inputs.number(owner, "capex_usd_per_mw")
    if capex <= 0:
        return
    calendar = inputs.calendar
    first, last = calendar.starts_on[0], calendar.ends_on[-1]
    rate, own_rate = inputs.number("money", "wacc_frac"), inputs.number(owner, "wacc_frac")
    lead, life = inputs.number(owner, "lead_plan_months"), inputs.number(owner, "lifetime_years")
    built = built_mw(inputs, owner)
    for m in np.flatnonzero(built):
        arrives, mw = calendar.starts_on[m], float(built[m])
        for share, when in inputs.milestones(owner):
            paid_on = max(shift_months(arrives, lead * (when - 1.0)), first)
            usd = share * capex * mw
            year = calendar.years[sum(day <= paid_on for day in calendar.starts_on) - 1]
            present = usd / (1.0 + rate) ** ((paid_on - first).days / 365.25)
            paid = share * mw
            account.add("capital", owner, year=year, quantity=paid, unit="MW", usd=usd, present=present, group="cash")
        left = life - (last - arrives).days / 365.25
        if left > 0:
            # annuities left over all annuities: (1 - (1 + r)^-left) / (1 - (1 + r)^-life)
            worth = left / life if own_rate == 0 else (1 - (1 + own_rate) ** -left) / (1 - (1 + own_rate) ** -life)
            usd = -capex * worth * mw
            present = usd / (1.0 + rate) ** ((last - first).days / 365.25)
            year = calendar.years[-1]
            account.add("salvage", owner, year=year, quantity=mw, unit="MW", usd=usd, present=present, group="cash")


def _add_standing(account: _Account, inputs: Inputs, option: str) -> None:
    """Add what one MW in service costs in each period: fixed cost, rent, contract and its settlement."""
    calendar, there = inputs.calendar, inputs.in_service(option)

    def add(term: str, amounts: Array, unit: str, usd: Array) -> None:
        for m in np.flatnonzero(there * usd):
            account.add(
                term,
                option,
                year=calendar.years[m],
                quantity=float(there[m] * amounts[m]),
                unit=unit,
                usd=float(there[m] * usd[m]),
                present=float(there[m] * usd[m] * calendar.present[m]),
                group="cash",
            )

    years = calendar.hours / HOURS_PER_YEAR
    add("fixed", years, "MW-years", years * inputs.number(option, "fixed_usd_per_mw_year"))
    add("rent", calendar.months, "MW-months", calendar.months * inputs.number(option, "rent_usd_per_mw_month"))
    if inputs.options[option][1] == "contract":
        mwh, market = contract_yield(inputs, option)
        price = inputs.number(option, "contract_price_usd_per_mwh") + _energy_cost(inputs, option)
        add("contract", mwh, "MWh", mwh * price)
        add("settlement", mwh, "MWh", -market)


def contract_yield(inputs: Inputs, option: str) -> tuple[Array, Array]:
    """Return (M,) MWh that one contracted MW gives in each period, and USD that the market pays for them.

    Where every hour of a period is operated they are summed from `availability`; elsewhere the parameters state them.
    """
    calendar, hours = inputs.calendar, inputs.hours
    mwh, market = np.zeros(len(calendar)), np.zeros(len(calendar))
    for m, day in enumerate(calendar.starts_on):
        mwh[m] = inputs.numbers.get((option, f"contract_mwh_per_mw:{day}"), 0.0)
        market[m] = inputs.numbers.get((option, f"contract_market_usd_per_mw:{day}"), 0.0)
    if hours.is_calendar and f"{option}_available_frac" in hours.series:
        output = hours.series[f"{option}_available_frac"]
        stands, earned = hours.share > 0, output * hours.series["price_usd_per_mwh"]
        by_block = (np.bincount(hours.block, values, minlength=len(hours.names)) for values in (output, earned))
        operated = stands.any(axis=0)
        summed = [np.where(operated, values @ stands, 0.0) for values in by_block]
        mwh, market = np.where(operated, summed[0], mwh), np.where(operated, summed[1], market)
    return mwh, market


def _energy_cost(inputs: Inputs, option: str) -> float:
    """Return fuel and variable cost, USD/MWh; a contract's price holds its plant's fuel."""
    fuel = inputs.number(option, "heat_rate_mmbtu_per_mwh") * inputs.number(option, "fuel_usd_per_mmbtu")
    if inputs.options[option][1] == "contract":
        fuel = inputs.number(option, "fuel_cost_usd_per_mwh")
    return fuel + inputs.number(option, "variable_usd_per_mwh")


def _add_energy(account: _Account, inputs: Inputs, option: str) -> None:
    """Add what each MWh costs, and the demand charge on the peak."""
    kind, delivery = inputs.options[option]
    if delivery == "contract":
        return
    variable = np.full(len(inputs.hours.block), inputs.number(option, "variable_usd_per_mwh"))
    if kind == "store":
        _add_flow(account, inputs, "variable", option, column=f"{option}_discharge_mw", price=variable)
        return
    column = f"{option}_mw"
    fuel = inputs.number(option, "heat_rate_mmbtu_per_mwh") * inputs.number(option, "fuel_usd_per_mmbtu")
    carbon = inputs.number("money", "co2_usd_per_tco2") * hourly_emission(inputs, option)
    _add_flow(account, inputs, "variable", option, column=column, price=variable)
    _add_flow(account, inputs, "fuel", option, column=column, price=np.full(len(variable), fuel))
    _add_flow(account, inputs, "carbon", option, column=column, price=carbon)
    if delivery == "grid":
        _add_flow(account, inputs, "energy", option, column=column, price=inputs.hours.series["price_usd_per_mwh"])
        _add_demand_charge(account, inputs, option)


def _add_flow(
    account: _Account, inputs: Inputs, term: str, owner: str, *, column: str, price: Array, group: str = "cash"
) -> None:
    if column not in inputs.hours.flows or not price.any():
        return
    hours = inputs.hours
    energy = inputs.flow(column) * hours.weight
    mwh = np.asarray(np.bincount(hours.block, energy, minlength=len(hours.names)), dtype=float)
    usd = np.asarray(np.bincount(hours.block, energy * price, minlength=len(hours.names)), dtype=float)
    _add_blocks(account, inputs, term, owner, quantity=mwh, unit="MWh", usd=usd, group=group)


def _add_blocks(
    account: _Account,
    inputs: Inputs,
    term: str,
    owner: str,
    *,
    quantity: Array,
    unit: str,
    usd: Array,
    group: str,
) -> None:
    """Add amounts (B,) of the blocks to the years of the periods they stand for."""
    calendar, share = inputs.calendar, inputs.hours.share
    for year in np.unique(calendar.years):
        inside = calendar.years == year
        part, worth = share[:, inside].sum(axis=1), share[:, inside] @ calendar.present[inside]
        account.add(
            term,
            owner,
            year=year,
            quantity=float(quantity @ part),
            unit=unit,
            usd=float(usd @ part),
            present=float(usd @ worth),
            group=group,
        )


def _add_demand_charge(account: _Account, inputs: Inputs, option: str) -> None:
    """Add the charge on each block's peak: the highest draw per MW available, and at least the minimum take."""
    charge, hours = inputs.number(option, "demand_charge_usd_per_mw_month"), inputs.hours
    if charge <= 0:
        return
    available = hours.series[f"{option}_available_frac"]
    drawn = np.divide(inputs.flow(f"{option}_mw"), available, out=np.zeros(len(available)), where=available > 0)
    peak = inputs.number(option, "minimum_take_frac") * (hours.share @ inputs.in_service(option))
    np.maximum.at(peak, hours.block, drawn)
    months = peak * hours.months
    _add_blocks(
        account,
        inputs,
        "demand_charge",
        option,
        quantity=months,
        unit="MW-months",
        usd=months * charge,
        group="cash",
    )


def _add_delay(account: _Account, inputs: Inputs) -> None:
    """Add the price of wanted compute that has no power, per MWh of IT load."""
    calendar = inputs.calendar
    unpowered = calendar.wanted_mw - calendar.powered_mw
    mwh = unpowered * calendar.hours * inputs.number("programme", "it_peak_frac")
    price = inputs.number("programme", "programme_usd_per_mwh")
    for m in np.flatnonzero(mwh * price):
        account.add(
            "programme_delay",
            "programme",
            year=calendar.years[m],
            quantity=float(mwh[m]),
            unit="MWh IT",
            usd=float(mwh[m] * price),
            present=float(mwh[m] * price * calendar.present[m]),
            group="shadow",
        )


def _add_slack(account: _Account, inputs: Inputs, term: str, price: float, unit: str) -> None:
    """Add what a goal lacks, at its price, over the years of its group."""
    hours, calendar = inputs.hours, inputs.calendar
    for group, (lacks, _) in need_slack(inputs, term).items():
        share = hours.share[hours.group == group].mean(axis=0)
        years = np.unique(calendar.years[share > 0])
        blocks = hours.share[hours.group == group] @ calendar.present
        for year in years:
            inside = calendar.years == year
            part = float(share[inside].sum())
            worth = float(blocks.mean()) if len(years) == 1 else float(share[inside] @ calendar.present[inside]) / part
            slack = max(lacks, 0.0) * part
            account.add(
                term,
                "rules",
                year=year,
                quantity=slack,
                unit=unit,
                usd=slack * price,
                present=slack * price * worth,
                group="shadow",
            )


def _add_limit_slack(account: _Account, inputs: Inputs) -> None:
    """Add what the ledger's slack of each limit costs; whether it is enough is asked in `audit_limits`."""
    rows = inputs.ledger.loc[inputs.ledger["term"] == "limit_slack"]
    for owner, unit, quantity in zip(rows["owner"], rows["unit"], rows["quantity"], strict=True):
        usd = float(quantity) * inputs.numbers.get((f"limit:{owner}", "slack_usd"), 0.0)
        account.add(
            "limit_slack",
            str(owner),
            year=1,
            quantity=float(quantity),
            unit=str(unit),
            usd=usd,
            present=usd,
            group="shadow",
        )


def audit_ledger(inputs: Inputs) -> Iterator[Residual]:
    """Yield differences between the ledger and its recomputation, term by term and in sum."""
    found, due = inputs.ledger, recompute_ledger(inputs)
    found = found.loc[(found["usd"] != 0.0) | (found["usd_present"] != 0.0)]
    both = _join(found, due, _KEYS, _AMOUNTS)
    for amount, unit in (("usd", "USD"), ("usd_present", "USD of present value"), ("quantity", "of its unit")):
        size = both[f"{amount}_due"].abs()
        whole = size.groupby(both["unit"]).transform("sum") if amount == "quantity" else size.sum()
        total = size.groupby([both["term"], both["owner"]]).transform("sum")
        sized = both.assign(scale=np.maximum(total, LEAST_SHARE * whole))
        for (term, owner), rows in sized.groupby(["term", "owner"]):
            yield find_worst(
                "ledger",
                f"{term} of {owner}",
                excess=(rows[amount] - rows[f"{amount}_due"]).abs(),
                scale=rows["scale"],
                at=[f"year {y:.0f} ({g})" for y, g in zip(rows["year"], rows["group"], strict=True)].__getitem__,
                text=f"{{:,.2f}} {unit}, recomputed {{:,.2f}}",
                shown=(rows[amount], rows[f"{amount}_due"]),
            )
    objective, recomputed = float(found["usd_present"].sum()), float(due["usd_present"].sum())
    yield find_worst(
        "ledger",
        "sum of the ledger",
        excess=abs(objective - recomputed),
        scale=recomputed,
        text="{:,.0f} USD of present value, recomputed {:,.0f}",
        shown=(objective, recomputed),
    )


def audit_weights(inputs: Inputs) -> Iterator[Residual]:
    """Yield where weights don't sum to the hours, or months to the months, of the periods that a group stands for."""
    hours, calendar = inputs.hours, inputs.calendar
    for group in dict.fromkeys(hours.group.tolist()):
        inside = hours.group == group
        stands = (hours.share[inside] > 0).any(axis=0)
        due = float(calendar.hours[stands].sum())
        weight = float(hours.weight[inside[hours.block]].sum())
        months, due_months = float(hours.months[inside].sum()), float(calendar.months[stands].sum())
        yield find_worst(
            "ledger",
            f"weights of group {group}",
            excess=[abs(weight - due), abs(months - due_months)],
            scale=[due, due_months],
            at=("hours", "months").__getitem__,
            text="{:,.4f}, the periods have {:,.4f}",
            shown=([weight, months], [due, due_months]),
        )
    stands = hours.share > 0
    share = np.where(stands, calendar.hours, 0.0)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1.0)
    yield find_worst(
        "ledger",
        "share of a period in its block",
        excess=np.abs(hours.share - share).max(axis=1),
        scale=1.0,
        at=hours.names.__getitem__,
        text="off by {:.6f} from the share of its hours",
        shown=(np.abs(hours.share - share).max(axis=1),),
    )


def recompute_emissions(inputs: Inputs) -> pd.DataFrame:
    """Return tCO2 and MWh by year, measure and owner; life-cycle emission of what is not grid service."""
    hours, rows = inputs.hours, []

    def add(measure: str, owner: str, values: Array, unit: str = "MWh") -> None:
        by_block = np.bincount(hours.block, values * hours.weight, minlength=len(hours.names))
        for year in np.unique(inputs.calendar.years):
            part = hours.share[:, inputs.calendar.years == year].sum(axis=1)
            rows.append((int(year), measure, owner, unit, float(by_block @ part)))

    for option, (kind, delivery) in inputs.options.items():
        if kind == "store":
            continue
        mw = inputs.flow(f"{option}_mw")
        if delivery == "contract":
            there = hours.share @ inputs.in_service(option) > LEAST_CONTRACT_MW
            add("contracted", option, np.where(there[hours.block], mw, 0.0))
            continue
        add("generation", option, mw)
        emitted = mw * hourly_emission(inputs, option)
        add("location" if delivery == "grid" else "direct", option, emitted, "tCO2")
        if delivery != "grid":
            add("lifecycle", option, mw * inputs.number(option, "lifecycle_tco2_per_mwh"), "tCO2")
    for tranche in inputs.tranches:
        add("unserved", tranche, inputs.flow(f"unserved_{tranche}_mw"))
    if "matched_mw" in hours.flows:
        add("matched", "clean", inputs.flow("matched_mw"))
    add("load", "campus", inputs.flow("load_mw"))
    return pd.DataFrame(rows, columns=["year", "measure", "owner", "unit", "value"])


def audit_emissions(inputs: Inputs) -> Iterator[Residual]:
    """Yield differences between the emissions table and its recomputation."""
    found = inputs.emissions
    grid = set(inputs.select(delivery=("grid",)))
    found = found.loc[~((found["measure"] == "lifecycle") & found["owner"].isin(grid))]  # its factor stands in no table
    both = _join(found, recompute_emissions(inputs), ["year", "measure", "owner", "unit"], ["value"])
    names = [f"{r.measure} of {r.owner} in year {r.year:.0f}" for r in both.itertuples(index=False)]
    size = both["value_due"].abs()
    total = size.groupby([both["measure"], both["owner"]]).transform("sum")
    yield find_worst(
        "ledger",
        "emissions",
        excess=(both["value"] - both["value_due"]).abs(),
        scale=np.maximum(total, LEAST_SHARE * size.groupby(both["measure"]).transform("sum")),
        at=names.__getitem__,
        text="{:,.3f}, recomputed {:,.3f}",
        shown=(both["value"], both["value_due"]),
    )


def _join(found: pd.DataFrame, due: pd.DataFrame, keys: list[str], amounts: list[str]) -> pd.DataFrame:
    """Return both tables side by side; what only one of them has is zero in the other."""
    found, due = (t.assign(year=t["year"].astype(float)).groupby(keys)[amounts].sum() for t in (found, due))
    return pd.concat([found, due.add_suffix("_due")], axis=1).fillna(0.0).reset_index()

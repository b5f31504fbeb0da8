"""What the audit reads: the plan's tables as arrays, and how a residual is said in words.

Nothing here knows the program, its ledger or its solver; a mistake in one of those can't repeat itself in the audit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trainload.errors import DataError, Problem
from trainload.tables import normalise_table

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Check = Literal["ledger", "balance", "limit", "level", "budget"]
READ_TABLES = (
    "options",
    "orders",
    "capacity",
    "periods",
    "blocks",
    "operation",
    "availability",
    "parameters",
    "ledger",
    "emissions",
)
_OWNER_PARAMETERS = (
    "unit_mw", "max_mw", "capex_usd_per_mw", "lifetime_years", "wacc_frac", "lead_plan_months",
    "milestone_1_capital_frac", "milestone_1_lead_frac",
)  # fmt: skip
_OPTION_PARAMETERS = (
    "firm", "bridge", "clean", "min_mw", "fixed_usd_per_mw_year", "variable_usd_per_mwh", "heat_rate_mmbtu_per_mwh",
    "fuel_usd_per_mmbtu", "fuel_cost_usd_per_mwh", "rent_usd_per_mw_month", "forced_outage_frac", "must_run_frac",
    "direct_tco2_per_mwh", "lifecycle_tco2_per_mwh", "duration_hours", "roundtrip_frac", "loss_frac_per_hour",
    "demand_charge_usd_per_mw_month", "minimum_take_frac", "contract_price_usd_per_mwh", "curtailed_hours_per_year",
    "max_full_load_hours_per_year", "min_stay_months", "max_stay_months", "available_after_days", "return_after_days",
)  # fmt: skip
_PLAN_PARAMETERS = (
    "programme.programme_usd_per_mwh", "programme.it_peak_frac", "money.wacc_frac", "money.co2_usd_per_tco2",
    "plan.unit_threshold_mw", "grid.max_service_mw", "rules.co2_cap_tco2_per_year", "rules.clean_matched_frac",
    "rules.co2_slack_usd_per_tco2", "rules.clean_slack_usd_per_mwh", "rules.clean_from_days",
    "rules.largest_unit_reserve",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Residual:
    """The largest residual of one family: ``max |residual| / max(1, scale)``, and where it stands."""

    check: Check
    family: str
    error: float
    words: str


def find_worst(
    check: Check,
    family: str,
    *,
    excess: ArrayLike,
    scale: ArrayLike,
    at: Callable[[int], str] = lambda _: "",
    text: str,
    shown: Sequence[ArrayLike] = (),
) -> Residual:
    """Return the worst of many residuals; `excess` counts where it is positive.

    Args:
        check: which of the five errors it belongs to.
        family: what is checked.
        excess: residuals, in their own unit.
        scale: size of what they are residuals of; at least 1 is used.
        at: name of the i-th one.
        text: what to say of it, a format string of the i-th element of each array in `shown`.
        shown: arrays as long as `excess`.
    """
    values = np.atleast_1d(np.asarray(excess, dtype=float) / np.maximum(1.0, np.abs(np.asarray(scale, dtype=float))))
    if values.size == 0 or not values.max() > 0.0:
        return Residual(check, family, 0.0, f"{family}: no residual")
    worst = int(values.argmax())
    said = text.format(*(np.atleast_1d(np.asarray(array))[worst] for array in shown))
    where = at(worst)
    return Residual(check, family, float(values[worst]), f"{family}{', ' if where else ''}{where}: {said}")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Capacity periods as arrays over m; `present` is the worth of one dollar spent evenly over the period."""

    starts_on: tuple[date, ...]
    ends_on: tuple[date, ...]
    hours: Array
    years: IntArray
    months: Array
    present: Array
    wanted_mw: Array
    powered_mw: Array
    firm_mw: Array
    reserve_frac: Array

    def __len__(self) -> int:
        return len(self.starts_on)


@dataclass(frozen=True, slots=True)
class Hours:
    """Operated hours as arrays over t, with the blocks they belong to.

    Attributes:
        block: (T,) index of the hour's block.
        previous: (T,) index of the hour before in its chain; the first hour follows the last.
        share: (B, M) share of each period in what a block stands for.
        is_calendar: every block is one period, and an hour stands for itself.
        flows: columns of `operation`; series: columns of `availability`; both (T,).
        n_misplaced: rows whose block or time disagree between the two tables, or that are not in blocks.
        n_missing: numbers missing in either table.
    """

    names: tuple[str, ...]
    block: IntArray
    start: NDArray[np.datetime64]
    previous: IntArray
    weight: Array
    share: Array
    group: IntArray
    months: Array
    is_calendar: bool
    flows: Mapping[str, Array]
    series: Mapping[str, Array]
    n_misplaced: int
    n_missing: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """The tables of one plan, read.

    Attributes:
        capacity: (M,) MW in service by option and gate, 0 where the table has no row; `listed` where it has one.
        options: kind and delivery by option.
    """

    calendar: Calendar
    hours: Hours
    capacity: Mapping[str, Array]
    listed: Mapping[str, NDArray[np.bool_]]
    options: Mapping[str, tuple[str, str]]
    gates: tuple[str, ...]
    tranches: tuple[str, ...]
    numbers: Mapping[tuple[str, str], float]
    orders: pd.DataFrame
    ledger: pd.DataFrame
    emissions: pd.DataFrame

    def number(self, owner: str, parameter: str) -> float:
        """Return one number that the plan used; NaN where it set none."""
        return self.numbers[owner, parameter]

    def limit(self, owner: str, parameter: str) -> float:
        """Return one upper limit, infinite where the plan set none."""
        value = self.numbers[owner, parameter]
        return value if np.isfinite(value) else np.inf

    def milestones(self, owner: str) -> list[tuple[float, float]]:
        """Return payments as (share of capital, share of the lead time)."""
        found: list[tuple[float, float]] = []
        while (owner, f"milestone_{len(found) + 1}_capital_frac") in self.numbers:
            k = len(found) + 1
            found.append(
                (self.number(owner, f"milestone_{k}_capital_frac"), self.number(owner, f"milestone_{k}_lead_frac"))
            )
        return found

    @property
    def crumb_mw(self) -> float:
        """Return 1 % of the largest load: capacity smaller than that is judged as if it were that large.

        Solvers leave kilowatts of what they don't build; limits on them hold to the solver's tolerance of the load.
        """
        return 0.01 * float(self.calendar.wanted_mw.max())

    def select(self, *, kind: str | None = None, delivery: tuple[str, ...] = ("onsite", "grid")) -> list[str]:
        """Return the options of a kind and delivery."""
        return [o for o, (k, d) in self.options.items() if d in delivery and kind in (None, k)]

    def in_service(self, owner: str) -> Array:
        """Return (M,) MW in service, zero for what the capacity table doesn't name."""
        return self.capacity.get(owner, np.zeros(len(self.calendar)))

    def hourly(self, owner: str) -> Array:
        """Return (T,) MW in service in each operated hour: of its period, or the mean of what it stands for."""
        return np.asarray((self.hours.share @ self.in_service(owner))[self.hours.block])

    def flow(self, column: str) -> Array:
        """Return (T,) one column of `operation`, zero where nothing was ever there."""
        return self.hours.flows.get(column, np.zeros(len(self.hours.block)))

    def say_period(self, m: int) -> str:
        """Return a capacity period in words."""
        return str(self.calendar.starts_on[m])

    def say_hour(self, t: int) -> str:
        """Return an hour in words."""
        return f"{self.hours.names[self.hours.block[t]]}, {str(self.hours.start[t])[:13]}:00Z"


def read_inputs(tables: Mapping[str, pd.DataFrame]) -> Inputs:
    """Return the plan's tables as arrays.

    Raises:
        DataError: a table, a column or a parameter that the audit needs is missing, or a date can't be read.
    """
    missing = [name for name in READ_TABLES if name not in tables]
    if missing:
        raise DataError("audit", *(Problem("", "a table is missing", name) for name in missing))
    read = {name: normalise_table(name, tables[name]) for name in READ_TABLES}
    parameters = read["parameters"]
    keys = zip(parameters["owner"], parameters["parameter"], strict=True)
    numbers = {key: float(value) for key, value in zip(keys, parameters["value"], strict=True)}
    if len(numbers) < len(parameters):
        twice = parameters.loc[parameters.duplicated(["owner", "parameter"])]
        problems = (
            Problem(o, "a parameter stands twice", p) for o, p in zip(twice["owner"], twice["parameter"], strict=True)
        )
        raise DataError("table parameters", *problems)
    options = {str(row.option): (str(row.kind), str(row.delivery)) for row in read["options"].itertuples(index=False)}
    calendar = _read_calendar(read["periods"], numbers.get(("money", "wacc_frac"), 0.0))
    capacity, listed = _read_capacity(read["capacity"], calendar)
    gates = sorted({str(p).removeprefix("gate:") for _, p in numbers if str(p).startswith("gate:")})
    gates = [*gates, *sorted(o for o in capacity if o not in options and o not in gates)]
    _require_parameters(numbers, options, [g for g in gates if g in capacity])
    return Inputs(
        calendar=calendar,
        hours=_read_hours(read, calendar),
        capacity=capacity,
        listed=listed,
        options=options,
        gates=tuple(gates),
        tranches=tuple(dict.fromkeys(o.removeprefix("tranche:") for o, _ in numbers if o.startswith("tranche:"))),
        numbers=numbers,
        orders=read["orders"],
        ledger=read["ledger"],
        emissions=read["emissions"],
    )


def _require_parameters(
    numbers: Mapping[tuple[str, str], float], options: Mapping[str, tuple[str, str]], gates: list[str]
) -> None:
    wanted = [(o, p) for o in options for p in (*_OWNER_PARAMETERS, *_OPTION_PARAMETERS)]
    wanted += [(g, p) for g in gates for p in _OWNER_PARAMETERS]
    wanted += [(owner, parameter) for owner, _, parameter in (name.partition(".") for name in _PLAN_PARAMETERS)]
    problems = [
        Problem(owner, "a parameter is missing", name) for owner, name in wanted if (owner, name) not in numbers
    ]
    if problems:
        raise DataError("table parameters", *problems)


def _read_calendar(periods: pd.DataFrame, wacc_frac: float) -> Calendar:
    starts = [_read_day("periods", text) for text in periods["period_on"]]
    ends = [_read_day("periods", text) for text in periods["ends_on"]]
    if not starts:
        raise DataError("table periods", "has no rows")
    first = starts[0]
    since = np.array([(day.year - first.year) * 12 + day.month - first.month for day in starts])
    hours = np.array([(end - start).days * 24 for start, end in zip(starts, ends, strict=True)], dtype=float)
    middle = np.array([(day - first).days for day in starts]) + hours // 48  # whole days
    numbers = {name: periods[name].to_numpy(float) for name in ("wanted_mw", "powered_mw", "firm_mw", "reserve_frac")}
    return Calendar(
        starts_on=tuple(starts),
        ends_on=tuple(ends),
        hours=hours,
        years=since // 12 + 1,
        months=np.array(
            [(b.year - a.year) * 12 + b.month - a.month for a, b in zip(starts, ends, strict=True)], dtype=float
        ),
        present=(1.0 + wacc_frac) ** (-middle / 365.25),
        **numbers,
    )


def _read_day(table: str, text: object) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError as error:
        raise DataError(f"table {table}", Problem("", "not a date", repr(text))) from error


def _read_capacity(table: pd.DataFrame, calendar: Calendar) -> tuple[dict[str, Array], dict[str, NDArray[np.bool_]]]:
    place = {day.isoformat(): m for m, day in enumerate(calendar.starts_on)}
    unknown = sorted({str(day) for day in table["period_on"] if str(day)[:10] not in place})
    if unknown:
        raise DataError("table capacity", *(Problem("", "no such period", day) for day in unknown))
    capacity: dict[str, Array] = {}
    listed: dict[str, NDArray[np.bool_]] = {}
    for owner, day, mw in zip(table["owner"], table["period_on"], table["mw"].to_numpy(float), strict=True):
        m = place[str(day)[:10]]
        capacity.setdefault(owner, np.zeros(len(calendar)))[m] += mw
        listed.setdefault(owner, np.zeros(len(calendar), dtype=bool))[m] = True
    return capacity, listed


def _read_hours(read: Mapping[str, pd.DataFrame], calendar: Calendar) -> Hours:
    operation, availability, stands = read["operation"], read["availability"], read["blocks"]
    if len(operation) != len(availability):
        got = f"{len(operation)} and {len(availability)} rows"
        raise DataError("audit", Problem("", "operation and availability must have the same hours", got))
    names = tuple(dict.fromkeys(str(name) for name in stands["block"]))
    index = {name: b for b, name in enumerate(names)}
    block = operation["block"].map(index)
    if block.isna().any():
        unknown = sorted(set(operation["block"][block.isna()]))
        raise DataError("table operation", *(Problem("", "block is not in table blocks", name) for name in unknown))
    share, group, months = np.zeros((len(names), len(calendar))), np.zeros(len(names), np.int64), np.zeros(len(names))
    place = {day.isoformat(): m for m, day in enumerate(calendar.starts_on)}
    for row in stands.to_dict("records"):
        if str(row["period_on"])[:10] not in place:
            raise DataError("table blocks", Problem(str(row["block"]), "no such period", str(row["period_on"])))
        b = index[str(row["block"])]
        share[b, place[str(row["period_on"])[:10]]] += float(row["share_frac"])
        group[b], months[b] = int(row["year_group"]), float(row["months"])
    of = np.asarray(block, dtype=np.int64)
    order = np.argsort(of, kind="stable")
    moved = int(np.sum(order != np.arange(len(of))))
    differ = (operation["block"].to_numpy() != availability["block"].to_numpy()) | (
        operation["period_start"].to_numpy() != availability["period_start"].to_numpy()
    )
    flows = {c: operation[c].to_numpy(float) for c in operation.columns.drop(["block", "period_start"])}
    series = {c: availability[c].to_numpy(float) for c in availability.columns.drop(["block", "period_start"])}
    n_missing = sum(int(np.isnan(v).sum()) for v in (*flows.values(), *series.values()))
    start = _read_times(operation["period_start"])[order]
    of = of[order]
    weight = np.nan_to_num(flows.pop("weight_hours"))[order]
    one_to_one = ((share > 0).sum(axis=1) == 1).all() and ((share > 0).sum(axis=0) <= 1).all()
    is_calendar = bool(one_to_one and len(weight) and np.median(weight) == 1.0)
    return Hours(
        names=names,
        block=of,
        start=start,
        previous=_chain_hours(of, is_calendar),
        weight=weight,
        share=share,
        group=group,
        months=months,
        is_calendar=is_calendar,
        flows={name: np.nan_to_num(values)[order] for name, values in flows.items()},
        series={name: np.nan_to_num(values)[order] for name, values in series.items()},
        n_misplaced=moved + int(differ.sum()),
        n_missing=n_missing,
    )


def _read_times(column: "pd.Series[str]") -> NDArray[np.datetime64]:
    try:
        return np.array(column.to_numpy(), dtype="U13").astype("datetime64[h]")
    except ValueError as error:
        raise DataError("table operation", Problem("period_start", f"can't be read: {error}")) from error


def _chain_hours(block: IntArray, is_calendar: bool) -> IntArray:
    """Return the hour before each hour: over the whole calendar, or within the block where weeks are sampled."""
    previous = np.arange(len(block)) - 1
    if len(block) == 0:
        return previous
    first = np.flatnonzero(np.diff(block, prepend=-1))
    last = np.append(first[1:], len(block)) - 1
    if is_calendar:
        previous[0] = len(block) - 1
    else:
        previous[first] = last
    return previous

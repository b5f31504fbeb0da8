"""The problems of the benchmark, each stated once as plain arrays: one campus, its options and its hours.

Nothing here knows a solver. `as_program.py` states a problem for trainload and HiGHS, `peers/as_network.py` for PyPSA.
The numbers are synthetic: round figures of the order of the catalogue's, weather drawn from a seed. MW, MWh, USD, tCO2.
"""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

HOURS = 8760
# name: (fixed USD/MW-year, variable USD/MWh, tCO2/MWh, available share, must-run share, what it depends on)
SOURCES = {
    "grid": (30_500, 0.0, 0.0, 1.00, 0.0, "price"),
    "ccgt": (150_000, 28.0, 0.34, 0.93, 0.0, ""),
    "engine": (122_000, 39.0, 0.44, 0.95, 0.0, ""),
    "solar": (116_000, 0.1, 0.0, 1.00, 0.0, "sun"),
    "wind": (177_000, 0.2, 0.0, 1.00, 0.0, "wind"),
    "smr": (765_000, 10.0, 0.0, 0.93, 0.85, ""),
    "fuel_cell": (310_000, 45.0, 0.35, 0.96, 0.0, ""),
    "geothermal": (620_000, 4.0, 0.02, 0.90, 0.0, ""),
    "solar_far": (108_000, 0.1, 0.0, 1.00, 0.0, "sun_far"),
    "frame_turbine": (98_000, 44.0, 0.53, 0.94, 0.0, ""),
    "aero_turbine": (131_000, 41.0, 0.49, 0.95, 0.0, ""),
    "rented_turbine": (210_000, 52.0, 0.58, 0.92, 0.0, ""),
    "wind_far": (168_000, 0.2, 0.0, 1.00, 0.0, "wind_far"),
    "microreactor": (980_000, 14.0, 0.0, 0.92, 0.80, ""),
    "coal": (140_000, 31.0, 0.92, 0.85, 0.0, ""),
    "ccgt_capture": (290_000, 41.0, 0.05, 0.88, 0.0, ""),
    "grid_interruptible": (14_000, 0.0, 0.0, 1.00, 0.0, "price_called"),
}
# name: (fixed USD/MW-year, USD/MWh out, hours, one-way efficiency, loss per hour)
STORES = {
    "battery_4h": (165_000, 0.5, 4.0, 0.938, 0.0002),
    "iron_air_100h": (224_000, 0.3, 100.0, 0.67, 0.00005),
    "battery_8h": (268_000, 0.5, 8.0, 0.938, 0.0002),
}
UNSERVED_USD_PER_MWH = 1500.0
GROWING_LOAD_MW = (200.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0)
YEARLY_DECLINE = {"solar": 0.03, "solar_far": 0.03, "wind": 0.015, "wind_far": 0.015, "smr": 0.02} | dict.fromkeys(
    STORES, 0.04
)


@dataclass(frozen=True)
class Problem:
    """P periods with B blocks of hours; blocks of one period are scenarios or years that share its capacities.

    Capacity of period p = what was built in periods 0..p. Stores are cyclic within a block. Cost = sum over periods of
    ``period_weight`` x (yearly fixed cost of everything standing + operation, weighted by hour and probability).
    """

    sources: np.ndarray
    stores: np.ndarray
    fixed_usd_per_mw: np.ndarray  # (P, options), of what is built in that period, per year
    build_max_mw: np.ndarray  # (P, options)
    unit_mw: np.ndarray  # (options,), 0 where any size will do
    period_weight: np.ndarray  # (P,)
    block_period: np.ndarray  # (B,)
    block_probability: np.ndarray  # (B,)
    block_start: np.ndarray  # (B + 1,)
    load_mw: np.ndarray  # (T,)
    weight: np.ndarray  # (T,) hours a year that a step stands for
    available_frac: np.ndarray  # (sources, T)
    variable_usd_per_mwh: np.ndarray  # (sources, T)
    tco2_per_mwh: np.ndarray  # (sources, T)
    must_run_frac: np.ndarray  # (sources,)
    cap_tco2: np.ndarray  # (B,)
    store_hours: np.ndarray
    store_efficiency_frac: np.ndarray  # one way
    store_loss_frac: np.ndarray  # per hour
    store_usd_per_mwh: np.ndarray  # per MWh out
    unserved_usd_per_mwh: np.ndarray  # ()

    @property
    def options(self) -> list[str]:
        return [*self.sources.tolist(), *self.stores.tolist()]


def save_problem(problem: Problem, path: Path) -> None:
    np.savez(path, **{field.name: getattr(problem, field.name) for field in fields(problem)})


def load_problem(path: Path) -> Problem:
    with np.load(path, allow_pickle=False) as stored:
        return Problem(**{field.name: stored[field.name] for field in fields(Problem)})


def walk(draw: np.random.Generator, n_hours: int, memory: float) -> np.ndarray:
    """A stationary series of unit variance in which each hour keeps ``memory`` of the last."""
    from scipy.signal import lfilter  # noqa: PLC0415  (the peers' environment only loads problems)

    shocks = draw.standard_normal(n_hours + 500) * np.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], shocks))[500:]


def clear_sky(n_hours: int) -> np.ndarray:
    """Output share of a tracking field at 33 degrees north without clouds (Haurwitz 1945, simple tracking gain)."""
    hour = np.arange(n_hours) % HOURS
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + hour // 24 + 1) / 365)
    angle = np.radians(15.0 * (hour % 24 - 11.5))
    latitude = np.radians(33.0)
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(angle)
    height = np.clip(height, 0.0, None)
    ground = 1.098 * height * np.exp(-0.057 / np.maximum(height, 1e-3))
    return np.clip(1.2 * ground * np.minimum(1.0 / np.maximum(height, 0.35), 2.2) * 0.9, 0.0, 1.0)


def draw_weather(n_hours: int, seed: int) -> dict[str, np.ndarray]:
    """Sun, wind, price and grid carbon of a region, correlated in time and with one another."""
    from scipy.stats import norm  # noqa: PLC0415

    draw, hour = np.random.default_rng(seed), np.arange(n_hours)
    found: dict[str, np.ndarray] = {}
    for place in ("", "_far"):
        clouds = 1 - 0.75 * norm.cdf(0.8 * walk(draw, n_hours, 0.97) + 0.6 * walk(draw, n_hours, 0.8) - 1.0)
        sun = clear_sky(n_hours) * clouds
        found["sun" + place] = np.where(sun < 0.01, 0.0, sun)
        season = 0.25 * np.cos(2 * np.pi * (hour / HOURS - 0.2)) + 0.1 * np.cos(2 * np.pi * (hour % 24 - 3) / 24)
        blow = 0.85 * walk(draw, n_hours, 0.985) + 0.5 * walk(draw, n_hours, 0.9) + season
        share = np.clip(norm.cdf(blow / 1.01), 1e-6, 1 - 1e-6)
        speed = 8.5 * (-np.log1p(-share)) ** (1 / 2.1)  # Weibull at hub height, m/s
        power = 0.95 * np.clip((speed - 3.0) / 9.0, 0.0, 1.0) ** 2.2
        found["wind" + place] = np.where((speed > 25) | (power < 0.01), 0.0, power)
    scarce = np.where(walk(draw, n_hours, 0.9) > 2.2, 150 * np.abs(draw.standard_normal(n_hours)), 0.0)
    price = 65 + 12 * np.cos(2 * np.pi * (hour % 24 - 19) / 24) + 8 * walk(draw, n_hours, 0.95) + scarce
    found["price"] = np.clip(price - 25 * found["sun"] - 15 * found["wind"], -5, 500)
    carbon = 0.42 - 0.15 * found["sun"] - 0.1 * found["wind"] + 0.04 * walk(draw, n_hours, 0.9)
    found["carbon"] = np.clip(carbon, 0.15, 0.6)
    found["load"] = 1 + 0.05 * np.clip(draw.standard_normal(n_hours), -3, 3)
    return found


def make_problem(
    *,
    n_options: int = 8,
    n_stores: int = 2,
    hours: int = HOURS,
    load_mw: tuple[float, ...] = (1000.0,),
    n_scenarios: int = 1,
    cap_tco2_per_mwh: tuple[float, ...] = (0.10,),
    typical_days: int = 0,
    seed: int = 1,
    units_mw: dict[str, float] | None = None,
    fixed_factor: dict[str, float] | None = None,
) -> Problem:
    """Draw a problem: one period per load given, one block per scenario; with typical days, those instead of hours."""
    sources, stores = list(SOURCES)[: n_options - n_stores], list(STORES)[:n_stores]
    options, n_periods = [*sources, *stores], len(load_mw)
    fixed = np.array([{**SOURCES, **STORES}[option][0] for option in options], dtype=float)
    decline = np.array([YEARLY_DECLINE.get(option, 0.005) for option in options])
    fixed *= [(fixed_factor or {}).get(option, 1.0) for option in options]
    build_max = np.full((n_periods, len(options)), 20.0 * max(load_mw))
    build_max[:, 0] = 400.0 if n_periods == 1 else 250.0
    if n_periods > 1:  # turbines are late, reactors later
        build_max[0, 1] = 0.0
        build_max[:2, options.index("smr")] = 0.0
        build_max[2:, options.index("smr")] = 900.0
    pieces = [
        cut_block(hours, seed + p * 100 + w, typical_days) | {"size": np.array(load_mw[p])}
        for p in range(n_periods)
        for w in range(n_scenarios)
    ]
    n_steps = [len(piece["load"]) for piece in pieces]
    rows: dict[str, list[list[np.ndarray]]] = {"available": [], "cost": [], "co2": []}
    for piece in pieces:
        one = np.ones(len(piece["load"]))
        called = np.where(piece["price"] >= np.quantile(piece["price"], 0.98), 0.0, 1.0)
        series = {"price": one, "price_called": called, "": one}
        series |= {name: piece[name] for name in ("sun", "wind", "sun_far", "wind_far")}
        table = [SOURCES[s] for s in sources]
        rows["available"].append([share * series[on] for _, _, _, share, _, on in table])
        rows["cost"].append([piece["price"] if on[:5] == "price" else cost * one for _, cost, _, _, _, on in table])
        rows["co2"].append([piece["carbon"] if on[:5] == "price" else co2 * one for _, _, co2, _, _, on in table])
    loads = [piece["load"] * piece["size"] for piece in pieces]
    period = np.repeat(np.arange(n_periods), n_scenarios)
    yearly = [float(load @ piece["weight"]) for load, piece in zip(loads, pieces, strict=True)]
    store_table = np.array([STORES[s] for s in stores], dtype=float).reshape(-1, 5)
    return Problem(
        sources=np.array(sources),
        stores=np.array(stores),
        fixed_usd_per_mw=np.array([fixed * (1 - decline) ** (2 * p) for p in range(n_periods)]),
        build_max_mw=build_max,
        unit_mw=np.array([(units_mw or {}).get(option, 0.0) for option in options]),
        period_weight=1.07 ** (-2.0 * np.arange(n_periods)),
        block_period=period,
        block_probability=np.full(len(pieces), 1.0 / n_scenarios),
        block_start=np.concatenate([[0], np.cumsum(n_steps)]),
        load_mw=np.concatenate(loads),
        weight=np.concatenate([piece["weight"] for piece in pieces]),
        available_frac=np.concatenate(rows["available"], axis=1),
        variable_usd_per_mwh=np.concatenate(rows["cost"], axis=1),
        tco2_per_mwh=np.concatenate(rows["co2"], axis=1),
        must_run_frac=np.array([SOURCES[s][4] for s in sources]),
        cap_tco2=np.array(cap_tco2_per_mwh)[period] * np.array(yearly),
        store_hours=store_table[:, 2],
        store_efficiency_frac=store_table[:, 3],
        store_loss_frac=store_table[:, 4],
        store_usd_per_mwh=store_table[:, 1],
        unserved_usd_per_mwh=np.array(UNSERVED_USD_PER_MWH),
    )


def cut_block(hours: int, seed: int, typical_days: int) -> dict[str, np.ndarray]:
    """Weather of one block with the hours a year each step stands for; typical days by k-means over whole days."""
    if not typical_days:
        weather = draw_weather(hours, seed)
        return weather | {"weight": np.full(hours, HOURS / hours)}
    from scipy.cluster.vq import kmeans2  # noqa: PLC0415

    weather = draw_weather(HOURS, seed)
    days = np.hstack([weather[k].reshape(365, 24) for k in ("sun", "wind")] + [weather["price"].reshape(365, 24) / 100])
    centres, member = kmeans2(days, typical_days, seed=1, minit="++")
    chosen = {}
    for k in np.unique(member):
        of_cluster = np.flatnonzero(member == k)
        nearest = of_cluster[np.argmin(((days[of_cluster] - centres[k]) ** 2).sum(axis=1))]
        chosen[int(nearest)] = float(len(of_cluster))
    order = sorted(chosen)
    steps = (np.array(order)[:, None] * 24 + np.arange(24)).ravel()
    block = {k: series[steps] for k, series in weather.items()}
    return block | {"weight": np.repeat([chosen[day] for day in order], 24)}


GROWING = {"load_mw": GROWING_LOAD_MW, "cap_tco2_per_mwh": tuple(np.linspace(0.30, 0.06, 6))}
# reactors cheap enough to be built under a tight cap: lumpiness then matters
UNITS = GROWING | {
    "typical_days": 24,
    "units_mw": {"smr": 300.0, "ccgt": 550.0},
    "cap_tco2_per_mwh": tuple(np.linspace(0.30, 0.04, 6)),
}
CASES = {
    "year": {},
    "five_years": {"hours": 5 * HOURS, "seed": 10},
    "six_growing": GROWING | {"seed": 20},
    "scenarios_5": {"n_scenarios": 5, "seed": 100},
    "scenarios_20": {"n_scenarios": 20, "seed": 100},
    **{f"units_{k}": UNITS | {"seed": 1000 * k, "fixed_factor": {"smr": 0.56 + 0.03 * k}} for k in range(1, 6)},
    "units_calendar": UNITS | {"typical_days": 0, "seed": 1000, "fixed_factor": {"smr": 0.65}},
    **{f"options_{o}x{s}": {"n_options": o, "n_stores": s} for o in (8, 12, 20) for s in (1, 2, 3)},
    # does time per hour and iteration stay flat?
    **{f"years_{years}": {"hours": years * HOURS, "seed": 10} for years in (1, 2, 4, 8)},
    # small enough to try the benchmark itself
    "month": {"hours": 720},
    "units_small": UNITS | {"typical_days": 2, "seed": 1000, "fixed_factor": {"smr": 0.6}},
}
GROUPS = {
    "units": [f"units_{k}" for k in range(1, 6)],
    "options": [case for case in CASES if case.startswith("options")],
    "years": [case for case in CASES if case.startswith("years")],
}

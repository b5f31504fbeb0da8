"""How good the forecast has been: rolling origins, proper scores, naive baselines, and the forecasts themselves.

Pseudo-real-time: at each origin only rows dated before it are used, with today's estimates. A dated snapshot of the
runs (`runs`) scored against a later file (`truth`) is real.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from trainload import __version__
from trainload.chance import normal_stream, random_generator
from trainload.errors import DataError, Note, Problem
from trainload.forecast.campuses import draw_campuses, fit_campus_model
from trainload.forecast.joint import draw_joint, fit_joint_model
from trainload.forecast.predictive import (
    FloatArray,
    Predictive,
    draws_predictive,
    score_brier,
    score_coverage,
    score_crps,
    score_pinball,
)
from trainload.forecast.references import FACILITY_PEAK_PER_RATED
from trainload.forecast.rivals import forecast_baselines
from trainload.forecast.runs import (
    CATALOGUE_SNAPSHOT_ON,
    FRONTIER_SINCE,
    ImportedRuns,
    decimal_year,
    decimal_years,
    load_campuses,
    load_frontier_runs,
    select_frontier,
)

Target = Literal["compute", "power", "campus"]
Split = Literal["pooled", "tuning", "holdout", "early"]
TARGETS: tuple[Target, ...] = ("compute", "power")
HORIZONS_YEARS = (1, 2, 3)
FIRST_EARLY, FIRST_TUNING, FIRST_HOLDOUT = 2014.5, 2018.0, 2023.0
BASELINES = ("persistence", "random_walk", "ols_2010", "ols_5", "mix")
MODELS = ("trainload", "local_trend", *BASELINES)
PINBALL_LEVELS = (0.10, 0.25, 0.50, 0.75, 0.90)
STORED_LEVELS = tuple(round(0.025 * k, 3) for k in range(1, 40))
THRESHOLDS_MW = (100.0, 1000.0)
# Blocks of the bootstrap, years by horizon: forecasts that overlap are not independent.
BLOCK_YEARS: Mapping[int, float] = {1: 2.0, 2: 2.0, 3: 3.0}
_N_BOOTSTRAP = 2000
_N_DRAWS = 2048


@dataclass(frozen=True, slots=True)
class Backtest:
    """Scores by cell, and every forecast behind them.

    Attributes:
        scores: one row for each target, horizon, split and model: crps, pinball (OOM), cov50, cov80 (fractions), bias
            (median less truth, OOM), n, Brier scores, CRPS less the mix's with its block-bootstrap standard error, and
            how many blocks that error rests on.
        forecasts: one row for each target, origin, horizon and model: truth and scores; quantiles as arrays.
        truth_on: the day to which the truth is known.
        version: of the program, printed with the hold-out.
        notes: what the scores rest on.
    """

    scores: pd.DataFrame
    forecasts: pd.DataFrame
    truth_on: date
    version: str
    notes: tuple[Note, ...]

    def cell(self, target: Target, horizon: int, model: str, *, split: Split = "pooled") -> "pd.Series[Any]":
        """Return the scores of one cell."""
        s = self.scores
        rows = s[(s["target"] == target) & (s["horizon"] == horizon) & (s["model"] == model) & (s["split"] == split)]
        if rows.empty:
            raise DataError("backtest", Problem(f"{target}, {horizon} years, {model}, {split}", "was not scored"))
        return rows.iloc[0]

    def to_json(self, *, with_forecasts: bool = True) -> dict[str, Any]:
        """Return ``targets.{t}.horizons.{h}.models.{m}``, splits beside it, and every forecast with its quantiles.

        Args:
            with_forecasts: False leaves ``origins`` empty: scores alone, a hundredth of the size.
        """
        out: dict[str, Any] = {
            "version": self.version,
            "truth_on": self.truth_on.isoformat(),
            "basis": "log10 FLOP; log10 MW of facility peak",
            "quantile_levels": list(STORED_LEVELS),
            "targets": {},
            "origins": [],
            "notes": [note.text for note in self.notes],
        }
        measures = [c for c in self.scores.columns if c not in ("target", "horizon", "split", "model")]
        for row in self.scores.to_dict("records"):
            cell = {name: _plain(row[name]) for name in measures}
            place = out["targets"].setdefault(row["target"], {"horizons": {}})["horizons"]
            place = place.setdefault(str(row["horizon"]), {"models": {}, "splits": {}})
            if row["split"] == "pooled":
                place["models"][row["model"]] = cell
            else:
                place["splits"].setdefault(row["split"], {"models": {}})["models"][row["model"]] = cell
        for row in self.forecasts.to_dict("records") if with_forecasts else ():
            out["origins"].append(
                {
                    "target": row["target"],
                    "model": row["model"],
                    "origin": row["origin"],
                    "horizon": row["horizon"],
                    "truth": round(float(row["truth"]), 5),
                    "quantiles": [round(float(q), 4) for q in row["quantiles"]],
                }
            )
        return out


def backtest(
    runs: pd.DataFrame | ImportedRuns | None = None,
    *,
    target: Target | Sequence[Target] = TARGETS,
    origins: Iterable[float] | None = None,
    horizons: Sequence[int] = HORIZONS_YEARS,
    truth: pd.DataFrame | ImportedRuns | None = None,
    truth_on: date | None = None,
    campuses: pd.DataFrame | None = None,
    seed: int = 1,
) -> Backtest:
    """Return scores of the forecast and its baselines over rolling origins, refitted at each.

    Args:
        runs: rows in `runs.RUN_COLUMNS` or an imported file; the ten largest at release since 2010 are used. Default:
            the catalogue's.
        target: compute (log10 FLOP), power (log10 MW, facility peak), campus, or several.
        origins: decimal years. Default: where an imported file is scored against another truth, the file's own day;
            else every quarter from 2014.5 on (before 2018: split ``early``, outside `pooled`).
        horizons: whole years.
        truth: rows that say what happened; default: `runs`, and the catalogue's for an imported file.
        truth_on: the day to which `truth` is known; default: the file's or the catalogue's day, else the last release.
        campuses: states of campuses for that target; default: the catalogue's.
        seed: of the draws and the bootstrap.

    Raises:
        DataError: an unknown target or horizon, or no origin with enough rows before and truth after it.
    """
    targets = (target,) if isinstance(target, str) else tuple(target)
    problems = [
        Problem("target", "no such target", repr(t), "compute, power or campus")
        for t in targets
        if t not in ("compute", "power", "campus")
    ]
    problems += [
        Problem("horizons", "must be whole years from 1 to 10", repr(h))
        for h in horizons
        if not (isinstance(h, (int, np.integer)) and 1 <= h <= 10)
    ]
    if problems:
        raise DataError("backtest", *problems)
    notes: list[Note] = []
    rows, known_on = _rows_of(runs)
    if truth is None and isinstance(runs, ImportedRuns):
        answers, answered_on = _rows_of(None)
    else:
        answers, answered_on = (rows, known_on) if truth is None else _rows_of(truth)
    if truth_on is None:
        truth_on = answered_on
        if truth_on is None:
            truth_on = cast(pd.Timestamp, answers["released_on"].max()).date()
            notes.append(Note("backtest", f"truth is taken as known to its last release, {truth_on}"))
    until = decimal_year(truth_on)
    if origins is not None:
        chosen = sorted(float(o) for o in origins)
    elif isinstance(runs, ImportedRuns) and (truth is not None or answers is not rows):
        chosen = [decimal_year(runs.snapshot_on)]
        notes.append(Note("backtest", f"a real vintage: forecasts made with the file as of {runs.snapshot_on}"))
    else:
        chosen = [float(o) for o in np.arange(FIRST_EARLY, until, 0.25)]

    records: list[dict[str, Any]] = []
    if "compute" in targets or "power" in targets:
        series, truths = _Series.of_runs(rows), _Series.of_runs(answers)
        for origin in chosen:
            records += _score_runs_at(series, truths, targets, origin, horizons, until=until, seed=seed)
    if "campus" in targets:
        states = load_campuses() if campuses is None else campuses
        for origin in chosen:
            records += _score_campus_at(states, _Series.of_runs(rows), origin, horizons, until=until, seed=seed)
        notes.append(
            Note(
                "backtest",
                "campus: a handful of records since 2022, seen as today's states; scores mean little",
                "limit",
            )
        )
    if not records:
        fix = f"origins from {FIRST_EARLY} on, at least {min(horizons)} years before {truth_on}"
        raise DataError("backtest", Problem("origins", "none can be scored", str(chosen[:5]), fix))
    forecasts = pd.DataFrame(records)
    early = forecasts[(forecasts["origin"] < FIRST_TUNING) & (forecasts["model"] == "trainload")]
    if len(early):
        text = (
            f"origins before {FIRST_TUNING:.0f} were another regime: there our 80 % intervals held "
            f"{early['cov80'].mean():.0%} of the time and CRPS was {early['crps'].mean():.2f} OOM; it can come again"
        )
        notes.append(Note("backtest", text, "warning"))
    notes.append(
        Note(
            "backtest",
            "pseudo-real-time: today's estimates of rows dated before each origin; settings were chosen on origins "
            "2018.0-2022.75, the hold-out from 2023.0 shares outcomes with them and has few independent blocks",
            "limit",
        )
    )
    return Backtest(_summarise(forecasts, seed), forecasts, truth_on, __version__, tuple(notes))


def _rows_of(source: pd.DataFrame | ImportedRuns | None) -> tuple[pd.DataFrame, date | None]:
    """Return the frontier rows since 2010 of a source and the day to which it is known, where it says so."""
    if source is None:
        return load_frontier_runs(), CATALOGUE_SNAPSHOT_ON
    if isinstance(source, ImportedRuns):
        return select_frontier(source.rows, since=FRONTIER_SINCE), source.snapshot_on
    return select_frontier(source, since=FRONTIER_SINCE), None


@dataclass(frozen=True, slots=True)
class _Series:
    """Runs as arrays: decimal years, log10 FLOP, log10 rated MW, hours."""

    times: FloatArray
    compute: FloatArray
    power: FloatArray
    hours: FloatArray

    @classmethod
    def of_runs(cls, rows: pd.DataFrame) -> "_Series":
        known = rows[rows["compute_flop"].notna()].sort_values("released_on", kind="stable")
        return cls(
            decimal_years(known["released_on"]),
            np.log10(known["compute_flop"].to_numpy(float)),
            np.log10(known["rated_facility_mw"].to_numpy(float)),
            known["training_hours"].to_numpy(float),
        )

    def before(self, when: float) -> "_Series":
        keep = self.times < when
        return _Series(self.times[keep], self.compute[keep], self.power[keep], self.hours[keep])

    def values(self, target: str) -> FloatArray:
        """Return log10 FLOP, or log10 MW of facility peak with NaN where undisclosed."""
        return self.compute if target == "compute" else self.power + np.log10(FACILITY_PEAK_PER_RATED)


def _score_runs_at(
    series: _Series,
    truths: _Series,
    targets: Sequence[str],
    origin: float,
    horizons: Sequence[int],
    *,
    until: float,
    seed: int,
) -> list[dict[str, Any]]:
    due = [h for h in horizons if origin + h <= until + 1e-9]
    past = series.before(origin)
    if not due or len(past.times) < 8 or np.isfinite(past.power).sum() < 4:
        return []
    model = fit_joint_model(past.times, past.compute, past.power, past.hours, origin_years=origin)
    drawn = draw_joint(model, due, step_names=[f"+{h}" for h in due], n_draws=_N_DRAWS, seed=seed)
    out = []
    for target in targets:
        if target == "campus":
            continue
        values = past.values(target)
        seen = np.isfinite(values)
        shift = 0.0 if target == "compute" else float(np.log10(FACILITY_PEAK_PER_RATED))
        for k, horizon in enumerate(due):
            later = truths.before(origin + horizon).values(target)
            forecasts = {
                str(which): draws_predictive((d.compute_oom if target == "compute" else d.power_oom)[:, k] + shift)
                for which, d in drawn.items()
            } | forecast_baselines(past.times[seen], values[seen], origin_years=origin, horizon_years=float(horizon))
            out += _score_all(target, origin, horizon, float(np.nanmax(later)), forecasts)
    return out


def _score_campus_at(
    states: pd.DataFrame, series: _Series, origin: float, horizons: Sequence[int], *, until: float, seed: int
) -> list[dict[str, Any]]:
    operating = states[(states["status"] == "operating") & (states["facility_mw"] > 0)]
    times = decimal_years(operating["state_on"])
    values = np.log10(operating["facility_mw"].to_numpy(float))
    due = [h for h in horizons if origin + h <= until + 1e-9]
    past, seen = series.before(origin), times < origin
    if not due or len(past.times) < 8 or np.isfinite(past.power).sum() < 4 or seen.sum() < 4:
        return []
    runs = fit_joint_model(past.times, past.compute, past.power, past.hours, origin_years=origin)
    slope = float(np.mean([line.slope_oom_per_year for line in runs.power.lines]))
    try:
        model = fit_campus_model(times[seen], values[seen], origin_years=origin, run_slope_oom_per_year=slope)
    except ValueError:
        return []
    paths = draw_campuses(
        model,
        due,
        line_normals=np.column_stack([normal_stream(seed, f"campus:{k}", _N_DRAWS) for k in ("level", "slope")]),
        scatter_normal=normal_stream(seed, "campus:scatter", _N_DRAWS),
        slip_uniforms=np.empty((_N_DRAWS, 0)),
    )
    out = []
    for k, horizon in enumerate(due):
        forecasts = {"trainload": draws_predictive(paths[:, k])} | forecast_baselines(
            times[seen], values[seen], origin_years=origin, horizon_years=float(horizon)
        )
        out += _score_all("campus", origin, horizon, float(values[times < origin + horizon].max()), forecasts)
    return out


def _score_all(
    target: str, origin: float, horizon: int, truth: float, forecasts: Mapping[str, Predictive]
) -> list[dict[str, Any]]:
    out = []
    for name, forecast in forecasts.items():
        quantiles = forecast.quantile_oom(STORED_LEVELS)
        levels = forecast.quantile_oom(PINBALL_LEVELS)
        row = {
            "target": target,
            "model": name,
            "origin": origin,
            "horizon": horizon,
            "truth": truth,
            "crps": score_crps(forecast, truth),
            "pinball": float(
                np.mean([score_pinball(q, truth, p) for q, p in zip(levels, PINBALL_LEVELS, strict=True)])
            ),
            "cov50": score_coverage(forecast, truth, 0.5),
            "cov80": score_coverage(forecast, truth, 0.8),
            "bias": float(levels[2] - truth),
            "quantiles": quantiles,
        }
        for threshold, tag in zip(THRESHOLDS_MW, ("brier_100mw", "brier_1gw"), strict=True):
            mark = float(np.log10(threshold))
            row[tag] = (
                np.nan if target == "compute" else score_brier(forecast.probability_at_least(mark), truth >= mark)
            )
        out.append(row)
    return out


def _split_of(origin: float) -> Split:
    if origin < FIRST_TUNING:
        return "early"
    return "tuning" if origin < FIRST_HOLDOUT else "holdout"


def _summarise(forecasts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return means by cell, with the CRPS difference from the mix and its block-bootstrap standard error."""
    out = []
    own_split = forecasts["origin"].map(_split_of)
    for target in forecasts["target"].unique():
        for horizon in sorted(forecasts["horizon"].unique()):
            here = (forecasts["target"] == target) & (forecasts["horizon"] == horizon)
            for split in ("pooled", "tuning", "holdout", "early"):
                part = forecasts[here & (own_split != "early" if split == "pooled" else own_split == split)]
                if part.empty:
                    continue
                crps = part.pivot(index="origin", columns="model", values="crps").sort_index()
                for model in (m for m in MODELS if m in crps.columns):
                    rows = part[part["model"] == model]
                    means = rows[["crps", "pinball", "cov50", "cov80", "bias", "brier_100mw", "brier_1gw"]].mean()
                    difference = (crps[model] - crps["mix"]).to_numpy(float)
                    blocks = _n_blocks(crps.index.to_numpy(float), int(horizon))
                    out.append(
                        {"target": target, "horizon": int(horizon), "split": split, "model": model}
                        | {str(k): float(v) for k, v in means.items()}
                        | {
                            "n": len(rows),
                            "crps_less_mix": float(difference.mean()),
                            "crps_less_mix_se": bootstrap_se(
                                difference, block=round(4 * BLOCK_YEARS.get(int(horizon), 3.0)), seed=seed
                            ),
                            "n_blocks": blocks,
                        }
                    )
    return pd.DataFrame(out)


def _n_blocks(origins: FloatArray, horizon: int) -> float:
    span = float(origins.max() - origins.min()) + 0.25
    return round(span / BLOCK_YEARS.get(horizon, 3.0), 2)


def bootstrap_se(differences: FloatArray, *, block: int, seed: int = 1) -> float:
    """Return the standard error of the mean by the circular block bootstrap; NaN where there are under two blocks.

    Source: Politis and Romano (1992), A circular block-resampling procedure for stationary data.
    """
    n = len(differences)
    if n < 2 * block:
        return float("nan")
    rng = random_generator(seed, f"bootstrap:{n}:{block}")
    n_blocks = -(-n // block)
    starts = rng.integers(0, n, size=(_N_BOOTSTRAP, n_blocks))
    index = (starts[:, :, None] + np.arange(block)).reshape(_N_BOOTSTRAP, -1)[:, :n] % n
    return float(differences[index].mean(axis=1).std(ddof=1))


def _plain(value: Any) -> Any:
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = float(value)
    return round(number, 5) if np.isfinite(number) else None

"""How earlier forecasts scored: by method and horizon, beside simple methods, as charts and tables."""

from collections.abc import Mapping

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Figure, Kind, Listing
from trainload.report.marks import amount, either, field, frame, legend_colours, named_rows, paint, tip
from trainload.report.palette import ACCENT, ACCENT_SOFT, SECOND
from trainload.report.reading import Reading, list_rows

TARGETS: Mapping[str, str] = {"compute": "Record compute", "power": "Record power", "campus": "Largest campus"}
DRAWN = ("compute", "power")
METHODS: Mapping[str, str] = {
    "trainload": "trainload",
    "local_trend": "second model: local trend",
    "mix": "mix of random walk and last 5 years",
    "ols_5": "straight line, last 5 years",
    "random_walk": "random walk, past steps",
    "ols_2010": "straight line since 2010",
    "persistence": "record stays as it is",
}
SPLITS: Mapping[str, str] = {
    "tuning": "2018–2022, settings chosen here",
    "holdout": "from 2023, held out",
    "early": "before 2018, another regime",
}
_COLOURS = {"1 year": ACCENT_SOFT, "2 years": ACCENT, "3 years": SECOND, "4 years and more": "#8d6cab"}
_LABELS = {
    "horizon_years": "Horizon",
    "model": "Method",
    "split": "Origins",
    "crps_oom": "CRPS (OOM)",
    "crps_less_mix_oom": "Less the mix (OOM)",
    "crps_less_mix_se_oom": "± error (OOM)",
    "cov50_frac": "50% held (%)",
    "cov80_frac": "80% held (%)",
    "bias_oom": "Bias (OOM)",
    "brier_100mw": "Brier 100 MW",
    "brier_1gw": "Brier 1 GW",
    "n_forecasts": "Forecasts",
    "n_blocks": "Blocks",
}


def draw_scores(reading: Reading) -> list[Figure]:
    """Return, for compute and power, the score of each method one, two and three years ahead."""
    pooled = _pick_split(reading, "pooled")
    return [_draw(pooled[pooled["target"] == t], t) for t in DRAWN if (pooled["target"] == t).any()]


def _draw(scores: pd.DataFrame, target: str) -> Figure:
    rows = pd.DataFrame(
        {
            "method": [METHODS.get(m, amounts.spell_key(m)) for m in scores["model"]],
            "horizon": [_name_horizon(h) for h in scores["horizon_years"]],
            "crps_oom": scores["crps_oom"].to_numpy(float),
            "cov80_frac": scores["cov80_frac"].to_numpy(float),
            "n_forecasts": scores["n_forecasts"].to_numpy(float),
        }
    )
    order = [name for name in METHODS.values() if name in set(rows["method"])]
    order += sorted(set(rows["method"]) - set(order))
    horizons = {h: c for h, c in _COLOURS.items() if h in set(rows["horizon"])}
    least, most = float(rows["crps_oom"].min()), float(rows["crps_oom"].max())
    scale = {"type": "log", "domain": [0.8 * least, 1.35 * most], "nice": False}
    x = amount("crps_oom", "CRPS in orders of magnitude, log scale; left is better", grid=True, scale=scale)
    x["axis"] |= {"values": [v for v in (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2) if 0.8 * least <= v <= 1.35 * most]}
    x["axis"]["format"] = "~g"
    bold = {"condition": {"test": "datum.value == 'trainload'", "value": 700}, "value": 400}
    y = named_rows("method", order, labelFontWeight=bold, grid=True)
    offset = field("horizon", scale={"domain": list(horizons)})
    tooltip = tip(
        *(("method", "method"), ("horizon", "ahead"), ("crps_oom", "CRPS, OOM", ".3f")),
        *(("cov80_frac", "inside the 80% interval", ".0%"), ("n_forecasts", "forecasts", "d")),
    )
    colour = legend_colours("horizon", horizons, orient="top", symbol="circle")
    size = either("datum.method == 'trainload'", 95, 55)
    text = {"align": "left", "dx": 8, "fontSize": 10.5}
    layers = [
        paint("circle", {"opacity": 1.0}, x=x, y=y, yOffset=offset, color=colour, size=size, tooltip=tooltip),
        paint("text", text, x=x, y=y, yOffset=offset, text=field("crps_oom", "quantitative", format=".2f")),
    ]
    name = TARGETS.get(target, amounts.spell_key(target))
    title = f"{name}: {_state(scores)}"
    return Figure(
        key=f"scores-{target}",
        title=title,
        caption=(
            "CRPS: how far off a whole distribution is, in orders of magnitude (OOM); 0.15 OOM is a factor of 1.4, 0.3 "
            "a factor of 2. One colour a horizon; all origins from 2018 on."
        ),
        alt=f"Score by method and horizon. {title}.",
        spec=frame(rows, height=44 * len(order) + 70, layers=layers, alt=title),
        listing=Listing(
            f"scores-{target}-rows",
            f"Scores: {name.lower()}",
            rows,
            labels={"method": "Method", "horizon": "Ahead", **{k: _LABELS[k] for k in ("crps_oom", "cov80_frac")}}
            | {"n_forecasts": "Forecasts"},
        ),
        width="half",
        grade="C",
    )


def _state(scores: pd.DataFrame) -> str:
    by = scores.set_index(["model", "horizon_years"])["crps_oom"]
    wins = [h for h in sorted(scores["horizon_years"].unique()) if ("trainload", h) in by and ("mix", h) in by]
    if not wins:
        return "scores by method"
    ours, mix = (amounts.join_words([f"{by[m, h]:.2f}" for h in wins]) for m in ("trainload", "mix"))
    return f"off by {ours} OOM {_join_horizons(wins)} ahead, against {mix} for the mix of simple methods"


def _join_horizons(horizons: list[float]) -> str:
    words = amounts.join_words([f"{h:.0f}" for h in horizons])
    return f"{words} {'year' if horizons == [1] else 'years'}"


def _name_horizon(years: float) -> str:
    if years >= 4:
        return "4 years and more"
    return f"{years:.0f} year" + ("s" if years != 1 else "")


def list_backtest(reading: Reading) -> Listing | None:
    """Return the scores of rolling-origin forecasts beside simple ones, over all origins from 2018 on."""
    scores = _pick_split(reading, "pooled")
    if scores.empty:
        return None
    columns = ["target", "horizon_years", "model", "crps_oom", "crps_less_mix_oom", "crps_less_mix_se_oom"]
    columns += ["cov50_frac", "cov80_frac", "bias_oom", "n_forecasts", "n_blocks", "brier_100mw", "brier_1gw"]
    caption = (
        f"{_describe_rule(scores)} CRPS in orders of magnitude (OOM), smaller is better. Less the mix: below zero is "
        "better than the mix of simple methods; the error beside it says by how much that could be chance (none with "
        "fewer than two blocks of origins that don't overlap). A sound 80% interval holds 80% of the time. Brier: "
        "squared error of the odds of 100 MW and 1 GW, smaller is better; where every method is near zero, the answer "
        "was never in doubt, and it proves little. Straight lines are fitted to logarithms. A handful of "
        "forecasts, as for campuses, proves nothing."
    )
    return _list(scores, columns, "backtest-rows", "How forecasts made this way scored", caption, folded=False)


def list_splits(reading: Reading) -> Listing | None:
    """Return the scores on the origins that chose the settings, on those held out, and on those before 2018."""
    parts = [_pick_split(reading, split) for split in SPLITS]
    scores = pd.concat(parts, ignore_index=True)
    scores = scores[scores["model"].isin(["trainload", "local_trend", "mix"]) & scores["target"].isin(DRAWN)]
    if scores.empty:
        return None
    columns = ["target", "split", "horizon_years", "model", "crps_oom", "crps_less_mix_oom", "crps_less_mix_se_oom"]
    columns += ["cov80_frac", "bias_oom", "n_forecasts", "n_blocks"]
    caption = (
        "Settings were chosen on origins of 2018 to 2022 and scored on those from 2023 with trainload "
        f"{reading.summary.get('version', '')}; the two share outcomes. Forecasts before 2018 stand apart: records "
        "grew another way then, and it can happen again."
    )
    title = "The same where settings were chosen, where they were held out, and before 2018"
    return _list(scores, columns, "backtest-splits", title, caption, folded=True)


def _list(scores: pd.DataFrame, columns: list[str], key: str, title: str, caption: str, *, folded: bool) -> Listing:
    place = {model: i for i, model in enumerate(METHODS)}
    ordered = scores.assign(
        place=[place.get(m, len(place)) for m in scores["model"]],
        part=[list(TARGETS).index(t) if t in TARGETS else len(TARGETS) for t in scores["target"]],
    )
    within = ["part", "split", "horizon_years", "place"]
    ordered["split"] = pd.Categorical(ordered["split"], ["pooled", *SPLITS])
    ordered = ordered.sort_values(within, kind="stable").reset_index(drop=True)
    marked = frozenset(i for i, model in enumerate(ordered["model"]) if model == "trainload")
    rows = ordered[columns].copy()
    rows["target"] = [TARGETS.get(t, amounts.spell_key(t)) for t in rows["target"]]
    rows["model"] = [METHODS.get(m, amounts.spell_key(m)) for m in rows["model"]]
    if "split" in rows:
        rows["split"] = [SPLITS.get(str(s), str(s)) for s in rows["split"]]
    rows.loc[ordered["model"] == "mix", ["crps_less_mix_oom", "crps_less_mix_se_oom"]] = float("nan")
    scores_only = rows.columns.difference(["target", "split", "model", "horizon_years", "n_forecasts"])
    rows[scores_only] = rows[scores_only].round(3)  # no cell has earned a fourth decimal
    empty = [c for c in rows.columns if rows[c].isna().all()]
    kinds: dict[str, Kind] = {"cov50_frac": "share", "cov80_frac": "share"}
    return Listing(key, title, rows.drop(columns=empty), caption, _LABELS, kinds, marked, folded)


def _describe_rule(scores: pd.DataFrame) -> str:
    known = [row["truth_on"] for row in list_rows(scores) if not amounts.is_missing(row["truth_on"])]
    until = f"; outcomes to {amounts.format_date(max(known))}" if known else ""
    return f"A forecast every quarter from 2018 on, fitted with runs dated before it only{until}."


def _pick_split(reading: Reading, split: str) -> pd.DataFrame:
    scores = reading["backtest"]
    return scores[scores["split"] == split].reset_index(drop=True)

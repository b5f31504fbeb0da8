"""How well it did: scores of earlier forecasts, what others claimed, and what was planned beside what happened."""

from collections.abc import Mapping

import pandas as pd

from trainload.report import amounts
from trainload.report.figures import Kind, Listing
from trainload.report.reading import Reading

SCORED: Mapping[str, str] = {"compute": "Record compute", "power": "Record power", "campus": "Largest campus"}
_SCORES = ("crps", "cov50", "cov80", "bias", "n")


def list_claims(reading: Reading) -> list[Listing]:
    """Return what was claimed, with odds then and now, and what happened; empty where the study has none."""
    found = []
    claims, outcomes = reading["claims"], reading["outcomes"]
    if not claims.empty:
        labels = {"who": "By whom", "threshold": "Amount", "happened": "What happened so far", "year": "For the year"}
        labels |= {"p_then_frac": "Our odds then", "p_now_frac": "Our odds now"}
        kinds: dict[str, Kind] = {"p_then_frac": "odds", "p_now_frac": "odds"}
        caption = (
            "What was said, for which target and year; its probability as of then and as of this study; what happened."
        )
        found.append(Listing("claims-rows", "Claims ledger", claims, caption, labels, kinds))
    if not outcomes.empty:
        labels = {"planned": "Planned, as of the study's date", "happened": "What happened"}
        found.append(Listing("outcomes-rows", "What was planned, and what happened", outcomes, labels=labels))
    return found


def list_backtest(reading: Reading) -> Listing | None:
    """Return the scores of rolling-origin forecasts beside naive ones, where the summary carries them."""
    targets = (reading.summary.get("backtest") or {}).get("targets") or {}
    rows = [
        [SCORED.get(target, amounts.spell_key(target)), float(horizon), model, *(score.get(k) for k in _SCORES)]
        for target, part in targets.items()
        for horizon, by_model in (part.get("horizons") or {}).items()
        for model, score in (by_model.get("models") or {}).items()
    ]
    if not rows:
        return None
    table = pd.DataFrame(rows, columns=["target", "horizon", "model", *_SCORES])
    marked = frozenset(i for i, model in enumerate(table["model"]) if model == "trainload")
    table["model"] = [m if m == "trainload" else amounts.spell_key(m).lower() for m in table["model"]]
    labels = {
        "horizon": "Horizon (years)",
        "crps": "CRPS (OOM)",
        "cov50": "Inside the 50% interval (%)",
        "cov80": "Inside the 80% interval (%)",
        "bias": "Bias (OOM)",
        "n": "Forecasts (count)",
    }
    caption = (
        "Rolling origins, each fitted with runs dated before it only. CRPS in orders of magnitude (OOM), "
        "smaller is better; "
        "a sound 80% interval holds 80% of the time."
    )
    kinds: dict[str, Kind] = {"cov50": "share", "cov80": "share"}
    return Listing("backtest-rows", "How forecasts made this way scored", table, caption, labels, kinds, marked)

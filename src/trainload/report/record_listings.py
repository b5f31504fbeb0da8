"""What others claimed, and what was planned beside what happened."""

from trainload.report.figures import Kind, Listing
from trainload.report.reading import Reading


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

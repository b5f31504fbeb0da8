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
            "What was said; its probability from what was known on that day, and from what today's catalogue knows; "
            "what happened so far. Target, year and amount of each claim stand to the right."
        )
        first = ["claim", "who", "said_on", "p_then_frac", "p_now_frac", "happened"]  # what is read without scrolling
        rows = claims[[*first, *(c for c in claims.columns if c not in first)]]
        found.append(Listing("claims-rows", "Claims ledger", rows, caption, labels, kinds))
    if not outcomes.empty:
        labels = {"planned": "Planned, as of the study's date", "happened": "What happened"}
        found.append(Listing("outcomes-rows", "What was planned, and what happened", outcomes, labels=labels))
    return found

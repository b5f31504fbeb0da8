"""What a plan of the past would have had to know: the figures of then beside those of now."""

from datetime import date

import pandas as pd

from trainload.catalogue.facts import Catalogue, Figure, load_catalogue, restate_figure

# What a planner asks of a technology first; the other quantities are physical and hardly age.
_COMPARED = {"capex_usd_per_mw": ("capital", "USD/kW", 1e-3), "lead_months": ("order to power", "months", 1.0)}


def compare_vintages(then: date, now: Catalogue | None = None) -> pd.DataFrame:
    """Return capital and lead time of every technology as known on a day, beside the newest, where they differ.

    Money is restated in 2026 USD on both sides, so the change is real. Technologies without a figure of their own time
    are left out: `load_catalogue(then).notes` names them.

    Columns: technology, label, quantity, unit; value, year, known_on, grade and source of then (``then_value`` ...) and
    of now (``now_value`` ...); change_frac.
    """
    newest = now or load_catalogue()
    past = load_catalogue(then, folder=newest.folder)
    rows = []
    for key, technology in past.technologies.items():
        for quantity, (_, unit, factor) in _COMPARED.items():
            before, after = technology.figures.get(quantity), newest.technologies[key].figures[quantity]
            if before is None or before.known_on is None or before.known_on > then or before == after:
                continue
            was, is_ = restate_figure(before).value * factor, restate_figure(after).value * factor
            rows.append(
                (key, technology.label, quantity, unit, was, *_proof(before), is_, *_proof(after), is_ / was - 1.0)
            )
    columns = ["technology", "label", "quantity", "unit"]
    for when in ("then", "now"):
        columns += [f"{when}_{name}" for name in ("value", "year", "known_on", "grade", "source")]
    return pd.DataFrame(rows, columns=[*columns, "change_frac"])


def tabulate_vintage_outcomes(then: date, now: Catalogue | None = None) -> pd.DataFrame:
    """Return `compare_vintages` as rows of the study's table `outcomes`: what was planned with, and what it is now."""
    rows = []
    for row in compare_vintages(then, now).to_dict("records"):
        name = _COMPARED[str(row["quantity"])][0]
        unit = f"{row['unit']} (2026 USD)" if str(row["unit"]).startswith("USD") else str(row["unit"])
        rows.append(
            {
                "subject": f"{row['label']}: {name}",
                "planned": f"{row['then_value']:,.0f} {unit}, by a figure of {row['then_known_on']:%B %Y}",
                "happened": f"{row['now_value']:,.0f} {unit} in {row['now_known_on']:%Y}: {row['change_frac']:+.0%}",
                "grade": max(str(row["then_grade"]), str(row["now_grade"])),
                "source": f"{row['then_source']}; {row['now_source']}",
            }
        )
    return pd.DataFrame(rows, columns=["subject", "planned", "happened", "grade", "source"])


def _proof(figure: Figure) -> tuple[int, date | None, str, str]:
    return figure.year, figure.known_on, figure.grade, figure.source

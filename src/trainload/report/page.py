"""The report: one self-contained page made of a study's tables, and nothing else."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2

from trainload.report import amounts
from trainload.report.contents import Section, build_sections, list_facts
from trainload.report.figures import Figure
from trainload.report.palette import THEME
from trainload.report.reading import Reading, StudyLike, read_study
from trainload.report.wording import list_key_figures, write_headline

MAX_BYTES = 2_000_000
SHORTER_TABLES = (300, 100, 30)  # rows shown where the page would be larger
VENDORED = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
LIMITS = (
    (
        "Lead times are distributions made of dated quotes and judgement (grade C): priors, not data. The "
        "percentiles are only as good as they are."
    ),
    (
        "Power flows are not modelled: the grid is a service with a contract, called curtailments and a price. "
        "No hourly commitment, no minimum up times of plants."
    ),
    (
        "The weather is that of the years given; a drought that none of them holds is not in the plan. Outages "
        "are averages here, not draws."
    ),
    (
        "Money is constant USD of one price year, before tax, without credits. The price of missing power is an "
        "assumption of grade C, the reader's to set."
    ),
    (
        "The forecast rests on disclosed or estimated runs; most laboratories stopped disclosing after 2024, and "
        "missing is not small."
    ),
)


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a study folder from its tables alone and return its path.

    Raises:
        DataError: a table of the folder is missing or does not follow its schema.
    """
    from trainload.study.folder import load_study  # noqa: PLC0415  study.run imports the report lazily too

    out = folder / "report.html"
    scratch = out.with_name(".report.html.part")
    scratch.write_text(render_report(load_study(folder)), encoding="utf-8")
    scratch.replace(out)
    return out


def render_report(study: StudyLike) -> str:
    """Return the page of a study as one HTML text that loads nothing; equal for equal tables."""
    reading = read_study(study)
    sections = [s for s in build_sections(reading) if s.items or s.empty]
    page = _fill_page(reading, sections, max_rows=None)
    for max_rows in SHORTER_TABLES:
        if len(page.encode("utf-8")) <= MAX_BYTES:
            break
        page = _fill_page(reading, sections, max_rows=max_rows)
    return page


def _fill_page(reading: Reading, sections: Sequence[Section], *, max_rows: int | None) -> str:
    """Return the page; tables show at most `max_rows` rows and say so, their CSV holds all."""
    return _fill(
        sections,
        max_rows=max_rows,
        title=_title(reading),
        headline=_bind(write_headline(reading)),
        key_figures=list_key_figures(reading),
        facts=list_facts(reading),
        scenario_text=_scenario_text(reading.manifest),
        as_of=amounts.format_date(reading.summary.get("as_of")) if reading.summary.get("as_of") else "",
        version=reading.summary.get("version", ""),
        description=reading.manifest.get("description") or "",
    )


def render_page(
    sections: Sequence[Section],
    *,
    title: str,
    headline: str,
    description: str = "",
    facts: Sequence[tuple[str, str]] = (),
    scenario_text: str = "",
    version: str = "",
) -> str:
    """Return a page of its own in the report's form, such as that of a front or a sweep; it loads nothing."""
    return _fill(
        sections,
        max_rows=None,
        title=title,
        headline=_bind(headline),
        key_figures=(),
        facts=facts,
        scenario_text=scenario_text,
        as_of="",
        version=version,
        description=description,
    )


def _fill(sections: Sequence[Section], *, max_rows: int | None, **words: Any) -> str:
    """Return the template filled with figures, listings and words."""
    figures = [item for s in sections for item in s.items if isinstance(item, Figure)]
    listings = [item.listing if isinstance(item, Figure) else item for s in sections for item in s.items]
    data = {
        "config": dict(THEME),
        "charts": {f.key: {"spec": f.spec, "rows": f.listing.key} for f in figures},
        "csv": {item.key: item.csv for item in listings},
    }
    return _template().render(
        sections=sections,
        limits=LIMITS,
        data=_embed_json(data),
        scripts=[_vendored(name) for name in VENDORED],
        page_script=_read_text("templates/report.js"),
        style=_read_text("templates/report.css"),
        is_figure=lambda item: isinstance(item, Figure),
        max_rows=max_rows,
        **words,
    )


def _bind(text: str) -> str:
    """Return the text with dates and amounts kept on one line each."""
    dates = re.sub(r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4})", "\\1\u00a0\\2\u00a0\\3", text)
    return re.sub(r"(\d) (GW|MW)", "\\1\u00a0\\2", dates)


def _title(reading: Reading) -> str:
    return str(
        reading.manifest.get("title")
        or reading.summary.get("title")
        or amounts.spell_key(str(reading.summary.get("scenario", "Study")))
    )


def _scenario_text(manifest: Mapping[str, Any]) -> str:
    text = manifest.get("scenario_text") or manifest.get("scenario") or ""
    return text if isinstance(text, str) else json.dumps(text, indent=2, sort_keys=True, default=str)


def _embed_json(data: Any) -> str:
    """Return JSON that may stand inside a script element whatever its texts hold."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    for sign, code in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(sign, code)
    return text


def _vendored(name: str) -> str:
    return _read_text(f"vendor/{name}").replace("</script", "<\\/script")


@cache
def _read_text(name: str) -> str:
    return (resources.files("trainload.report") / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("trainload.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html")

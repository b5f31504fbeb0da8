"""The report in a real browser: every chart is drawn, nothing fails, nothing is loaded, nothing overflows."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from make_study import make_study
from trainload.report.contents import build_sections
from trainload.report.figures import Figure
from trainload.report.page import render_report
from trainload.report.reading import read_study

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars"),
]
PROBE = """<script>
window.addEventListener("load", () => {
  const wait = () => {
    const root = document.documentElement;
    if (!root.dataset.charts) { setTimeout(wait, 50); return; }
    root.dataset.loaded = performance.getEntriesByType("resource").map((e) => e.name).join(" ");
    root.dataset.wide = String(root.scrollWidth - root.clientWidth);
    const cut = [];
    document.querySelectorAll(".chart").forEach((c) => {
      const s = c.querySelector("svg");
      if (!s || s.getBoundingClientRect().width > c.getBoundingClientRect().width + 1) cut.push(c.dataset.chart);
    });
    root.dataset.cut = cut.join(" ");
  };
  wait();
});
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; CI installs it")
@pytest.mark.parametrize("width", [1280, 800])
def test_every_chart_is_drawn(width: int, tmp_path: Path) -> None:
    """Proves: all charts render marks, without error or warning of the browser or of Vega, loading nothing.

    If broken: a bad field, scale or expression leaves an empty frame that no Python test sees.
    """
    study = make_study()
    page = tmp_path / "report.html"
    head, _, tail = render_report(study).rpartition("</body>")  # the chart library holds that text too
    page.write_text(head + PROBE + "</body>" + tail, encoding="utf-8")
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1000"]
    command += ["--virtual-time-budget=30000", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    root = re.search(r"<html[^>]*>", done.stdout)
    assert root is not None
    told = {k: html.unescape(v) for k, v in re.findall(r'data-([a-z]+)="([^"]*)"', root.group(0))}
    figures = [i for s in build_sections(read_study(study)) for i in s.items if isinstance(i, Figure)]
    assert told["errors"] == "" and told["warnings"] == ""
    assert told["charts"] == f"{len(figures)}/{len(figures)}"
    assert told["loaded"] == ""
    assert told["wide"] == "0" and told["cut"] == ""
    marks = {m[0]: int(m[1]) for m in re.findall(r'data-chart="([^"]+)"[^>]*data-marks="(\d+)"', done.stdout)}
    assert set(marks) == {f.key for f in figures}
    assert min(marks.values()) >= 2, marks

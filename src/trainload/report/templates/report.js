"use strict";
(function () {
  const root = document.documentElement;
  const problems = [];
  const warnings = [];
  let drawn = 0;
  const places = Array.from(document.querySelectorAll("[data-chart]"));

  function tell() {
    root.dataset.charts = drawn + "/" + places.length;
    root.dataset.errors = problems.join(" | ");
    root.dataset.warnings = warnings.join(" | ");
  }
  window.addEventListener("error", (event) => { problems.push(String(event.message)); tell(); });
  window.addEventListener("unhandledrejection", (event) => { problems.push(String(event.reason)); tell(); });

  const data = JSON.parse(document.getElementById("report-data").textContent);

  document.querySelectorAll("[data-csv]").forEach((link) => {
    link.addEventListener("click", () => {
      const text = data.csv[link.dataset.csv];
      const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
      link.href = address;
      setTimeout(() => URL.revokeObjectURL(address), 60000);
    });
  });

  function makeLogger(key) {
    return {
      level() { return this; },
      error(...words) { problems.push(key + ": " + words.map((w) => (w && w.stack) || w).join(" ")); return this; },
      warn(...words) { warnings.push(key + ": " + words.join(" ")); return this; },
      info() { return this; },
      debug() { return this; },
    };
  }

  function draw(place) {
    const chart = data.charts[place.dataset.chart];
    const spec = Object.assign({}, chart.spec, { config: data.config, datasets: { rows: data.csv[chart.rows] } });
    return vegaEmbed(place, spec, {
      renderer: "svg",
      logger: makeLogger(place.dataset.chart),
      downloadFileName: place.dataset.chart,
      actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
    }).then(() => {
      const marks = place.querySelectorAll(".mark-group path, .mark-area path, .mark-line path, .mark-rect path, .mark-rule line, .mark-symbol path, .mark-text text");
      place.dataset.marks = String(marks.length);
      drawn += 1;
    }).catch((reason) => {
      problems.push(place.dataset.chart + ": " + reason);
    });
  }

  Promise.all(places.map(draw)).then(tell);

  const links = new Map(Array.from(document.querySelectorAll(".toc a")).map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      if (link) link.setAttribute("aria-current", "true");
    });
  }, { rootMargin: "0px 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach((section) => watcher.observe(section));
})();

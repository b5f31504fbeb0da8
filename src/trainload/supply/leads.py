"""The step graphs of gates and options, from the catalogue and the scenario, fitted to their all-in lead times."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from trainload.catalogue.facts import Catalogue, Figure, load_catalogue, restate_figure
from trainload.catalogue.records import LeadTriple
from trainload.errors import Note, Problem
from trainload.scenario.models import GATE_PREFIX, GateSpec, OptionSpec, Scenario, StepSpec
from trainload.supply.graphs import Graph, find_circle, fit_steps, measure_lead, meets_target, simulate_for_fit
from trainload.supply.options import Gate, Step

GATE_LIFE_YEARS = 40.0
Fit = Literal["never", "changed", "always"]
ALL_IN = "all_in"  # the only step of a graph that is not decomposed


@dataclass(slots=True)
class Findings:
    """What a build has found so far: figures used, notes, problems. Private to one call of `build_supply`."""

    scenario: Scenario
    catalogue: Catalogue
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, subject: str, text: str, kind: str = "assumption") -> None:
        """Keep a note."""
        self.notes.append(Note(subject, text, kind))  # type: ignore[arg-type]

    def given(self, key: str, value: float, unit: str, *, source: str | None) -> Figure:
        """Keep and return the figure of a number that the scenario gives."""
        year = self.scenario.money.price_year
        figure = Figure(value, None, None, unit, year, "C", source or f"scenario {self.scenario.name}", "given there")
        self.figures[key] = figure
        return figure

    def keep(self, key: str, figure: Figure) -> Figure:
        """Keep and return a figure in the scenario's price year."""
        self.figures[key] = restated = restate_figure(figure, self.scenario.money.price_year)
        return restated


@dataclass(frozen=True, slots=True)
class Lead:
    """The resolved graph of one owner."""

    gates: tuple[str, ...]
    steps: tuple[Step, ...]
    target: LeadTriple | None
    decomposed: bool
    grade: str


def resolve_gates(findings: Findings) -> tuple[tuple[Gate, ...], Mapping[str, Graph]]:
    """Return the enabled gates and their graphs with the draws used for fitting."""
    records = {record.gate: record for record in findings.catalogue.gates}
    specs = findings.scenario.gates
    enabled = [g for g in dict.fromkeys([*records, *specs]) if g not in specs or specs[g].enabled]
    gates: dict[str, Gate] = {}
    graphs: dict[str, Graph] = {}
    merged = {g: _merge_steps(findings, g, specs.get(g), catalogue_owner=g) for g in enabled}
    steps = {g: _drop_gates(graph, keep=tuple(enabled)) for g, graph in merged.items()}
    for name, graph in merged.items():
        for gate in dict.fromkeys(_gates_of(graph)):
            if gate not in enabled:
                findings.note(f"gate {name}", f"does not wait for {gate}, which the scenario leaves out", "default")
    pending = _sort_gates(findings, steps)
    for name in pending:
        record, spec = records.get(name), specs.get(name) or GateSpec()
        capex = 0.0
        if spec.capex_usd_per_mw is not None:
            key = f"gate.{name}.capex_usd_per_mw"
            capex = findings.given(key, spec.capex_usd_per_mw, "USD/MW", source=spec.source).value
        elif record is not None:
            capex = findings.keep(f"gate.{name}.capex_usd_per_mw", record.capex).value
        else:
            findings.note(f"gate {name}", "the scenario gives no capital cost: taken as zero", "default")
        max_mw = spec.max_mw if spec.max_mw is not None else record.max_mw if record else float("inf")
        target = _given_target(spec) or (record.lead_target if record else None)
        fit: Fit = "always" if _given_target(spec) is not None else "changed" if spec.steps else "never"
        lead = _fit_lead(findings, name, steps[name], target, fit=fit, gates=graphs)
        gates[name] = Gate(
            gate=name,
            label=spec.label or (record.label if record else name),
            unit_mw=spec.unit_mw if spec.unit_mw is not None else record.unit_mw if record else 0.0,
            max_mw=max_mw,
            capex_usd_per_mw=capex,
            lifetime_years=record.lifetime_years if record else GATE_LIFE_YEARS,
            steps=charge_steps(lead.steps, capex),
            lead_target=target,
            decomposed=lead.decomposed,
            milestones=record.milestones if record else ((1.0, 1.0),),
            grade=record.grade if record else "C",
            source=spec.source or (record.source if record else f"scenario {findings.scenario.name}"),
            note=record.note if record else "",
            wacc_frac=findings.scenario.money.wacc_frac,
        )
        graphs[name] = simulate_for_fit(name, lead.steps, gates=graphs)
    return tuple(gates[g] for g in enabled if g in gates), MappingProxyType(graphs)


def resolve_lead(
    findings: Findings, name: str, spec: OptionSpec, *, base: str | None, gates: Mapping[str, Graph]
) -> Lead:
    """Return an option's graph.

    It is the catalogue's (of the option or of what it is `like`) with the scenario's steps put over it. Where the
    scenario or the catalogue's vintage gives another lead time than the one the graph was calibrated to, it is scaled;
    where the scenario changes steps or gates only, the graph takes what it takes. A target that a gate alone exceeds
    takes the gates as ready, unless the scenario names them; where no scaling meets the target, or nobody has
    decomposed the option, it is one step drawn from the target. Notes say which.
    """
    steps = _merge_steps(findings, name, spec, catalogue_owner=base)
    named = _gates_of(steps)
    wanted = [g.removeprefix(GATE_PREFIX) for g in spec.gates] if spec.gates is not None else named
    known = [*gates, *findings.scenario.gates, *(record.gate for record in findings.catalogue.gates)]
    for gate in wanted:
        if gate not in known:
            findings.problems.append(
                Problem(f"options.{name}.gates", "no such gate", gate, f"known: {', '.join(dict.fromkeys(known))}")
            )
    own_gates = tuple(dict.fromkeys(gate for gate in wanted if gate in gates))
    for gate in named:
        if gate not in own_gates:
            findings.note(f"option {name}", f"does not wait for {gate}, which the scenario leaves out", "default")
    steps = _drop_gates(steps, keep=own_gates)
    target = _given_target(spec)
    overridden = target is not None
    grade = "C"
    if base is not None:
        figure = findings.catalogue.technologies[base].figure("lead_months")
        grade = figure.grade
        if target is None:
            target = _triple(figure)
            findings.figures[f"{name}.lead_months"] = figure
    if overridden and target is not None:
        findings.given(f"{name}.lead_months", target[1], "months", source=spec.source)
    changed = bool(spec.steps) or spec.gates is not None or any(g in findings.scenario.gates for g in own_gates)
    dated = base is not None and not changed and target != _calibrated_target(findings.catalogue, base)
    return _fit_lead(
        findings,
        name,
        steps,
        target,
        fit="always" if overridden or dated else "changed" if changed else "never",
        gates=gates,
        own_gates=own_gates,
        keep_gates=spec.gates is not None,
        grade=grade,
    )


def _fit_lead(
    findings: Findings,
    name: str,
    steps: tuple[Step, ...],
    target: LeadTriple | None,
    *,
    fit: Fit,
    gates: Mapping[str, Graph],
    own_gates: tuple[str, ...] = (),
    keep_gates: bool = False,
    grade: str = "C",
) -> Lead:
    """Return the graph, scaled to the target where `fit` asks for it.

    Args:
        findings: where notes and problems go.
        name: option or gate id.
        steps: as merged from catalogue and scenario.
        target: all-in lead time, where one is stated.
        fit: ``never`` for a graph calibrated to its target, ``changed`` where the scenario changed it: then a target it
            misses no longer holds.
        gates: graphs of all gates.
        own_gates: those it waits for.
        keep_gates: the scenario names them, so that none may be dropped.
        grade: of the lead time.
    """
    if not steps:
        if target is None:
            findings.problems.append(
                Problem(name, "has neither steps nor a lead time", "", "give lead_p10/p50/p90_months")
            )
            target = (0.0, 0.0, 0.0)
        return Lead(own_gates, (_all_in_step(name, target, grade),), target, decomposed=False, grade=grade)
    if find_circle({step.step: step.after for step in steps}) or not _predecessors_known(steps, gates):
        return Lead(own_gates, steps, target, decomposed=True, grade=grade)  # `check_graphs` names what is wrong
    lead = measure_lead(name, steps, own_gates=own_gates, gates=gates)
    if target is not None and fit == "changed" and not meets_target(lead, target):
        text = f"with the scenario's own steps and gates it takes {_months(lead)} months, not {_months(target)}"
        findings.note(name, text)
        target = None
    if target is None or fit != "always":
        return Lead(own_gates, steps, target, decomposed=len(steps) > 1, grade=grade)
    had, wanted = _months(lead), _months(target)
    fitted = fit_steps(name, steps, target, own_gates=own_gates, gates=gates)
    if fitted is None and own_gates and not keep_gates:
        fitted = fit_steps(name, _drop_gates(steps, keep=()), target)
        if fitted is not None:
            behind = ", ".join(own_gates)
            findings.note(name, f"{behind} takes longer than the lead time {wanted} leaves: taken as ready", "limit")
            own_gates = ()
    if fitted is not None:
        findings.note(name, f"its steps (P10/P50/P90 {had} months in all) are scaled to the lead time {wanted}")
        scaled = tuple(
            replace(step, grade="C", note=f"{step.note}; scaled to the lead time {wanted}".lstrip("; "))
            for step in fitted
        )
        return Lead(own_gates, scaled, target, decomposed=len(steps) > 1, grade=grade)
    text = f"its steps take {had} months and don't scale to the lead time {wanted}: drawn as one step"
    if keep_gates and own_gates:
        text += f", beside the gates that the scenario names ({', '.join(own_gates)}), which may take longer"
    findings.note(name, text, "limit")
    all_in = (_all_in_step(name, target, grade, instead_of=steps),)
    return Lead(own_gates if keep_gates else (), all_in, target, decomposed=False, grade=grade)


def _merge_steps(
    findings: Findings, name: str, spec: OptionSpec | GateSpec | None, *, catalogue_owner: str | None
) -> tuple[Step, ...]:
    """Return the catalogue's steps with the scenario's put over them by name."""
    merged = {
        record.step: Step(
            step=record.step,
            owner=name,
            label=record.label,
            after=record.after,
            p10_months=record.p10_months,
            p50_months=record.p50_months,
            p90_months=record.p90_months,
            factor=record.factor or None,
            factor_loading_frac=record.loading_frac,
            cost_usd_per_mw=record.cost_share_frac,  # a share until `charge_steps` knows the capital
            grade=record.grade,
            source=record.source,
            note=record.note,
        )
        for record in findings.catalogue.steps
        if record.owner == catalogue_owner
    }
    for step, own in ((spec.steps if spec else None) or {}).items():
        merged[step] = _own_step(findings, name, step, own, merged.get(step))
    return tuple(merged.values())


def _own_step(findings: Findings, owner: str, name: str, spec: StepSpec, old: Step | None) -> Step:
    source = spec.source if spec.source != "scenario" else f"scenario {findings.scenario.name}"
    return Step(
        step=name,
        owner=owner,
        label=spec.label or (old.label if old else name),
        after=tuple(spec.after) if old is None or "after" in spec.model_fields_set else old.after,
        p10_months=spec.p10_months,
        p50_months=spec.p50_months,
        p90_months=spec.p90_months,
        factor=spec.factor if old is None or "factor" in spec.model_fields_set else old.factor,
        factor_loading_frac=spec.loading_frac
        if old is None or spec.model_fields_set & {"factor", "loading_frac"}
        else old.factor_loading_frac,
        cost_usd_per_mw=old.cost_usd_per_mw if old else 0.0,
        grade="C",
        source=source,
        note="given in the scenario",
    )


def charge_steps(steps: tuple[Step, ...], capex_usd_per_mw: float) -> tuple[Step, ...]:
    """Return the steps with their shares of the owner's capital turned into USD/MW."""
    return tuple(replace(step, cost_usd_per_mw=step.cost_usd_per_mw * capex_usd_per_mw) for step in steps)


def _all_in_step(owner: str, target: LeadTriple, grade: str, *, instead_of: tuple[Step, ...] = ()) -> Step:
    """Return one step for the whole lead time; it follows the common factor of the longest step it stands for."""
    longest = max(instead_of, key=lambda step: step.p50_months, default=None)
    return Step(
        step=ALL_IN,
        owner=owner,
        label="All-in lead time, not decomposed",
        after=(),
        p10_months=target[0],
        p50_months=target[1],
        p90_months=target[2],
        factor=longest.factor if longest else None,
        factor_loading_frac=longest.factor_loading_frac if longest else 0.0,
        cost_usd_per_mw=1.0,
        grade=grade,
        source="catalogue or scenario lead time",
    )


def _sort_gates(findings: Findings, steps: Mapping[str, tuple[Step, ...]]) -> list[str]:
    """Return the gates, each after those its steps wait for; what can't be sorted is a problem."""
    waits = {gate: [b for b in _gates_of(own) if b in steps] for gate, own in steps.items()}
    circle = find_circle(waits)
    if circle:
        findings.problems.append(
            Problem("gates", "wait for each other in a circle", " -> ".join(circle), "cut one `after`")
        )
        return []
    ordered: list[str] = []
    while len(ordered) < len(steps):
        ordered += [g for g in steps if g not in ordered and all(b in ordered for b in waits[g])]
    return ordered


def _drop_gates(steps: tuple[Step, ...], *, keep: tuple[str, ...]) -> tuple[Step, ...]:
    """Return the steps without waits for gates other than those kept."""

    def stays(before: str) -> bool:
        return not before.startswith(GATE_PREFIX) or before.removeprefix(GATE_PREFIX) in keep

    return tuple(replace(step, after=tuple(b for b in step.after if stays(b))) for step in steps)


def _gates_of(steps: tuple[Step, ...]) -> list[str]:
    found = [b.removeprefix(GATE_PREFIX) for step in steps for b in step.after if b.startswith(GATE_PREFIX)]
    return list(dict.fromkeys(found))


def _predecessors_known(steps: tuple[Step, ...], gates: Mapping[str, Graph]) -> bool:
    own = {step.step for step in steps}
    return all(
        b.removeprefix(GATE_PREFIX) in gates if b.startswith(GATE_PREFIX) else b in own
        for step in steps
        for b in step.after
    )


def _calibrated_target(catalogue: Catalogue, base: str) -> LeadTriple:
    """Return the all-in lead time that the tables' graph was calibrated to: the newest, whatever the vintage."""
    newest = load_catalogue(folder=catalogue.folder) if catalogue.vintage_on is not None else catalogue
    return _triple(newest.technologies[base].figure("lead_months"))


def _triple(figure: Figure) -> LeadTriple:
    low = figure.value if figure.low is None else figure.low
    high = figure.value if figure.high is None else figure.high
    return (low, figure.value, high)


def _given_target(spec: OptionSpec | GateSpec) -> LeadTriple | None:
    lead = (spec.lead_p10_months, spec.lead_p50_months, spec.lead_p90_months)
    if lead[0] is None or lead[1] is None or lead[2] is None:
        return None
    return (lead[0], lead[1], lead[2])


def _months(lead: LeadTriple) -> str:
    return "/".join(f"{months:.3g}" for months in lead)

"""Runs of the record: estimated like any other, and compared with the energy that was published for them."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from trainload.catalogue.facts import Catalogue, Chip, TrainingRun
from trainload.demand.chips import choose_chip
from trainload.demand.run import RunDemand, estimate_run
from trainload.demand.size import RunSpec
from trainload.errors import DataError, Note

Given = Literal["chips, FLOP and dates", "chip, FLOP and date"]
# The named definition that each published perimeter comes closest to; "x PUE" is taken out or put in below.
_WITH_PUE = frozenset({"chip_tdp_pue", "chip_measured_pue", "server_measured_pue"})
_MEASURED = frozenset({"server_measured", "server_measured_pue"})


def estimate_training_run(run: TrainingRun, catalogue: Catalogue) -> RunDemand:
    """Return the estimate for a run of the catalogue, from its chips and chip-hours where it states them.

    Calendar days count only where chip-hours are missing, as they include time that the chips did something else.

    Raises:
        ScenarioError: too little is stated of the run.
        DataError: its chip has no figures.
    """
    hours_known = run.n_chips is not None and run.chip_hours is not None
    chip: str | Chip = run.chip.split(",")[0].strip()
    notes: list[Note] = []
    if not chip:
        chip, _, note = choose_chip(catalogue, run.release_on, as_of=run.release_on)
        notes.append(replace(note, subject=f"run {run.name}"))
    spec = RunSpec(
        name=run.name,
        chip=chip,
        on=run.release_on,
        flop=run.flop,
        n_chips=run.n_chips,
        chip_hours=run.chip_hours if hours_known or run.days is None or run.n_chips is None else None,
        days=None if hours_known else run.days,
        utilisation_frac=run.utilisation_frac if run.flop is None else None,
        pue_annual=run.pue,
        proof=(run.grade, run.source),
    )
    result = estimate_run(spec, catalogue)
    return replace(result, notes=(*notes, *result.notes))


def compare_published_energy(catalogue: Catalogue) -> pd.DataFrame:
    """Return predicted beside published energy for every run that has it.

    Predicted from chip, number of chips, FLOP and days, with PUE by date; where the number or the days are not known,
    from chip, FLOP and date alone, with the default utilisation. The prediction counts what the publication counts
    (`energy_perimeter`): chips at TDP, or measured nodes, with or without PUE. Nodes of a chip that has published
    measurements are calibrated on the *other* runs of that chip, so no run predicts itself.

    Columns: run, chip, given, perimeter, from_memory, measured (published from a meter), published_mwh, predicted_mwh,
    error_frac (predicted over published, less 1).
    """
    rows = []
    for run in catalogue.runs:
        if run.energy_mwh is None or run.flop is None or run.energy_perimeter == "unknown":
            continue
        try:
            chip = catalogue.chip(run.chip.split(",")[0].strip())
        except DataError:
            continue
        sized = run.n_chips is not None and run.days is not None
        spec = RunSpec(
            name=run.name,
            chip=_calibrate_without(run, chip, catalogue),
            on=run.release_on,
            flop=run.flop,
            n_chips=run.n_chips if sized else None,
            days=run.days if sized else None,
        )
        predicted = _energy_in_perimeter(estimate_run(spec, catalogue), run.energy_perimeter)
        rows.append(
            {
                "run": run.name,
                "chip": chip.name,
                "given": "chips, FLOP and dates" if sized else "chip, FLOP and date",
                "perimeter": run.energy_perimeter,
                "from_memory": run.from_memory,
                "measured": run.energy_perimeter in _MEASURED or run.energy_perimeter == "chip_measured_pue",
                "published_mwh": run.energy_mwh,
                "predicted_mwh": predicted,
                "error_frac": predicted / run.energy_mwh - 1.0,
            }
        )
    return pd.DataFrame(rows)


def _energy_in_perimeter(result: RunDemand, perimeter: str) -> float:
    node = result.powers["node_measured"]
    pue = result.pue_annual
    if perimeter in _MEASURED:
        return node.energy_mwh if perimeter in _WITH_PUE else node.energy_mwh / pue
    tdp = result.powers["chip_tdp"].energy_mwh
    return tdp * pue if perimeter in _WITH_PUE else tdp


def _calibrate_without(run: TrainingRun, chip: Chip, catalogue: Catalogue) -> Chip:
    """Return the chip with its measured node power from the other published runs on it; without any, uncalibrated."""
    if run.energy_perimeter not in _MEASURED:
        return chip
    watts: list[float] = []
    loads: list[float] = []
    for other in catalogue.runs:
        if other.name == run.name or other.energy_perimeter not in _MEASURED or other.energy_mwh is None:
            continue
        hours = other.chip_hours or (other.n_chips or 0) * (other.days or 0.0) * 24.0
        if hours == 0 or other.flop is None or chip.bf16_flop_per_s is None:
            continue
        if catalogue.chip(other.chip.split(",")[0].strip()).name != chip.name:
            continue
        pue = (other.pue or 1.0) if other.energy_perimeter in _WITH_PUE else 1.0
        watts.append(other.energy_mwh * 1e6 / hours / pue)
        loads.append(other.flop / (hours * 3600.0 * chip.bf16_flop_per_s))
    if not watts:
        return replace(chip, measured_w=None, measured_utilisation_frac=None)
    return replace(
        chip,
        measured_w=float(np.exp(np.mean(np.log(watts)))),
        measured_utilisation_frac=float(np.exp(np.mean(np.log(loads)))),
    )

"""Plan the campus and its variants with PyPSA and record cost and capacities: ``make peers``.

The default test suite compares the recorded objectives with trainload's own.
"""

import datetime
import json
import logging
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore")

import highspy  # noqa: E402
import linopy  # noqa: E402
import pypsa  # noqa: E402
from as_network import add_carbon_budgets, state_network  # noqa: E402
from campus import RECORD, VARIANTS, load_campus, vary_campus  # noqa: E402


def record_objectives() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    before = {name: found["objective_usd"] for name, found in record.get("found", {}).items()}
    record["found"] = {}
    for variant in VARIANTS:
        problem = vary_campus(load_campus(), variant)
        network = state_network(problem)
        network.optimize.create_model()
        add_carbon_budgets(network, problem)
        outcome = network.optimize.solve_model(solver_name="highs", io_api="direct", log_to_console=False)
        if outcome[0] != "ok":
            sys.exit(f"PyPSA found no plan for the variant '{variant}': {outcome}")
        objective = float(network.model.objective.value)
        sizes = {**network.c.generators.static.p_nom_opt, **network.c.storage_units.static.p_nom_opt}
        mw = {name.removesuffix("-0"): round(float(size), 3) for name, size in sizes.items() if name != "unserved"}
        record["found"][variant] = {"objective_usd": objective, "capacity_mw": mw}
        change = f" ({objective / before[variant] - 1:+.1e} on the last record)" if variant in before else ""
        print(f"{variant}: {objective:,.2f} USD a year{change}")
    record["versions"] = {"pypsa": pypsa.__version__, "linopy": linopy.__version__, "highs": highspy.Highs().version()}
    record["recorded_on"] = datetime.date.today().isoformat()
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"recorded in {RECORD}")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    record_objectives()

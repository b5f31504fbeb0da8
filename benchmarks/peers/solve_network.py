"""One run of PyPSA + HiGHS on a stored problem: ``python solve_network.py PROBLEM.npz ENGINE SECONDS THREADS``.

Prints one line of JSON. Time runs from arrays in memory to the solution in the network, without imports.
"""

import json
import logging
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
warnings.filterwarnings("ignore")

import highspy  # noqa: E402
import linopy  # noqa: E402
import pypsa  # noqa: E402
from as_network import add_carbon_budgets, state_network  # noqa: E402
from problems import load_problem  # noqa: E402

SOLVERS = {"pypsa_hipo": "hipo", "pypsa_ipx": "ipx", "pypsa_default": None}


def solve_network(problem_path: str, engine: str, seconds: float, n_threads: int) -> dict[str, object]:
    problem = load_problem(Path(problem_path))
    units = bool((problem.unit_mw > 0).any())
    options: dict[str, object] = {"time_limit": seconds, "threads": n_threads, "log_to_console": False}
    if SOLVERS[engine] is not None and not units:
        # without crossover: the best setting for these problems
        options |= {"solver": SOLVERS[engine], "run_crossover": "off"}
    if units:
        options["mip_rel_gap"] = 1e-3
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "highs.log"
        started = time.perf_counter()
        network = state_network(problem, units=units)
        network.optimize.create_model(multi_investment_periods=len(problem.period_weight) > 1)
        add_carbon_budgets(network, problem)
        built = time.perf_counter()
        outcome = network.optimize.solve_model(
            solver_name="highs", io_api="direct", log_fn=log, assign_all_duals=False, **options
        )
        ended = time.perf_counter()
        text = log.read_text(errors="replace") if log.exists() else ""
    solved = network.model.objective.value
    info = network.model.solver_model.getInfo() if network.model.solver_model is not None else None
    gap = None
    if units and info is not None:
        gap = info.mip_gap
    proof = [line.strip() for line in text.splitlines() if any(mark in line for mark in MARKS)]
    return {
        "wall_s": ended - started,
        "build_s": built - started,
        "solve_s": ended - built,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "objective_usd": float(solved) if solved is not None and outcome[1] == "optimal" else None,
        "gap": gap,
        "status": "/".join(str(part) for part in outcome),
        "version": f"PyPSA {pypsa.__version__}, linopy {linopy.__version__}, HiGHS {highspy.Highs().version()}",
        "log_proof": "; ".join(dict.fromkeys(proof)),
    }


MARKS = ("Hipo:", "Running HiPO", "IPX version", "Using dual simplex", "Solving MIP model", "Model status")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    print(json.dumps(solve_network(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))

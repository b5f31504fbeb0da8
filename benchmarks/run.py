"""The benchmark: ``make bench``, or ``CASES=year,units ENGINES=chain,pypsa_hipo REPS=3 python benchmarks/run.py``.

Each problem is drawn once, stored as an NPZ and handed to every engine in a process of its own, one at a time, with
equal threads. Engines take turns; a round is repeated up to REPS times while the case's time (CASE_SECONDS) lasts, so
that an engine that needs ten minutes is not run three times. The median of the runs counts.

CASES     names or groups of `problems.CASES` (default: year)
ENGINES   chain, highs_hipo, highs_ipx, highs_simplex, highs_choose, pypsa_hipo, pypsa_ipx, pypsa_default
          (default: chain, highs_hipo, pypsa_hipo, pypsa_default)
REPS      runs of each engine, the median counts (default 3)
SECONDS   time limit of one run (default 800); THREADS threads of each engine (default 2)
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from problems import CASES, GROUPS, make_problem, save_problem

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PEERS_PYTHON = Path(os.environ.get("PEERS_PYTHON", HERE / "peers" / ".venv" / "bin" / "python"))
FIELDS = ("wall_s", "build_s", "solve_s", "peak_mb", "objective_usd", "gap", "status", "version", "log_proof")
OWN_ENGINES = ("chain", "highs_hipo", "highs_ipx", "highs_simplex", "highs_choose")
ENGINES = (*OWN_ENGINES, "pypsa_hipo", "pypsa_ipx", "pypsa_default")
FURTHER_FIELDS = ("n_iterations", "n_hours")
STARTUP_SECONDS = 120.0


def run_engine(engine: str, problem: Path, seconds: float, n_threads: int) -> dict[str, Any]:
    """Run one engine once in its own process and return its line of JSON, or a status that says why there is none."""
    peer = engine.startswith("pypsa")
    python = str(PEERS_PYTHON) if peer else sys.executable
    script = HERE / ("peers/solve_network.py" if peer else "solve_program.py")
    environment = os.environ | {f"{library}_NUM_THREADS": str(n_threads) for library in ("OMP", "OPENBLAS", "NUMBA")}
    if engine == "chain":
        environment["OPENBLAS_NUM_THREADS"] = "1"  # as the command line sets it; the solver has threads of its own
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [python, str(script), str(problem), engine, str(seconds), str(n_threads)],
            capture_output=True,
            text=True,
            timeout=seconds + STARTUP_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"wall_s": time.perf_counter() - started, "status": f"no answer in {seconds:.0f} s"}
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
    return {"wall_s": time.perf_counter() - started, "status": f"failed: {reason[:200]}"}


def run_case(case: str, engines: list[str], n_reps: int, seconds: float, n_threads: int) -> dict[str, dict[str, Any]]:
    """Return each engine's result on one problem: the medians of its runs."""
    budget = float(os.environ.get("CASE_SECONDS", "840"))
    runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        problem = Path(folder) / f"{case}.npz"
        save_problem(make_problem(**CASES[case]), problem)
        for rep in range(n_reps):
            for engine in engines:
                last = runs[engine][-1] if rep else {}
                needed = last.get("wall_s", 0.0)
                if rep and (last.get("objective_usd") is None or time.perf_counter() - started + needed > budget):
                    continue
                print(f"  {case}: {engine}, run {rep + 1} of {n_reps} ...", end=" ", flush=True)
                runs[engine].append(run_engine(engine, problem, seconds, n_threads))
                print(f"{runs[engine][-1]['wall_s']:.2f} s, {runs[engine][-1]['status']}", flush=True)
    return {engine: summarise(found) for engine, found in runs.items()}


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the run with the median time, times and memory replaced by the medians of all runs."""
    by_time = sorted(runs, key=lambda run: run["wall_s"])
    chosen = by_time[(len(runs) - 1) // 2]
    middle = {field: chosen.get(field) for field in FIELDS}
    middle |= {field: chosen[field] for field in FURTHER_FIELDS if field in chosen}
    for field in ("wall_s", "build_s", "solve_s", "peak_mb"):
        values = [run[field] for run in runs if run.get(field) is not None]
        middle[field] = round(statistics.median(values), 3) if values else None
    return middle | {"n_runs": len(runs)}


def join_group(parts: dict[str, dict[str, dict[str, Any]]], engines: list[str]) -> dict[str, dict[str, Any]]:
    """Return a group's result per engine: sums of times and objectives, the worst of memory, gap and status."""
    joined: dict[str, dict[str, Any]] = {}
    for engine in engines:
        results = [part[engine] for part in parts.values()]
        whole: dict[str, Any] = {}
        for field in ("wall_s", "build_s", "solve_s", "objective_usd"):
            values = [result[field] for result in results]
            whole[field] = None if None in values else round(sum(values), 3)
        for field in ("peak_mb", "gap"):
            whole[field] = max((r[field] for r in results if r[field] is not None), default=None)
        whole["status"] = ", ".join(sorted({str(r["status"]) for r in results}))
        whole["version"], whole["log_proof"] = results[0]["version"], results[0]["log_proof"]
        joined[engine] = whole | {"problems": {case: part[engine] for case, part in parts.items()}}
    return joined


def print_table(case: str, results: dict[str, dict[str, Any]]) -> None:
    """Print one case; times as multiples of the chain's, objectives as distance from it."""
    own = results.get("chain", {})
    head = f"{'engine':15} {'wall s':>9} {'x chain':>8} {'build s':>8} {'peak MB':>8} {'objective USD':>18}"
    print(f"\n{case}\n{head} {'off chain':>9} {'gap':>8}  status")
    for engine, found in results.items():
        times = found["wall_s"] / own["wall_s"] if own.get("wall_s") and found["wall_s"] else None
        off = None
        if own.get("objective_usd") and found["objective_usd"] is not None:
            off = found["objective_usd"] / own["objective_usd"] - 1
        cells = [
            f"{engine:15}",
            show(found["wall_s"], 9, ".2f"),
            show(times, 8, ".1f"),
            show(found["build_s"], 8, ".2f"),
            show(found["peak_mb"], 8, ".0f"),
            show(found["objective_usd"], 18, ",.0f"),
            show(off, 9, ".1e"),
            show(found["gap"], 8, ".0e"),
        ]
        print(" ".join(cells), f" {found['status']}")


def show(value: float | None, width: int, style: str) -> str:
    return f"{'-' if value is None else format(value, style):>{width}}"


def describe_machine() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {"processor": model, "n_processors": os.cpu_count(), "python": platform.python_version()}


def list_chosen(variable: str, default: str) -> list[str]:
    return [name for name in os.environ.get(variable, default).replace(",", " ").split() if name]


def main() -> None:
    wanted = list_chosen("CASES", "year")
    engines = list_chosen("ENGINES", "chain highs_hipo pypsa_hipo pypsa_default")
    n_reps, seconds = int(os.environ.get("REPS", "3")), float(os.environ.get("SECONDS", "800"))
    n_threads = int(os.environ.get("THREADS", "2"))
    unknown = [case for case in wanted if case not in CASES and case not in GROUPS]
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}; there are {', '.join([*CASES, *GROUPS])}")
    unknown = [engine for engine in engines if engine not in ENGINES]
    if unknown:
        sys.exit(f"no such engine: {', '.join(unknown)}; there are {', '.join(ENGINES)}")
    if any(engine.startswith("pypsa") for engine in engines) and not PEERS_PYTHON.exists():
        print(f"PyPSA's environment is missing ({PEERS_PYTHON}): `make peers` installs it; its engines are left out.")
        engines = [engine for engine in engines if not engine.startswith("pypsa")]
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"cases": {}}
    for name in wanted:
        if name in GROUPS:
            parts = {case: run_case(case, engines, n_reps, seconds, n_threads) for case in GROUPS[name]}
            # the options stand for themselves, the seeds of `units` are one case
            results = {name: join_group(parts, engines)} if name == "units" else parts
        else:
            results = {name: run_case(name, engines, n_reps, seconds, n_threads)}
        for case, found in results.items():
            stored["cases"].setdefault(case, {}).update(found)
            print_table(case, stored["cases"][case])
        stored["machine"] = describe_machine() | {"n_threads": n_threads, "limit_s": seconds}
        draft = RESULTS.with_suffix(".part")
        draft.write_text(json.dumps(stored, indent=1) + "\n")
        draft.replace(RESULTS)


if __name__ == "__main__":
    main()

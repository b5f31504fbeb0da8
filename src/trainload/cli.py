"""The command line: a thin skin. Each command imports what it needs when it runs, so that `--help` is quick."""

# ruff: noqa: PLC0415, PLR0917  (imports wait for their command; an argument of a command is an option of the user)

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from trainload import __version__

_F = TypeVar("_F", bound=Callable[..., None])
EXIT_INPUT, EXIT_INTERNAL, EXIT_INTERRUPTED = 2, 1, 130

app = typer.Typer(
    name="trainload",
    help="Plan the electric power of frontier AI training: how much, when, how sure, from where, at what cost.",
    epilog="Start with: trainload run gigawatt",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich alone takes 0.2 s to import
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs_app = typer.Typer(help="Files of training runs.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="a scenario file, or a bundled one: gigawatt, garman")
]
StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="a folder that `trainload run` wrote")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="change one value, e.g. options.ccgt.max_mw=500; repeatable"),
]
VariantOption = Annotated[str | None, typer.Option("--variant", metavar="NAME", help="a variant named in the file")]
SeedOption = Annotated[
    int | None, typer.Option("--seed", metavar="N", help="seed of every draw; short for --set seed=N")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
QuickOption = Annotated[bool, typer.Option("--quick", help="plan sampled weeks instead of every hour")]
RelaxedOption = Annotated[
    bool, typer.Option("--relaxed", help="lumpy orders may be fractional: quicker, a bound rather than a plan")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="replace a study that is already there")]


def guarded(command: _F) -> _F:
    """Return the command with every error turned into a message and an exit code, and never a traceback.

    2: the input is at fault, said with where, what, got and fix. 130: interrupted. 1: a fault of the program, with the
    path of a file that holds the details.
    """

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from trainload.commands.screen import fail, write_crash_log
        from trainload.errors import TrainloadError

        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except TrainloadError as error:
            fail(f"Error: {error}")
            raise typer.Exit(EXIT_INPUT) from None
        except KeyboardInterrupt:
            fail("Interrupted; nothing was left half-written.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except Exception as error:  # the last line of defence
            place = write_crash_log(error)
            fail(f"Internal error: {type(error).__name__}. Details are in {place}; please report it with that file.")
            raise typer.Exit(EXIT_INTERNAL) from None

    return run  # type: ignore[return-value]


def _show_version(value: bool) -> None:
    if value:
        print(f"trainload {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


@app.command()
@guarded
def new(name: Annotated[str, typer.Argument(metavar="NAME", help="name of the scenario")]) -> None:
    """Write ./NAME.yaml, a commented scenario to start from."""
    from trainload.commands.scenarios import write_new

    write_new(name)


@app.command()
@guarded
def check(
    scenario: ScenarioArgument,
    set_: SetOption = None,
    variant: VariantOption = None,
    defaults: Annotated[bool, typer.Option("--defaults", help="list every value that the file leaves out")] = False,
    json: JsonOption = False,
) -> None:
    """Check a scenario: all problems, with lines.

    Fields, names, step graphs and the series files it names; exit code 2 where anything is wrong.
    """
    from trainload.commands.scenarios import check_file

    check_file(scenario, set_ or [], variant=variant, show_defaults=defaults, as_json=json)


@app.command()
@guarded
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from trainload.scenario.file import write_schema

    print(write_schema(), end="")


@app.command()
@guarded
def catalogue(
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="name of a table; none lists them")] = None,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="only rows of this key, e.g. ccgt")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="print CSV, with every column in full")] = False,
    json: JsonOption = False,
) -> None:
    """List the catalogue's tables, or one of them.

    Every figure stands with its unit, year, source and grade.
    """
    from trainload.commands.facts import print_catalogue

    print_catalogue(table, key, form=_form(csv=csv, json=json))


@app.command()
@guarded
def cite(
    study: StudyArgument,
    grade: Annotated[Literal["A", "B", "C"] | None, typer.Option("--grade", help="only figures of this grade")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="print CSV, with every column in full")] = False,
    json: JsonOption = False,
) -> None:
    """Print the sources behind a study's numbers."""
    from trainload.commands.facts import print_sources

    print_sources(study, grade=grade, form=_form(csv=csv, json=json))


@app.command()
@guarded
def demand(
    subject: Annotated[
        str | None, typer.Argument(metavar="[RUN|SCENARIO]", help="a run of the catalogue, or a scenario")
    ] = None,
    mw: Annotated[float | None, typer.Option("--mw", help="facility peak in MW")] = None,
    days: Annotated[float | None, typer.Option("--days", help="length of the run in days")] = None,
    flop: Annotated[float | None, typer.Option("--flop", help="training compute in FLOP, e.g. 1e28")] = None,
    chip: Annotated[str | None, typer.Option("--chip", help="chip of that run, e.g. gb300")] = None,
    precision: Annotated[Literal["bf16", "fp8", "fp4"] | None, typer.Option("--precision")] = None,
    on: Annotated[str | None, typer.Option("--on", metavar="YYYY-MM-DD", help="its first day; default: today")] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    json: JsonOption = False,
) -> None:
    """Chips, days, MW, MWh of a run or scenario.

    With cost and tCO2, step by step. For a run that does not exist yet, give two of --mw, --days and --flop.
    """
    from trainload.commands.demands import print_demand, print_inverse

    if subject is None:
        print_inverse(mw=mw, days=days, flop=flop, chip=chip, precision=precision, on=on, as_json=json)
        return
    if any(value is not None for value in (mw, days, flop, chip, precision, on)):
        raise typer.BadParameter("give a run or scenario, or two of --mw, --days and --flop, not both")
    print_demand(subject, set_ or [], variant=variant, as_json=json)


@app.command()
@guarded
def forecast(
    scenario: ScenarioArgument,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    json: JsonOption = False,
) -> None:
    """Odds of 1 and 5 GW of training power, by year.

    For the record run, the largest campus and the developer's own programme.
    """
    from trainload.commands.answers import print_forecast

    print_forecast(scenario, _sets(set_, seed), variant=variant, as_json=json)


@app.command()
@guarded
def explain(
    stage: Annotated[Literal["forecast", "demand"], typer.Argument(metavar="forecast|demand")],
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="e.g. record_run.2029.p50_mw, G1.energy_mwh, LLaMA-65B.tco2")
    ],
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="SCENARIO", help="whose; default: gigawatt")
    ] = "gigawatt",
    set_: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Explain one number: formula, sources, drivers.

    What it follows from with source and grade, and what moves it most.
    """
    from trainload.commands.explain import explain_demand, explain_forecast

    tell = explain_forecast if stage == "forecast" else explain_demand
    tell(key, scenario, set_ or [], as_json=json)


@app.command()
@guarded
def backtest(
    runs: Annotated[Path | None, typer.Option("--runs", help="an Epoch AI export to forecast from")] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="a later export to score against")] = None,
    target: Annotated[
        list[str] | None, typer.Option("--target", help="compute, power, campus; default: compute and power")
    ] = None,
    origins: Annotated[
        list[float] | None, typer.Option("--origins", help="decimal years to forecast from, e.g. 2020.0 2021.5")
    ] = None,
    horizons: Annotated[list[int] | None, typer.Option("--horizons", help="years ahead, e.g. 1 2 3")] = None,
    json: JsonOption = False,
) -> None:
    """Score the forecast beside naive baselines.

    It is refitted at each origin with what was dated before it.
    """
    from trainload.commands.answers import print_backtest

    print_backtest(runs=runs, truth=truth, targets=target, origins=origins, horizons=horizons, as_json=json)


@runs_app.command("import")
@guarded
def import_runs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="an Epoch AI export or a table like it")],
    snapshot_on: Annotated[
        str | None, typer.Option("--snapshot-on", metavar="YYYY-MM-DD", help="the day the file describes")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="print the rows as read, as CSV")] = False,
    json: JsonOption = False,
) -> None:
    """Read a file of runs: what was read, left out, why."""
    from trainload.commands.facts import print_import

    print_import(file, snapshot_on=snapshot_on, form=_form(csv=csv, json=json))


@app.command()
@guarded
def plan(
    scenario: ScenarioArgument,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="also write the tables there")] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    quick: QuickOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Plan a scenario's supply and print its orders."""
    from trainload.commands.studies import print_plan

    print_plan(scenario, _sets(set_, seed), variant=variant, out=out, quick=quick, overwrite=overwrite, as_json=json)


@app.command()
@guarded
def report(study: StudyArgument) -> None:
    """Write a study's report.html anew from its tables."""
    from trainload.commands.studies import rewrite_report

    rewrite_report(study)


@app.command()
@guarded
def run(
    scenario: ScenarioArgument,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="study folder; default: studies/NAME")
    ] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    quick: QuickOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Do all of it, into a study folder with a report.

    Forecast, demand, profiles, supply, lead times, plan, tables and report.html.
    """
    from trainload.commands.studies import run_scenario

    run_scenario(scenario, _sets(set_, seed), variant=variant, out=out, quick=quick, overwrite=overwrite)


@app.command()
@guarded
def sweep(
    scenario: ScenarioArgument,
    vary: Annotated[
        list[str],
        typer.Option("--vary", metavar="PATH=V1,V2", help="values of one path, or variant=NAME,NAME; repeatable"),
    ],
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="also write sweep.csv and a page")] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    quick: QuickOption = False,
    relaxed: RelaxedOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Plan again for every value of some paths.

    Each combination is one plan; what a change does not touch is reused.
    """
    from trainload.commands.tradeoffs import sweep_scenario

    sweep_scenario(
        scenario,
        vary,
        _sets(set_, seed),
        variant=variant,
        out=out,
        quick=quick,
        relaxed=relaxed,
        overwrite=overwrite,
        as_json=json,
    )


@app.command()
@guarded
def front(
    scenario: ScenarioArgument,
    of: Annotated[
        Literal["tco2", "date", "unserved"], typer.Option("--of", help="what is traded against cost")
    ] = "tco2",
    points: Annotated[int, typer.Option("--points", metavar="N", help="plans, both ends included")] = 7,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="folder; default: studies/NAME-front-OF")
    ] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    quick: QuickOption = False,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Trace cost against emission, date or unserved load.

    From the cheapest plan to the best by that measure; each point is a study folder of its own.
    """
    from trainload.commands.tradeoffs import trace_scenario

    trace_scenario(
        scenario,
        of,
        _sets(set_, seed),
        variant=variant,
        out=out,
        n_points=points,
        quick=quick,
        overwrite=overwrite,
        as_json=json,
    )


@app.command()
@guarded
def alternatives(
    scenario: ScenarioArgument,
    slack: Annotated[str, typer.Option("--slack", metavar="SHARE", help="what a plan may cost more, e.g. 2%")] = "2%",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="also write alternatives.csv and a page")
    ] = None,
    set_: SetOption = None,
    variant: VariantOption = None,
    seed: SeedOption = None,
    overwrite: OverwriteOption = False,
    json: JsonOption = False,
) -> None:
    """Show what else would be nearly as cheap.

    The least and the most of each option within the slack, and what can be avoided altogether; on sampled weeks.
    """
    from trainload.commands.tradeoffs import search_scenario

    search_scenario(scenario, slack, _sets(set_, seed), variant=variant, out=out, overwrite=overwrite, as_json=json)


def main() -> None:
    """Run the command line; Ctrl-C before a command has started leaves as quietly as after."""
    from trainload.commands.arguments import repeat_options

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # more would only spin beside the solver's own threads
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Unicode shows ? rather than a traceback
    try:
        app(args=repeat_options(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _sets(sets: list[str] | None, seed: int | None) -> list[str]:
    return [*(sets or []), *([] if seed is None else [f"seed={seed}"])]


def _form(*, csv: bool, json: bool) -> Literal["text", "csv", "json"]:
    if csv and json:
        raise typer.BadParameter("give --csv or --json, not both")
    return "csv" if csv else "json" if json else "text"


if __name__ == "__main__":
    main()

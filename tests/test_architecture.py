"""The house's rules that a machine can hold: layers, unit suffixes, words, sizes, locks; not a paragraph but a test."""

import ast
import hashlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from trainload.scenario.check import find_cycle
from trainload.tables import TABLES, empty_table
from trainload.units import SUFFIXES, unit_of

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "trainload"
MAX_LINES = 450

# Imports run one way: a module may import from its own layer and from those above it, and never in a circle.
LAYERS: dict[str, tuple[str, ...]] = {
    "base": ("errors", "units", "chance", "finance", "tables"),
    "catalogue": ("catalogue",),
    "scenario": ("scenario",),
    "stages": ("profiles", "demand", "forecast", "supply"),
    "solve": ("solve",),
    "plan": ("plan",),
    "audit": ("audit",),
    "hedge": ("hedge",),
    "simulate": ("simulate",),
    "folder": ("study.folder",),
    "report": ("report",),
    "study": ("study",),
    "commands": ("commands",),
    "cli": ("cli",),
}
# Layers that may use less than what stands above them.
ONLY = {
    "solve": {"solve", "errors"},  # a program of arrays: knows nothing of power
    "audit": {"audit", "tables", "units", "errors", "plan.periods"},  # nothing that states, prices or solves a plan
    "report": {"report", "tables", "units", "errors", "study.folder"},  # reads tables, never a stage's objects
}
# Words of the trade, which `solve/` does without: it solves a chain of steps with a border, whatever flows in it.
TRADE = (
    *(
        "mw",
        "mwh",
        "gw",
        "megawatts?",
        "electric\\w*",
        "power plants?",
        "energy",
        "grid",
        "solar",
        "wind",
        "batter\\w+",
    ),
    *("gas", "nuclear", "turbines?", "carbon", "co2", "tco2", "emissions?", "fuels?", "campus\\w*", "chips?"),
    *("datacent\\w+", "transformers?", "usd", "dollars?", "capex", "utilit\\w+", "curtail\\w*", "generators?"),
)
# Float fields without a unit of their own, each with its reason.
WITHOUT_UNIT = {
    "Figure.value": "its unit stands beside it",
    "Figure.low": "its unit stands beside it",
    "Figure.high": "its unit stands beside it",
    "Spread.low": "unit of the number that varies",
    "Spread.mid": "unit of the number that varies",
    "Spread.high": "unit of the number that varies",
    "DerivationStep.value": "its unit stands beside it",
    "ColumnTerm.quantity": "its unit stands beside it",
    "ColumnTerm.usd_present": "present value, as the ledger's column is called",
    "Claim.threshold": "its unit stands beside it",
    "ClaimRecord.threshold": "its unit stands beside it",
    "Cell.level": "shade of a table cell",
    "Uncertain.low": "unit of the number that varies",
    "Uncertain.mid": "unit of the number that varies",
    "Uncertain.high": "unit of the number that varies",
}
DIMENSIONLESS = re.compile(r"(^|_)(pue|percentile|probability|odds|share|gap|rank|weight|seed|ratio|error|scale)(_|$)")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name:
            yield name, path


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def layer_of(module: str) -> int:
    """Return the layer whose longest name is the module or a package above it."""
    best, found = "", -1
    for i, names in enumerate(LAYERS.values()):
        for name in names:
            if (module == name or module.startswith(f"{name}.")) and len(name) > len(best):
                best, found = name, i
    return found


@cache
def imports_of(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return each trainload module that a file imports, and whether it does so when it is itself imported."""
    tree = tree_of(path)
    found: list[tuple[str, bool]] = []
    at_import = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            at_import.add(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path.name}: imports are absolute"
            names = [node.module]
            if node.module in ("trainload", "trainload.plan", "trainload.solve", "trainload.report", "trainload.study"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found += [
            (name.removeprefix("trainload."), node in at_import) for name in names if name.startswith("trainload.")
        ]
    return tuple(found)


def test_every_module_has_its_layer() -> None:
    """Proves: nobody adds a module without saying where it stands; and no layer lists a module that is gone."""
    known = {name for name, _ in modules()}
    assert [name for name in known if layer_of(name) < 0] == []
    listed = set(chain.from_iterable(LAYERS.values())) - {"simulate"}
    assert sorted(name for name in listed if name not in known and not (SOURCE / name).is_dir()) == []


def test_imports_run_one_way() -> None:
    """Proves: no module imports from a later layer, at import or inside a function.

    If broken: the forecast could read the plan, or a solver could learn what a turbine is.
    """
    known = {name for name, _ in modules()}
    names = list(LAYERS)
    wrong = []
    for name, path in modules():
        for target, _ in imports_of(path):
            module = target if target in known else target.rsplit(".", 1)[0]
            if module not in known:
                continue
            if layer_of(module) > layer_of(name):
                wrong.append(f"{name} ({names[layer_of(name)]}) imports {module} ({names[layer_of(module)]})")
            allowed = ONLY.get(names[layer_of(name)])
            if allowed is not None and not any(module == a or module.startswith(f"{a}.") for a in allowed):
                wrong.append(f"{name} imports {module}; {names[layer_of(name)]} may use {sorted(allowed)} only")
    assert wrong == []


def test_no_circle_of_imports() -> None:
    graph = {name: sorted({target for target, at_import in imports_of(path) if at_import}) for name, path in modules()}
    assert find_cycle(graph) == ()


def float_fields() -> Iterator[tuple[str, str]]:
    """Yield (class, field) of every float field of a dataclass or pydantic model outside `solve/`."""
    kinds = {"float", "Fraction", "PositiveFraction", "NonNegative", "Positive"}
    for name, path in modules():
        if name.startswith("solve"):
            continue
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ClassDef):
                continue
            decorated = any("dataclass" in ast.unparse(item) for item in node.decorator_list)
            modelled = any(ast.unparse(base) in ("Model", "BaseModel") for base in node.bases)
            if not (decorated or modelled):
                continue
            for field in node.body:
                if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                    continue
                words = set(re.findall(r"[A-Za-z]\w*", ast.unparse(field.annotation)))
                if words & kinds and words <= kinds | {"None", "Annotated", "Field", "ge", "le", "gt", "lt"}:
                    yield node.name, field.target.id


def test_every_physical_float_ends_in_a_registered_unit() -> None:
    """Proves: a number's unit can be read off its name. If broken: MW and GW, months and years get mixed."""
    found = sorted(set(float_fields()))
    assert len(found) > 150
    wrong = [
        f"{owner}.{field}"
        for owner, field in found
        if unit_of(field) is None and f"{owner}.{field}" not in WITHOUT_UNIT and not DIMENSIONLESS.search(field)
    ]
    assert wrong == []


def test_unit_suffixes_are_told_apart() -> None:
    """Proves: the longest suffix wins: a price per MWh is no energy."""
    assert unit_of("capex_usd_per_mw") == "USD/MW"
    assert unit_of("price_usd_per_mwh") == "USD/MWh"
    assert unit_of("energy_mwh") == "MWh"
    assert unit_of("n_chips") == "count"
    assert unit_of("plain") is None
    assert len(set(SUFFIXES)) == len(SUFFIXES)


def test_solve_knows_no_words_of_the_trade() -> None:
    """Proves: a person who knows only numerics can read `solve/`, and it serves other chains as well."""
    pattern = re.compile(rf"(?i)(?<![a-z])({'|'.join(TRADE)})(?![a-z])")
    wrong = []
    for path in sorted((SOURCE / "solve").rglob("*.py")):
        for i, line in enumerate(path.read_text(encoding="utf-8").replace("_", " ").splitlines(), 1):
            wrong += [f"{path.name}:{i}: {match[0]}" for match in pattern.finditer(line)]
    assert wrong == []


def test_no_module_is_long() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules()}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    for name, path in modules():
        assert ast.get_docstring(tree_of(path)), f"{name} has no docstring"


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30)
    return [ROOT / name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_nothing_tracked_names_a_registry_or_a_place_on_some_machine() -> None:
    """Proves: a clone works anywhere: no package index and no absolute path of whoever committed it."""
    hosts = [
        "py" + "pi.org",
        "python" + "hosted",
        "artifact" + "ory",
        "index" + "-url",
        "find" + "-links =",
        "/sim" + "ple/",
    ]
    places = ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "C:" + "\\\\Users"]
    pattern = re.compile("|".join(re.escape(word) for word in [*hosts, *places]))
    wrong = []
    for path in tracked_files():
        if path.suffix in (".png", ".gz", ".npz", ".ico") or "vendor" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for match in pattern.finditer(text):
            line = text[: match.start()].count("\n") + 1
            start = text.rfind("\n", 0, match.start()) + 1
            if "http" in text[start : match.start()].rsplit(",", 1)[-1] and path.suffix == ".csv":
                continue  # the address of a source
            if match[0] in hosts and (path.name == "lock.py" or "not in" in text[start : text.find("\n", start)]):
                continue  # the option that keeps hosts out of the lock, and a test of it
            wrong.append(f"{path.relative_to(ROOT)}:{line}: {match[0]}")
    assert wrong == []


@pytest.mark.parametrize(("name", "groups"), [("requirements.txt", ()), ("requirements-dev.txt", ("dev",))])
def test_the_locks_are_fresh_and_hashed(name: str, groups: tuple[str, ...]) -> None:
    """Proves: the lock was compiled from today's pyproject, and every line of it carries hashes.

    If broken: a fresh clone would install something else than what was tested.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables>=0.5"]
    for group in groups:
        wanted += project["dependency-groups"][group]
    text = (ROOT / name).read_text(encoding="utf-8")
    digest = hashlib.sha256("\n".join([project["project"]["requires-python"], *sorted(wanted)]).encode()).hexdigest()
    assert text.splitlines()[0] == f"# dependencies sha256: {digest}", "run `make lock`"
    blocks = re.split(r"(?m)^(?=[a-zA-Z0-9])", text)[1:]
    assert len(blocks) > 10
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_table_schemas_name_each_column_with_its_meaning() -> None:
    """Proves: every table can be made, and each column says what it holds; unit suffixes are registered ones."""
    for name, columns in TABLES.items():
        assert list(empty_table(name).columns) == list(columns)
        assert all(columns.values()), name
        assert len(set(columns)) == len(columns)


def test_the_data_ship_with_the_package() -> None:
    """Proves: tables and bundled studies lie inside the package, where an installed copy finds them."""
    names = {path.name for path in (SOURCE / "data").iterdir()}
    assert {"chips.csv", "technologies.csv", "steps.csv", "gates.csv", "studies"} <= names
    assert (SOURCE / "py.typed").exists()

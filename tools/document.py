"""Write the generated part of the docs: formulation, scenario, tables, commands, summary, benchmarks, examples, API.

Each page is made from what the code itself reads, so that it can't say something else than the code does.
``python tools/document.py`` writes them, ``--check`` fails where one is stale. The rest of `docs/` is written by hand.
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from document_benchmarks import write_benchmarks
from document_interfaces import (
    write_command_reference,
    write_scenario_reference,
    write_summary_reference,
    write_tables_reference,
)
from document_program import write_formulation
from document_text import HEAD, escape, first_sentence, tabulate

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
API = "reference/api"
NAVIGATION_BEGINS, NAVIGATION_ENDS = "      # generated: API pages", "      # end of generated"


def write_example_page() -> str:
    """Return the page of the example scripts: their question and their text."""
    parts = [
        HEAD + "# Examples\n",
        "Short scripts for the Python interface, each the answer to a question. The test suite runs them; run one "
        "yourself with `.venv/bin/python examples/NAME.py` in a clone.\n",
    ]
    for path in sorted((ROOT / "examples").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        question = (ast.get_docstring(ast.parse(text)) or path.stem).split("\n")[0]
        parts.append(f'## {question}\n\n```python title="examples/{path.name}"\n{text.rstrip()}\n```\n')
    return "\n".join(parts)


def list_modules() -> dict[str, Path]:
    """Return every public module and package of trainload by its dotted name."""
    source = ROOT / "src"
    found = {}
    for path in sorted((source / "trainload").rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            found[".".join(parts)] = path
    return found


def write_api_pages() -> dict[str, str]:
    """Return a page for each package: what its modules are for, then each of them with its public names."""
    modules = list_modules()
    packages = [name for name, path in modules.items() if path.name == "__init__.py"]
    pages = {}
    for package in packages:
        inside = [name for name in modules if name.rpartition(".")[0] == package and name not in packages]
        rows = [
            (f"[`{name.rpartition('.')[2]}`](#{name})", escape(first_sentence(_read_docstring(modules[name]))))
            for name in inside
        ]
        parts = [f"{HEAD}# {package}\n", f"{_read_docstring(modules[package])}\n"]
        below = [name for name in packages if name.rpartition(".")[0] == package]
        if below:
            links = [(f"[`{name}`]({_page_of(name)})", escape(_read_docstring(modules[name]))) for name in below]
            parts.append(tabulate(("package", "what it is"), links))
        if rows:
            parts.append(tabulate(("module", "what it is"), rows))
        parts += [f"::: {name}\n" for name in inside]
        pages[f"{API}/{_page_of(package)}"] = "\n".join(parts)
    return pages


@cache
def _read_docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _page_of(package: str) -> str:
    return (package.partition(".")[2] or "index") + ".md"


def write_navigation(pages: Iterable[str], text: str) -> str:
    """Return mkdocs.yml with the API's part of the navigation made anew."""
    begins, ends = text.index(NAVIGATION_BEGINS), text.index(NAVIGATION_ENDS)
    ordered = sorted(pages, key=lambda page: (not page.endswith("/index.md"), page))
    lines = [NAVIGATION_BEGINS, "      - Python API:", *(f"          - {page}" for page in ordered)]
    return text[:begins] + "\n".join(lines) + "\n" + text[ends:]


def make_pages() -> dict[Path, str]:
    """Return every generated file with its text."""
    api = write_api_pages()
    pages = {
        "reference/formulation.md": write_formulation(),
        "reference/scenario.md": write_scenario_reference(),
        "reference/tables.md": write_tables_reference(),
        "reference/commands.md": write_command_reference(),
        "reference/summary.md": write_summary_reference(),
        "reference/benchmarks.md": write_benchmarks(ROOT / "benchmarks" / "results.json"),
        "examples.md": write_example_page(),
        **api,
    }
    files = {DOCS / name: text.rstrip() + "\n" for name, text in pages.items()}
    settings = ROOT / "mkdocs.yml"
    return files | {settings: write_navigation(api, settings.read_text(encoding="utf-8"))}


def find_stale(files: Mapping[Path, str]) -> list[str]:
    """Return what differs from the files on disk: changed or missing pages, and API pages of packages that are gone."""
    stale = [p for p, text in files.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    gone = [path for path in (DOCS / API).rglob("*.md") if path not in files]
    return [path.relative_to(ROOT).as_posix() for path in [*stale, *gone]]


def main() -> None:
    """Write the generated pages, or with ``--check`` say which are stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is stale")
    check = parser.parse_args().check
    files = make_pages()
    stale = find_stale(files)
    if check and stale:
        sys.exit(f"{len(stale)} generated pages are stale: {', '.join(stale[:8])}. Run: python tools/document.py")
    for name in [] if check else stale:
        path = ROOT / name
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
        else:
            path.unlink()
    print(f"{len(files)} generated pages, {len(stale)} {'stale' if check else 'written or removed'}.")


if __name__ == "__main__":
    main()

"""Compile the hash-locked requirements files from pyproject.toml; needs `uv`. Run by `make lock`.

Each file starts with the SHA-256 of what it was compiled from: a test sees without a network when it is stale.
"""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# name of the file -> dependency groups beside the package's own dependencies
FILES = {"requirements.txt": (), "requirements-dev.txt": ("dev",), "requirements-docs.txt": ("docs",)}


def list_dependencies(groups: tuple[str, ...]) -> list[str]:
    """Return the sorted requirement strings of the package, its build system and the groups."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables>=0.5"]
    for group in groups:
        found += project["dependency-groups"][group]
    return sorted(found)


def fingerprint(dependencies: list[str], requires_python: str) -> str:
    """Return the SHA-256 of the requirement strings and the Python range."""
    return hashlib.sha256("\n".join([requires_python, *dependencies]).encode()).hexdigest()


def compile_file(name: str, groups: tuple[str, ...]) -> None:
    """Write one requirements file with hashes and without any host."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies = list_dependencies(groups)
    command = ["uv", "pip", "compile", "-", "--generate-hashes", "--universal", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--quiet", "--python-version", "3.11"]
    done = subprocess.run(command, input="\n".join(dependencies), text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"uv could not compile {name}:\n{done.stderr}")
    head = f"# dependencies sha256: {fingerprint(dependencies, project['requires-python'])}\n# made by `make lock`\n"
    (ROOT / name).write_text(head + done.stdout, encoding="utf-8")


if __name__ == "__main__":
    for file_name, file_groups in FILES.items():
        compile_file(file_name, file_groups)

"""The study folder: CSV tables, a manifest and a summary; written whole or not at all, read back the same."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from trainload.errors import DataError, Problem
from trainload.tables import COMPRESSED_TABLES, TABLES, check_table, column_kind, normalise_table

SUMMARY, MANIFEST, REPORT = "summary.json", "manifest.json", "report.html"


@dataclass(frozen=True)
class StudyTables:
    """A study as its folder holds it.

    Attributes:
        summary: the contract of ``summary.json``; null where not computed.
        manifest: scenario text, versions, seed, defaults used, hashes.
        tables: by name, normalised (see `tables.normalise_table`).
    """

    summary: Mapping[str, Any]
    manifest: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]

    @classmethod
    def of(
        cls, summary: Mapping[str, Any], manifest: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
    ) -> "StudyTables":
        """Return the study with its tables normalised, unknown names refused."""
        unknown = sorted(set(tables) - set(TABLES))
        if unknown:
            raise DataError("study", *(Problem("", "no such table", name) for name in unknown))
        ordered = {name: normalise_table(name, tables[name]) for name in TABLES if name in tables}
        return cls(_plain(summary), _plain(manifest), ordered)


def _plain(value: Mapping[str, Any]) -> Any:
    """Return the value as JSON holds it, so that a saved and a fresh study compare equal."""
    return json.loads(json.dumps(value, allow_nan=False, default=str))


def table_file(name: str) -> str:
    """Return the file name of a table."""
    return f"{name}.csv.gz" if name in COMPRESSED_TABLES else f"{name}.csv"


def require_free(folder: Path, *, overwrite: bool, holds: str = SUMMARY, what: str = "study") -> None:
    """Raise `DataError` if `what` can't be written to `folder`; called before anything is computed.

    A folder that is not empty may be replaced only where the file `holds` says that it is one of these.
    """
    if folder.is_file():
        raise DataError(f"output {folder}", Problem("", "is a file", fix="name a folder with --out"))
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / holds).is_file():
            raise DataError(
                f"output {folder}",
                Problem("", f"is not empty and holds no {what}", fix="name another folder; nothing was deleted"),
            )
        if not overwrite:
            raise DataError(
                f"output {folder}", Problem("", f"holds a {what}", fix="add --overwrite or name another folder")
            )
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK):
        raise DataError(
            f"output {folder}", Problem("", f"{parent} is not writable", fix="name another folder with --out")
        )


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a scratch folder beside `folder` that takes its place at the end, or vanishes on any error or Ctrl-C."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f".{folder.name}.writing-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        yield scratch
        if folder.exists():
            old = folder.parent / f".{folder.name}.old-{os.getpid()}"
            folder.rename(old)
            scratch.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_study(folder: Path, study: StudyTables) -> None:
    """Write tables, manifest (with the files' hashes) and summary into an existing folder."""
    hashes = {}
    for name, table in study.tables.items():
        path = folder / table_file(name)
        compression: Any = {"method": "gzip", "compresslevel": 4, "mtime": 0} if path.suffix == ".gz" else None
        table.to_csv(path, index=False, compression=compression, lineterminator="\n", encoding="utf-8")
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    _write_json(folder / MANIFEST, {**study.manifest, "files": hashes})
    _write_json(folder / SUMMARY, study.summary)


def save_study(folder: Path, study: StudyTables, *, overwrite: bool = False) -> Path:
    """Write a study folder whole or not at all, and return it."""
    require_free(folder, overwrite=overwrite)
    with replacing_folder(folder) as scratch:
        write_study(scratch, study)
    return folder


def load_study(folder: Path) -> StudyTables:
    """Return the study of a folder.

    Raises:
        DataError: the folder, a file or a column is missing, or a file is not what was written.
    """
    if not (folder / SUMMARY).is_file():
        raise DataError(
            f"study {folder}",
            Problem("", f"holds no {SUMMARY}", fix="give the folder that `trainload run` wrote"),
        )
    summary, manifest = _read_json(folder / SUMMARY), _read_json(folder / MANIFEST)
    files = manifest.pop("files", {})
    tables = {}
    for name in TABLES:
        path = folder / table_file(name)
        if path.is_file():
            tables[name] = _read_table(name, path)
        elif path.name in files:
            raise DataError(f"study {folder}", Problem(path.name, "is missing", fix="run the scenario again"))
    return StudyTables(summary, manifest, tables)


def _read_table(name: str, path: Path) -> pd.DataFrame:
    try:
        columns = [str(c) for c in pd.read_csv(path, nrows=0).columns]
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"study file {path}", Problem("", "can't be read", str(error), "run the scenario again")
        ) from None
    numbers = [c for c in columns if column_kind(c) == "number"]
    try:
        table = pd.read_csv(
            path,
            dtype={**dict.fromkeys(columns, str), **dict.fromkeys(numbers, float)},
            keep_default_na=False,
            na_values={column: [""] for column in numbers},
            encoding="utf-8",
        )
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"study file {path}", Problem("", "can't be read", str(error), "run the scenario again")
        ) from None
    for column in columns:
        if column not in numbers:
            table[column] = table[column].astype(object)
    return check_table(name, table)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"study file {path}", Problem("", "can't be read", str(error), "run the scenario again")
        ) from None
    if not isinstance(content, dict):
        raise DataError(f"study file {path}", Problem("", "must hold a JSON object", type(content).__name__))
    return content

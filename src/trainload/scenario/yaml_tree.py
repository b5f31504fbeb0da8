"""A YAML 1.2 file as plain dicts, lists and scalars, with the line of every key; hostile files end in a clear error."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trainload.errors import Problem, ScenarioError

MAX_BYTES = 250_000  # ten times a scenario that spells out every field
MAX_NODES = 50_000  # after aliases are expanded
MAX_DEPTH = 20
START_FIX = "`trainload new NAME` writes a scenario to start from"

KeyPath = tuple[str, ...]
_SCALAR_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp", "str"))
_MERGE_TAG = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class YamlTree:
    """Plain data, and the line (from 1) on which each path's key stands.

    Attributes:
        problems: values that can't be read and keys given twice; the rest of the file is in `data`.
        broken: paths of the values that can't be read; None stands in their place.
    """

    data: dict[str, Any]
    lines: Mapping[KeyPath, int]
    problems: tuple[Problem, ...] = ()
    broken: tuple[KeyPath, ...] = ()

    def line_of(self, path: KeyPath) -> int:
        """Return the line of the path, or of its nearest ancestor in the file; 1 where there is none."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def read_yaml(path: Path, *, subject: str) -> YamlTree:
    """Read a YAML mapping.

    Raises:
        ScenarioError: not a regular file, too large, not text, not YAML, not a mapping, or aliases that expand without
            end. Problems of single values are in the tree instead, to be reported with those of their meaning.
    """
    return parse_yaml(_read_text(path, subject), subject=subject)


def parse_yaml(text: str, *, subject: str) -> YamlTree:
    """Parse the text of a YAML mapping; as `read_yaml`."""
    root = _compose(text, subject)
    if root is None:
        raise ScenarioError(
            subject, Problem("", "the file is empty", fix="`trainload new NAME` writes one to start from")
        )
    if not isinstance(root, MappingNode):
        raise ScenarioError(
            subject,
            Problem(
                f"line {root.start_mark.line + 1}",
                "the top level must be `key: value` lines",
                _described(root),
                START_FIX,
            ),
        )
    size = _expanded_size(root)
    if size is None or size > MAX_NODES:
        raise ScenarioError(
            subject,
            Problem(
                "",
                f"aliases expand to more than {MAX_NODES:,} values" if size else "an alias refers to itself",
                fix="write the values out",
            ),
        )
    builder = _Builder()
    data = builder.mapping(root, ())
    return YamlTree(data, builder.lines, tuple(builder.problems), tuple(builder.broken))


def parse_value(text: str) -> Any:
    """Parse one YAML value, as given on the command line after `path=`.

    Raises:
        ValueError: the text is not one YAML value.
    """
    try:
        tree = parse_yaml(f"value: {text}\n", subject="value")
    except ScenarioError as error:
        raise ValueError(str(error.problems[0].what)) from error
    if tree.problems:
        raise ValueError(tree.problems[0].what)
    if tree.data.keys() != {"value"}:
        raise ValueError("more than one value")
    return tree.data["value"]


def _read_text(path: Path, subject: str) -> str:
    fix = "give a scenario file, or the name of a bundled one"
    try:
        if path.is_dir():
            raise ScenarioError(subject, Problem("", "this is a folder, not a file", fix=fix))
        if not path.is_file():
            what = "this is not a regular file" if path.exists() else "there is no such file"
            raise ScenarioError(subject, Problem("", what, fix=fix))
        size = path.stat().st_size
        if size > MAX_BYTES:
            got = f"{size:,} bytes"
            fix = "keep series in CSV files"
            raise ScenarioError(subject, Problem("", f"at most {MAX_BYTES:,} bytes are read", got, fix))
        raw = path.read_bytes()
    except OSError as error:
        raise ScenarioError(subject, Problem("", "can't be read", error.strerror or str(error))) from error
    if b"\0" in raw:
        raise ScenarioError(subject, Problem("", "this is not a text file", "a zero byte", "save it as UTF-8 text"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        got = f"the byte 0x{raw[error.start]:02x}"
        raise ScenarioError(subject, Problem(f"line {line}", "this is not UTF-8", got, "save it as UTF-8")) from error


def _compose(text: str, subject: str) -> Node | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReusedAnchorWarning)
            nodes = list(YAML(typ="safe", pure=True).compose_all(text))
    except ReusedAnchorWarning as error:
        raise ScenarioError(subject, Problem("", "an anchor (&name) is defined twice", fix="name it anew")) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        fix = _syntax_fix(text, mark.line if mark else 0, what)
        raise ScenarioError(subject, Problem(where, f"not valid YAML: {what}", fix=fix)) from error
    except YAMLError as error:
        raise ScenarioError(subject, Problem("", f"not valid YAML: {str(error).splitlines()[0]}")) from error
    except RecursionError as error:
        raise ScenarioError(
            subject, Problem("", "values are nested too deeply", fix=f"at most {MAX_DEPTH} levels")
        ) from error
    except (ValueError, AttributeError, IndexError, KeyError, AssertionError, NotImplementedError) as error:
        # the parser's own slips on odd directives and tags
        raise ScenarioError(subject, Problem("", "not valid YAML", str(error)[:200])) from error
    if len(nodes) > 1:
        line = nodes[1].start_mark.line + 1
        raise ScenarioError(subject, Problem(f"line {line}", "a second document starts here", fix="remove the `---`"))
    return nodes[0] if nodes and not _is_null(nodes[0]) else None


def _syntax_fix(text: str, line: int, what: str) -> str:
    lines = text.splitlines()
    here = lines[line] if line < len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or "'\\t'" in what:
        return "indent with spaces, not tabs"
    if "mapping values are not allowed" in what:
        return "indent keys of one block alike, and quote text that holds `: `"
    return ""


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _described(node: Node) -> str:
    return "a list" if isinstance(node, SequenceNode) else "a single value"


def _expanded_size(root: Node) -> int | None:
    """Return how many values the node holds once aliases are expanded; None where one holds itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        key = id(node)
        if done:
            open_nodes.discard(key)
            sizes[key] = 1 + sum(sizes[id(child)] for child in _children(node))
            continue
        if key in sizes:
            continue
        if key in open_nodes:
            return None
        open_nodes.add(key)
        stack.append((node, True))
        for child in _children(node):
            if id(child) in open_nodes:
                return None
            stack.append((child, False))
    return sizes[id(root)]


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value


class _Builder:
    """Turns nodes into plain data, noting lines and everything that is wrong on the way."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.problems: list[Problem] = []
        self.broken: list[KeyPath] = []
        self._constructor = YAML(typ="safe", pure=True).constructor

    def mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE_TAG:
                merged.update(self._merged(value_node, path, line))
                continue
            if not isinstance(key_node, ScalarNode):
                self.problems.append(Problem(f"line {line}", "a key must be a word", _described(key_node)))
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in result:
                first = self.lines[here]
                self.problems.append(
                    Problem(f"line {line}", f"{'.'.join(here)}: given twice", f"first on line {first}", "keep one")
                )
                continue
            self.lines[here] = line
            result[key] = self.value(value_node, here)
        return {**merged, **result}

    def value(self, node: Node, path: KeyPath) -> Any:
        where = f"line {node.start_mark.line + 1}"
        if len(path) > MAX_DEPTH:
            return self._break(path, Problem(where, f"values are nested too deeply: {MAX_DEPTH} levels at most"))
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            items = []
            for i, child in enumerate(node.value):
                self.lines.setdefault((*path, str(i)), child.start_mark.line + 1)
                items.append(self.value(child, (*path, str(i))))
            return items
        if node.tag not in _SCALAR_TAGS:
            problem = Problem(where, f"{'.'.join(path)}: unknown YAML tag", str(node.tag), "write a plain value")
            return self._break(path, problem)
        try:
            value = self._constructor.construct_object(node, deep=True)
        except (YAMLError, ValueError, TypeError, OverflowError) as error:
            reason = str(error).splitlines()[0][:120]
            problem = Problem(where, f"{'.'.join(path)}: not a value ({reason})", _shortened(str(node.value)))
            return self._break(path, problem)
        if isinstance(value, datetime):
            # a time of day is kept for the field to judge; ruamel's own subclass and its zone are not
            return datetime(value.year, value.month, value.day, value.hour, value.minute, value.second)
        if isinstance(value, date | bool | int | float | str) or value is None:
            return _plain(value)
        return str(value)

    def _break(self, path: KeyPath, problem: Problem) -> None:
        self.problems.append(problem)
        self.broken.append(path)

    def _merged(self, node: Node, path: KeyPath, line: int) -> dict[str, Any]:
        parts = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, Any] = {}
        for part in reversed(parts):
            if isinstance(part, MappingNode):
                result.update(self.mapping(part, path))
            else:
                self.problems.append(Problem(f"line {line}", "`<<` takes a mapping", _described(part)))
        return result


def _plain(value: Any) -> Any:
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")

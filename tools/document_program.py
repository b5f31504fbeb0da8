"""The formulation page: each family's formula from its docstring, what it states and charges from its code."""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from document_text import HEAD, tabulate

from trainload.plan import formulate, ledger

# what an index in the code is called in the text
_INDEXES = {
    **dict.fromkeys(("name", "option.option", "_stem(stem)"), "i"),
    **dict.fromkeys(("group", "block.group", "item.group"), "y"),
    "gate.gate": "g",
    "tranche.name": "k",
}


@dataclass
class Statement:
    """What one constraint family puts into the program, read from its source."""

    columns: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    flows: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    budgets: list[str] = field(default_factory=list)
    terms: list[tuple[str, str, str]] = field(default_factory=list)  # term, group, USD per unit


class _Reader(ast.NodeVisitor):
    """Collects what a function, and the functions of its own module that it calls, state in the program."""

    def __init__(self, functions: Mapping[str, ast.FunctionDef]) -> None:
        self.functions = functions
        self.found = Statement()
        self.seen: set[str] = set()
        self.local: list[dict[str, ast.expr]] = []
        self.calls: list[ast.Call] = []

    def read(self, name: str) -> Statement:
        """Return what the function states."""
        if name not in self.seen:
            self.seen.add(name)
            body = self.functions[name]
            values: dict[str, list[ast.expr]] = {}
            for node in ast.walk(body):
                if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                    values.setdefault(node.targets[0].id, []).append(node.value)
            self.local.append({key: given[0] for key, given in values.items() if len(given) == 1})
            self.visit(body)
            self.local.pop()
        return self.found

    def visit_Call(self, node: ast.Call) -> None:
        """Keep what the call states, and follow it into this module."""
        if isinstance(node.func, ast.Attribute) and node.args:
            self._keep(node.func.attr, node)
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if isinstance(node.func, ast.Name):
            term = given.get("term")
            if isinstance(term, ast.Constant):  # a helper that charges the term it is told
                self._charge(str(term.value), given.get("usd"), "shadow" if "slack" in node.func.id else "cash")
            if node.func.id in self.functions:
                self.read(node.func.id)
        self.generic_visit(node)

    def _keep(self, verb: str, node: ast.Call) -> None:
        if verb == "charge":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            group = given.get("group")
            usd = given.get("usd") or (node.args[3] if len(node.args) > 3 else None)
            if isinstance(node.args[0], ast.Constant):
                kind = str(group.value) if isinstance(group, ast.Constant) else "cash"
                self._charge(str(node.args[0].value), usd, kind)
            return
        lists = {
            "add_column": self.found.columns,
            "add_row": self.found.rows,
            "add_flow": self.found.flows,
            "add_state": self.found.levels,
            "add_budget": self.found.budgets,
        }
        name = self._name(node.args[0])
        if verb in lists and name not in lists[verb]:
            lists[verb].append(name)

    def _charge(self, term: str, usd: ast.expr | None, group: str) -> None:
        text = "" if usd is None else self._formula(usd)
        if term not in [known for known, _, _ in self.found.terms]:
            self.found.terms.append((term, group, text))

    def _formula(self, node: ast.expr) -> str:
        """Return an expression as text, its names replaced once by what they stand for, conversions left out."""
        local = self.local[-1]

        class Plain(ast.NodeTransformer):
            def __init__(self, depth: int) -> None:
                self.depth = depth

            def visit_Name(self, item: ast.Name) -> ast.expr:
                value = local.get(item.id)
                if self.depth and value is not None and len(ast.unparse(value)) < 80:
                    return Plain(self.depth - 1).visit(ast.parse(ast.unparse(value), mode="eval").body)
                return item

            def visit_Call(self, item: ast.Call) -> ast.expr:
                self.generic_visit(item)
                wraps = ast.unparse(item.func) in ("float", "np.asarray")
                return item.args[0] if wraps else item

        return ast.unparse(Plain(2).visit(ast.parse(ast.unparse(node), mode="eval").body))

    def _name(self, node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.Name) and node.id in self.local[-1]:
            return self._name(self.local[-1][node.id])
        if not isinstance(node, ast.JoinedStr):
            return "i"
        text = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            elif isinstance(part, ast.FormattedValue):
                source = ast.unparse(part.value)
                text += _INDEXES.get(source, source)
        return text


def read_family(function: Callable[..., None]) -> Statement:
    """Return what a constraint family states, from the source of its module."""
    tree = ast.parse(inspect.getsource(sys.modules[function.__module__]))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return _Reader(functions).read(function.__name__)


def split_docstring(text: str) -> tuple[str, list[str]]:
    """Return the formula that opens a family's docstring, empty where it opens in words, and the other paragraphs."""
    first, *rest = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]
    formula, sign, words = first.partition(": ")
    if not any(f" {relation} " in formula for relation in ("=", "<=", ">=")):
        return "", [first, *rest]
    formula = re.sub(r"([;,]) (?=[a-z]+\[|charge, discharge)", r"\1\n", formula.rstrip("."))
    return formula, ([f"{words[0].upper()}{words[1:]}"] if sign else []) + rest


def write_formulation() -> str:
    """Return the page of the program that the plan solves."""
    parts = [
        HEAD + "# Formulation\n",
        "The plan is the cheapest solution of one linear program; orders of large units are whole. Each constraint "
        "family below is one function of the code and one row name in the solver, under the same name as here; its "
        "formula and its costs are read from that function.\n",
        "Symbols: options *i*, gates *g*, capacity periods *m* (months, then quarters), hours *t* of an operation "
        "block *b*, tranches *k* of load that can be shed, groups of years *y*. All variables are at least zero and "
        "all have an upper bound; every goal has a priced slack, so that the program always has a solution.\n",
        "*Minimise* the present value of all terms of the ledger.\n\n" + (ledger.__doc__ or "").strip() + "\n",
    ]
    index: list[tuple[str, str, str, str]] = []
    groups = (
        ("Orders, capacity and yearly limits", "Stated once, over the whole horizon.", formulate.BORDER_FAMILIES),
        ("Every hour", "Stated for each hour of each operation block.", formulate.HOURLY_FAMILIES),
    )
    for title, text, families in groups:
        parts.append(f"## {title}\n\n{text}\n")
        for family in families:
            name = family.__name__.removeprefix("state_")
            formula, words = split_docstring(family.__doc__ or "")
            stated = read_family(family)
            parts.append(f"### {name}\n")
            if formula:
                parts.append(f"```text\n{formula}\n```\n")
            parts += [f"{paragraph}\n" for paragraph in words]
            named = {
                "Variables": stated.columns,
                "Hourly variables": [f"p[{flow},t]" if flow == "i" else flow for flow in stated.flows],
                "Levels": [f"level[{level},t]" for level in stated.levels],
                "Rows": stated.rows,
                "Yearly limits": stated.budgets,
            }
            lines = [f"{label}: " + ", ".join(f"`{item}`" for item in items) for label, items in named.items() if items]
            if lines:
                parts.append("\n".join(f"- {line}" for line in lines) + "\n")
            if stated.terms:
                parts.append("Enters the ledger as, in USD per unit of the variable (per MWh of an hourly one):\n")
                cells = [(f"`{term}`", group, f"`{usd}`" if usd else "") for term, group, usd in stated.terms]
                parts.append(tabulate(("term", "group", "as the code states it"), cells))
                index += [(f"`{term}`", group, f"[{name}](#{name})", "") for term, group, _ in stated.terms]
    parts.append(
        "## Terms of the ledger\n\n`cash` is money that is spent; `shadow` prices what is missing (compute without "
        "power, load shed, goals missed). `usd_per_mwh` in a study counts cash only.\n"
    )
    parts.append(tabulate(("term", "group", "stated by"), [row[:3] for row in index]))
    return "\n".join(parts)

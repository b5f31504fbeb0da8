"""Errors a user can act on, and notes on what the tool had to choose."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input: where it stands, what it is about, what was found, how to mend it."""

    where: str
    what: str
    got: str = ""
    fix: str = ""

    def __str__(self) -> str:
        text = f"{self.where}  {self.what}" if self.where else self.what
        if self.got:
            text += f", got {self.got}"
        if self.fix:
            text += f"; {self.fix}"
        return text


class TrainloadError(Exception):
    """Base of every error that is the user's to mend; shown without a traceback, exit code 2.

    Args:
        subject: what was being read or done, such as ``scenario gigawatt.yaml``.
        problems: everything that is wrong with it, all at once.
    """

    def __init__(self, subject: str, *problems: Problem | str) -> None:
        self.subject = subject
        self.problems = tuple(p if isinstance(p, Problem) else Problem("", p) for p in problems)
        super().__init__(self._text())

    def _text(self) -> str:
        if not self.problems:
            return self.subject
        if len(self.problems) == 1:
            return f"{self.subject}: {self.problems[0]}"
        lines = "\n".join(f"  {p}" for p in self.problems)
        return f"{self.subject} has {len(self.problems)} problems:\n{lines}"


class ScenarioError(TrainloadError):
    """The scenario file, a ``--set`` path or a named variant can't be used."""


class DataError(TrainloadError):
    """A catalogue table, a series or an imported file can't be used."""


class InfeasiblePlanError(TrainloadError):
    """No plan exists even with every rule's priced slack; carries what is short."""


class SolverError(TrainloadError):
    """A solver stopped without a solution that passes the checks."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something the tool chose, assumed or found that a reader must know beside the number it affects."""

    subject: str
    text: str
    kind: Literal["default", "assumption", "limit", "warning"] = "assumption"

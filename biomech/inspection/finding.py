"""What was found in a file: how bad it is, where it stands, what OpenSim makes of it, how it is mended."""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from biomech.errors import BioposeError

Severity = Literal["unreadable", "error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("unreadable", "error", "warning", "note")
_PLACE = re.compile(r"\b(?:on |at )?((?:data )?(?:line|row) \d+)")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    Attributes:
        severity: ``unreadable``: the readers refuse the file; ``error``: OpenSim refuses it or takes it for something
            else than is meant; ``warning``: probably not what is wanted; ``note``: fine, and worth knowing.
        code: a short name that stays the same from version to version, such as ``trc-zero``.
        what: in a sentence.
        where: line, marker, coordinate or element, where there is one.
        why: what OpenSim does with it.
        mend: what the user can do.
        certain: whether the mend is certain, so that the file can be written again without it.
    """

    severity: Severity
    code: str
    what: str
    where: str | None = None
    why: str | None = None
    mend: str | None = None
    certain: bool = False


@dataclass
class Checked:
    """A file, what was found in it, and the mended one beside it if there is any.

    Attributes:
        path: that was looked at.
        kind: what it was taken for, such as ``markers``, ``motion``, ``model``, ``setup``.
        findings: the worst first.
        fixed: the mended copy; None where nothing was written.
        left: what was found in that copy.
    """

    path: Path
    kind: str
    findings: list[Finding] = field(default_factory=list)
    fixed: Path | None = None
    left: list[Finding] = field(default_factory=list)

    @property
    def open(self) -> list[Finding]:
        """What is still to be mended or known: of the mended copy where there is one."""
        return self.findings if self.fixed is None else self.left

    def as_json(self) -> dict[str, Any]:
        """Plain values, paths as texts."""
        said: dict[str, Any] = {"file": str(self.path), "kind": self.kind}
        said["findings"] = [asdict(finding) for finding in self.findings]
        if self.fixed is not None:
            said |= {"fixed": str(self.fixed), "left": [asdict(finding) for finding in self.left]}
        return said


def worst_first(findings: list[Finding]) -> list[Finding]:
    """By severity, else in the order in which they were found."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def refused(error: BioposeError, *, severity: Severity = "unreadable", code: str = "refused") -> Finding:
    """A reader's error as a finding.

    Args:
        error: of the reader.
        severity, code: of the finding.

    Returns:
        With the line that the error names.
    """
    return Finding(severity, code, error.what, where=place_in(error.what), mend=error.mend)


def place_in(text: str) -> str | None:
    """The line or row that a message names."""
    found = _PLACE.search(text)
    return found[1] if found else None


def exit_code(checked: list[Checked]) -> int:
    """0: nothing to mend, notes at most; 1: warnings or errors; 2: a file that cannot be read."""
    severities = {finding.severity for one in checked for finding in one.open}
    return 2 if "unreadable" in severities else 1 if severities & {"error", "warning"} else 0

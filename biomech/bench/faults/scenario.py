"""What one scenario of the mutator is: a command, what lies in its folder, and what of that is changed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Scenario:
    """A command with what it needs."""

    name: str
    arguments: tuple[str, ...]
    files: tuple[str, ...]  # seeds that lie in its folder
    mutated: dict[str, str] = field(default_factory=dict)  # seed (or a file in one that is a folder) → kind
    results: tuple[str, ...] = ()  # what a success leaves; as patterns
    prepare: Callable[[Path], None] | None = None
    share: float = 1.0  # of the inputs, against the other scenarios
    whole: bool = False  # where it refuses, it leaves no file


def scenario(name: str, command: str, mutated: dict[str, str], files: str = "", results: str = "", **more) -> Scenario:
    """Of words with blanks between.

    Args:
        name: of the scenario.
        command: as it is typed, without ``biopose``.
        mutated: seed (or a file in one that is a folder) → kind.
        files: other seeds that lie in the folder.
        results: patterns of what a success leaves.
        more: the scenario's other attributes.

    Returns:
        The scenario.
    """
    kept = tuple(dict.fromkeys([*(path.split("/")[0] for path in mutated), *files.split()]))
    return Scenario(name, tuple(command.split()), kept, mutated, tuple(results.split()), **more)

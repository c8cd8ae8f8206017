"""A change of one file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """A change of one file."""

    name: str
    make: Callable[[Path], None]  # in place
    loud: bool = False
    unprivileged: bool = False


def written_content(name: str, content: bytes | str, loud: bool = False) -> Mutation:
    """The file holds something else.

    Args:
        name: of the mutation.
        content: of the file from then on.
        loud: as in the module's words.

    Returns:
        The mutation.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return Mutation(name, lambda path: replace(path, data), loud)


def replace(path: Path, data: bytes) -> None:
    """Another file under this name.

    Args:
        path: a file that is there; where it is a link, the link goes.
        data: the new one's content.
    """
    path.unlink()
    path.write_bytes(data)

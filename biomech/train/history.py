"""What a training learned from, part by part: it may go on with more data, or with others, and its record says so."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.files import read_json, whole_file

HISTORY = "history.json"
MEND = "Remove the file; what was learned from before is not known then."


def begin_part(folder: Path, step: int, about: Mapping[str, object], say: Callable[[str], None] | None = None) -> None:
    """Write down from which step on what is learned from; where it is something else than before, say all of that.

    Args:
        folder: of the training; is there.
        step: how many steps are done.
        about: ``data`` and whatever else is told of a training; JSON.
        say: called with a line for each thing that is another, but for the command.

    Raises:
        BioposeError: the record there is damaged.
    """
    given = {"from_step": step, **json.loads(json.dumps(about))}
    parts = [part for part in _parts(folder) if part["from_step"] < step]
    before = parts[-1] if parts else given
    names = dict.fromkeys([*given, *before])
    others = [n for n in names if n not in ("from_step", "command") and before.get(n) != given.get(n)]
    if say is not None:
        for name in others:
            now, then = _said(given.get(name)), _said(before.get(name))
            say(f"from here on other {name.replace('_', ' ')}: {now}. Before: {then}")
    if not parts or others:
        parts.append(given)
    with whole_file(Path(folder) / HISTORY) as temporary:
        temporary.write_text(json.dumps(parts, indent=1) + "\n")


def check_history(folder: Path) -> None:
    """That the record there can be gone on with, if there is one.

    Raises:
        BioposeError: it is damaged.
    """
    _parts(folder)


def with_parts(folder: Path, about: Mapping[str, object]) -> dict[str, object]:
    """What a record beside weights says of the data: ``about``, and ``parts`` where not all steps had the same.

    Args:
        folder: of the training.
        about: as it was told this time; of a training that was over already, and learned nothing from it, what its
            last part was told.

    Returns:
        A new dictionary; each part is what was told then, with ``from_step``. Parts from before this was written down
        are missing.

    Raises:
        BioposeError: the record there is damaged.
    """
    parts = _parts(folder)
    one = len(parts) == 1 and not parts[0]["from_step"]
    last = parts[-1] if parts else {}
    told = {name: last.get(name, value) for name, value in about.items()}
    return {**told, **({} if one or not parts else {"parts": parts})}


def _parts(folder: Path) -> list[dict[str, Any]]:
    path = Path(folder) / HISTORY
    parts = read_json(path, what="the record of a training", mend=MEND) if path.exists() else []
    if not isinstance(parts, list) or not all(
        isinstance(p, dict) and isinstance(p.get("from_step"), int) for p in parts
    ):
        raise BioposeError("not the record of a training", where=str(path), mend=MEND)
    return parts


def _said(data: object) -> str:
    return ", ".join(map(str, data)) if isinstance(data, list) else str(data)

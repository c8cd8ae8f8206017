"""With which options a set of clips or pictures was drawn: the same seed with others is no more of the same.

A set lies in a folder as ``<split>_<seed>_…`` and grows; beside it ``drawn_with_<split>_<seed>.json`` says what it was
drawn with: a file each, since several may be drawn side by side. Sets without one are taken as they are.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from biomech.errors import BioposeError
from biomech.files import read_json, whole_file

DRAWN_WITH = "drawn_with"


def library_mark(library: Path | None) -> str | None:
    """What tells a library from another wherever it lies: the names and sizes of its files.

    Args:
        library: its folder; None of what is drawn by code alone.

    Returns:
        A hash; None where there is no library.
    """
    if library is None:
        return None
    files = sorted((str(path.relative_to(library)), path.stat().st_size) for path in library.rglob("*.npz"))
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]


def check_drawn_with(folder: Path, split: str, seed: int, options: Mapping[str, object]) -> None:
    """That what a folder holds of a seed was drawn with the same options; they are written down where none are.

    Args:
        folder: of the set; is made.
        split, seed: of the drawing.
        options: by their names; JSON.

    Raises:
        BioposeError: it was drawn with others, or the record is damaged.
    """
    name = f"{split}_{seed:03d}"
    path, given = folder / f"{DRAWN_WITH}_{name}.json", json.loads(json.dumps(options))
    before = read_json(path, what="what was drawn here", mend="Name another folder.") if path.exists() else given
    if not isinstance(before, dict):
        raise BioposeError("is no record of what was drawn", where=str(path), mend="Name another folder.")
    if other := sorted(key for key in given | before if before.get(key) != given.get(key)):
        said = ", ".join(f"`{key}` {_said(before.get(key))}, now {_said(given.get(key))}" for key in other)
        raise BioposeError(
            f"seed {seed} was drawn here with other options: {said}",
            where=str(folder),
            mend="Give those again to go on, another `seed` for more, or another folder.",
        )
    if path.exists() or any(folder.glob(f"{name}_*")):  # nobody knows what those that are there were drawn with
        return
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(given, indent=2) + "\n")


def _said(value: object) -> str:
    return "none" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

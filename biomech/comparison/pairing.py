"""Which motion is compared with which reference: files, folders of one person, or a table of several people."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biomech.comparison.paired_cycles import ONE_PERSON
from biomech.comparison.recordings import Recording, recordings_of
from biomech.comparison.tables import file_labels
from biomech.errors import BioposeError
from biomech.files import read_text

COLUMNS = ("person", "reference", "motion")
OPTIONAL = ("method", "model")


@dataclass(frozen=True)
class MotionPair:
    """A motion and its reference.

    Attributes:
        reference, motion: files.
        method: what made the motion; the motions of one method are told together.
        person: whose they are.
        model: of the reference, where it is at hand.
    """

    reference: Path
    motion: Path
    method: str
    person: str = ONE_PERSON
    model: Path | None = None


def pairs_of(reference: Path, others: Sequence[Path]) -> list[MotionPair]:
    """Of files and folders of one person.

    Args:
        reference: a file, or a folder with one motion or several.
        others: the same; a folder's motions are paired with the reference's by the name of their trial, unless the
            reference has one motion and the folder shows one trial.

    Returns:
        At least one; the reference itself is left out.

    Raises:
        BioposeError: a folder holds no motion, or nothing fits together.
    """
    ours = recordings_of(reference)
    _check_one_method(ours, reference)
    labels = dict(zip(others, file_labels(list(others)), strict=True))
    found = []
    for other in others:
        theirs = recordings_of(other)
        for mine, its in _matched(ours, theirs, reference, other):
            if os.path.realpath(mine.motion) != os.path.realpath(its.motion):
                method = (
                    its.method
                    if its.method and len(others) == 1
                    else "/".join(filter(None, (labels[other], its.method)))
                )
                found.append(MotionPair(mine.motion, its.motion, method, model=mine.model))
    return found


def _check_one_method(ours: list[Recording], reference: Path) -> None:
    trials = [one.trial for one in ours]
    if len(set(trials)) < len(trials):
        raise BioposeError(
            f"as a reference this folder holds more than one motion of a trial: "
            f"{', '.join(one.motion.name for one in ours)}",
            where=str(reference),
            mend="Give the path of one.",
        )


def _matched(
    ours: list[Recording], theirs: list[Recording], reference: Path, other: Path
) -> list[tuple[Recording, Recording]]:
    if len(ours) == 1 and len({one.trial for one in theirs}) == 1:
        return [(ours[0], one) for one in theirs]
    by_trial = {one.trial: one for one in ours}
    found = [(by_trial[one.trial], one) for one in theirs if one.trial in by_trial]
    if not found:
        said = [", ".join(sorted({one.trial for one in some})[:8]) for some in (ours, theirs)]
        raise BioposeError(
            f"no trial in common: the reference has {said[0]}, this has {said[1]}",
            where=f"{other} against {reference}",
            mend="Name the trials alike, give two files, or say in a table for `pairs` which belong together.",
        )
    return found


def read_pairs(path: Path) -> list[MotionPair]:
    """Of a table of people and their motions.

    Args:
        path: .csv with the columns person, reference and motion, and, where there are, method and model (of the
            reference); paths are relative to the table.

    Returns:
        A pair for each row.

    Raises:
        BioposeError: a column or a cell is missing, or there is no row.
    """
    rows = list(csv.DictReader(read_text(path).lstrip("\ufeff").splitlines()))
    where, mend = str(path), f"Give a .csv with the columns {', '.join(COLUMNS)} and, where wanted, method and model."
    if not rows:
        raise BioposeError("holds no row", where=where, mend=mend)
    if missing := [name for name in COLUMNS if name not in rows[0]]:
        raise BioposeError(f"has no column {', '.join(missing)}", where=where, mend=mend)
    if unknown := [name for name in rows[0] if name is not None and name not in (*COLUMNS, *OPTIONAL)]:
        raise BioposeError(f"has columns of no meaning here: {', '.join(unknown)}", where=where, mend=mend)
    found = []
    for number, row in enumerate(rows, 2):
        if None in row:
            raise BioposeError(f"line {number} has more cells than the heading", where=where, mend=mend)
        cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, *OPTIONAL)}
        if empty := [name for name in COLUMNS if not cells[name]]:
            raise BioposeError(f"line {number} has no {', '.join(empty)}", where=where, mend=mend)
        files = [path.parent / cells[name] for name in ("reference", "motion")]
        model = path.parent / cells["model"] if cells["model"] else recordings_of(files[0])[0].model
        found.append(MotionPair(files[0], files[1], cells["method"] or "motion", cells["person"], model))
    return found

"""What the run that a motion comes from trusts of it, by the tables that lie beside it.

Which values are trusted is the run's own word (``Trusted.values``, ``tidy.believed_values``), as its report, its table
of angles and a batch have it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from biomech.arrays import rows_at
from biomech.errors import BioposeError
from biomech.inverse_kinematics.tidy import ANGLES, believed_values
from biomech.inverse_kinematics.trusted import Trusted, table_beside
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import ReadMotion, recognise_motion

OMIT, KEEP = "omit", "keep"
UNTRUSTED = (OMIT, KEEP)  # what is done with values that are not trusted


def check_untrusted(untrusted: str) -> None:
    """Raises BioposeError for what is neither ``omit`` nor ``keep``."""
    if untrusted not in UNTRUSTED:
        raise BioposeError(
            f"`untrusted={untrusted}` is no way to take what a run does not trust",
            mend=f"There are `untrusted={OMIT}` and `untrusted={KEEP}`.",
        )


def read_believing(path: Path, untrusted: str = OMIT) -> ReadMotion:
    """A motion, and which of its values are to be trusted where its run left a table that says so.

    Args:
        path: .mot, .sto or .csv of any program.
        untrusted: ``keep`` for who counts all values anyway: a table that cannot be read is then told in a note.

    Returns:
        The motion; ``believed`` is None where no table lies beside it.

    Raises:
        BioposeError: the motion cannot be read; or, with ``omit``, its table cannot, or is another motion's.
    """
    read = recognise_motion(path)
    try:
        return _believing(read)
    except BioposeError as error:
        if untrusted == KEEP:
            said = f"{Path(error.where).name}: {error.what}" if error.where else error.what
            return replace(read, notes=[*read.notes, f"what its run trusts is not known: {said}"])
        mend = f"`untrusted={KEEP}` compares every value, without the table."
        raise BioposeError(error.what, where=error.where, mend=" ".join(filter(None, (error.mend, mend)))) from error


def believed_by(
    trusted: Trusted, motion: Kinematics, where: str | None = None
) -> Bool[np.ndarray, "frames coordinates"]:
    """Which values of a motion a run trusts.

    Args:
        trusted: of its frames, and others.
        motion: as the run left it.
        where: the quality file, for the message.

    Returns:
        Of each value of ``motion``.

    Raises:
        BioposeError: a frame of the motion is not in ``trusted``.
    """
    believed: Bool[np.ndarray, "frames coordinates"] = trusted.values(motion.names)[trusted.rows(motion.time_s, where)]
    return believed


def _believing(read: ReadMotion) -> ReadMotion:
    motion = read.kinematics
    if (path := table_beside(read.path)) is not None:
        return replace(read, believed=believed_by(Trusted.read(path), motion, str(path)))
    if (path := table_beside(read.path, ANGLES)) is None:
        return read
    table = believed_values(path)
    if not table.attrs["said"]:
        return read
    rows = rows_at(table.index.to_numpy(float), motion.time_s, where=str(path), noun="the table of angles")
    believed = np.ones(motion.values.shape, dtype=bool)
    unsaid = [name for name in motion.names if name not in table.columns]
    for column, name in enumerate(motion.names):
        if name not in unsaid:
            believed[:, column] = table[name].notna().to_numpy()[rows]
    notes = [f"{path.name} says nothing of {', '.join(unsaid)}; taken as trusted"] if unsaid else []
    return replace(read, believed=believed, notes=[*read.notes, *notes])

"""What OpenSim's own classes make of a file: those that its tools read with, and those of its GUI."""

import codecs
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import opensim
from jaxtyping import Float

from biomech.inspection.finding import Finding
from biomech.skeleton.model import quiet_opensim

_BEFORE = re.compile(r"^std::exception in '[^']*': |^SimTK Exception thrown at \S+ *")
_AFTER = re.compile(r"\s*(Thrown at|In Object) .*$")


def refusal(read: Callable[[str], Any], path: Path) -> tuple[Any, str | None]:
    """What a class makes of a file, and in its words why it does not take it.

    Args:
        read: a class of OpenSim's that is made from a file.
        path: of the file.

    Returns:
        The object or None, and None or the reason.
    """
    try:
        with quiet_opensim("Off"):
            return read(str(path)), None
    except Exception as error:  # of a foreign library, of any kind
        return None, said_by(error)


def said_by(error: Exception) -> str:
    """The sentence of an OpenSim exception, without where in its source it was thrown."""
    text = " ".join(str(error).split())
    return _AFTER.sub("", _BEFORE.sub("", text))[:200].strip() or type(error).__name__


def wide_text(path: Path) -> list[Finding]:
    """Of a text in UTF-16, as some spreadsheets save it."""
    with open(path, "rb") as file:
        if file.read(2) not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return []
    what, why = "the text is UTF-16", "OpenSim refuses the file."
    return [Finding("error", "utf-16", what, None, why, "Save it as UTF-8 or plain text.", certain=True)]


def marker_table(path: Path) -> tuple[list[str], Float[np.ndarray, " frames"], Float[np.ndarray, "frames xyz"]] | str:
    """A .trc as OpenSim's tools read it: names, times, positions in the file's unit; or why they do not."""
    table, why = refusal(opensim.TimeSeriesTableVec3, path)
    if why is not None:
        return why
    names, time = list(table.getColumnLabels()), np.array(table.getIndependentColumn())
    flat = table.flatten()  # held: its matrix would outlive it
    return names, time, np.array(flat.getMatrix().to_numpy())


def storage_rows(path: Path) -> tuple[int, list[str]] | str:
    """A .mot or .sto as OpenSim's GUI reads it: how many rows, and the columns' names; or why it does not."""
    storage, why = refusal(opensim.Storage, path)
    if why is not None:
        return why
    labels = storage.getColumnLabels()
    return storage.getSize(), [labels.get(i) for i in range(1, labels.getSize())]

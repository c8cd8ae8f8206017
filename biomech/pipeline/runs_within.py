"""Folders that hold runs instead of one: of everybody in a recording, or of a batch."""

from pathlib import Path

from biomech.errors import BioposeError
from biomech.pipeline.record import RECORD

NAMED = 5


def refuse_runs_within(folder: Path) -> None:
    """Lead to the runs in a folder from where one is asked for; to be called where the folder itself is none.

    Raises:
        BioposeError: folders in it are runs.
    """
    try:
        runs = sorted(path.parent.name for path in Path(folder).glob(f"*/{RECORD}"))
    except OSError:
        return
    if runs:
        named = ", ".join(runs[:NAMED]) + (" …" if len(runs) > NAMED else "")
        raise BioposeError(
            f"the folder holds {'several runs' if len(runs) > 1 else 'a run'} ({named}) and is none itself",
            where=str(folder),
            mend=f"Give one of them: {Path(folder) / runs[0]}",
        )

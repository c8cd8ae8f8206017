"""Folders that hold runs instead of one: of everybody in a recording, or of a batch."""

from pathlib import Path

from biomech.errors import BioposeError
from biomech.names import LIVE_ANGLES, LIVE_FILM, LIVE_KEYPOINTS
from biomech.pipeline.record import RECORD

NAMED = 5


def refuse_runs_within(folder: Path) -> None:
    """Lead to the runs in a folder from where one is asked for; to be called where the folder itself is none.

    Raises:
        BioposeError: folders in it are runs, or it is a session of `biopose live` that nobody finished.
    """
    film = Path(folder) / LIVE_FILM
    if film.is_file() and any((Path(folder) / name).is_file() for name in (LIVE_KEYPOINTS, LIVE_ANGLES)):
        raise BioposeError(
            "the folder is a session of `biopose live`, which keeps a film and no motion",
            where=str(folder),
            mend=f"Finish it with `biopose ik {film} --out {folder}`.",
        )
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

"""Data sets by name, as the command line says them: NAME=ANNOTATIONS,PICTURES; our own drawings: drawn=FOLDER."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.train.mqhmr.coco import read_coco, read_h36m, read_mpii
from biomech.train.mqhmr.datasets import PersonInPicture
from biomech.train.mqhmr.drawn import read_drawn
from biomech.train.mqhmr.smpl_labels import read_3dpw, read_movi, read_smpl_npz
from biomech.train.synthetic.clips import SPLITS

H36M_FOCAL_PX = 1146.0  # of its four cameras, within half a per cent

READERS: dict[str, Callable[..., list[PersonInPicture]]] = {
    "coco": read_coco,
    "mpii": read_mpii,
    "h36m": partial(read_h36m, focal_px=H36M_FOCAL_PX),
    "3dpw": read_3dpw,
    "bedlam": read_smpl_npz,
    "npz": read_smpl_npz,
    "movi": read_movi,
    "drawn": read_drawn,
}
PLACES = {"movi": "MOTION,CALIBRATION,PICTURES", "drawn": "FOLDER"}
FORMS = ", ".join(f"{name}={PLACES.get(name, 'ANNOTATIONS,PICTURES')}" for name in READERS)


def read_people(said: list[str], *, allow_pickle: bool = False, split: str = SPLITS[0]) -> list[PersonInPicture]:
    """People of all the sets that are named.

    Args:
        said: ``coco=person_keypoints_train2017.json,train2017`` and the like.
        allow_pickle: for 3DPW, whose files are pickles; only arrays in them are read.
        split: of the drawings, whose folder may hold both.

    Returns:
        Set after set, in the order in which they are named.

    Raises:
        BioposeError: a set is not known, or what its reader finds wrong.
    """
    people = []
    for one in said:
        name, _, paths = one.partition("=")
        places = [Path(path) for path in paths.split(",")]
        if name not in READERS or len(places) != len(PLACES.get(name, "ANNOTATIONS,PICTURES").split(",")) or not paths:
            raise BioposeError(f"not a data set: {one}", mend=f"Say {FORMS}.")
        choices: dict[str, dict[str, Any]] = {"3dpw": {"allow_pickle": allow_pickle}, "drawn": {"split": split}}
        people += READERS[name](*places, **choices.get(name, {}))
    return people

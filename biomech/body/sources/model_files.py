"""The user's own SMPL, SMPL-H and SMPL-X model files: where they are, and the arrays in them.

Their licences leave each user to fetch the files.
"""

from pathlib import Path
from typing import Any

import numpy as np

from biomech.array_files import PICKLES, load
from biomech.errors import BioposeError

PLACES = {
    "smpl": (
        *("smpl/SMPL_{GENDER}.npz", "SMPL_{GENDER}.npz", "smpl/{gender}/model.npz"),
        *("smpl/SMPL_{GENDER}.pkl", "SMPL_{GENDER}.pkl", "smpl/{gender}/model.pkl"),
    ),
    "smplh": ("smplh/{gender}/model.npz", "{gender}/model.npz", "smplh/SMPLH_{GENDER}.npz", "SMPLH_{GENDER}.npz"),
    "smplx": ("smplx/SMPLX_{GENDER}.npz", "SMPLX_{GENDER}.npz", "smplx/{gender}/model.npz"),
}
SITES = {
    "smpl": "smpl.is.tue.mpg.de",
    "smplh": "mano.is.tue.mpg.de (Extended SMPL+H model, used in AMASS)",
    "smplx": "smpl-x.is.tue.mpg.de",
}
VERTICES = {"smpl": 6890, "smplh": 6890, "smplx": 10475}
NEEDED = ("v_template", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights", "f")


def find_model(model_dir: Path | None, body: str, gender: str) -> Path:
    """The user's model file for a body and gender.

    Args:
        model_dir: the user's folder of body models.
        body: ``smpl``, ``smplh`` or ``smplx``.
        gender: ``female``, ``male`` or ``neutral``.

    Returns:
        Path of the .npz, or of SMPL the .pkl where there is no .npz.

    Raises:
        BioposeError: no folder was given, or the file is not in it.
    """
    places = [place.format(gender=gender, GENDER=gender.upper()) for place in PLACES[body]]
    mend = (
        f"Register at {SITES[body]}, fetch the {gender} model, and give the folder as `body_models` that holds "
        f"{places[0]}."
    )
    if model_dir is None:
        raise BioposeError(f"motions of {body} need its own model files, which cannot be shipped", mend=mend)
    found = next((model_dir / place for place in places if (model_dir / place).is_file()), None)
    if found is None:
        raise BioposeError(f"there is no {body} model; looked for {', '.join(places)}", where=str(model_dir), mend=mend)
    return found


def read_model(path: Path, body: str, *, allow_pickle: bool = False) -> dict[str, Any]:
    """The arrays of a model file.

    Args:
        path: .npz, or a .pkl where that is allowed.
        body: ``smpl``, ``smplh`` or ``smplx``.
        allow_pickle: whether a .pkl is looked into, by the reader that knows arrays alone.

    Returns:
        By name; all of ``NEEDED`` have the shapes of that body.

    Raises:
        BioposeError: it is no model of that body.
    """
    try:
        held = load(path, allow_pickle=allow_pickle or path.suffix.lower() not in (*PICKLES, ".npz"))
    except BioposeError as error:
        if path.suffix.lower() == ".npz" and "pickle" in error.what and not allow_pickle:
            raise BioposeError(
                f"not a body model in plain arrays ({error.what})",
                where=str(path),
                mend="Give `allow_pickle`, or write its arrays alone into an .npz.",
            ) from error
        raise
    absent = [name for name in NEEDED if not isinstance(held, dict) or name not in held]
    if absent:
        raise BioposeError(f"not a body model (it has no {absent[0]})", where=str(path))
    arrays = {name: np.asarray(value) for name, value in held.items() if isinstance(value, np.ndarray)}
    vertices, joints = VERTICES[body], arrays["kintree_table"].shape[-1]
    shapes = {
        "v_template": (vertices, 3),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            is_now = " × ".join(map(str, arrays[name].shape))
            raise BioposeError(
                f"not a model of {body}: {name} has the shape {is_now} instead of {' × '.join(map(str, shape))}",
                where=str(path),
            )
    return arrays

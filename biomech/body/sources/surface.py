"""The surface of SMPL, SMPL-H and SMPL-X in every frame, through the package smplx and the user's own model files."""

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.sources.model_files import find_model, read_model
from biomech.body.sources.people import BODY_JOINTS, JOINTS, Parameters
from biomech.errors import BioposeError
from biomech.leftovers import temporary_folder

FRAMES_AT_ONCE = 128
HANDS = 15  # joints of each


def smplx_package() -> Any:
    """The package smplx.

    Raises:
        BioposeError: it is not installed.
    """
    try:
        import smplx
    except ImportError as error:
        raise BioposeError(
            "parameters of SMPL need the package smplx, whose licence is not commercial",
            mend='Install it: pip install "biopose[smpl]"',
        ) from error
    return smplx


def surface_of(
    body: Parameters, body_models: Path | None, *, allow_pickle: bool = False
) -> tuple[Float[np.ndarray, "frames vertices 3"], Float[np.ndarray, "vertices 3"], Path]:
    """Vertices of every frame, as smplx has them.

    Args:
        body: parameters.
        body_models: the user's folder of model files.
        allow_pickle: whether a model's .pkl may be read.

    Returns:
        Vertices (m, the parameters' world), those of the unposed body, and the model's file.

    Raises:
        BioposeError: no package, no file, or one of another body.
    """
    path = find_model(body_models, body.body, body.gender)
    arrays = read_model(path, body.body, allow_pickle=allow_pickle)
    joints = arrays["kintree_table"].shape[-1]
    if joints != JOINTS[body.body]:
        raise BioposeError(f"a {body.body} of {joints} joints instead of {JOINTS[body.body]}", where=str(path))
    used = min(len(body.betas), arrays["shapedirs"].shape[-1])
    template = arrays["v_template"] + arrays["shapedirs"][..., :used] @ body.betas[:used]
    # The shape is in the template: that package takes but ten numbers of most files.
    shaped = {**arrays, "v_template": template, "shapedirs": np.zeros((len(template), 3, 20))}
    model = _model(smplx_package(), body.body, shaped, path)
    rotations = np.zeros((len(body.rotations), joints, 3))
    rotations[:, : body.rotations.shape[1]] = body.rotations[:, :joints]
    vertices = np.empty((len(rotations), len(template), 3), dtype=np.float32)
    flat, places = torch.from_numpy(rotations).float(), torch.from_numpy(body.trans_m).float()
    for first in range(0, len(flat), FRAMES_AT_ONCE):
        some = flat[first : first + FRAMES_AT_ONCE]
        with torch.no_grad():
            answer = model(**_said(body.body, some), transl=places[first : first + FRAMES_AT_ONCE])
        vertices[first : first + len(some)] = answer.vertices.numpy()
    return vertices, template, path


def _said(body: str, rotations: torch.Tensor) -> dict[str, torch.Tensor]:
    frames, flat = len(rotations), rotations.flatten(1)
    last = JOINTS["smpl"] if body == "smpl" else BODY_JOINTS
    said = {"betas": torch.zeros(frames, 10), "global_orient": flat[:, :3], "body_pose": flat[:, 3 : 3 * last]}
    if body == "smpl":
        return said
    at = 3 * last
    if body == "smplx":
        for name in ("jaw_pose", "leye_pose", "reye_pose"):
            said[name], at = flat[:, at : at + 3], at + 3
        said["expression"] = torch.zeros(frames, 10)
    for side in ("left", "right"):
        said[f"{side}_hand_pose"], at = flat[:, at : at + 3 * HANDS], at + 3 * HANDS
    return said


def _model(smplx: Any, body: str, arrays: dict[str, np.ndarray], path: Path) -> Any:
    """A body of that package, of arrays alone: it would read a .pkl with Python's own pickle."""
    flat = {f"hands_{what}{side}": np.zeros(size) for what, size in
            (("components", (45, 45)), ("mean", 45)) for side in "lr"}  # fmt: skip
    # Landmarks of the face and the expressions, of which nothing is asked.
    face = {
        "lmk_faces_idx": np.zeros(51, dtype=np.int64),
        "lmk_bary_coords": np.full((51, 3), 1 / 3),
        "dynamic_lmk_faces_idx": np.zeros((79, 17), dtype=np.int64),
        "dynamic_lmk_bary_coords": np.full((79, 17, 3), 1 / 3),
    }
    whole = {**(face if body == "smplx" else {}), **flat, **arrays}
    kinds = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH, "smplx": smplx.SMPLX}
    hands = {} if body == "smpl" else {"use_pca": False, "flat_hand_mean": True}
    try:
        # It warns on the standard output of how many shape numbers a file has; SMPLX takes a file alone.
        with contextlib.redirect_stdout(io.StringIO()), temporary_folder("model") as aside:
            if body == "smplx":
                plain = aside / "model.npz"
                np.savez(plain, **whole)  # type: ignore[arg-type]
                return kinds[body](str(plain), ext="npz", num_betas=10, num_expression_coeffs=10, **hands)
            return kinds[body](str(path), data_struct=smplx.utils.Struct(**whole), num_betas=10, **hands)
    except (AttributeError, KeyError, ValueError, IndexError, RuntimeError, AssertionError) as error:
        raise BioposeError(
            f"smplx does not take the model ({type(error).__name__}: {error})", where=str(path)
        ) from error

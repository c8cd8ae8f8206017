"""What a family's reader gives: the people in a file, as parameters of a body model or as vertices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.sources.mesh_motion import Frame, Place
from biomech.errors import BioposeError

JOINTS = {"smpl": 24, "smplh": 52, "smplx": 55}
BODY_BY_JOINTS = {joints: body for body, joints in JOINTS.items()}
BODY_JOINTS = 22  # without hands and face: the same in all three
LARGEST_RAD, LARGEST_BETA = 100.0, 100.0


@dataclass(frozen=True)
class Parameters:
    """Of SMPL, SMPL-H or SMPL-X, one shape for all frames."""

    body: str
    gender: str
    rotations: Float[np.ndarray, "frames joints 3"]  # rotation vectors, the root's first
    trans_m: Float[np.ndarray, "frames 3"]  # of the model's origin
    betas: Float[np.ndarray, " betas"]


@dataclass(frozen=True)
class BareSurface:
    """Vertices as they stand in the file, and named points of the body beside them."""

    vertices: Float[np.ndarray, "frames vertices 3"]
    landmarks: Float[np.ndarray, "frames landmarks 3"] | None = None
    landmark_names: list[str] = field(default_factory=list)
    faces: np.ndarray | None = None


@dataclass(frozen=True)
class Person:
    """One person in a file."""

    name: str
    body: Parameters | BareSurface
    frames: np.ndarray | None  # numbers of the frames; None: all, one after the other
    frame: Frame | None  # None: to be found by which way the body stands
    up: str | None  # of a world, as the file has it
    place: Place
    rate_hz: float | None = None
    time_s: Float[np.ndarray, " frames"] | None = None
    focal_px: float | None = None
    size_px: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Frames with the person."""
        return len(self.body.rotations if isinstance(self.body, Parameters) else self.body.vertices)


def numbers(value: Any, what: str, shape: tuple[int | None, ...] | None = None) -> np.ndarray:
    """An array of finite numbers.

    Args:
        value: array or nested lists.
        what: its name, for the message.
        shape: lengths that it must have; None for any.

    Returns:
        Double precision.

    Raises:
        BioposeError: it is something else.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BioposeError(f"{what} is no array of numbers") from error
    if shape is not None and (
        array.ndim != len(shape) or any(n not in (None, k) for n, k in zip(shape, array.shape, strict=False))
    ):
        wanted = " × ".join("any" if n is None else str(n) for n in shape)
        raise BioposeError(f"{what} has the shape {' × '.join(map(str, array.shape))} instead of {wanted}")
    if not np.isfinite(array).all():
        raise BioposeError(f"{what} is not a number everywhere")
    return array


def vectors(value: Any, what: str, joints: Iterable[int]) -> Float[np.ndarray, "frames joints 3"]:
    """Rotation vectors, from such or from matrices, in whatever shape they were saved.

    Args:
        value: frames × joints × 3, frames × 3 joints, frames × joints × 3 × 3 or × 9.
        what: its name, for the message.
        joints: how many there may be.

    Returns:
        rad.

    Raises:
        BioposeError: another number of joints, matrices that do not turn, or angles that are no radians.
    """
    array, allowed = numbers(value, what), tuple(joints)
    while array.ndim > 2 and array.shape[1] == 1 and array.ndim != 4:
        array = array[:, 0]
    if array.ndim == 4 and array.shape[2:] == (3, 3):
        matrices = array.reshape(-1, 3, 3)
        if np.abs(matrices @ matrices.swapaxes(1, 2) - np.eye(3)).max(initial=0) > 0.05:
            raise BioposeError(f"{what} holds matrices that do not only turn")
        found = Rotation.from_matrix(matrices).as_rotvec().reshape(len(array), -1, 3)
    elif array.ndim == 3 and array.shape[1:] == (3, 3) and 1 in allowed and 3 not in allowed:
        return vectors(array[:, None], what, allowed)
    elif (
        array.ndim == 2
        and array.shape[1] in [9 * n for n in allowed]
        and array.shape[1] not in [3 * n for n in allowed]
    ):
        return vectors(array.reshape(len(array), -1, 3, 3), what, allowed)
    elif array.ndim in (2, 3) and array.size % 3 == 0:
        found = array.reshape(len(array), -1, 3)
    else:
        raise BioposeError(f"{what} has the shape {' × '.join(map(str, array.shape))}, which no rotations have")
    if found.shape[1] not in allowed:
        raise BioposeError(
            f"{what} holds {found.shape[1]} joints, and {' or '.join(map(str, allowed))} are known",
            mend="Rotations are three numbers a joint, or matrices of 3 × 3.",
        )
    if np.abs(found).max(initial=0) > LARGEST_RAD:
        raise BioposeError(f"{what} turns by up to {np.abs(found).max():.4g}: rotation vectors are in radians")
    return found


def one_shape(value: Any) -> tuple[Float[np.ndarray, " betas"], list[str]]:
    """One shape of a subject, from one or from every frame's; in the mean of all frames, and what is to be told."""
    betas = np.atleast_2d(numbers(value, "the shape"))
    if np.abs(betas).max(initial=0) > LARGEST_BETA:
        raise BioposeError(f"the shape holds {np.abs(betas).max():.3g}, which is no number of a shape")
    betas = betas.reshape(-1, betas.shape[-1])
    spread = float(betas.std(0).max(initial=0))
    said = [f"the shape differs from frame to frame (by {spread:.2f}): its mean is taken"] if spread > 0.01 else []
    return betas.mean(0), said


def body_of(root: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Root and other joints side by side.

    Args:
        root: frames × 1 × 3.
        rest: frames × joints × 3.

    Returns:
        frames × joints × 3.

    Raises:
        BioposeError: one has more frames.
    """
    if len(root) != len(rest):
        raise BioposeError(f"{len(root)} frames of the root and {len(rest)} of the body")
    return np.concatenate([root, rest], 1)


def parameters(
    held: Mapping[str, Any],
    *,
    body: str | None = None,
    root: Iterable[str] = ("global_orient", "root_orient", "root_pose"),
    pose: Iterable[str] = ("body_pose", "pose_body"),
    whole: Iterable[str] = ("poses", "pose", "fullpose", "full_pose", "rotmat"),
    place: Iterable[str] = ("trans", "transl", "cam_t", "pred_cam_t_full", "pred_cam_t"),
    shape: Iterable[str] = ("betas", "shape", "beta"),
) -> tuple[Parameters, list[str]]:
    """Parameters under the names that programs give them.

    Args:
        held: of one person, frames first.
        body: smpl, smplh or smplx, where it is known; else by the number of joints.
        root, pose, whole, place, shape: names, the first that is there is taken.

    Returns:
        The parameters, and what is to be told.

    Raises:
        BioposeError: rotations are missing, or are another body's.
    """

    def first(names: Iterable[str]) -> Any:
        return next((held[name] for name in names if held.get(name) is not None), None)

    turns, rest = first(root), first(pose)
    if turns is not None and rest is not None:
        every = (21, 23, 51, 54)
        rotations = body_of(vectors(turns, "the root's rotation", (1,)), vectors(rest, "the body's pose", every))
    elif (every_joint := first(whole)) is not None:
        rotations = vectors(every_joint, "the pose", (22, 24, 52, 55))
    else:
        raise BioposeError("it holds no pose (neither global_orient with body_pose, nor poses)")
    joints = rotations.shape[1]
    said = str(held.get("model_type", held.get("surface_model_type", ""))).lower().replace("-", "")
    named = body or (said if said in JOINTS else None) or BODY_BY_JOINTS.get(joints, "smplx")
    notes = [] if body or said in JOINTS else [f"{joints} joints: the body is taken as {named}"]
    if joints > JOINTS[named]:
        rotations = rotations[:, : BODY_JOINTS if named == "smplx" else JOINTS[named]]
    elif joints == JOINTS["smpl"] and named != "smpl":
        rotations = rotations[:, :BODY_JOINTS]
    frames = len(rotations)
    where = first(place)
    trans = np.zeros((frames, 3)) if where is None else numbers(where, "the place").reshape(-1, 3)
    if where is None:
        notes.append("the file does not say where the person is: they stay in one place")
    if len(trans) != frames:
        raise BioposeError(f"{frames} frames of rotations and {len(trans)} of places")
    given = first(shape)
    betas, more = (np.zeros(10), ["no shape in the file: an average body"]) if given is None else one_shape(given)
    gender = held.get("gender", "neutral")
    gender = (
        gender.decode()
        if isinstance(gender, bytes)
        else str(np.asarray(gender).ravel()[0] if np.size(gender) else "neutral")
    )
    gender = gender.lower().strip("b'\"")
    if gender not in ("male", "female", "neutral"):
        gender = {"m": "male", "f": "female"}.get(gender[:1], "neutral")
    return Parameters(named, gender, rotations, trans, betas), notes + more


def listed(value: Any) -> list[Any]:
    """The entries of a list, or of a dictionary in the order of its keys."""
    return list(value.values()) if isinstance(value, Mapping) else list(value)

"""Bodies of other programs: motions of known truth as meshes in files, through our path, against the motions.

The motions are drawn (``labels.library``), the people too. Each is written as its own vertices, and as parameters of a
SMPL-shaped model (``smpl_shaped``) that smplx poses; what comes out is compared with what the same motion gives when
its own body goes through `extract`, `scale` and `solve`, and with the coordinates that drove it.
"""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from biomech.angles import wrapped
from biomech.api.extract import extract
from biomech.api.from_meshes import from_meshes
from biomech.api.scale import scale
from biomech.api.solve import solve
from biomech.bench.smpl_shaped import BETAS, SmplShaped, smpl_shaped
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.generated import generate
from biomech.labels.people import random_adult, seeded
from biomech.mesh.mesh_surface import skin

KINDS = ("walk", "squat", "reach", "sit_to_stand")
SECONDS, RATE_HZ = 2.0, 30.0
TREMBLING_RAD, TREMBLING_M = 0.03, 0.02  # of each joint and of the place, from frame to frame
KEYS = ("mean_deg", "driven_mean_deg", "marker_mm", "surface_mm", "cpu_seconds_per_frame")
WITHOUT_SMPLX = (
    "meshes: smplx is not installed (its licence is not commercial), so that the SMPL-shaped files were left out: "
    "pip install smplx"
)
NOT_COUNTED = ("pelvis_tx", "pelvis_ty", "pelvis_tz", "mtp_angle_r", "mtp_angle_l")


def bench_mesh_sources(
    folder: Path,
    *,
    kinds: tuple[str, ...] = KINDS,
    seconds: float = SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Own vertices, SMPL-shaped parameters, and these trembling: angles, distances and time.

    Args:
        folder: where the files go.
        kinds: of motions, as ``generate`` knows them.
        seconds: of each.
        say: told of every motion.

    Returns:
        Degrees, mm, and seconds of a core that a frame takes from the file to the angles, in the mean of the motions;
        ``mesh_motions`` has them one by one. Without smplx there is a note instead of the SMPL-shaped ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = smpl_shaped()
    model.write(folder / "models")
    posed = importlib.util.find_spec("smplx") is not None
    found: dict[str, dict[str, dict[str, float]]] = {}
    for kind in kinds:
        rows = found[kind] = {}
        rows["own_mesh"] = _own(folder, kind, seconds)
        if posed:
            rows["smpl_shaped"] = _shaped(folder, model, kind, seconds, trembling=False)
            rows["smpl_trembling"] = _shaped(folder, model, kind, seconds, trembling=True)
        for name, row in rows.items():
            say(f"{kind} {name}: " + ", ".join(f"{key} {value:.3g}" for key, value in row.items()))
    figures: dict[str, Any] = {
        f"{name}_{key}": round(float(np.mean([rows[name][key] for rows in found.values()])), 3)
        for name in next(iter(found.values()), {})
        for key in KEYS
    }
    if not posed:
        figures["notes"] = [WITHOUT_SMPLX]
    return figures | {"mesh_motions": found}


def _own(folder: Path, kind: str, seconds: float) -> dict[str, float]:
    body, rng = AnnyBody.load(), seeded(17, kind)
    shape = random_adult(body, rng)
    driving = generate(kind, seconds, RATE_HZ, rng)
    motion = driven(body, shape, driving.names, driving.values, driving.time_s)
    path = folder / f"{kind}_vertices.npz"
    np.savez(path, vertices=surface(motion), fps=RATE_HZ)
    return _compared(path, motion, driving)


def _shaped(folder: Path, model: SmplShaped, kind: str, seconds: float, *, trembling: bool) -> dict[str, float]:
    rng = seeded(18, kind)
    betas = np.abs(rng.normal(0, 0.7, BETAS))
    driving = generate(kind, seconds, RATE_HZ, rng)
    motion = driven(AnnyBody.load([0]), model.shape(betas), driving.names, driving.values, driving.time_s)
    vectors, trans = model.parameters(motion, betas, z_up=True)
    if trembling:
        vectors[:, :22] += TREMBLING_RAD * rng.standard_normal(vectors[:, :22].shape)
        trans += TREMBLING_M * rng.standard_normal(trans.shape)
    path = folder / f"{kind}_{'trembling' if trembling else 'smpl'}.npz"
    np.savez(
        path,
        poses=vectors.reshape(len(vectors), -1),
        trans=trans,
        betas=betas,
        gender=np.array("neutral"),
        mocap_framerate=np.array(RATE_HZ),
    )
    return _compared(path, motion, driving, body_models=folder / "models")


def _compared(path: Path, motion: BodyMotion, driving: Kinematics, **how: Any) -> dict[str, float]:
    started = time.process_time()  # what else the machine does hardly moves it
    found = from_meshes(path, **how)
    _solved(found)
    seconds = time.process_time() - started
    one = extract(motion).positions_m
    found = _facing(found, one)
    other = extract(found).positions_m
    truth, ours = _solved(motion), _solved(found)
    return {
        "mean_deg": _difference(truth, ours),
        "driven_mean_deg": _difference(driving, ours),
        "truth_driven_mean_deg": _difference(driving, truth),
        "marker_mm": 1000 * float(np.linalg.norm(_laid(other, one) - one, axis=-1).mean()),
        "surface_mm": 1000 * _surface_distance(motion, found),
        "cpu_seconds_per_frame": seconds / len(found.time_s),
    }


def _solved(motion: BodyMotion) -> Kinematics:
    scaled = scale(motion)
    return solve(scaled, extract(motion)).kinematics


def _difference(one: Kinematics, other: Kinematics) -> float:
    """Mean absolute difference of the angles (degrees)."""
    names = [n for n, turns in zip(one.names, one.rotational, strict=True) if turns and n not in NOT_COUNTED]
    names = [n for n in names if not n.endswith("_beta")]
    columns = []
    for name in names:
        away = wrapped(one.values[:, one.names.index(name)] - other.values[:, other.names.index(name)])
        columns.append(
            away - (np.arctan2(np.sin(away).mean(), np.cos(away).mean()) if name == "pelvis_rotation" else 0)
        )
    return float(np.rad2deg(np.abs(np.stack(columns))).mean())


def _turn(points: Float[np.ndarray, "frames n 3"], onto: Float[np.ndarray, "frames n 3"]) -> Float[np.ndarray, "3 3"]:
    """About the vertical, as lays one on the other best."""
    a, b = points.reshape(-1, 3), onto.reshape(-1, 3)
    a, b = a - a.mean(0), b - b.mean(0)
    cross = a[:, [0, 2]].T @ b[:, [0, 2]]
    angle = np.arctan2(cross[1, 0] - cross[0, 1], np.trace(cross))
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def _laid(points: Float[np.ndarray, "frames n 3"], onto: Float[np.ndarray, "frames n 3"]) -> np.ndarray:
    """Turned about the vertical and moved as a whole: two worlds may lie differently."""
    turned = (points - points.reshape(-1, 3).mean(0)) @ _turn(points, onto).T
    return turned + onto.reshape(-1, 3).mean(0)


def _facing(motion: BodyMotion, markers: Float[np.ndarray, "frames n 3"]) -> BodyMotion:
    """A motion turned until it faces as its markers do in another world: tilt and list hang on that."""
    turn = _turn(extract(motion).positions_m, markers)
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    return replace(motion, rotations=rotations, root_position_m=motion.root_position_m @ turn.T)


def surface(motion: BodyMotion) -> Float[np.ndarray, "frames vertices 3"]:
    """The whole skin of a motion of the Anny body, m, single precision."""
    return skin(motion)


def _surface_distance(one: BodyMotion, other: BodyMotion, frames: int = 8) -> float:
    """From vertices of one to the nearest of the other, in some frames, each laid on the other as a whole."""
    some = np.linspace(0, len(one.time_s) - 1, frames).round().astype(int)
    a, b = surface(one)[some].astype(float), surface(other)[some].astype(float)
    found = []
    for mine, theirs in zip(a, b, strict=True):
        laid = _laid(theirs[None], mine[None])[0]
        found.append(float(np.mean(cKDTree(mine).query(laid)[0])))
    return float(np.mean(found))

"""Walking, squats and sit-to-stand as users film them, with known angles and the real detector's noise.

A person is drawn from the front, the side and behind as the synthetic set is drawn (``mqhmr.synthetic.see``); the clips
stay in a folder, so that the same seed is measured on the same frames. Angles are measured alike in truth and answer,
between joint centres of the body: knee flexion is the bend hip–knee–ankle; hip flexion is the direction hip → knee in
the sagittal plane of the pelvis's own axes, 0 straight down, forwards positive. Left and right are averaged, and so are
the people.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.gait import walk
from biomech.body.motion import BodyMotion
from biomech.body.squat import folded
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.evaluation.metrics import bend_deg, correlation, range_of_motion
from biomech.mesh.mqhmr.network import MQHMR
from biomech.mesh.mqhmr.predict import look_at
from biomech.mesh.mqhmr.refine import refined
from biomech.mesh.mqhmr.shards import Clip
from biomech.mesh.mqhmr.spread import Spread
from biomech.mesh.mqhmr.synthetic import Makers, keypoints_of, see
from biomech.mesh.mqhmr.synthetic_people import random_shape
from biomech.mesh.mqhmr.through_time import recover_frames
from biomech.mesh.recover import recover

ACTIVITIES = ("walk", "squat", "sit_to_stand")
VIEWS_RAD = {"front": 0.0, "side": np.pi / 2, "behind": np.pi}  # about the vertical, from where the person faces
SECONDS, RATE_HZ = 3.0, 15.0
WALKING_M_S = 1.0
DEEPEST_RAD = {"squat": np.radians(115), "sit_to_stand": np.radians(90)}  # knee
LEAN_RAD, PELVIS_SHARE = np.radians(40), 0.7  # of the trunk; of that, the pelvis
DISTANCE_M, LENS_M, VIEW_RAD = 4.5, 1.2, np.radians(60)  # the view across the longer side of the picture
SIDES_PX = 1280, 720
TRIES = 10
Angles = dict[str, Float[np.ndarray, "frames 2"]]  # left, right; degrees
Say = Callable[[str], None]


def bench_activities(
    network: MQHMR,
    spread: Spread,
    archive: Path,
    folder: Path,
    *,
    people: int,
    seed: int = 0,
    say: Say = lambda _: None,
) -> dict[str, dict[str, float]]:
    """A row for each activity, view and way to recover it: knee and hip, each its error, correlation and range.

    Args:
        spread: the network's, for its answer through time.
        archive: zip of CMU's .bvh motions, which the synthetic set's makers want.
        folder: where the clips are, or go.

    Raises:
        BioposeError: the detector does not see a person whom it should.
    """
    paths = make_activities(archive, folder, people=people, seed=seed, say=say)
    rows: dict[str, list[dict[str, float]]] = {}
    for (activity, view, _), path in paths.items():
        for way, figures in measured(network, spread, Clip.load(path)).items():
            rows.setdefault(f"{activity} {view} {way}", []).append(figures)
        say(f"  {path.stem}")
    return {
        name: {key: round(float(np.nanmean([row[key] for row in found])), 3) for key in found[0]}
        for name, found in rows.items()
    }


def make_activities(
    archive: Path, folder: Path, *, people: int, seed: int = 0, say: Say = lambda _: None
) -> dict[tuple[str, str, int], Path]:
    """A clip for each activity, view and person; those that are there are left alone.

    Raises:
        BioposeError: the detector does not see a person throughout, whatever the scene.
    """
    wanted = [(activity, view, person) for activity in ACTIVITIES for view in VIEWS_RAD for person in range(people)]
    paths = {key: folder / f"{key[0]}_{key[1]}_{seed:03d}_{key[2]:02d}.npz" for key in wanted}
    missing = [key for key in wanted if not paths[key].exists()]
    if not missing:
        return paths
    folder.mkdir(parents=True, exist_ok=True)
    makers = Makers.build(archive, "held_out", round(SECONDS * RATE_HZ), RATE_HZ)
    for key in missing:
        activity, view, person = key
        shape = random_shape(makers.surface.body, np.random.default_rng((seed, person)))
        motion = moving(makers.motions.soles, activity, shape)
        rng = np.random.default_rng((seed, ACTIVITIES.index(activity), list(VIEWS_RAD).index(view), person))
        for _ in range(TRIES):
            clip = see(motion, camera_at(view), makers, rng)
            if clip is not None:
                break
        else:
            raise BioposeError(f"the detector does not see a {activity} from {view}", mend="Give another --seed.")
        clip.save(paths[key])
        say(f"  drawn: {paths[key].stem}")
    return paths


def moving(body: AnnyBody, activity: str, shape: Float[torch.Tensor, " shape"]) -> BodyMotion:
    """A person who faces X, about the origin, the floor at Y = 0."""
    if activity == "walk":
        return walk(body, shape, seconds=SECONDS, rate_hz=RATE_HZ, speed_m_s=WALKING_M_S)
    time_s = np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    down = (1 - np.cos(2 * np.pi * time_s / SECONDS)) / 2
    sitting = activity == "sit_to_stand"
    if sitting:  # from the seat to standing and back
        down = 1 - down
    knee = DEEPEST_RAD[activity] * down
    ankle = 0.05 * knee if sitting else 0.28 * knee
    lean = LEAN_RAD * (np.sin(np.pi * down) if sitting else down)
    rotations = np.tile(np.eye(3), (len(time_s), len(body.bone_names), 1, 1))
    for bone, angle in folded(knee, ankle, lean, PELVIS_SHARE * lean).items():
        rotations[:, body.bone_names.index(bone)] = Rotation.from_euler("z", angle[:, None]).as_matrix()
    for side, sign in (("Left", -1.0), ("Right", 1.0)):  # arms hanging, forwards as the trunk goes down
        hanging = Rotation.from_euler("x", sign * np.radians(45)).as_matrix()
        forwards = Rotation.from_euler("z", (0 if sitting else 1.2) * down[:, None]).as_matrix()
        rotations[:, body.bone_names.index(f"{side}Arm")] = forwards @ hanging
    with torch.no_grad():
        rest = body.rest(shape)
        posed = body.pose(rest, torch.tensor(rotations).float(), torch.zeros(len(rotations), 3))
        soles = body.skin(rest, posed).double().numpy()
    middle = soles.mean(1)
    return BodyMotion(
        body=body.name,
        bone_names=list(body.bone_names),
        rotations=rotations,
        root_position_m=np.stack([-middle[:, 0], -soles[..., 1].min(1), -middle[:, 2]], 1),
        shape=shape.double().numpy(),
        shape_names=list(body.shape_names),
        time_s=time_s,
    )


def camera_at(view: str) -> Camera:
    """A level camera, upright for who comes nearer, lying for who walks past."""
    width, height = SIDES_PX if view == "side" else SIDES_PX[::-1]
    focal = max(width, height) / 2 / np.tan(VIEW_RAD / 2)
    turn = VIEWS_RAD[view]
    away = -np.array([np.cos(turn), 0.0, np.sin(turn)])
    rotation = np.stack([np.cross(away, [0.0, 1.0, 0.0]), [0.0, -1.0, 0.0], away])
    place = np.array([0.0, LENS_M, 0.0]) - DISTANCE_M * away
    return Camera(float(focal), ((width - 1) / 2, (height - 1) / 2), (width, height), rotation, -rotation @ place)


def measured(network: MQHMR, spread: Spread, clip: Clip) -> dict[str, dict[str, float]]:
    """What each way makes of a clip: MQ-HMR's frames, refined ones, through time, and the fit."""
    keypoints = keypoints_of(clip, RATE_HZ)
    true = frame_angles(network, clip.rotations, np.tile(clip.betas, (len(clip.xy), 1)), clip.root_position_m)
    frames = look_at(network, keypoints)
    better, _ = refined(network, keypoints)
    found = {
        "mqhmr": frame_angles(network, frames.rotations, frames.betas, frames.root_position_m),
        "refined": frame_angles(network, better.rotations, better.betas, better.root_position_m),
        "through time": motion_angles(recover_frames(keypoints, frames, spread)),
        "refined through time": motion_angles(recover_frames(keypoints, better, spread)),
        "fit": motion_angles(recover(keypoints)),
    }
    return {way: agreement(angles, true) for way, angles in found.items()}


def agreement(angles: Angles, true: Angles) -> dict[str, float]:
    """Error (°), correlation and share of the range of motion of each joint; means of left and right."""
    figures: dict[str, float] = {}
    for joint, reference in true.items():
        pairs = [(angles[joint][:, side], reference[:, side]) for side in (0, 1)]
        seen = [np.isfinite(ours) for ours, _ in pairs]
        pairs = [(ours[s], theirs[s]) for s, (ours, theirs) in zip(seen, pairs, strict=True)]
        figures |= {
            f"{joint}_mae_deg": float(np.mean([np.abs(ours - theirs).mean() for ours, theirs in pairs])),
            f"{joint}_correlation": float(np.mean([correlation(ours, theirs) for ours, theirs in pairs])),
            f"{joint}_range_deg": float(np.mean([range_of_motion(ours) for ours, _ in pairs])),
            f"{joint}_true_range_deg": float(np.mean([range_of_motion(theirs) for _, theirs in pairs])),
        }
    return figures


def frame_angles(network: MQHMR, rotations: np.ndarray, betas: np.ndarray, root_m: np.ndarray) -> Angles:
    """Of bodies frame by frame."""
    with torch.no_grad():
        said = (torch.from_numpy(np.asarray(part, np.float32)) for part in (betas, rotations, root_m))
        posed = network.body(*said)
    return _angles(posed.joints.double().numpy(), posed.rotations.double().numpy(), network.body.bone_names)


def motion_angles(motion: BodyMotion) -> Angles:
    """Of a moving body."""
    body = AnnyBody.load([0])
    with torch.no_grad():
        rest = body.rest(torch.tensor(motion.shape).float())
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    return _angles(posed.joints.double().numpy(), posed.rotations.double().numpy(), motion.bone_names)


def _angles(
    joints: Float[np.ndarray, "frames bones 3"], rotations: Float[np.ndarray, "frames bones 3 3"], bones: list[str]
) -> Angles:
    pelvis = rotations[:, bones.index("Hips")]
    knees, hips = [], []
    for side in ("Left", "Right"):
        hip, knee, ankle = (joints[:, bones.index(side + bone)] for bone in ("UpLeg", "Leg", "Foot"))
        thigh = np.einsum("fji,fj->fi", pelvis, knee - hip)  # X forwards, Y up
        knees.append(bend_deg(hip, knee, ankle))
        hips.append(np.degrees(np.arctan2(thigh[:, 0], -thigh[:, 1])))
    return {"knee_flexion": np.stack(knees, 1), "hip_flexion": np.stack(hips, 1)}

from pathlib import Path

import numpy as np
import pytest
import torch

from biomech.bench.drawn_people import coordinates, moving, people
from biomech.body.anny import AnnyBody
from biomech.body.driven import TRANSLATIONS, driven, with_soft_forearms
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.labels.people import random_adult, seeded
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.scale_tool import scale_model
from biomech.skeleton.model import coordinate_names, load_model
from biomech.skeleton.skeleton import Skeleton

NAMES = coordinate_names(load_model(DEFAULT_PATH))
USUAL_DEG = {
    **{"pelvis_tilt": (-20, 20), "pelvis_list": (-8, 8), "pelvis_rotation": (-30, 30)},
    **{"lumbar_extension": (-25, 15), "lumbar_bending": (-10, 10), "lumbar_rotation": (-10, 10)},
    **{"neck_extension": (-10, 15), "neck_bending": (-5, 5), "neck_rotation": (-15, 15)},
    **{"hip_flexion": (-15, 90), "hip_adduction": (-20, 10), "hip_rotation": (-15, 15), "knee_angle": (0, 100)},
    **{"ankle_angle": (-20, 20), "subtalar_angle": (-8, 8), "mtp_angle": (0, 0)},
    **{"arm_flex": (-30, 90), "arm_add": (-60, -5), "arm_rot": (-30, 30), "elbow_flex": (5, 110)},
    **{"pro_sup": (60, 120), "wrist_flex": (-20, 20), "wrist_dev": (-10, 10)},
}  # fmt: skip


def usual_motion(frames: int, rng: np.random.Generator) -> np.ndarray:
    values = np.zeros((frames, len(NAMES)))
    for i, name in enumerate(NAMES):
        usual = USUAL_DEG.get(name) or USUAL_DEG.get(name[:-2])
        if usual:
            values[:, i] = np.radians(rng.uniform(*usual, frames))
    return values


def given_back(seed: int, folder: Path, frames: int = 30) -> dict[str, float]:
    """Mean absolute error, degrees, of markers → scale → solve on a random body."""
    body, rng = marker_body(), np.random.default_rng(seed)
    shape = random_adult(body, seeded(seed, "driven"))
    values = usual_motion(frames, rng)
    markers = extract(body, driven(body, shape, NAMES, values, np.arange(frames) / 30))
    tasks = load_virtual_markers().weights_by_name()
    scaled = scale_model(
        DEFAULT_PATH,
        neutral_static(body, shape),
        mass_kg=70,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=tasks,
        posture=NEUTRAL_POSTURE,
        out_osim=folder / "person.osim",
    )
    solved, _ = inverse_kinematics(Skeleton.from_osim(scaled.model_osim), markers, tasks)
    off = (solved.values - values + np.pi) % (2 * np.pi) - np.pi
    return {name: float(np.degrees(np.abs(off[:, i]).mean())) for i, name in enumerate(NAMES)}


def mean(errors: dict[str, float], *parts: str) -> float:
    return float(np.mean([error for name, error in errors.items() if name.startswith(parts)]))


@pytest.mark.parametrize("seed", [1, 2])
def test_markers_scale_and_solve_give_the_coordinates_back(seed, tmp_path):
    errors = given_back(seed, tmp_path)
    assert mean(errors, "pelvis_tilt", "pelvis_list", "pelvis_rotation") < 0.8
    assert mean(errors, "hip", "knee", "ankle", "subtalar") < 1.0
    assert mean(errors, "lumbar", "neck") < 1.0
    assert mean(errors, "arm", "elbow") < 2.6


def test_all_zero_stands_upright_on_the_floor():
    body = AnnyBody.load()
    motion = driven(body, body.default_shape().numpy(), NAMES, np.zeros((3, len(NAMES))), np.arange(3) / 30)
    rest = body.rest(body.default_shape())
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    skin = body.skin(rest, posed)
    assert abs(float(skin[..., 1].min())) < 1e-3
    joints = dict(zip(body.bone_names, posed.joints[0].numpy(), strict=True))
    for side in ("Left", "Right"):
        leg = joints[f"{side}UpLeg"] - joints[f"{side}Foot"]
        assert leg[1] / np.linalg.norm(leg) > np.cos(np.radians(3))
    trunk = joints["LeftArm"] + joints["RightArm"] - joints["LeftUpLeg"] - joints["RightUpLeg"]
    assert trunk[1] / np.linalg.norm(trunk) > np.cos(np.radians(6))
    soles = skin[0, body.foot_vertices["sole_r"], 1]
    assert float(soles.median()) < 0.01


def test_a_standing_foot_stays_where_it_is():
    body, frames = AnnyBody.load([0]), 40
    values = np.zeros((frames, len(NAMES)))
    lean = np.radians(np.linspace(0, 20, frames))
    for name in ("ankle_angle_r", "ankle_angle_l"):
        values[:, NAMES.index(name)] = lean
    values[:, NAMES.index("pelvis_tilt")] = -lean
    turning = [i for i, name in enumerate(NAMES) if name not in TRANSLATIONS]
    names, values = [NAMES[i] for i in turning], values[:, turning]
    motion = driven(body, body.default_shape().numpy(), names, values, np.arange(frames) / 30)
    rest = body.rest(body.default_shape())
    posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    heel = posed.joints[:, body.bone_names.index("RightFoot")].numpy()
    assert np.ptp(heel, axis=0).max() < 0.01
    assert motion.root_position_m[-1, 0] > motion.root_position_m[0, 0] + 0.2  # leans forwards


def test_soft_forearms_leave_the_hands_alone():
    body, rng = AnnyBody.load([0]), np.random.default_rng(0)
    shape = body.default_shape().numpy()
    motion = driven(body, shape, NAMES, usual_motion(8, rng), np.arange(8) / 30)
    soft = with_soft_forearms(motion)
    rest = body.rest(body.default_shape())
    hands = [
        body.pose(rest, torch.tensor(m.rotations).float(), torch.tensor(m.root_position_m).float())
        for m in (motion, soft)
    ]
    for side in ("Left", "Right"):
        hand = body.bone_names.index(f"{side}Hand")
        assert torch.allclose(hands[0].joints[:, hand], hands[1].joints[:, hand], atol=1e-4)
        assert torch.allclose(hands[0].rotations[:, hand], hands[1].rotations[:, hand], atol=1e-4)


@pytest.mark.parametrize("person", [3, 9, 15])
def test_who_walks_goes_where_the_coordinates_say_without_a_jerk(person, tmp_path):
    one = next(o for o in people(tmp_path) if (o.activity, o.person) == ("walk", person))
    truth = coordinates(one)
    motion = moving(one, truth)
    said = np.stack([truth.column(name) for name in ("pelvis_tx", "pelvis_tz")], 1)
    said *= np.median(motion.root_position_m[:, 1]) / np.median(truth.column("pelvis_ty"))
    went = motion.root_position_m[:, [0, 2]]
    way, said_way = went[-1] - went[0], said[-1] - said[0]
    assert np.linalg.norm(way - said_way) < 0.25 * np.linalg.norm(said_way)  # of another person's legs; was up to 1.1
    assert np.abs(np.diff(went, 3, axis=0)).max() < 0.008  # m a frame, cubed: was 0.12

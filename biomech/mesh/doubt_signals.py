"""What tells of a wrong pose that meets the picture: numbers of each frame, whichever recoverer found the pose.

The sequence network's word and how far the answer is from it, what the residuals leave open, how rare the pose is; how
well it lies on the picture and agrees with the detector's 3D in depth, how surely the points are seen; and the answer
itself: how far it bends, whether trunk and thighs point along the ray, where depth is hardest to tell, how far shanks
and trunk are from their mirror images in depth, which look the same, what the body itself hides, and how fast it moves.
"""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.body.linkage import Pose, coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.mesh import expected
from biomech.mesh.chain import BonePoints
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.features import NAMES, features
from biomech.mesh.fit import Evidence, State, off_the_landmarks, off_the_picture
from biomech.mesh.habit import Habit
from biomech.mesh.limbs import BONES, hidden
from biomech.mesh.placing import Linked, Placing
from biomech.mesh.robust import geman_mcclure

OF_NETWORK = ("pelvis", "femur", "knee", "humerus")
OF_RESIDUALS = ("pelvis_tilt", "hip_flexion", "knee")
HIDDEN = (("knee", "ankle"), ("elbow", "wrist"))  # of ``limbs.JOINTS``, both sides
LEGS, ARMS = ("knee", "ankle", "heel", "foot_index"), ("elbow", "wrist", "pinky", "thumb", "index")
BENT = ("knee_angle", "hip_flexion")
JOINTS = (
    "Hips LowerBack Neck LeftUpLeg LeftLeg LeftFoot RightUpLeg RightLeg RightFoot "
    "LeftArm LeftForeArm LeftHand RightArm RightForeArm RightHand"
).split()
SIGNALS = (
    *(f"network's error, {name}" for name in OF_NETWORK),
    *(f"residuals' deviation, {name}" for name in OF_RESIDUALS),
    *("rarity", "rarity of the network's pose", "off the network's pose", "quality"),
    *("off the picture", "legs off the picture", "off the 3D in depth", "confidence", "confidence of the arms"),
    *("knee", "hip", "lumbar", "trunk upright", "thighs along the ray"),
    *("pelvis upright along the ray", "speed"),
    *("hidden knees and ankles", "hidden elbows and wrists", "shanks mirrored in depth", "trunk mirrored in depth"),
)
SIDES = ("left", "right")
LEAST_SD, LEAST_OFF, LEAST_SPEED = 1e-3, 0.05, 0.02  # so that logarithms stay small
LEAST_CONFIDENCE = 0.3  # of a group's points together


@dataclass(frozen=True)
class Judgeable:
    """What a recovery found, in a world whose Y is up."""

    pose: Pose
    root_m: Float[np.ndarray, "frames 3"]
    shaped: Linked
    camera_from_world: Float[np.ndarray, "3 3"]
    lens_m: Float[np.ndarray, "3"]
    sd: Float[np.ndarray, "frames coordinates"]  # rad, m; columns as ``expected.NAMES``, as the residuals leave them
    quality: Float[np.ndarray, " frames"]  # 0 … 1

    @classmethod
    def of_state(
        cls, state: State, sd: Float[np.ndarray, "frames coordinates"], quality: Float[np.ndarray, " frames"]
    ) -> "Judgeable":
        """Of the fit's own, whose lens is at the origin.

        Args:
            state: all its frames.
            sd: rad, m; columns as ``expected.NAMES``.
            quality: 0 … 1.

        Returns:
            What is judged.
        """
        return cls(
            *(state.pose, state.root, state.subject.shaped, state.level.camera_from_world, np.zeros(3), sd, quality),
        )

    @classmethod
    def of_motion(cls, motion: BodyMotion) -> "Judgeable":
        """Of a recovered body with camera, quality and standard deviations."""
        body, camera = AnnyBody.load([0]), motion.camera
        assert camera is not None and motion.quality is not None and motion.coordinate_sd is not None
        turn = camera.rotation_camera_from_world
        return cls(
            pose_of_bones(body, motion.shape, motion.rotations),
            motion.root_position_m,
            Linked.of(body, motion.shape, body.measure(motion.shape[None])),
            turn,
            -turn.T @ camera.position_in_camera_m,
            motion.coordinate_sd,
            motion.quality,
        )


def signals_of(
    evidence: Evidence, answer: Judgeable, correspondence: Correspondence, habit: Habit
) -> Float[np.ndarray, "frames signals"]:
    """What tells of a wrong pose.

    Args:
        evidence: of a clip from one camera, with the detector's 3D and the sequence network's word, whichever
            recoverer found the answer.
        answer: all its frames.
        correspondence: the body's points, as the evidence has them.
        habit: of people.

    Returns:
        Columns as ``SIGNALS``.
    """
    pose, values, placing = answer.pose, features(answer.pose), _placing()
    frame, stature_m = placing.frame(answer.shaped, pose, answer.root_m), answer.shaped.stature_m
    off = geman_mcclure(np.square((values - evidence.guess) / evidence.guess_sd)).sum(1)
    points = placing.points(frame, correspondence.points)
    seen = evidence.of_first((points - answer.lens_m) @ answer.camera_from_world.T)
    joints = dict(zip(_bones().names, np.moveaxis(placing.points(frame, _bones()), 1, 0), strict=True))
    ray = _unit(answer.root_m - answer.lens_m)
    behind = hidden({name: joint - answer.lens_m for name, joint in joints.items()}, stature_m)
    coordinates = coordinates_of(pose)
    thighs = [_unit(joints[f"{side}Leg"] - joints[f"{side}UpLeg"]) for side in ("Left", "Right")]
    return np.concatenate(
        [
            _means(np.log(evidence.guess_sd), NAMES, OF_NETWORK),
            _means(np.log(answer.sd + LEAST_SD), expected.NAMES, OF_RESIDUALS),
            np.stack(
                [
                    *(habit.rarities(values) / 10, habit.rarities(evidence.guess) / 10),
                    *(np.log1p(off), answer.quality),
                    *_of_the_picture(evidence, seen, correspondence, stature_m),
                    _off_in_depth(evidence, seen, stature_m),
                    evidence.confidence.mean(1),
                    evidence.confidence[:, _of_limbs(correspondence, ARMS)].mean(1),
                    *(np.maximum(coordinates[f"{name}_r"], coordinates[f"{name}_l"]) for name in BENT),
                    np.abs(coordinates["lumbar_extension"]),
                    _unit(joints["Neck"] - joints["Hips"])[:, 1],
                    np.mean([(thigh * ray).sum(1) for thigh in thighs], axis=0),
                    np.abs((pose.balls[:, 0, :, 1] * ray).sum(1)),
                    _speed(np.stack([joints[name] for name in JOINTS], 1) / stature_m, evidence.interval_s),
                    *(np.sum([behind[f"{s} {joint}"] for s in SIDES for joint in some], 0) for some in HIDDEN),
                    *(_mirrored(joints, ends, ray) for ends in (("Leg", "Foot"), ("UpLeg", "Arm"))),
                ],
                1,
            ),
        ],
        1,
    )


@functools.cache
def _placing() -> Placing:
    return Placing(AnnyBody.load([0]))


@functools.cache
def _bones() -> BonePoints:
    all_bones, names = AnnyBody.load([0]).bone_names, sorted({*JOINTS, *BONES})
    return BonePoints(names, np.array([all_bones.index(name) for name in names]), np.zeros((len(names), 3)))


def _means(
    logs: Float[np.ndarray, "frames columns"], names: tuple[str, ...], begin: tuple[str, ...]
) -> Float[np.ndarray, "frames groups"]:
    groups = [[k for k, name in enumerate(names) if name.startswith(one)] for one in begin]
    return np.stack([logs[:, columns].mean(1) for columns in groups], 1)


def _unit(vectors: Float[np.ndarray, "frames 3"]) -> Float[np.ndarray, "frames 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _mirrored(
    joints: dict[str, Float[np.ndarray, "frames 3"]], ends: tuple[str, str], ray: Float[np.ndarray, "frames 3"]
) -> Float[np.ndarray, " frames"]:
    """The angle (rad) between a segment and its mirror image in depth, of the side where it is larger."""
    begin, end = ends
    segments = [_unit(joints[f"{side.title()}{end}"] - joints[f"{side.title()}{begin}"]) for side in SIDES]
    return 2 * np.arcsin(np.abs([(segment * ray).sum(1) for segment in segments]).max(0).clip(0, 1))


def _of_limbs(correspondence: Correspondence, parts: tuple[str, ...]) -> list[int]:
    """Columns of the limbs' points; of all where a layout has none of them."""
    names = correspondence.points.names
    return [k for k, name in enumerate(names) if name.partition("_")[2] in parts] or list(range(len(names)))


def _of_the_picture(
    evidence: Evidence, seen: Float[np.ndarray, "frames points 3"], correspondence: Correspondence, stature_m: float
) -> tuple[Float[np.ndarray, " frames"], Float[np.ndarray, " frames"]]:
    """Logarithms of the points' mean robust cost in the picture: of all, and of the legs'."""
    off = off_the_picture(evidence, seen, stature_m, correspondence)
    cost = evidence.confidence * geman_mcclure(np.square(off).sum(-1))

    def mean(columns: list[int] | slice) -> Float[np.ndarray, " frames"]:
        sure = evidence.confidence[:, columns].sum(1)
        return np.log(cost[:, columns].sum(1) / np.maximum(sure, LEAST_CONFIDENCE) + LEAST_OFF)

    return mean(slice(None)), mean(_of_limbs(correspondence, LEGS))


def _off_in_depth(
    evidence: Evidence, seen: Float[np.ndarray, "frames points 3"], stature_m: float
) -> Float[np.ndarray, " frames"]:
    """Root mean square distance along the ray from what is known in space, statures; 0 where nothing is."""
    off = off_the_landmarks(evidence, seen, stature_m)
    known = np.isfinite(evidence.landmark_sd).all((1, 2))
    return np.where(known, np.sqrt(np.square(off[..., 2]).mean(1)), 0.0)


def _speed(statures: Float[np.ndarray, "frames points 3"], interval_s: float) -> Float[np.ndarray, " frames"]:
    """Logarithm of the points' mean speed, statures a second; of a lone frame that of who is still."""
    if len(statures) < 2:
        return np.full(len(statures), np.log(LEAST_SPEED))
    return np.log(np.linalg.norm(np.gradient(statures, interval_s, axis=0), axis=-1).mean(1) + LEAST_SPEED)

"""Which labels can be trusted: frame by frame from the markers, coordinate by coordinate from the bony landmarks.

A coordinate is not to be learned from where a bony landmark of the body that it moves, or of that body's parent, lies
over 2 cm from its place on the posed skeleton: the rule of D3KE (Bittner et al., Sensors 2023). Values outside the
model's ranges, jumps, and what the markers of a frame do not determine are flagged beside it, as bits of one byte.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, UInt8

from biomech.angles import wrapped
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.virtual import load_virtual_markers
from biomech.skeleton.functions import Curve
from biomech.skeleton.skeleton import Skeleton

LANDMARK_M = 0.02
# Landmarks that say where a body is weigh at least so much in IK. The lighter ones lie on soft or bending parts that a
# rigid body stands for (the spine's column on the one torso), and are off wherever a person bends.
LANDMARK_WEIGHT = 3.0
# The fastest joint of a person is the shoulder of a baseball pitcher, who turns it inwards at about 7,000°/s (Fleisig
# et al., J Biomech 32, 1999); what people do in a laboratory stays far below.
JUMP_RAD_S = np.deg2rad(2000.0)
JUMP_M_S = 12.0  # the fastest sprinter
RANGE_TOLERANCE_RAD = np.deg2rad(0.5)

# Bits of the flags: 0 is a label to learn from.
LANDMARK_OFF, OUT_OF_RANGE, JUMP, NOT_SOLVED, NOT_DETERMINED = 1, 2, 4, 8, 16


class TableFigures(TypedDict):
    """What the table says of a trial, and of all together; shares are of frames times coordinates."""

    frames: int
    marker_rms_mm: float
    marker_max_mm: float
    worst_marker: str
    frames_trusted: int
    masked_share: float
    landmark_share: float
    out_of_range_share: float
    jump_share: float


class QualityFigures(TableFigures):
    """What a shard says of its trial's quality."""

    not_determined_share: float


@dataclass(frozen=True)
class Quality:
    """How far the labels of a trial can be trusted."""

    flags: UInt8[np.ndarray, "frames coordinates"]
    marker_rms_m: Float[np.ndarray, " frames"]  # NaN where not solved
    marker_max_m: Float[np.ndarray, " frames"]
    trusted: Bool[np.ndarray, " frames"]  # the source is, and OpenSim's thresholds for marker errors are met

    @property
    def mask(self) -> Bool[np.ndarray, "frames coordinates"]:
        """Labels to learn from."""
        return self.flags == 0

    def summary(self, errors: MarkerErrors) -> QualityFigures:
        """The trial's row in the table."""

        def share(doubted: Bool[np.ndarray, "frames coordinates"]) -> float:
            return round(float(doubted.mean()), 6)

        return {
            "frames": len(self.flags),
            "marker_rms_mm": round(errors.clip_rms_m * 1000, 3),
            "marker_max_mm": round(float(np.nanmax(self.marker_max_m)) * 1000, 3),
            "worst_marker": errors.names[int(np.nanargmax(np.nanmax(errors.distances_m[errors.solved], axis=0)))],
            "frames_trusted": int(self.trusted.sum()),
            "masked_share": share(self.flags != 0),
            "landmark_share": share(self.flags & LANDMARK_OFF > 0),
            "out_of_range_share": share(self.flags & OUT_OF_RANGE > 0),
            "jump_share": share(self.flags & JUMP > 0),
            "not_determined_share": share(self.flags & NOT_DETERMINED > 0),
        }


def judge(
    skeleton: Skeleton,
    kinematics: Kinematics,
    errors: MarkerErrors,
    source_trusted: Bool[np.ndarray, " frames"] | None = None,
    landmarks: Collection[str] | None = None,
    determined: Bool[np.ndarray, "frames coordinates"] | None = None,
) -> Quality:
    """Judge the labels of one trial.

    Args:
        skeleton: the model that was solved with; says what the coordinates move and their ranges.
        kinematics: all coordinates in the model's order.
        errors: of the markers that were tracked.
        source_trusted: frames that the source itself stands by; all where not given.
        landmarks: names of the bony markers; of the virtual ones where not given.
        determined: what the markers of each frame tell (``ik.determined``); everything where not given.

    Returns:
        Flags by frame and coordinate, marker errors by frame (m), and which frames are to be trusted.
    """
    trusted = errors.good if source_trusted is None else errors.good & source_trusted
    unusable = ~errors.solved if source_trusted is None else ~(errors.solved & source_trusted)
    flags = np.zeros(kinematics.values.shape, np.uint8)
    flags[_landmark_off(skeleton, errors, landmarks)] |= LANDMARK_OFF
    flags[_out_of_range(skeleton, kinematics)] |= OUT_OF_RANGE
    flags[_jump(kinematics)] |= JUMP
    flags[unusable] |= NOT_SOLVED
    if determined is not None:
        flags[~determined] |= NOT_DETERMINED
    return Quality(flags, errors.rms_m, errors.max_m, trusted)


def landmarks_by_coordinate(skeleton: Skeleton, bony: Collection[str] | None = None) -> Mapping[str, list[str]]:
    """Names of the bony landmarks that a coordinate's label hangs on.

    Those of the body it moves and of that body's parent. Where one of them carries none (the talus), the nearest
    that does stands in, further out or further in.

    Args:
        skeleton: with its markers.
        bony: names of the bony markers; of the virtual ones where not given.

    Returns:
        By coordinate, in the model's order; no name for a coordinate that moves no body.
    """
    bony = virtual_landmarks() if bony is None else bony
    carried: dict[str, list[str]] = {body: [] for body in skeleton.body_names}
    for marker in skeleton.description.markers:
        if marker.name in bony:
            carried[marker.body].append(marker.name)
    joints = skeleton.description.joints
    parent = {joint.child.body: joint.parent.body for joint in joints}
    children: dict[str, list[str]] = {body: [] for body in skeleton.body_names}
    for child, above in parent.items():
        children[above].append(child)

    def outwards(body: str) -> list[str]:
        return carried[body] or [name for child in children[body] for name in outwards(child)]

    def inwards(body: str) -> list[str]:
        return carried[body] or (inwards(parent[body]) if body in parent else [])

    found: dict[str, list[str]] = {}
    for joint in joints:
        names = [*outwards(joint.child.body), *inwards(joint.parent.body)]
        for index in {i for _, indices in joint.functions for i in indices}:
            found.setdefault(skeleton.coordinate_names[index], names)
    return {name: found.get(name, []) for name in skeleton.coordinate_names}


def virtual_landmarks() -> set[str]:
    """The virtual markers that say where a bone is."""
    table = load_virtual_markers()
    chosen = table.bony & (table.weight >= LANDMARK_WEIGHT)
    return {name for name, is_chosen in zip(table.names, chosen, strict=True) if is_chosen}


def _landmark_off(
    skeleton: Skeleton, errors: MarkerErrors, bony: Collection[str] | None
) -> Bool[np.ndarray, "frames coordinates"]:
    off = errors.distances_m > LANDMARK_M  # a missing marker (NaN) is not off
    row = {name: k for k, name in enumerate(errors.names)}
    columns = []
    for landmarks in landmarks_by_coordinate(skeleton, bony).values():
        rows = [row[name] for name in landmarks if name in row]
        columns.append(off[:, rows].any(axis=1))
    return np.stack(columns, axis=1)


def _out_of_range(skeleton: Skeleton, kinematics: Kinematics) -> Bool[np.ndarray, "frames coordinates"]:
    """Rotations outside the range; where a person stands and faces has no range.

    A whole turn more is the same pose, but not where curves follow the angle, as the knee's slides do.
    """
    low, high = skeleton.ranges.T
    middle = (low + high) / 2
    turned = wrapped(kinematics.values - middle) + middle
    curved = [
        i
        for joint in skeleton.description.joints
        for function, indices in joint.functions
        if isinstance(function, Curve)
        for i in indices
    ]
    turned[:, curved] = kinematics.values[:, curved]
    outside = (turned < low - RANGE_TOLERANCE_RAD) | (turned > high + RANGE_TOLERANCE_RAD)
    roots = [joint for joint in skeleton.description.joints if joint.parent.body == "ground"]
    free = [i for joint in roots for _, indices in joint.functions for i in indices]
    outside[:, free] = False
    return outside & kinematics.rotational


def _jump(kinematics: Kinematics) -> Bool[np.ndarray, "frames coordinates"]:
    """Both frames beside a step that is faster than a person."""
    jumped = np.zeros(kinematics.values.shape, dtype=bool)
    speed = np.abs(np.diff(kinematics.values, axis=0)) / np.diff(kinematics.time_s)[:, None]
    steps = speed > np.where(kinematics.rotational, JUMP_RAD_S, JUMP_M_S)
    jumped[:-1] |= steps
    jumped[1:] |= steps
    return jumped

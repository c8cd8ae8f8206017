"""The layouts of other detectors' points: which there are, by name and by their number, in their data sets' order.

Names are those of mmpose's data sets, which the files of its predictions bear, except the middle of the hips, which is
``mid_hip``. Body joints, eyes, ears and heels are named as BlazePose's; which points of the body all of them are is
for ``mesh.correspondence``.
"""

from pathlib import Path

from biomech.errors import BioposeError

BLAZEPOSE_33 = (
    "nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear "
    "mouth_left mouth_right left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist left_pinky "
    "right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee left_ankle "
    "right_ankle left_heel right_heel left_foot_index right_foot_index"
).split()
COCO_17 = (
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist "
    "right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle"
).split()
BODY_25 = (
    "nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist mid_hip right_hip right_knee "
    "right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear left_big_toe left_small_toe "
    "left_heel right_big_toe right_small_toe right_heel"
).split()
COCO_18 = [*BODY_25[:8], *BODY_25[9:19]]  # OpenPose's of COCO: a neck, and no middle of the hips
HALPE_26 = [
    *COCO_17,
    *"head neck mid_hip left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel".split(),
]
FACE_68 = [f"face-{k}" for k in range(68)]
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")


def _hand(side: str) -> list[str]:
    return [f"{side}_hand_root", *(f"{side}_{finger}{k}" for finger in FINGERS for k in range(1, 5))]


HANDS_42 = [*_hand("left"), *_hand("right")]
FEET_6 = "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel".split()
LAYOUTS: dict[str, list[str]] = {
    "coco17": COCO_17,
    "coco18": COCO_18,
    "body25": BODY_25,
    "halpe26": HALPE_26,
    "blazepose33": BLAZEPOSE_33,
    "wholebody133": [*COCO_17, *FEET_6, *FACE_68, *HANDS_42],
    "halpe136": [*HALPE_26, *FACE_68, *HANDS_42],
}


def layout_names(points: int, layout: str | None = None, where: Path | str | None = None) -> list[str]:
    """The names of a detector's points.

    Args:
        points: how many it has.
        layout: of ``LAYOUTS``; by default the one of so many points.
        where: what has them, for messages.

    Returns:
        In the detector's order.

    Raises:
        BioposeError: there is no such layout, it has another number of points, or none has that many.
    """
    place = None if where is None else str(where)
    known = ", ".join(f"{name} ({len(names)})" for name, names in LAYOUTS.items())
    if layout is None:
        for names in LAYOUTS.values():
            if len(names) == points:
                return list(names)
        raise BioposeError(f"no layout of {points} points is known", where=place, mend=f"Those are known: {known}.")
    if layout not in LAYOUTS:
        raise BioposeError(f"there is no layout '{layout}'", where=place, mend=f"Give `layout` with one of {known}.")
    if len(LAYOUTS[layout]) != points:
        raise BioposeError(
            f"{points} points, where the layout {layout} has {len(LAYOUTS[layout])}",
            where=place,
            mend=f"Leave `layout` away, or give the one of these: {known}.",
        )
    return list(LAYOUTS[layout])

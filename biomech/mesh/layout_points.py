"""What other detectors' points are to the fit: which of its points they mean, and where on the body those lie then.

By anatomy they are BlazePose's: shoulders, elbows, wrists, hips, knees, ankles, heels, eyes, ears and nose; of hands
and face those that have a name there. Pose2Sim's published marker sets for COCO, Halpe and BlazePose (BSD-3) place
shoulders, elbows, wrists, hips and heels alike, too. The big toe's tip is no point of BlazePose's, whose foot index
lies behind it: it has its own place, that of the virtual marker LTOE. Small toes, the crown of the head, the neck and
the middle of the hips are not used: the latter two are no more than means of shoulders and hips, and the network has
not seen the others.
"""

# The fit's points, with the names under which other layouts have them.
OTHER_NAMES = {
    **{f"{side}_foot_index": (f"{side}_big_toe",) for side in ("left", "right")},
    **{f"{side}_index": (f"{side}_forefinger1",) for side in ("left", "right")},
    **{f"{side}_pinky": (f"{side}_pinky_finger1",) for side in ("left", "right")},
    **{f"{side}_thumb": (f"{side}_thumb2",) for side in ("left", "right")},
    # The 68 points of the face as iBUG numbers them, from 0: corners of eyes and mouth.
    **{"right_eye_outer": ("face-36",), "right_eye_inner": ("face-39",), "mouth_right": ("face-48",)},
    **{"left_eye_inner": ("face-42",), "left_eye_outer": ("face-45",), "mouth_left": ("face-54",)},
}
# Where they lie on the body if it is they that were detected: from the bone's joint, rest axes, statures.
OWN_OFFSETS = {"left_big_toe": (0.0288, -0.003, 0.0214), "right_big_toe": (0.0288, -0.003, -0.0214)}


def place_of(point: str, names: list[str]) -> int | None:
    """Which of a detector's points one of the fit's is.

    Args:
        point: of the fit.
        names: the detector's.

    Returns:
        Its place among ``names``; None where there is none.
    """
    for name in (point, *OTHER_NAMES.get(point, ())):
        if name in names:
            return names.index(name)
    return None

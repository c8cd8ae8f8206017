"""The report's words: what coordinates are called in a clinic, and what a run's notes mean for its reader."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from biomech.comparison.coordinate_names import group, standard_name

# Plain name of a coordinate without its side, and what its positive values are.
COORDINATES = {
    "pelvis_tilt": ("Pelvic tilt", "+ backward, − forward"),
    "pelvis_list": ("Pelvic obliquity", "+ right side down"),
    "pelvis_rotation": ("Pelvic rotation", "+ turned to the left"),
    "pelvis_tx": ("Pelvis position forward", ""),
    "pelvis_ty": ("Pelvis height", ""),
    "pelvis_tz": ("Pelvis position to the right", ""),
    "lumbar_extension": ("Trunk extension", "+ extension, − flexion"),
    "lumbar_bending": ("Trunk side bending", "+ to the right"),
    "lumbar_rotation": ("Trunk rotation", "+ to the left"),
    "neck_extension": ("Neck extension", "+ extension, − flexion"),
    "neck_bending": ("Neck side bending", "+ to the right"),
    "neck_rotation": ("Neck rotation", "+ to the left"),
    "hip_flexion": ("Hip flexion", "+ flexion, − extension"),
    "hip_adduction": ("Hip adduction", "+ adduction, − abduction"),
    "hip_rotation": ("Hip rotation", "+ internal, − external"),
    "knee_angle": ("Knee flexion", "+ flexion"),
    "ankle_angle": ("Ankle dorsiflexion", "+ dorsi-, − plantarflexion"),
    "subtalar_angle": ("Subtalar inversion", "+ inversion, − eversion"),
    "mtp_angle": ("Toes (mtp)", "+ down, − up"),
    "arm_flex": ("Shoulder flexion", "+ flexion, − extension"),
    "arm_add": ("Shoulder adduction", "+ adduction, − abduction"),
    "arm_rot": ("Shoulder rotation", "+ internal, − external"),
    "elbow_flex": ("Elbow flexion", "+ flexion"),
    "pro_sup": ("Forearm pronation", "+ pronation"),
    "wrist_flex": ("Wrist flexion", "+ flexion, − extension"),
    "wrist_dev": ("Wrist deviation", "+ ulnar, − radial"),
}
SECTIONS = {
    **dict.fromkeys(("hip", "knee", "ankle", "subtalar", "toes"), "Legs"),
    **dict.fromkeys(("pelvis", "pelvis position", "lumbar", "neck"), "Pelvis and trunk"),
    **dict.fromkeys(("shoulder", "elbow", "forearm", "wrist"), "Arms"),
}
ORDER = ("Legs", "Pelvis and trunk", "Arms", "Other")
SOLVERS = {
    "fast": "BioPose's inverse kinematics",
    "neural": "the neural network",
    "opensim": "OpenSim's inverse kinematics",
}
# What a note means for somebody who measures people; the first that fits is said beside it.
MEANINGS = (
    (
        r"^focal length .*(default|assumed)",
        "The film does not say which lens it was taken with, so that of a usual phone is assumed. Angles "
        "hardly suffer; how far the person is from the camera, and so how far they walked, may be off as the lens is.",
    ),
    (
        r"no height given.*few adults are",
        "Nobody said how tall the person is, and the picture was probably misread. Angles hardly suffer; do not use "
        "lengths, heights or speeds before the height is given.",
    ),
    (
        r"no height given",
        "Nobody said how tall the person is. Angles stay as they are; lengths, heights and speeds are of a person of "
        "the assumed height: an average adult's, corrected a little by the picture.",
    ),
    (r"^no mass given", "The masses of the model's segments are a guess. Angles do not depend on them; forces would."),
    (
        r"^filmed from",
        "How well each joint is seen depends on where the camera stood. These are usual errors from there; the bands "
        "around the curves show them at every moment.",
    ),
    (
        r": \d+ of \d+ frames are not trusted",
        "That solver's own curves are not to be believed in these frames, which the grey stretches do not show; its "
        "table of quality names them.",
    ),
    (
        r"^\d+ of \d+ frames are not trusted|; not trusted there",
        "In the grey stretches of the curves the person was badly seen or the model does not fit: leave those out of "
        "any conclusion.",
    ),
    (
        r"do not show|not determined|hardly measured",
        "No marker moves with these joints alone, so their curves are not measured. Do not interpret them.",
    ),
    (
        r"^doubtful",
        "What was taken for these movements lies where the person was badly seen. Look at the film there before you "
        "count them.",
    ),
    (
        r"marker error exceeds",
        "There the skeleton misses the markers by more than OpenSim's rule of thumb allows: look at the film at that "
        "moment before you use its angles.",
    ),
    (
        r"show too few markers",
        "The person could not be seen well enough there: the curves have gaps instead of guesses.",
    ),
    (
        r"is hidden or out of view",
        "What is not seen is filled in from how people move. Do not interpret this limb there; film from its side.",
    ),
    (
        r"its angles went round",
        "Three angles name each pose of a shoulder twice. An arm that went up one way and came down another is at the "
        "other triple: believe the picture and the places, and do not average or compare these angles.",
    ),
    (
        r"read anew in mid motion",
        "Three angles name each pose of a shoulder twice. Which are given is told by the pose alone: arm_add stays "
        "within 90 degrees, and an arm overhead is one in flexion. Raised sideways it gets there by a change of "
        "angles, though the arm does not jump.",
    ),
    (
        r"angles that change to the other three",
        "Measures across such a change would be those of the reading, not of the arm; they are left empty.",
    ),
    (r"poorly seen", "Too small, dark, blurred or cut off for the detector. These frames are not trusted."),
    (
        r"legs are hidden",
        "Nothing can be said of hips, knees and ankles there, though the curves go on.",
    ),
    (r"not to be seen in", "Nobody was found there; the curves have gaps."),
    (
        r"^scale factors outside",
        "These segments were made much larger or smaller than the model's. Of an unusual build that is right; else "
        "the height, the lens or badly seen limbs are wrong: look whether the skeleton fits the film.",
    ),
    (
        r"^(looked at|used) one frame in",
        "Enough for human movement up to about 10 Hz; very fast actions may ask for every frame.",
    ),
    (r"ends early", "The end of the film is missing or damaged. What was read of it is whole."),
    (
        r"taken as scaled",
        "The model was used as it was given. If it is not of this person's size, all angles suffer.",
    ),
    (r"motion is the network", "A second opinion by a neural network; its setup lets OpenSim repeat the solution."),
    (
        r"every marker weighs 1",
        "All markers counted the same. A laboratory's own weights would move the angles by a degree or two.",
    ),
    (r"could not be made", "The measurement itself is complete; only this picture or table is missing."),
)


class Assumed(NamedTuple):
    """Something that the result hangs on."""

    what: str
    value: str
    how: str
    guessed: bool


def title_of(coordinate: str) -> tuple[str, str]:
    """What a coordinate (without its side) is called, and what its positive values are; its own name where unknown."""
    return COORDINATES.get(standard_name(coordinate), (coordinate, ""))


def section_of(coordinate: str) -> str:
    """Under which heading of the report a coordinate is shown."""
    return SECTIONS.get(group(coordinate), "Other")


def meaning_of(note: str) -> str:
    """What a note means for its reader; empty where it says that itself."""
    return next((said for pattern, said in MEANINGS if re.search(pattern, note)), "")


def assumed(stages: Mapping[str, Any]) -> list[Assumed]:
    """What was given and what was guessed.

    Args:
        stages: of the run's record.

    Returns:
        Height, mass, lens, neutral pose and frames looked at, as far as the run has to do with them.
    """
    options: dict[str, Any] = {}
    for stage in stages.values():
        options |= {name: value for name, value in stage.get("options", {}).items() if value is not None}
    notes = " ".join(note for stage in stages.values() for note in stage.get("notes", []))
    found = []
    if "recover" in stages or options.get("personalise"):
        height = options.get("height_m")
        stature = stages.get("recover", {}).get("assumed_height_m")
        why = "that of an average adult is assumed"
        why = f"{stature:.2f} m was assumed, an average adult's, corrected a little by the picture" if stature else why
        off = "are probably further off than 5 %" if "few adults are so" in notes else "may be 5 % off"
        found.append(_of_the_person("Height", height, "m", f"{why}: sizes and distances hang on it and {off}"))
    mass = options.get("mass_kg")
    used = stages.get("scale", {}).get("mass_kg")
    if mass is not None or used is not None:
        how = "given" if mass is not None else "not given: taken from the body's shape or the model"
        found.append(Assumed("Mass", f"{mass if mass is not None else used:g} kg", how, mass is None))
    found += _lenses(stages)
    found += _looks(stages)
    if "recover" in stages and "neutral" in stages["recover"].get("options", {}):
        neutral = options.get("neutral")
        film = "neutral film" in stages["recover"].get("inputs", {})
        how = (
            "settles how long the legs are" if neutral or film else "not given: the legs' lengths come from the motion"
        )
        if isinstance(neutral, str):  # why a batch left it out
            how = f"left out ({neutral}): the legs' lengths come from the motion"
        value = (
            f"{neutral[0]:g} to {neutral[1]:g} s"
            if isinstance(neutral, list | tuple)
            else "another film"
            if film
            else "none"
        )
        found.append(Assumed("Standing upright", value, how, False))
    if "taken as scaled" in notes:
        found.append(Assumed("Model", "as it was given", "not scaled: neither a static trial nor `personalise`", True))
    return found


def _lenses(stages: Mapping[str, Any]) -> list[Assumed]:
    """Those of a calibration, or what each film's was taken for."""
    if stages.get("cameras", {}).get("options", {}).get("calibration") is not None:
        return [Assumed("Cameras' lenses", "of each camera", "given: the calibration's", False)]
    sources = {
        str(stage["focal_source"]): stage.get("focal_px") for stage in stages.values() if stage.get("focal_source")
    }
    found = []
    for source, focal in sources.items():
        guessed = "default" in source or "assumed" in source
        value = f"focal length {focal:.0f} px" if focal else "focal length unknown"
        found.append(Assumed("Camera's lens", value, source, guessed))
    return found


def _looks(stages: Mapping[str, Any]) -> list[Assumed]:
    """How many frames of film were told from their neighbours; nothing of runs that did not keep it."""
    films = [stage for stage in stages.values() if stage.get("frames_looked_at") is not None]
    looked, frames = (sum(stage[name] for stage in films) for name in ("frames_looked_at", "frames"))
    if not films:
        return []
    how = "the detector looked at every frame"
    if looked < frames:
        how = "of those taken from the film; where motion is slow the others are told from those before and after"
    return [Assumed("Frames looked at", f"{looked} of {frames}", how, False)]


def _of_the_person(what: str, value: float | None, unit: str, otherwise: str) -> Assumed:
    if value is None:
        return Assumed(what, "not given", otherwise, True)
    return Assumed(what, f"{value:g} {unit}", "given", False)

"""Data sets whose truth is an OpenSim motion: OpenCap's LabValidation and its sample films, BML-MoVi's labels."""

import re
from pathlib import Path
from typing import Any

from biomech.errors import BioposeError
from biomech.evaluation.sequence import DataSet, EvalSequence, HowFound
from biomech.files import read_text
from biomech.markers.v3d import v3d_times

# Activities of the trials' names, the longest first; what else is there (static, randomised) is none of the tests'.
ACTIVITIES = {"walking": "walking", "squats": "squat", "sts": "sit_to_stand", "dj": "drop_jump"}
OF_MONOCULAR = ("walking", "squat", "sit_to_stand")
CAMERA = "Cam1"
TOLD = {"height_m": (0.5, 2.6), "mass_kg": (15.0, 300.0)}
RIVAL = "OpenCap Monocular"
MOVI_CAMERA = "PG1"
MOVI_FILMS = (".avi", ".mp4")


def _samples(root: Path, how: HowFound) -> list[EvalSequence]:
    found = []
    for film in sorted(root.glob("*/video.mp4")):
        reference, rival = film.with_name("mocap.mot"), film.with_name("opencap_monocular.mot")
        if reference.is_file():
            name = film.parent.name
            rivals = {RIVAL: rival} if rival.is_file() else {}
            found.append(EvalSequence(name, name, {"reference": reference}, film, rivals=rivals))
    return found


def _lab_validation(root: Path, how: HowFound) -> list[EvalSequence]:
    found = []
    for reference in sorted(root.glob("subject*/OpenSimData/Mocap/IK/*.mot")):
        subject, trial = reference.parents[3], reference.stem
        activity = _activity(trial)
        if activity is None or (how.split == "monocular" and activity not in OF_MONOCULAR):
            continue
        camera = how.camera or CAMERA
        films = sorted(subject.glob(f"VideoData/Session*/{camera}/{trial}/{trial}_syncdWithMocap.avi"))
        rivals = {
            f"OpenCap {place.parents[2].name}, {place.parents[1].name}": place
            for place in sorted(subject.glob(f"OpenSimData/Video/*/*-cameras/IK/{trial}.mot"))
        }
        found.append(
            EvalSequence(
                f"{subject.name}_{trial}_{camera}",
                activity,
                {"reference": reference},
                films[0] if films else None,
                _told_of(subject / "sessionMetadata.yaml"),
                rivals,
            )
        )
    return found


def _activity(trial: str) -> str | None:
    """What is done in a trial of this name, such as walkingTS2 or STSweakLegs1."""
    return next((what for begin, what in ACTIVITIES.items() if trial.lower().startswith(begin)), None)


def _told_of(metadata: Path) -> dict[str, Any]:
    """Height and mass, as plain lines of the set's .yaml say them; nothing else of it is read.

    Raises:
        BioposeError: a number that no person has.
    """
    if not metadata.is_file():
        return {}
    told: dict[str, Any] = {}
    for line in read_text(metadata).splitlines():
        said = re.match(r"\s*(height_m|mass_kg)\s*:\s*['\"]?([\d.]+)['\"]?\s*(?:#.*)?$", line)
        if said:
            name, value = said[1], float(said[2])
            low, high = TOLD[name]
            if not low <= value <= high:
                raise BioposeError(f"{name} {value:g} is nobody's", where=str(metadata), mend="Mend the file.")
            told[name] = value
    return told


def _movi(root: Path, how: HowFound) -> list[EvalSequence]:
    """Motions of the set's takes that were labelled, each a stretch of its take's film."""
    camera = how.camera or MOVI_CAMERA
    found = []
    for take in sorted(root.rglob("*_v3d_Subject_*.mat")):
        said = re.fullmatch(r"(\w)_v3d_Subject_(\d+)", take.stem)
        labels = sorted(root.glob(f"labels/trials/movi_Subject_{said[2]}_{said[1]}/*/*.mot")) if said else []
        if said is None or not labels:
            continue
        names = f"{said[1]}_{camera}_Subject_{said[2]}_*.*"
        films = [path for path in sorted(root.rglob(names)) if path.suffix in MOVI_FILMS]
        times = {_letters(f"{labels[0].parents[1].name}{name}"): span for name, span in v3d_times(take).items()}
        for reference in labels:
            span = times.get(_letters(reference.parent.name))
            if span is not None:
                name = f"{reference.parent.name.removeprefix('movi_')}_{camera}"
                known = {"start_s": span[0], "end_s": span[1]}
                film = films[0] if films else None
                found.append(EvalSequence(name, f"Subject_{said[2]}", {"reference": reference}, film, known))
    return found


def _letters(name: str) -> str:
    """What is left of a motion's name in a file's."""
    return re.sub(r"[^A-Za-z0-9]", "", name)


ANGLE_SETS = [
    DataSet(
        "opencap-samples",
        "OpenCap's sample films",
        "angles",
        ("all",),
        "NAME/video.mp4 and NAME/mocap.mot, and where there is one NAME/opencap_monocular.mot",
        "the repository of OpenCap Monocular (Apache-2.0)",
        _samples,
    ),
    DataSet(
        "labvalidation",
        "OpenCap LabValidation",
        "angles",
        ("monocular", "all"),
        "subjectN/OpenSimData/Mocap/IK/TRIAL.mot, subjectN/sessionMetadata.yaml and "
        f"subjectN/VideoData/SessionS/{CAMERA}/TRIAL/TRIAL_syncdWithMocap.avi (LabValidation_withVideos)",
        "SimTK, project opencap",
        _lab_validation,
    ),
    DataSet(
        "movi",
        "BML-MoVi",
        "angles",
        ("all",),
        "F_v3d_Subject_N.mat and F_PG1_Subject_N_L.avi, anywhere, and labels, as `biopose label ROOT -o ROOT/labels` "
        "makes them of the .mat",
        "the BioMotionLab, project MoVi",
        _movi,
    ),
]

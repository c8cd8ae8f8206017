"""CMU's motions (.bvh, .amc) as coordinates of our skeleton, after their zeros are mended.

A .bvh of cgspeed's conversion and CMU's own .amc have legs that rest bent: plain walks come out with knees of 24 to 37°
where people have 17 to 20° (published: Schwartz 2008; markers say the same). What is wrong is where the segments' zeros
are, so a constant per person and coordinate mends it. It is found where the person walks: the mean over whole strides
against the published mean at that speed, and as much of the difference is taken as is the rig's and not the person's
(``RIG_SD_DEG`` against the spread between people). Whoever does not walk gets the mean of those who do.
"""

import functools
import itertools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.signal import find_peaks

from biomech.body.anny import AnnyBody
from biomech.body.asf import parse_amc, parse_asf, replay_amc
from biomech.body.cmu import cmu_clip, replay
from biomech.body.linkage import coordinates_of, pose_of_bones
from biomech.body.motion import BodyMotion
from biomech.files import whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import is_translation
from biomech.labels.library import norms
from biomech.labels.library.skeleton import foot_height_m, limits_rad, names

EVERY = 2  # of 120 Hz
BVH, AMC = "cmu_bvh_01_14.zip", "cmu_asf_amc_01_03.zip"
LICENCE = "CMU: free use"
# How far a rig's zero may be off (degrees, one SD), and people from the mean.
RIG_SD_DEG = 10.0
PEOPLE_SD_DEG = {"pelvis_tilt": 4.5, "hip_flexion": 5.5, "knee_angle": 4.5, "ankle_angle": 4.0, "elbow_flex": 8.0}
ELBOW_WALKING_DEG = 34.0  # mean over strides (OpenCap's walks)
SWING_PEAK = 0.72  # of the cycle: the knee is bent the most
STRIDE_S = (0.75, 1.7)
MOST_OUTSIDE = 0.1  # share of the frames outside its range; more, and a coordinate is not known
LIFTED_M = 0.04  # the lower foot, of a jump
KINDS = {  # by a part of CMU's description
    "run": "run", "jog": "run", "jump": "jump", "hop": "jump", "sit on": "sit_to_stand", "basketball": "other",
    "navigate": "turn", "uneven": "walk", "walk": "walk",
}  # fmt: skip


@dataclass
class CmuMotion:
    """One motion as it was read, and what CMU says it is."""

    name: str  # "07_01"
    kinematics: Kinematics  # not mended
    trusted: Bool[np.ndarray, " frames"]
    description: str
    file: str  # the zip

    @property
    def person(self) -> str:
        """CMU's subject."""
        return self.name.split("_")[0]

    @property
    def kind(self) -> str:
        """By the description."""
        return next((kind for part, kind in KINDS.items() if part in self.description), "other")


def clips(data: Path, kept: Path) -> Iterator[CmuMotion]:
    """Every motion of the two zips below ``data``; where a subject has .amc those are taken.

    Args:
        data: folder that holds the zips; one that is not there is passed over.
        kept: folder of those that were read before (a second each), and where new ones go.

    Yields:
        Coordinates in the model's order (rad and m, 60 Hz), not mended, and what CMU says the motion is.
    """
    said = descriptions(data / BVH) if (data / BVH).is_file() else {}
    own: set[str] = set()
    for archive, suffix in ((AMC, ".amc"), (BVH, ".bvh")):
        if not (data / archive).is_file():
            continue
        people = own.copy()
        with zipfile.ZipFile(data / archive) as files:
            for member in sorted(name for name in files.namelist() if name.endswith(suffix)):
                stem = Path(member).stem
                person = stem.split("_")[0]
                if person in people:
                    continue
                own.add(person)
                place = kept / f"{stem}{suffix}.npz"
                if not place.is_file():
                    _keep(place, _read_bvh(files, member) if suffix == ".bvh" else _read_amc(files, member))
                with np.load(place, allow_pickle=False) as stored:
                    values, time_s, trusted = stored["values"], stored["time_s"], stored["trusted"]
                rotational = np.array([not is_translation(n) for n in names()])
                yield CmuMotion(
                    stem, Kinematics(list(names()), values, time_s, rotational), trusted, said.get(stem, ""), archive
                )


def _read_bvh(files: zipfile.ZipFile, member: str) -> BodyMotion:
    body = _body()
    return replay(cmu_clip(files.read(member).decode(), member), body, body.default_shape(), EVERY)


def _read_amc(files: zipfile.ZipFile, member: str) -> BodyMotion:
    body = _body()
    skeleton = next(n for n in files.namelist() if n.endswith(f"{Path(member).stem.split('_')[0]}.asf"))
    asf = parse_asf(files.read(skeleton).decode(), skeleton)
    return replay_amc(parse_amc(files.read(member).decode(), asf, member), body, body.default_shape(), EVERY)


@functools.cache
def _body() -> AnnyBody:
    return AnnyBody.load([0])


def _keep(place: Path, motion: BodyMotion) -> None:
    kinematics = as_coordinates(motion, _body(), _body().default_shape())
    trusted = np.ones(len(motion.time_s), bool) if motion.quality is None else motion.quality > 0
    with whole_file(place) as temporary:
        np.savez_compressed(temporary, values=kinematics.values, time_s=kinematics.time_s, trusted=trusted)


def descriptions(archive: Path) -> dict[str, str]:
    """CMU's words for its trials, from the list in the zip."""
    with zipfile.ZipFile(archive) as files:
        index = next((name for name in files.namelist() if name.endswith("CMU-INDEX.md")), None)
        text = files.read(index).decode(errors="replace") if index else ""
    return {stem: words.strip().lower() for stem, words in re.findall(r"^(\d\d_\d\d)\s+(.*)$", text, re.MULTILINE)}


def as_coordinates(motion: BodyMotion, body: AnnyBody, shape: Float[torch.Tensor, " shape"]) -> Kinematics:
    """The nearest coordinates of our skeleton to a motion of the body, on the floor unless it flies.

    Args:
        motion: m, Y up; of the body ``body``.
        body: whose bones they are.
        shape: of that body.

    Returns:
        All 40 coordinates in the model's order (rad and m), time from 0; those that the bones do not tell are 0.
    """
    pose = pose_of_bones(body, shape.double().numpy(), motion.rotations)
    found = coordinates_of(pose)
    values = np.zeros((len(motion.time_s), len(names())))
    for column, name in enumerate(names()):
        if name in found:
            values[:, column] = _turned(found[name], name)
    heights = foot_height_m(values).min(1)
    root = motion.root_position_m
    flying = root[:, 1] + heights - np.median(root[:, 1] + heights)
    for axis, name in enumerate(("pelvis_tx", "pelvis_ty", "pelvis_tz")):
        values[:, names().index(name)] = root[:, axis]
    values[:, names().index("pelvis_ty")] = -heights + np.where(flying > LIFTED_M, flying, 0.0)
    rotational = np.array([not is_translation(n) for n in names()])
    return Kinematics(list(names()), values, motion.time_s - motion.time_s[0], rotational)


def _turned(angles: Float[np.ndarray, " frames"], name: str) -> Float[np.ndarray, " frames"]:
    """Without whole turns too many: inside the range for as long as can be."""
    if name == "pelvis_rotation":
        return np.unwrap(angles)
    low, high = limits_rad()[name]
    middle = (low + high) / 2
    return angles - 2 * np.pi * np.round((np.median(angles) - middle) / (2 * np.pi))


def strides(kinematics: Kinematics) -> list[tuple[int, int]]:
    """Frames from one swing of the right knee to the next, of strides as long as walking ones."""
    rate = (len(kinematics.time_s) - 1) / max(np.ptp(kinematics.time_s), 1e-9)
    knee = np.degrees(kinematics.column("knee_angle_r"))
    peaks, _ = find_peaks(knee, prominence=25, distance=max(int(0.5 * rate), 1))
    shortest, longest = STRIDE_S
    return [(a, b) for a, b in itertools.pairwise(peaks.tolist()) if shortest < (b - a) / rate < longest]


def offsets_of(walks: list[CmuMotion]) -> dict[str, float]:
    """What is to be added to the coordinates (degrees) of somebody who walks; empty without a whole stride."""
    differences: dict[str, list[float]] = {}
    for clip in walks:
        k = clip.kinematics
        for a, b in strides(k):
            if not clip.trusted[a:b].all():
                continue
            seconds = k.time_s[b] - k.time_s[a]
            travelled = [k.column(name)[b] - k.column(name)[a] for name in ("pelvis_tx", "pelvis_tz")]
            speed = float(np.hypot(*travelled)) / seconds
            if not 0.6 < speed < 2.0:
                continue
            phase = np.linspace(0, 1, 100, endpoint=False)
            for name in PEOPLE_SD_DEG:
                mean = ELBOW_WALKING_DEG if name == "elbow_flex" else norms.walking(name, phase, speed)[0].mean()
                for column in (name,) if name in k.names else (f"{name}_r", f"{name}_l"):
                    measured = np.degrees(k.column(column)[a:b]).mean()
                    differences.setdefault(column, []).append(float(mean - measured))
    return {name: float(np.median(values)) * _share(name) for name, values in differences.items()}


def _share(column: str) -> float:
    """How much of a difference is the rig's."""
    people = PEOPLE_SD_DEG[column.removesuffix("_r").removesuffix("_l")]
    return RIG_SD_DEG**2 / (RIG_SD_DEG**2 + people**2)


def all_offsets(found: list[CmuMotion]) -> dict[str, dict[str, float]]:
    """By person; who does not walk gets the mean of those of the same kind of file who do."""
    people = {clip.person: clip.file for clip in found}
    own = {
        p: offsets_of([c for c in found if c.person == p and c.description in ("walk", "slow walk")]) for p in people
    }
    result = {}
    for person, file in people.items():
        alike = [own[p] for p, f in people.items() if own[p] and f == file] or [o for o in own.values() if o]
        result[person] = own[person] or {n: float(np.mean([o[n] for o in alike])) for n in (alike[0] if alike else {})}
    return result


def mended(clip: CmuMotion, offsets: dict[str, float]) -> Kinematics:
    """With the offsets (degrees); the feet are put on the floor again as high as they were above it.

    Args:
        clip: stays as it is.
        offsets: degrees to add, by coordinate.

    Returns:
        The clip's coordinates (rad and m), not clipped to their ranges.
    """
    k = clip.kinematics
    values = k.values.copy()
    above = foot_height_m(values).min(1)
    for name, degrees in offsets.items():
        values[:, k.names.index(name)] += np.radians(degrees)
    values[:, k.names.index("pelvis_ty")] += above - foot_height_m(values).min(1)
    return Kinematics(k.names, values, k.time_s, k.rotational)


def out_of_range(kinematics: Kinematics) -> Float[np.ndarray, " coordinates"]:
    """Share of the frames outside a coordinate's range."""
    limits = np.array([limits_rad()[name] for name in kinematics.names])
    outside = (kinematics.values < limits[:, 0] - 0.02) | (kinematics.values > limits[:, 1] + 0.02)
    free = [n.startswith("pelvis_") for n in kinematics.names]
    return np.where(free, 0.0, outside.mean(0))


def not_known(outside: Float[np.ndarray, " coordinates"]) -> Bool[np.ndarray, " coordinates"]:
    """Coordinates that are out of range too often; of an arm's three, all: they are one turn."""
    bad = outside > MOST_OUTSIDE
    for side in "rl":
        arm = [names().index(f"arm_{way}_{side}") for way in ("flex", "add", "rot")]
        bad[arm] = bad[arm].any()
    return bad


def within_range(kinematics: Kinematics) -> Kinematics:
    """Clipped to the ranges; where a person faces has none."""
    limits = np.array([limits_rad()[name] for name in kinematics.names])
    free = np.array([n.startswith("pelvis_") for n in kinematics.names])
    clipped = np.clip(kinematics.values, limits[:, 0], limits[:, 1])
    return Kinematics(
        kinematics.names, np.where(free, kinematics.values, clipped), kinematics.time_s, kinematics.rotational
    )

"""How often each signature of failure is found where it is, and told where it is not.

Drawn people of real proportions, seen by a simulated detector (calibrated points, noise in the picture and in space),
go through the recovery; those of odd number are reported, with `--even` those that thresholds may be chosen on. Runs
that lie in folders (of `biopose bench activities`, drawn, by the real detector; of films) are taken as ordinary.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from biomech.bench.drawn_people import camera_at
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.labels.library.generated import generate
from biomech.labels.people import random_person
from biomech.markers.virtual import extract_seen
from biomech.mesh.from_markers import MeshMarkers, recover_markers
from biomech.mesh.recoverers import recover_with
from biomech.mesh.signatures import SAID, signed
from biomech.train.synthetic.ideal_detector import ideally_detected

SECONDS, RATE_HZ = 1.5, 12.0
SEED = 19
NOISE_PX, NOISE_M = 3.0, 0.03
LOST = 0.02  # confidence of a point that is not there
SEAT_M, WAY_M = 0.15, 1.5
SIDES = ("r", "l")
SEATED = {
    f"{name}_{side}": deg
    for name, deg in (("hip_flexion", 85.0), ("knee_angle", 85.0), ("ankle_angle", 0.0))
    for side in SIDES
}
# What it shows, the signature that should say so (None: nothing should be said), the motion, coordinates (degrees).
CASES: dict[str, tuple[str | None, str, dict[str, float]]] = {
    "stands": (None, "standing", {}),
    "walks": (None, "plain_walk", {}),
    "squats": (None, "squat", {}),
    "sits down and stands up": (None, "sit_to_stand", {}),
    "arms folded in front of the trunk": (
        None,
        "standing",
        {
            f"{name}_{side}": deg
            for name, deg in (("arm_flex", 30), ("arm_rot", 60), ("elbow_flex", 100))
            for side in SIDES
        },
    ),
    "knee 50° backwards": ("contradicted", "standing", {"knee_angle_r": -50}),
    "elbow 60° backwards": ("contradicted", "standing", {"elbow_flex_r": -60}),
    "knee 50° backwards, as a mesh": ("beyond", "standing", {"knee_angle_r": -50}),
    "elbow 60° backwards, as a mesh": ("beyond", "standing", {"elbow_flex_r": -60}),
    "walks, as a mesh": (None, "plain_walk", {}),
    "half of the points covered": ("sparse", "plain_walk", {}),
    "no forearm": ("absent", "plain_walk", {}),
    "wheelchair": ("carried", "standing", SEATED),
}
VIEWS = ("front", "side")
Say = Callable[[str], None]


def bench_failures(
    people: Sequence[int], runs: Sequence[Path] = (), say: Say = lambda _: None, *, seed: int = SEED
) -> dict[str, object]:
    """Every case of every person, from the front and from the side; then the runs.

    Args:
        people: numbers of the drawn people.
        runs: folders in which every NAME_motion.npz with a NAME_keypoints.npz beside it is an ordinary run.
        say: told of each person and folder.
        seed: of all people; thresholds were set with ``SEED``'s in sight.

    Returns:
        cases: for each how many clips, in how many the right signature was told (``detected``) and in how many
        another (``false_alarms``); runs: for each folder how many, and in how many and what share of the frames each
        signature was told.

    Raises:
        BioposeError: a folder holds no run.
    """
    for folder in runs:
        if not any(folder.glob("*/*_motion.npz")):
            raise BioposeError("no runs here", where=str(folder), mend="Give a folder of runs that a bench kept.")
    rows: dict[str, dict[str, object]] = {}
    for name, (wanted, _, _) in CASES.items():
        clips = [told_of(_case(name, person, view, seed)) for person in people for view in VIEWS]
        others = [{sign for sign in told if sign != wanted} for told in clips]
        rows[name] = {
            "clips": len(clips),
            "signature": wanted or "",
            "detected": sum(wanted in told for told in clips) if wanted else None,
            "false_alarms": sum(bool(other) for other in others),
            "which": " ".join(sorted(set().union(*others))),
        }
        say(f"{name}: {rows[name]}")
    return {"people": len(people), "cases": rows, "runs": {str(folder): _of_runs(folder) for folder in runs}}


def told_of(motion: BodyMotion) -> dict[str, float]:
    """Signatures that are told of a clip, and in what share of its frames; of notes 1."""
    found = {sign: float(np.mean([words in why for why in motion.doubts or [""]])) for sign, words in SAID.items()}
    for sign, words in SAID.items():
        if any(words in note for note in motion.notes):
            found[sign] = 1.0
    return {sign: share for sign, share in found.items() if share > 0}


def _case(name: str, person: int, view: str, seed: int) -> BodyMotion:
    """One clip, recovered; without a size told."""
    _, kind, coordinates = CASES[name]
    rng = np.random.default_rng((seed, person))
    truth = generate(kind, SECONDS, RATE_HZ, rng)
    values = truth.values.copy()
    for coordinate, deg in coordinates.items():
        values[:, truth.names.index(coordinate)] = np.radians(deg)
    shape = random_person(np.random.default_rng((seed, person, 1))).shape
    motion = driven(AnnyBody.load([0]), shape, list(truth.names), values, truth.time_s)
    root = motion.root_position_m - motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
    if name == "wheelchair":
        root[:, 0] = np.linspace(-WAY_M / 2, WAY_M / 2, len(root))
        root[:, 1:] = root[:1, 1:] + [SEAT_M, 0.0]
    motion = replace(motion, root_position_m=root)
    if name.endswith("mesh"):
        markers = extract_seen(motion)
        return signed(recover_markers(MeshMarkers(markers.names, markers.positions_m, markers.time_s, 0.0)).motion)
    seen = ideally_detected(motion, camera_at(view), picture_noise_px=NOISE_PX, landmark_noise_m=NOISE_M, rng=rng)
    return recover_with("fit", _damaged(seen, name, rng))


def _damaged(seen: Keypoints, name: str, rng: np.random.Generator) -> Keypoints:
    """What is not to be seen has no confidence and lies anywhere near."""
    confidence, xy = seen.confidence.copy(), seen.xy.copy()
    if name == "half of the points covered":
        torso = [k for k, point in enumerate(seen.names) if point.endswith(("shoulder", "hip"))]
        lost = [k for k in rng.permutation(len(seen.names)) if k not in torso][: len(seen.names) // 2 + 2]
    elif name == "no forearm":
        ends = ("wrist", "pinky", "index", "thumb")
        lost = [k for k, point in enumerate(seen.names) if point.startswith("right_") and point.endswith(ends)]
        lost = [k for k in lost if "foot" not in seen.names[k]]
    else:
        return seen
    confidence[:, lost] = LOST
    xy[:, lost] += rng.normal(0, 30.0, xy[:, lost].shape)
    return replace(seen, confidence=confidence, xy=xy)


def _of_runs(folder: Path) -> dict[str, object]:
    told, frames = list[dict[str, float]](), 0
    for path in sorted(folder.glob("*/*_motion.npz")):
        keypoints = path.with_name(path.name.removesuffix("_motion.npz") + "_keypoints.npz")
        if keypoints.exists():
            motion = BodyMotion.load(path)
            motion = replace(motion, doubts=(), notes=[])
            told.append(told_of(signed(motion, Keypoints.load(keypoints))))
            frames += len(motion.time_s)
    return {
        "runs": len(told),
        "frames": frames,
        "told_in_runs": {sign: sum(sign in one for one in told) for sign in SAID},
        "mean_share": {sign: round(float(np.mean([one.get(sign, 0.0) for one in told or [{}]])), 4) for sign in SAID},
    }

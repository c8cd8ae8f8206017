"""How wide the uncertainty of several cameras must be: ``python -m biomech.bench.widths_of_cameras CLIPS RUNS PEOPLE``.

The fit's own standard deviations know how many cameras there are, but the table that makes half widths of them
(``mesh/expected.json``) was measured with one. Here the drawn people of `biopose bench activities`, each seen by the
real detector from the front, from the side and from behind, are solved from two and three of these views with known
cameras; factors and least widths follow as in ``train.expected``, left and right together. How often the truth is
within is told by halves of the people: each is held against the table of the other. More than three cameras are read
as three.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from biomech.angles import wrapped
from biomech.api.extract import extract
from biomech.api.scale import scale
from biomech.api.solve import solve
from biomech.arrays import nearest
from biomech.bench.drawn_people import KINDS, PEOPLE, Drawn, camera_at, draw, moving, people
from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import CalibratedCamera, Calibration
from biomech.calibration.together import together
from biomech.coverage import LEVEL, LEVELS
from biomech.files import whole_file
from biomech.inverse_kinematics.trusted import LEAST_QUALITY
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.mesh.expected import FILE_OF_CAMERAS, NAMES, half_widths
from biomech.mesh.recover import recover
from biomech.train.expected import fitted

SETS = (("front", "side"), ("side", "behind"), ("front", "behind"), ("front", "side", "behind"))
GROUPS = {
    "all": "",
    "knees": "knee_angle",
    "hips": "hip_flexion",
    "ankles": "ankle_angle",
    "elbows": "elbow_flex",
    "pelvis_tilt": "pelvis_tilt",
    "lumbar": "lumbar_extension",
}
PLACE = [NAMES.index(f"pelvis_t{axis}") for axis in "xyz"]
Say = Callable[[str], None]


def calibration_of(views: Sequence[str]) -> Calibration:
    """The cameras that drew these views, whose Y points up."""
    cameras = []
    for view in views:
        one = camera_at(view)
        (x, y), focal = one.center_px, one.focal_px
        matrix = np.array([[focal, 0, x], [0, focal, y], [0, 0, 1.0]])
        turn, shift_m = one.rotation_camera_from_world, one.position_in_camera_m
        cameras.append(CalibratedCamera(view, one.size_px, matrix, np.zeros(5), turn, shift_m))
    return Calibration(cameras, "drawn", np.array([0.0, 1.0, 0.0]))


def errors_of(
    truth: Kinematics, found: Kinematics, drawn: BodyMotion, recovered: BodyMotion
) -> Float[np.ndarray, "frames coordinates"]:
    """How far a motion is off, but for one turn about the vertical and one shift of the place.

    Args:
        truth: the coordinates that drove the person.
        found: of ``NAMES`` too.
        drawn: the person; its feet decided where it went, not the coordinates of the pelvis' place.
        recovered: what ``found`` was solved from.

    Returns:
        Absolute errors (rad, m; columns as ``NAMES``), at the times of ``found``.
    """
    rows, here = (nearest(motion.time_s, found.time_s) for motion in (truth, recovered))
    one, other = (
        np.stack([motion.values[:, motion.names.index(name)] for name in NAMES], 1) for motion in (truth, found)
    )
    off = other - one[rows]
    heading = NAMES.index("pelvis_rotation")
    turn = np.arctan2(np.sin(off[:, heading]).mean(), np.cos(off[:, heading]).mean())
    off[:, heading] -= turn
    off = np.abs(wrapped(off))
    x, y, z = recovered.root_position_m[here].T
    back = np.stack([x * np.cos(turn) - z * np.sin(turn), y, x * np.sin(turn) + z * np.cos(turn)], 1)
    there = drawn.root_position_m[rows]
    off[:, PLACE] = np.abs((back - back.mean(0)) - (there - there.mean(0)))
    return off


def in_turn(person: int, activity: int) -> list[int]:
    """Which sets a clip is solved from, since people tell more than views do: one pair, and every other time all three.

    Args:
        person, activity: their numbers.

    Returns:
        Numbers in ``SETS``.
    """
    return [(person + activity) % 3, *([3] if (person // 2 + activity) % 2 == 0 else [])]


def measured(clips: Path, runs: Path, *, count: int, say: Say = lambda _: None) -> dict[str, np.ndarray]:
    """Errors and standard deviations of everybody, drawn and solved now where that was not done before.

    Args:
        clips: of `biopose bench activities`.
        runs: a folder for what each found; what is there is not solved again.
        count: of people.
        say: told of every run.

    Returns:
        By frame ``error`` and ``sd`` (rad, m; columns as ``NAMES``), ``person``, and the number in ``SETS``.

    Raises:
        BioposeError: a run fails.
    """
    by: dict[tuple[int, str], dict[str, Drawn]] = {}
    wanted = people(clips, count=count)
    draw(wanted, say)
    for one in wanted:
        by.setdefault((one.person, one.activity), {})[one.view] = one
    parts: dict[str, list[np.ndarray]] = {"error": [], "sd": [], "person": [], "set": []}
    for (person, activity), views in by.items():
        for number in in_turn(person, list(KINDS).index(activity)):
            names = SETS[number]
            kept = runs / f"{activity}_{person:02d}_{'_'.join(names)}.npz"
            error, sd = _solved([views[name] for name in names], kept)
            knees = np.degrees(error[:, _columns("knee_angle")].mean())
            say(f"{activity} {person}, {'+'.join(names)}: knees {knees:.1f}°")
            parts["error"].append(error)
            parts["sd"].append(sd)
            parts["person"].append(np.full(len(error), person))
            parts["set"].append(np.full(len(error), number))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _solved(seen: list[Drawn], kept: Path) -> tuple[np.ndarray, np.ndarray]:
    if not kept.is_file():
        films, names = [Keypoints.load(one.keypoints) for one in seen], [one.view for one in seen]
        joined = together(films, names, calibration_of(names))
        motion = recover(joined.keypoints, calibration=joined.calibration)
        assert motion.coordinate_sd is not None and motion.quality is not None
        found = solve(scale(motion), extract(motion)).kinematics
        truth = read_mot(seen[0].truth)
        error = errors_of(truth, found, moving(seen[0], truth), motion)
        rows = nearest(motion.time_s, found.time_s)
        good = motion.quality[rows] >= LEAST_QUALITY
        with whole_file(kept) as path:
            np.savez_compressed(path, error=error[good], sd=motion.coordinate_sd[rows][good])
    with np.load(kept) as held:
        return held["error"], held["sd"]


def _columns(start: str) -> list[int]:
    return [k for k, name in enumerate(NAMES) if name.startswith(start)]


def both_sides(
    error: Float[np.ndarray, "n coordinates"], sd: Float[np.ndarray, "n coordinates"], level: float
) -> tuple[Float[np.ndarray, " coordinates"], Float[np.ndarray, " coordinates"]]:
    """``train.expected.fitted``, the same for left and right.

    Args:
        error: absolute, columns as ``NAMES`` (rad, m).
        sd: what the fit said.
        level: share of the errors, 0 to 1.

    Returns:
        Factor and least width of each.
    """
    factor, least = np.empty(len(NAMES)), np.empty(len(NAMES))
    for stem in dict.fromkeys(name.removesuffix("_l").removesuffix("_r") for name in NAMES):
        columns = [k for k, name in enumerate(NAMES) if name in (stem, f"{stem}_l", f"{stem}_r")]
        off, spread = (each[:, columns].T.reshape(-1, 1) for each in (error, sd))
        known = np.isfinite(off[:, 0])
        one, other = fitted(off[known], spread[known], level)
        factor[columns], least[columns] = one[0], other[0]
    return factor, least


def table_of(found: dict[str, np.ndarray]) -> dict[str, Any]:
    """The table of ``expected_cameras.json``.

    Args:
        found: as ``measured`` gives it, or some of its frames.

    Returns:
        Under ``cameras``, by their number, factors and least widths as ``expected.json`` has them.
    """
    cameras: dict[str, Any] = {}
    counts = np.array([len(names) for names in SETS])[found["set"]]
    for count in sorted(set(counts.tolist())):
        rows = counts == count
        entry: dict[str, dict[str, Any]] = {"factor": {}, "least": {}}
        for level in LEVELS:
            for part, values in zip(entry, both_sides(found["error"][rows], found["sd"][rows], level), strict=True):
                entry[part][str(level)] = {n: float(f"{v:.4g}") for n, v in zip(NAMES, values, strict=True)}
        cameras[str(count)] = entry
    return {
        "command": "python -m biomech.bench.widths_of_cameras CLIPS RUNS PEOPLE",
        "people": len(set(found["person"].tolist())),
        "frames": len(found["person"]),
        "cameras": cameras,
    }


def within(found: dict[str, np.ndarray]) -> dict[str, Any]:
    """How often the truth is within the 68.3 % half width of a table of other people, in percent.

    The people of even numbers are held against the table of those of odd ones, and the other way round.

    Args:
        found: as ``measured`` gives it.

    Returns:
        By set and group; and what the table of one camera would have said.
    """
    said: dict[str, Any] = {}
    odd = found["person"] % 2 == 1
    own = np.full(found["error"].shape, np.nan)
    for half in (odd, ~odd):
        tables = table_of({name: values[~half] for name, values in found.items()})["cameras"]
        for number, names in enumerate(SETS):
            rows = half & (found["set"] == number)
            table = tables[str(len(names))]
            factor, least = (np.array([table[part][str(LEVEL)][n] for n in NAMES]) for part in ("factor", "least"))
            own[rows] = np.hypot(factor * found["sd"][rows], least)
    widths = {"": own, ", one camera's table": half_widths(list(NAMES), found["sd"])}
    for number, names in enumerate(SETS):
        for key, width in widths.items():
            rows = found["set"] == number
            inside, known = (found["error"] <= width)[rows], np.isfinite(found["error"])[rows]
            said["+".join(names) + key] = {
                group: round(100 * float(inside[:, _columns(start)][known[:, _columns(start)]].mean()), 1)
                for group, start in GROUPS.items()
            }
    return said


def main(clips: Path, runs: Path, count: int = PEOPLE) -> dict[str, Any]:
    """Measure, and write the table into the package.

    Args:
        clips: of `biopose bench activities`; drawn where they are not there.
        runs: a folder for the runs.
        count: of people.

    Returns:
        What was written.
    """
    found = measured(clips, runs, count=count, say=lambda text: print(text, file=sys.stderr, flush=True))
    table = table_of(found)
    table["within_percent"] = within(found)
    with whole_file(FILE_OF_CAMERAS) as path:
        path.write_text(json.dumps(table, indent=1) + "\n")
    return table


if __name__ == "__main__":
    written = main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else PEOPLE)
    print(json.dumps(written["within_percent"], indent=1))

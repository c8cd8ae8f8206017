"""One camera, two, four: what another view is worth, beside triangulation of the same keypoints.

The beam (Pose2Sim's film, four calibrated cameras) against its triangulation, which comes of the same detector in all
four views: what that errs in all of them nobody sees here, and triangulating the same points again is flattered by it.
CMBBE 2024 (two calibrated phones) against two-camera OpenCap, itself good to 4 to 5°. Beside the fit stands what
Pose2Sim does, with our own skeleton: points triangulated, joint centres of the model laid on them by personalising and
inverse kinematics. A camera that was left out is predicted. Nothing was tuned on these films.

What is detected stays in a folder, so that another run costs the fit alone.
"""

import csv
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from biomech.bench.beam import CAMERAS, REFERENCE, REFERENCE_NAMES, common_frames, compare
from biomech.bench.films import CMBBE_TRIALS, chosen
from biomech.bench.rotations18 import rotations18
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import CalibratedCamera
from biomech.calibration.readers import read_calibration
from biomech.calibration.together import SyncedFilms, together
from biomech.calibration.triangulate import triangulate
from biomech.comparison.metrics import bend_deg, pa_mpjpe_mm
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import LIMB_JOINTS
from biomech.keypoints.detect import detect
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.marker_map import COLUMNS
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.mesh.points import detected_points
from biomech.pipeline.run import Options, Result, run_ik
from biomech.video import Video

PHONES = ("Cam0", "Cam1")
BEAM_CALIBRATION = Path("calibration") / "Calib.qca.txt"
SURELY_SEEN = 0.5  # confidence of keypoints that a prediction is held against
# Where Pose2Sim has BlazePose's points on its model: at the joints' centres, heel and toe apart. Of the right side.
ON_MODEL = {
    "shoulder": ("humerus", 0.0, 0.0, 0.0),
    "elbow": ("ulna", 0.0, 0.0, 0.0),
    "wrist": ("hand", 0.0, 0.0, 0.0),
    "hip": ("femur", 0.0, 0.0, 0.0),
    "knee": ("tibia", 0.0, 0.0, 0.0),
    "ankle": ("talus", 0.0, 0.0, 0.0),
    "heel": ("calcn", -0.0126, 0.0170, 0.0),
    "foot_index": ("toes", 0.0579, 0.0033, 0.0),
}
# Joint centres alone do not tell the pelvis' tilt from the trunk's bend, nor how a straight limb is turned about
# itself; where most of a motion hangs in the air, the main job refuses it.
REFUSED = "inverse kinematics of the triangulated points is refused: {}"
Say = Callable[[str], None]


@dataclass(frozen=True)
class CameraSet:
    """Some cameras of one movement."""

    name: str
    films: tuple[Path, ...]
    cameras: tuple[str, ...]
    calibration: Path

    @property
    def several(self) -> bool:
        return len(self.films) > 1


def bench_cameras(
    video: Path, folder: Path, *, only: tuple[str, ...] = (), again: bool = False, say: Say = lambda _: None
) -> dict[str, Any]:
    """Every set of cameras of both data sets.

    Args:
        video: the folder video of the data.
        folder: keypoints (kept) and runs go there.
        only: names of sets, as ``beam_01_03`` or ``cmbbe_squats_cam0_cam1``, or beginnings of them.
        again: detect anew, too.
        say: told of every set.

    Returns:
        The figures that are asked for (mm, degrees, px, seconds a frame) and, under ``camera_sets``, each set's own.

    Raises:
        BioposeError: the data is not there.
    """
    reference = video / "pose2sim_demo" / REFERENCE
    if not reference.exists():
        raise BioposeError("no reference", where=str(reference), mend="Name the folder video with `data`.")
    truth = read_trc(reference).select(REFERENCE_NAMES)
    beam, phones = beam_cases(video / "pose2sim_demo"), phone_cases(video / "cmbbe2024")
    wanted = chosen([*(case.name for case in beam), *(case.name for case, _, _ in phones)], only)
    rows: dict[str, dict[str, Any]] = {}
    for case in beam:
        if case.name not in wanted:
            continue
        seen = [detected(film, folder, again) for film in case.films]
        rows[case.name] = _beam(case, seen, folder, truth, video / "pose2sim_demo")
        say(f"{case.name}: {rows[case.name]['pa_mpjpe_mm']} mm, knee {rows[case.name]['knee_flexion_mae_deg']}°")
    for case, motion, points in phones:
        if case.name not in wanted:
            continue
        seen = [detected(film, folder, again) for film in case.films]
        rows[case.name] = _phones(case, seen, folder, motion, points)
        say(f"{case.name}: {rows[case.name]['mae18_deg']}°, {rows[case.name]['pa_mpjpe_mm']} mm")
    return {**summary(rows), "camera_sets": rows}


def beam_cases(demo: Path) -> list[CameraSet]:
    """Each camera, every two, every three, and all four."""
    sets = [names for count in (1, 2, 3, 4) for names in itertools.combinations(CAMERAS, count)]
    return [
        CameraSet(
            f"beam_{'_'.join(name.removeprefix('cam') for name in names)}",
            tuple(demo / "videos" / f"{name}.mp4" for name in names),
            names,
            demo / BEAM_CALIBRATION,
        )
        for names in sets
    ]


def phone_cases(folder: Path) -> list[tuple[CameraSet, Path, Path]]:
    """Each phone and both, with OpenCap's motion and its markers."""
    found = []
    for name, trial in CMBBE_TRIALS.items():
        if name == "neutral":
            continue
        for phones in (PHONES[:1], PHONES[1:], PHONES):
            films = tuple(folder / f"Videos_{phone}_InputMedia_{trial}_{trial}_sync.mp4" for phone in phones)
            case = CameraSet(f"cmbbe_{name}_{'_'.join(phones).lower()}", films, phones, folder)
            motion = folder / f"OpenSimData_Kinematics_{trial}.mot"
            found.append((case, motion, folder / f"MarkerData_{trial}.trc"))
    return found


def detected(film: Path, folder: Path, again: bool = False) -> Path:
    """The film's keypoints, from the folder where they are there.

    Raises:
        BioposeError: there is no such film.
    """
    path = folder / "keypoints" / f"{film.stem}_keypoints.npz"
    if again or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        detect(Video.open(film)).save(path)
    return path


def _run(case: CameraSet, seen: Sequence[Path], folder: Path) -> tuple[Result, float]:
    """The main job from the keypoints on, and what a frame of it took of a core (s)."""
    options = Options(overlay=False, report=False, solvers=("fast",))
    if case.several:
        options = replace(options, calibration=case.calibration)
    started = time.process_time()  # what else the machine does hardly moves it
    result = run_ik(seen if case.several else seen[0], folder / case.name, options, overwrite=True)
    took = time.process_time() - started
    return result, round(took / len(BodyMotion.load(result.motion).time_s), 4)


def _beam(case: CameraSet, seen: Sequence[Path], folder: Path, truth: Markers, demo: Path) -> dict[str, Any]:
    result, seconds = _run(case, seen, folder)
    figures = compare(result, truth)
    knees = ("knee_flexion_mae_deg", "knee_flexion_correlation", "body_knee_flexion_mae_deg")
    kept = ("pa_mpjpe_mm", "skeleton_pa_mpjpe_mm", *knees, "notes")
    row: dict[str, Any] = {name: figures[name] for name in kept}
    row["cpu_seconds_per_frame"] = seconds
    if not case.several:
        return row
    joined = _together(case, seen)
    points = in_the_world(joined)
    limbs = points.select(LIMB_JOINTS)
    row["triangulated_pa_mpjpe_mm"], row["triangulated_knee_flexion_mae_deg"] = _against(limbs, truth)
    ours = _model_points(result)
    for other in [name for name in CAMERAS if name not in case.cameras]:
        film = Keypoints.load(detected(demo / "videos" / f"{other}.mp4", folder))
        unseen = read_calibration(case.calibration).for_films([Path(other)], [film.size_px]).cameras[0]
        for name, predicted in (("", _by_calibration(result, ours, joined)), ("triangulated_", points)):
            px, without_shift = _predicted_px(predicted, unseen, film)
            row.setdefault(f"{name}left_out_px", []).append(px)
            row.setdefault(f"{name}left_out_without_shift_px", []).append(without_shift)
    if len(case.cameras) in (2, 4):
        try:
            row["triangulated_ik_knee_mae_deg"] = _knee_by_ik(points, folder / f"{case.name}_ik", result)
        except BioposeError as error:
            row["triangulated_ik"] = REFUSED.format(error.what)
    return row


def _phones(case: CameraSet, seen: Sequence[Path], folder: Path, motion: Path, markers: Path) -> dict[str, Any]:
    result, seconds = _run(case, seen, folder)
    found = rotations18(motion, result.kinematics)
    kept = ("mae18_deg", "mae18_without_mean_deg", "zero_mae18_deg", "knee_mae_deg", "knee_r_min", "shift_s")
    row: dict[str, Any] = {name: found[name] for name in kept}  # type: ignore[literal-required]
    truth = read_trc(markers).select(REFERENCE_NAMES)
    row["pa_mpjpe_mm"] = _shifted_pa(_model_points(result).select(LIMB_JOINTS), truth, found["shift_s"])
    row |= {"cpu_seconds_per_frame": seconds, "notes": result.notes}
    if case.several:
        points = in_the_world(_together(case, seen))
        row["triangulated_pa_mpjpe_mm"] = _shifted_pa(points.select(LIMB_JOINTS), truth, found["shift_s"])
        try:
            by_ik = by_inverse_kinematics(points, folder / f"{case.name}_ik")
        except BioposeError as error:
            return row | {"triangulated_ik": REFUSED.format(error.what)}
        other = rotations18(motion, by_ik.kinematics)
        row |= {f"triangulated_ik_{name}": other[name] for name in ("mae18_deg", "knee_mae_deg")}  # type: ignore[literal-required]
    return row


def _together(case: CameraSet, seen: Sequence[Path]) -> SyncedFilms:
    films = [Keypoints.load(path) for path in seen]
    calibration = read_calibration(case.calibration).for_films(seen, [film.size_px for film in films])
    return together(films, [path.name for path in seen], calibration)


def in_the_world(joined: SyncedFilms) -> Markers:
    """Triangulated points, gaps straight across, in the calibration's world."""
    points = triangulate(joined.keypoints, joined.calibration).points
    first, at = joined.calibration.cameras[0], np.arange(len(points))
    flat = points.reshape(len(points), -1).copy()
    for column in flat.T:
        known = np.isfinite(column)
        if known.any():
            column[:] = np.interp(at, at[known], column[known])
    world = (flat.reshape(points.shape) - first.shift_m) @ first.rotation
    return Markers(list(joined.keypoints[0].names), world, joined.keypoints[0].time_s)


def _model_points(result: Result) -> Markers:
    return detected_points(AnnyBody.load([0]), BodyMotion.load(result.motion))


def _by_calibration(result: Result, points: Markers, joined: SyncedFilms) -> Markers:
    """Points of the run's world in the calibration's."""
    camera, first = BodyMotion.load(result.motion).camera, joined.calibration.cameras[0]
    assert camera is not None
    return replace(points, positions_m=(camera.to_camera(points.positions_m) - first.shift_m) @ first.rotation)


def _predicted_px(points: Markers, camera: CalibratedCamera, film: Keypoints) -> tuple[float, float]:
    """Median distance of the camera's keypoints from where the points are expected, and without a constant shift: the
    camera itself may be turned a little."""
    rows = [film.names.index(name) for name in points.names]
    frames = np.abs(film.time_s[:, None] - points.time_s).argmin(0)
    off = film.xy[frames][:, rows] - camera.pixels(points.positions_m)
    off = off[(film.confidence[frames][:, rows] >= SURELY_SEEN) & np.isfinite(off).all(-1)]
    shifted = off - np.median(off, axis=0)
    return round(float(np.median(np.linalg.norm(off, axis=-1))), 1), round(
        float(np.median(np.linalg.norm(shifted, axis=-1))), 1
    )


def _against(points: Markers, truth: Markers) -> tuple[float, float]:
    """PA-MPJPE (mm), and the error of the knees' bend (degrees)."""
    rows, frames = common_frames(truth, points.time_s)
    theirs, ours = truth.positions_m[rows], points.positions_m[frames]
    errors = []
    for side in "LR":
        leg = [REFERENCE_NAMES.index(side + joint) for joint in ("Hip", "Knee", "Ankle")]
        one, other = (bend_deg(*(each[:, joint] for joint in leg)) for each in (ours, theirs))
        errors.append(float(np.abs(one - other).mean()))
    return round(pa_mpjpe_mm(ours, theirs), 1), round(float(np.mean(errors)), 2)


def _shifted_pa(points: Markers, truth: Markers, shift_s: float) -> float:
    """PA-MPJPE (mm) where the clocks are so far apart, whichever is ahead."""
    found = []
    for sign in (1, -1):
        at = points.time_s + sign * shift_s
        inside = (at >= truth.time_s[0]) & (at <= truth.time_s[-1])
        flat = truth.positions_m.reshape(len(truth.time_s), -1)
        there = np.stack([np.interp(at[inside], truth.time_s, column) for column in flat.T], 1)
        found.append(pa_mpjpe_mm(points.positions_m[inside], there.reshape(len(there), -1, 3)))
    return round(min(found), 1)


def by_inverse_kinematics(points: Markers, folder: Path) -> Result:
    """Joint centres laid on triangulated points, as Pose2Sim has it, with our skeleton and solver.

    Args:
        points: m, of BlazePose's names, in a world of which one axis points up.
        folder: files go there.

    Returns:
        The run.

    Raises:
        BioposeError: the main job fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{side}_{part}" for part in ON_MODEL for side in ("right", "left")]
    heads = points.select(["left_shoulder", "right_shoulder"]).positions_m.mean((0, 1))
    feet = points.select(["left_ankle", "right_ankle"]).positions_m.mean((0, 1))
    axis = int(np.abs(heads - feet).argmax())
    up = ("" if heads[axis] > feet[axis] else "-") + "xyz"[axis]
    write_trc(points.select(names), trc := folder / "points.trc")
    with open(table := folder / "map.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name in names:
            side, part = name.split("_", 1)
            body, x, y, z = ON_MODEL[part]
            writer.writerow([name, name, f"{body}_{side[0]}", x, y, z, 1, 1, "joint centre"])
    options = Options(marker_set=table, personalise=True, solvers=("fast",), overlay=False, report=False, up=up)
    return run_ik(trc, folder / "run", options, overwrite=True)


def _knee_by_ik(points: Markers, folder: Path, ours: Result) -> float:
    """Mean difference of the knee coordinates from the fit's: there is no truth in coordinates."""
    from biomech.kinematics.mot import read_mot

    one, other = read_mot(by_inverse_kinematics(points, folder).kinematics), read_mot(ours.kinematics)
    frames = np.abs(one.time_s[:, None] - other.time_s).argmin(0)
    knees = ("knee_angle_r", "knee_angle_l")
    errors = [np.abs(one.column(name)[frames] - other.column(name)).mean() for name in knees]
    return round(float(np.degrees(np.mean(errors))), 2)


def summary(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Means over the sets of as many cameras."""
    figures: dict[str, Any] = {}
    words = {1: "one_camera", 2: "two_cameras", 3: "three_cameras", 4: "four_cameras"}
    for count, word in words.items():
        sets = [row for name, row in rows.items() if name.startswith("beam_") and name.count("_") == count]
        for key in (
            *("pa_mpjpe_mm", "knee_flexion_mae_deg", "body_knee_flexion_mae_deg"),
            *("triangulated_pa_mpjpe_mm", "triangulated_knee_flexion_mae_deg"),
            *("left_out_px", "left_out_without_shift_px", "triangulated_left_out_without_shift_px"),
            "cpu_seconds_per_frame",
        ):
            values = [np.mean(row[key]) for row in sets if key in row]
            if values:
                figures[f"{word}_{key}"] = round(float(np.mean(values)), 3)
    for word, phones in (("one", 1), ("two", 2)):
        sets = [row for name, row in rows.items() if name.startswith("cmbbe_") and name.count("cam") == phones]
        for key in (
            *("mae18_deg", "mae18_without_mean_deg", "knee_mae_deg", "pa_mpjpe_mm", "triangulated_pa_mpjpe_mm"),
            *("triangulated_ik_mae18_deg", "triangulated_ik_knee_mae_deg", "cpu_seconds_per_frame"),
        ):
            values = [row[key] for row in sets if key in row]
            if values:
                figures[f"cmbbe_{word}_{key}"] = round(float(np.mean(values)), 3)
    return figures

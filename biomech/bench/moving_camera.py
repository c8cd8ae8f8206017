"""A camera that turns while it films, beside one that does not: real films seen again through one that turns.

Each film is looked at through a narrower picture whose axis turns within it (pan, tilt and roll, K R K⁻¹ exactly, which
a window that is only shifted is not): what a camera in the same place sees that is turned by hand. The same narrower
picture held still is the reference: the detector sees as much in it. Nothing was tuned on these films.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from biomech.angles import rotation_angle_deg
from biomech.bench.films import chosen
from biomech.bench.rotations18 import rotations18
from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.pipeline.run import Options, Result, run_ik
from biomech.report.overlay import write_video
from biomech.video import Video, focal_length

SHARE = 0.72  # of the film's sides, the narrower picture's
# Shares of the room beside it that pan and tilt use, and the roll; periods are no multiples of each other.
PAN, TILT, ROLL_DEG = 0.8, 0.7, 1.5
PERIODS_S = 4.3, 3.1, 2.3
Picture = UInt8[np.ndarray, "height width 3"]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A film of a camera that stands; ``reference``: optical markers' or two cameras' motion of it."""

    file: str
    end_s: float | None = None
    reference: str | None = None


SOURCES = {
    "opencap_squat": Source("opencap_samples/squat/video.mp4", 8.0, "opencap_samples/squat/mocap.mot"),
    "opencap_walk": Source("opencap_samples/walk/video.mp4", None, "opencap_samples/walk/mocap.mot"),
    "cmbbe_squats": Source(
        "cmbbe2024/Videos_Cam0_InputMedia_Squats_Squats_sync.mp4",
        8.0,
        "cmbbe2024/OpenSimData_Kinematics_Squats.mot",
    ),
    "beam": Source("pose2sim_demo/videos/cam03.mp4"),
}
WAYS = ("still", "panned", "panned_uncompensated")


def bench_moving_camera(
    video: Path, folder: Path, *, only: tuple[str, ...] = (), say: Say = lambda _: None
) -> dict[str, Any]:
    """The main job on each film through a camera that stands, one that turns, and the same taken to stand.

    Args:
        video: the folder video of the data.
        folder: where the runs go.
        only: names of films, or beginnings of them.
        say: told of every film.

    Returns:
        Means over the films, of angles from the still camera's (``panned_film_mean_deg``,
        ``panned_uncompensated_mean_deg``) and from the reference (``{way}_mae18_deg``), how far off the found turns are
        (``panned_turn_deg``), seconds of a core that a frame takes from film to angles, and each film's own under
        ``panned_films``.

    Raises:
        BioposeError: the data is not there, or a run fails.
    """
    rows: dict[str, dict[str, float]] = {}
    for name in chosen(list(SOURCES), only):
        rows[name] = _film(SOURCES[name], video, folder / name)
        say(f"{name}: {rows[name]}")
    return {
        **{
            key: round(float(np.mean([row[key] for row in rows.values() if key in row])), 3)
            for key in dict.fromkeys(key for row in rows.values() for key in row)
        },
        "panned_films": rows,
    }


def turns(time_s: Float[np.ndarray, " frames"], size_px: tuple[int, int], focal_px: float):
    """How the turned camera's axes lie, from the film's: pan, tilt and roll within the film's picture.

    Args:
        time_s: of the frames.
        size_px: of the film.
        focal_px: of both.

    Returns:
        (frames, 3, 3).
    """
    room = [np.arctan((1 - SHARE) / 2 * side / focal_px) for side in size_px]
    pan, tilt, roll = (np.sin(2 * np.pi * time_s / period + k) for k, period in enumerate(PERIODS_S))
    angles = np.stack([PAN * room[0] * pan, TILT * room[1] * tilt, np.radians(ROLL_DEG) * roll], 1)
    return Rotation.from_euler("YXZ", angles).as_matrix()


def narrowed(source: Path, target: Path, end_s: float | None, turning: bool) -> float:
    """Write the film as the narrower camera sees it.

    Args:
        source: of a camera that stands.
        target: an .mp4.
        end_s: of the part.
        turning: or standing.

    Returns:
        The focal length of both, px.

    Raises:
        BioposeError: the film cannot be read.
    """
    film = Video.open(source, end_s=end_s, every=None)
    focal, _ = focal_length(film)
    width, height = (2 * round(SHARE * side / 2) for side in film.size_px)

    def matrix(size: tuple[int, int]) -> Float[np.ndarray, "3 3"]:
        return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])

    def seen() -> Iterator[tuple[float, Picture]]:
        for k, (time_s, frame) in enumerate(film.frames()):
            if k % film.every:
                continue
            turn = turns(np.array([time_s]), film.size_px, focal)[0] if turning else np.eye(3)
            warp = matrix((width, height)) @ turn @ np.linalg.inv(matrix(film.size_px))
            yield time_s, cv2.warpPerspective(frame, warp, (width, height), borderMode=cv2.BORDER_REPLICATE)

    target.parent.mkdir(parents=True, exist_ok=True)
    write_video(target, seen(), (width, height), film.rate_hz)
    return focal


def _film(source: Source, video: Path, folder: Path) -> dict[str, float]:
    path = video / source.file
    if not path.is_file():
        raise BioposeError("no such film", where=str(path), mend="Name the folder of the data with `data`.")
    results: dict[str, Result] = {}
    took: dict[str, float] = {}
    for way in WAYS:
        film = folder / way / "film.mp4"
        focal = narrowed(path, film, source.end_s, turning=way != "still")
        how = "still" if "un" in way else "auto"
        options = Options(solvers=("fast",), focal_px=focal, camera_motion=how, overlay=False, report=False)
        started = time.process_time()  # what else the machine does hardly moves it
        results[way] = run_ik(film, folder / way, options, overwrite=True)
        took[way] = time.process_time() - started
    still = results["still"].kinematics
    figures = {
        "panned_film_mean_deg": rotations18(still, results["panned"].kinematics)["mae18_deg"],
        "panned_uncompensated_mean_deg": rotations18(still, results["panned_uncompensated"].kinematics)["mae18_deg"],
    }
    if source.reference is not None:
        for way, result in results.items():
            figures[f"{way}_mae18_deg"] = rotations18(video / source.reference, result.kinematics)["mae18_deg"]
    for way in WAYS[:2]:
        frames = len(BodyMotion.load(results[way].motion).time_s)
        figures[f"{way}_cpu_seconds_per_frame"] = round(took[way] / frames, 4)
    seen, size = Keypoints.load(results["panned"].keypoints), Video.open(path).size_px
    true = turns(seen.time_s, size, focal)
    apart = rotation_angle_deg(true[:, None] @ np.swapaxes(true, 1, 2)[None])
    figures["turned_through_deg"] = round(float(apart.max()), 2)
    if seen.camera_turns is not None:
        off = rotation_angle_deg(np.swapaxes(true @ true[reference(seen)].T, 1, 2) @ seen.camera_turns)
        figures["panned_turn_deg"] = round(float(off.mean()), 3)
    roots = [BodyMotion.load(results[way].motion).root_position_m for way in WAYS]
    for way, root in zip(WAYS[1:], roots[1:], strict=True):
        off_m = (root - root.mean(0)) - (roots[0] - roots[0].mean(0))
        figures[f"{way}_height_mm"] = round(1000 * float(np.abs(off_m[:, 1]).mean()), 1)
    return figures


def reference(seen: Keypoints) -> int:
    """The frame from which the turns that were found go.

    Args:
        seen: with turns.
    """
    assert seen.camera_turns is not None
    return int(np.argmin(rotation_angle_deg(seen.camera_turns)))

"""Cameras that move through a drawn room with depth behind the person: by hand, panning, following, carried.

Real films seen through a picture that turns (``moving_camera``) have their lens in one place, exactly; a hand moves it
by centimetres, a dolly by metres. Here the lens' way, the person's and all angles are known. Nothing was tuned on
these.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.angles import rotation_angle_deg
from biomech.bench.moving_camera import reference
from biomech.bench.rendered_room import WAYS, Actor, camera_way, film, stature_m
from biomech.bench.rotations18 import rotations18
from biomech.body.motion import BodyMotion
from biomech.keypoints.camera_motion import AUTO, STILL
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.mot import write_mot
from biomech.pipeline.run import Options, Result, run_ik

# Squatting, seen from ahead and a little aside; walking across the view at 0.8 m/s.
ACTORS = Actor("squat", 0, 0.6), Actor("walk", 5, np.pi / 2)
ONLY_OF = {"followed": "walk", "nearer": "squat"}  # nobody need be followed who stays, or is met who crosses
Say = Callable[[str], None]


def bench_rendered_camera(
    folder: Path, *, actors: tuple[Actor, ...] = ACTORS, ways: tuple[str, ...] = WAYS, say: Say = lambda _: None
) -> dict[str, Any]:
    """The main job on drawn films of known cameras, with the camera's motion taken out and with it taken to stand.

    Args:
        folder: where films and runs go; a film that is there is not drawn again.
        actors: who is filmed.
        ways: how the camera moves; the one that stands is always filmed.
        say: told of every film.

    Returns:
        Means over the people as ``rendered_{way}_{figure}``, and under ``rendered_films`` each film's own: angles'
        difference from the standing camera's film (``film_deg``) and from the coordinates that moved the body
        (``mae18_deg``), how far the root is off its true way after one turn about the vertical and one shift
        (``path_mm``), how far the camera's turn is off (``turn_deg``), shares of frames in which it is known and which
        are trusted, and what was told; ``taken_to_stand_…`` with ``camera_motion=still``.

    Raises:
        BioposeError: this machine cannot draw, or a run fails.
    """
    rows: dict[str, dict[str, Any]] = {}
    for actor in actors:
        standing: Result | None = None
        for way in ("standing", *(way for way in ways if way != "standing")):
            if ONLY_OF.get(way, actor.activity) != actor.activity:
                continue
            standing, rows[f"{actor.name}/{way}"] = _filmed(actor, way, folder / actor.name, standing)
            say(f"{actor.name}, {way}: {rows[f'{actor.name}/{way}']}")
    figures = {}
    for way in WAYS:
        of_way = [row for name, row in rows.items() if name.endswith(f"/{way}")]
        for key in dict.fromkeys(key for row in of_way for key in row if key != "told"):
            values = [row[key] for row in of_way if key in row]
            figures[f"rendered_{way}_{key}"] = round(float(np.mean(values)), 3)
    return {**figures, "rendered_films": rows}


def _filmed(actor: Actor, way: str, folder: Path, standing: Result | None) -> tuple[Result, dict[str, Any]]:
    """The run of the camera that stands, and one film's figures."""
    path, truth = folder / way / "film.mp4", folder / "truth.mot"
    if not path.is_file():
        film(actor, way, path)
    true = actor.motion(actor.truth())
    write_mot(actor.truth(), truth)
    found: dict[str, Any] = {}
    for how in (AUTO, STILL) if standing else (AUTO,):
        options = Options(
            solvers=("fast",),
            focal_px=actor.camera().focal_px,
            height_m=stature_m(true),
            camera_motion=how,
            overlay=False,
            report=False,
        )
        result = run_ik(path, folder / way / how, options, overwrite=True)
        standing = standing or result
        motion = BodyMotion.load(result.motion)
        before = "taken_to_stand_" if how == STILL else ""
        if way != "standing":
            found[f"{before}film_deg"] = rotations18(standing.kinematics, result.kinematics)["mae18_deg"]
        found[f"{before}mae18_deg"] = rotations18(truth, result.kinematics)["mae18_deg"]
        found[f"{before}path_mm"] = round(path_off_mm(true, motion), 1)
        solved: Any = result.record["stages"]["solve"]  # the stage's own figures
        found[f"{before}trusted_share"] = round(float(solved["frames_trusted"]) / len(motion.time_s), 3)
        if how == AUTO:
            seen = Keypoints.load(result.keypoints)
            turns, _ = camera_way(way, true.time_s, actor.camera().to_camera(true.root_position_m))
            found |= camera_figures(turns, seen)
            found["told"] = [note for note in result.notes if "camera" in note and "focal" not in note]
    assert standing is not None
    return standing, found


def camera_figures(true: Float[np.ndarray, "frames 3 3"], seen: Keypoints) -> dict[str, float]:
    """How well the camera's turning was found.

    Args:
        true: its axes in each frame from any one axes.
        seen: of the same frames.

    Returns:
        ``turned_through_deg``, ``turn_deg`` (mean over the frames in which it is known; the turning itself where the
        camera was taken to stand) and ``known_share`` of the frames.
    """
    apart = rotation_angle_deg(true[:, None] @ np.swapaxes(true, 1, 2)[None])
    known = np.ones(len(true), bool)
    if seen.camera_turns is None:
        off = apart[int(apart.max(0).argmin())]
    else:
        off = rotation_angle_deg(np.swapaxes(true @ true[reference(seen)].T, 1, 2) @ seen.camera_turns)
        known = ~seen.camera_unsure if seen.camera_unsure is not None else known
    return {
        "turned_through_deg": round(float(apart.max()), 2),
        "known_share": round(float(known.mean()), 3),
    } | ({"turn_deg": round(float(off[known].mean()), 3)} if known.any() else {})


def path_off_mm(true: BodyMotion, found: BodyMotion) -> float:
    """Mean distance between two ways of the root, after one turn about the vertical and one shift.

    Args:
        true, found: of the same times, or some of them.

    Returns:
        mm.
    """
    place = np.stack([np.interp(found.time_s, true.time_s, axis) for axis in true.root_position_m.T], 1)
    place, other = place - place.mean(0), found.root_position_m - found.root_position_m.mean(0)
    across = float((other[:, 2] * place[:, 0] - other[:, 0] * place[:, 2]).sum())
    along = float((other[:, 0] * place[:, 0] + other[:, 2] * place[:, 2]).sum())
    turned = Rotation.from_euler("y", np.arctan2(across, along)).apply(other)
    return 1000 * float(np.linalg.norm(turned - place, axis=1).mean())

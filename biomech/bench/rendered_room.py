"""A drawn room with depth, a drawn person in it, and a camera whose way through it is known.

Walls, floor and boxes at 1 to 4 m behind and beside the person carry pictures of no place (``train.synthetic.view``);
they are drawn in perspective, so that what is near shifts against what is far as soon as the lens leaves its place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from biomech.bench.drawn_people import KINDS
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven, with_soft_forearms
from biomech.body.motion import BodyMotion
from biomech.camera import Camera, focal_from_fov, rotation_looking
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library.generated import generate
from biomech.labels.people import random_person, seeded
from biomech.report.overlay import write_video
from biomech.report.render import Renderer
from biomech.train.synthetic.people import clothes
from biomech.train.synthetic.view import backdrop

SECONDS, RATE_HZ = 3.0, 20.0
SIZE_PX = (960, 540)
DISTANCE_M, LENS_M, FOV_DEG = 4.5, 1.2, 67.0
GRAIN = 4.0
PAN_DEG = 15.0  # in place, from one side to the other
# A hand's: swings of these frequencies (Hz), slow ones wider; the widest turn and way of each axis.
HAND_HZ, HAND_DEG, HAND_M = (0.5, 0.8, 1.3, 2.0), (1.2, 2.0), (0.01, 0.03)
DOLLY_M_S = 0.5
WAYS = ("standing", "panned", "handheld", "followed", "carried", "nearer")
# Aside, behind and above the person, and how wide, deep and high, m; what is beside stands clear of who walks across.
BOXES = (
    ((-2.3, 1.0, 0.0), (0.6, 0.5, 0.9)),
    ((1.6, 1.6, 0.0), (0.8, 0.5, 0.7)),
    ((-0.6, 2.3, 0.0), (0.7, 0.6, 1.4)),
    ((2.9, 2.4, 0.0), (0.7, 0.7, 2.0)),
    ((-3.2, 3.0, 0.0), (0.9, 0.7, 1.8)),
    ((1.1, 3.3, 0.0), (1.0, 0.5, 1.1)),
)
BACK_M, SIDE_M, HIGH_M, FRONT_M = 4.0, 4.6, 3.2, -4.3  # of the walls; the floor begins before the lens
Picture = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Actor:
    """Somebody who moves in the room: what they do, which person it is, and from where they are filmed."""

    activity: str
    number: int
    view_rad: float  # about the vertical, from where the person faces

    @property
    def name(self) -> str:
        """Of the films."""
        return f"{self.activity}_{self.number}"

    def truth(self) -> Kinematics:
        """The coordinates that move the body (rad, m), the same whatever the camera does."""
        return generate(KINDS[self.activity], SECONDS, RATE_HZ, seeded(17, f"{self.name} moves"))

    def motion(self, truth: Kinematics) -> BodyMotion:
        """The body about the origin, facing X, the floor at Y = 0 (m)."""
        shape = random_person(seeded(17, f"{self.name} is")).shape
        found = driven(AnnyBody.load([0]), shape, truth.names, truth.values, truth.time_s)
        low, high = found.root_position_m.min(0), found.root_position_m.max(0)
        found.root_position_m = found.root_position_m - (low + high) / 2 * [1.0, 0.0, 1.0]
        return found

    def camera(self) -> Camera:
        """The one that stands: level, the person in the middle of its picture."""
        away = -np.array([np.cos(self.view_rad), 0.0, np.sin(self.view_rad)])
        rotation = rotation_looking(away)
        place = np.array([0.0, LENS_M, 0.0]) - DISTANCE_M * away
        center = ((SIZE_PX[0] - 1) / 2, (SIZE_PX[1] - 1) / 2)
        return Camera(focal_from_fov(max(SIZE_PX), FOV_DEG), center, SIZE_PX, rotation, -rotation @ place)


def stature_m(motion: BodyMotion) -> float:
    """Of who moves."""
    with torch.no_grad():
        return float(AnnyBody.load([0]).stature(torch.tensor(motion.shape).float()))


def camera_way(
    way: str, time_s: Float[np.ndarray, " frames"], root_m: Float[np.ndarray, "frames 3"]
) -> tuple[Float[np.ndarray, "frames 3 3"], Float[np.ndarray, "frames 3"]]:
    """How the camera moves.

    Args:
        way: one of ``WAYS``.
        time_s: of the frames.
        root_m: the person's, in the axes of the camera that stands.

    Returns:
        Its axes from those of the camera that stands, and where the lens is in these (m).
    """
    angles, shift = np.zeros((len(time_s), 3)), np.zeros((len(time_s), 3))  # pan, tilt, roll
    since = time_s - time_s[0]
    with_walk = np.sign(root_m[-1, 0] - root_m[0, 0]) or 1.0
    if way == "panned":
        angles[:, 0] = with_walk * np.radians(PAN_DEG) / 2 * np.cos(np.pi * since / since[-1])
    elif way == "handheld":
        rng = seeded(17, "hand")
        angles = np.radians(_swings(since, rng, *HAND_DEG))
        shift = _swings(since, rng, *HAND_M)
    elif way == "followed":
        angles[:, 0] = -np.arctan2(root_m[:, 0], root_m[:, 2])
    elif way == "carried":
        shift[:, 0] = with_walk * DOLLY_M_S * (since - since[-1] / 2)
    elif way == "nearer":
        shift[:, 2] = DOLLY_M_S * (since - since[-1] / 2)
    return Rotation.from_euler("YXZ", angles).as_matrix(), shift


def moved(camera: Camera, turn: Float[np.ndarray, "3 3"], shift_m: Float[np.ndarray, "3"]) -> Camera:
    """The camera with its lens elsewhere and other axes.

    Args:
        camera: that stands.
        turn: the new axes from its own.
        shift_m: of the lens, in its own axes.

    Returns:
        With the same lens and picture.
    """
    rotation = turn @ camera.rotation_camera_from_world
    position = turn @ (camera.position_in_camera_m - shift_m)
    return Camera(camera.focal_px, camera.center_px, camera.size_px, rotation, position)


def film(actor: Actor, way: str, path: Path) -> None:
    """Draw and write one film.

    Args:
        actor: who is in it.
        way: of the camera, one of ``WAYS``.
        path: an .mp4.

    Raises:
        BioposeError: this machine cannot draw off-screen.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, pictures(actor, way), SIZE_PX, RATE_HZ)


def pictures(actor: Actor, way: str) -> Iterator[tuple[float, Picture]]:
    """Time (s) and picture of every frame, with grain.

    Args:
        actor: who is in it.
        way: of the camera.

    Raises:
        BioposeError: this machine cannot draw off-screen.
    """
    body, motion = AnnyBody.load(), with_soft_forearms(actor.motion(actor.truth()))
    still = actor.camera()
    turns, shifts = camera_way(way, motion.time_s, still.to_camera(motion.root_position_m))
    colours = clothes(body, seeded(17, f"{actor.name} wears"))
    rng = np.random.default_rng(0)
    with Renderer(body.faces.numpy(), still, color=colours, antialias=True, ambient=0.45) as drawing:
        for corners, picture, brightness in room(still, seeded(17, f"{actor.name} is in")):
            drawing.furnish(corners, picture, brightness)
        with torch.no_grad():
            rest = body.rest(torch.tensor(motion.shape).float())
        for k, time_s in enumerate(motion.time_s):
            with torch.no_grad():
                rotations, root = (torch.tensor(a[k : k + 1]) for a in (motion.rotations, motion.root_position_m))
                skin = body.skin(rest, body.pose(rest, rotations.float(), root.float())).numpy()[0]
            drawing.look(moved(still, turns[k], shifts[k]))
            seen = drawing.render(skin).astype(np.float32)
            grain = GRAIN * rng.standard_normal(seen.shape[:2], np.float32)
            yield float(time_s), (seen + grain[..., None]).clip(0, 255).astype(np.uint8)


def room(camera: Camera, rng: np.random.Generator) -> Iterator[tuple[Float[np.ndarray, "4 3"], Picture, float]]:
    """Rectangles with their pictures, and how bright they are.

    Args:
        camera: that stands; the room is square to it.
        rng: of the pictures.

    Returns:
        Corners in the world (m) as ``Renderer.furnish`` takes them: walls, floor, and of each box what a lens may see.
    """
    right, _, away = camera.rotation_camera_from_world

    def sheet(corners: list[tuple[float, float, float]], brightness: float):
        """Corners aside, behind and above the person."""
        placed = np.array([x * right + behind * away + [0, up, 0] for x, behind, up in corners])
        sides = [np.linalg.norm(placed[k + 1] - placed[k]) for k in (0, 1)]
        picture = backdrop((round(100 * sides[0]), round(100 * sides[1])), rng)
        plain = rng.uniform(110, 220, 3)
        return placed, (0.5 * picture + 0.5 * plain).astype(np.uint8), brightness

    def upright(x0: float, y0: float, x1: float, y1: float, low: float, high: float, brightness: float):
        return sheet([(x0, y0, high), (x1, y1, high), (x1, y1, low), (x0, y0, low)], brightness)

    yield upright(-SIDE_M, BACK_M, SIDE_M, BACK_M, 0, HIGH_M, 0.9)
    for side in (-SIDE_M, SIDE_M):
        yield upright(side, FRONT_M, side, BACK_M, 0, HIGH_M, 0.75)
    yield sheet([(-SIDE_M, BACK_M, 0), (SIDE_M, BACK_M, 0), (SIDE_M, FRONT_M, 0), (-SIDE_M, FRONT_M, 0)], 0.65)
    for (x, y, low), (wide, deep, high) in BOXES:
        left, end, back, top = x - wide / 2, x + wide / 2, y + deep, low + high
        yield upright(left, y, end, y, low, top, 0.85)
        yield upright(left, back, left, y, low, top, 0.6)
        yield upright(end, y, end, back, low, top, 0.7)
        yield sheet([(left, back, top), (end, back, top), (end, y, top), (left, y, top)], 1.0)


def _swings(since, rng: np.random.Generator, least: float, most: float) -> Float[np.ndarray, "frames 3"]:
    """Of three axes, each as wide as chance has it between least and most."""
    found = np.zeros((len(since), 3))
    for hz in HAND_HZ:
        found += rng.uniform(0.5, 1.0, 3) / hz * np.sin(2 * np.pi * (hz * since[:, None] + rng.random(3)))
    return found / np.abs(found).max(0) * rng.uniform(least, most, 3)

"""Drawn people who walk, squat and sit down as users film them, with known coordinates, as the real detector sees them.

A motion is a generator's (``labels.library``), of one person whatever the view, and drives a body of real proportions;
it is drawn and looked at as the synthetic set is (``synthetic.make.see``). What was detected and the true coordinates
stay in a folder, the same for the same seed, so that only recovering and solving are repeated: drawing takes 0.12 s of
a core a frame, 25 to 30 minutes for the 180 clips of twenty people.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.body.driven import driven, with_soft_forearms
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.keypoints.blazepose import BlazePose
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.labels.library.generated import generate
from biomech.labels.people import random_person
from biomech.train.synthetic.make import keypoints_of, see
from biomech.train.synthetic.view import Skin

KINDS = {"walk": "plain_walk", "squat": "squat", "sit_to_stand": "sit_to_stand"}  # the generators' names
ACTIVITIES = tuple(KINDS)
SECONDS, RATE_HZ = 2.5, 30.0
PEOPLE = 20
VIEWS_RAD = {"front": 0.0, "side": np.pi / 2, "behind": np.pi}  # about the vertical, from where the person faces
DISTANCE_M, LENS_M, VIEW_RAD = 4.5, 1.2, np.radians(60)  # the view across the longer side of the picture
SIDES_PX = 1280, 720
TRIES = 10
Say = Callable[[str], None]


@dataclass(frozen=True)
class Drawn:
    """One person in one activity from one view: the true coordinates, and what the detector saw."""

    activity: str
    view: str
    person: int
    folder: Path
    seed: int

    @property
    def name(self) -> str:
        """Of all files."""
        return f"{self.activity}_{self.view}_{self.seed:03d}_{self.person:02d}"

    @property
    def keypoints(self) -> Path:
        """What was seen."""
        return self.folder / f"{self.name}_keypoints.npz"

    @property
    def truth(self) -> Path:
        """The coordinates."""
        return self.folder / f"{self.name}.mot"

    @property
    def build(self) -> Path:
        """Stature and mass."""
        return self.folder / f"{self.name}.json"


@dataclass
class DrawingEyes:
    """What draws and looks; slow to build."""

    surface: Skin
    detector: BlazePose


def people(folder: Path, *, count: int = PEOPLE, seed: int = 0) -> list[Drawn]:
    """Every activity and view of so many people; nothing is drawn yet.

    Args:
        folder: where the files are or will be.
        count: of people.
        seed: of people, motions and scenes.

    Returns:
        All activities and views of the first person, then of the next.
    """
    return [
        Drawn(activity, view, person, folder, seed)
        for person in range(count)
        for activity in ACTIVITIES
        for view in VIEWS_RAD
    ]


def draw(wanted: list[Drawn], say: Say = lambda _: None) -> None:
    """Draw those whose files are not there; the others are left alone.

    Args:
        wanted: files go to each one's own folder.
        say: told of every clip that is drawn.

    Raises:
        BioposeError: the detector does not see a person throughout, whatever the scene.
    """
    missing = [one for one in wanted if not one.keypoints.exists()]
    if not missing:
        return
    torch.set_num_threads(1)
    eyes = DrawingEyes(Skin(), BlazePose(threads=1))
    for at, one in enumerate(missing, 1):
        one.folder.mkdir(parents=True, exist_ok=True)
        truth = coordinates(one)
        write_mot(truth, one.truth)
        with whole_file(one.build) as temporary:
            temporary.write_text(json.dumps(_size(shape(one))) + "\n")
        seen(with_soft_forearms(moving(one, truth)), one, eyes).save(one.keypoints)
        say(f"drawn {at} of {len(missing)}: {one.name}")


def seen(motion: BodyMotion, one: Drawn, eyes: DrawingEyes) -> Keypoints:
    """The person drawn from where the view has the camera, in scenes until the detector sees all of the clip.

    Args:
        motion: m, about the origin, facing X.
        one: says from where, and with its seed in what scenes.
        eyes: draw and detect.

    Returns:
        BlazePose's points (px) and world points (m) at 30 Hz, with its heat maps.

    Raises:
        BioposeError: it does not, whatever the scene.
    """
    scenes = (one.seed, ACTIVITIES.index(one.activity), one.person, list(VIEWS_RAD).index(one.view))
    rng = np.random.default_rng(scenes)
    for _ in range(TRIES):
        clip = see(motion, camera_at(one.view), eyes, rng)
        if clip is not None:
            return keypoints_of(clip, RATE_HZ)
    raise BioposeError(f"the detector does not see {one.name}", mend="Give another `seed`.")


def coordinates(one: Drawn) -> Kinematics:
    """What the person does: the same from every view."""
    rng = np.random.default_rng((one.seed, ACTIVITIES.index(one.activity), one.person))
    return generate(KINDS[one.activity], SECONDS, RATE_HZ, rng)


def shape(one: Drawn) -> Float[np.ndarray, " shape"]:
    """The person's build, an adult's of real proportions: the same in every activity."""
    return _shape(one.seed, one.person)


@functools.cache
def _shape(seed: int, person: int) -> Float[np.ndarray, " shape"]:
    return random_person(np.random.default_rng((seed, person))).shape


def moving(one: Drawn, truth: Kinematics) -> BodyMotion:
    """The person about the origin, facing X, the floor at Y = 0.

    Args:
        one: whose build it is.
        truth: what the person does (rad and m).

    Returns:
        The Anny body's motion; the mean of its root is at X = Z = 0.
    """
    motion = driven(AnnyBody.load([0]), shape(one), truth.names, truth.values, truth.time_s)
    middle = motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
    return replace(motion, root_position_m=motion.root_position_m - middle)


def size(one: Drawn) -> tuple[float, float]:
    """Stature (m) and mass (kg) of who was drawn."""
    known = json.loads(one.build.read_text())
    return known["height_m"], known["mass_kg"]


def _size(build: Float[np.ndarray, " shape"]) -> dict[str, float]:
    body, numbers = AnnyBody.load([0]), torch.tensor(build).float()
    with torch.no_grad():
        return {"height_m": float(body.stature(numbers)), "mass_kg": float(body.mass(numbers))}


def camera_at(view: str) -> Camera:
    """A level camera, upright for who comes nearer, lying for who walks past."""
    width, height = SIDES_PX if view == "side" else SIDES_PX[::-1]
    focal = max(width, height) / 2 / np.tan(VIEW_RAD / 2)
    turn = VIEWS_RAD[view]
    away = -np.array([np.cos(turn), 0.0, np.sin(turn)])
    rotation = np.stack([np.cross(away, [0.0, 1.0, 0.0]), [0.0, -1.0, 0.0], away])
    place = np.array([0.0, LENS_M, 0.0]) - DISTANCE_M * away
    return Camera(float(focal), ((width - 1) / 2, (height - 1) / 2), (width, height), rotation, -rotation @ place)

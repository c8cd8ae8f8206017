"""People whose body the model does not have, and the same people in an ordinary one, drawn before the real detector."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from biomech.bench.drawn_people import RATE_HZ as FILM_HZ
from biomech.bench.drawn_people import DrawingEyes, Drawn, Say, camera_at
from biomech.bench.failures import SEATED, WAY_M
from biomech.body.anny import AnnyBody
from biomech.body.driven import driven, with_soft_forearms
from biomech.body.motion import BodyMotion
from biomech.files import whole_file
from biomech.keypoints.blazepose import BlazePose
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.labels.library.generated import generate
from biomech.labels.people import random_person
from biomech.train.synthetic.make import keypoints_of, see
from biomech.train.synthetic.odd_people import FOOTREST_M, KINDS, ChangedSkin, posed, shape_of
from biomech.train.synthetic.view import Skin

SECONDS, RATE_HZ = 1.2, FILM_HZ / 2
VIEWS = ("front", "side")
SCENES = 12  # tries until the detector sees the person throughout
PERSON, CHANGED, MOVES, SCENE = range(4)  # what chance is for


@dataclass(frozen=True)
class OddPerson(Drawn):
    """One person of one kind from one view; ``activity`` is the kind."""

    @property
    def name(self) -> str:
        """Of all files."""
        return f"{'_'.join(self.activity.replace(',', '').split())}_{self.view}_{self.seed:03d}_{self.person:02d}"

    def chance(self, what: int) -> np.random.Generator:
        """The same for every kind, and for every view but in the scene."""
        key = (self.seed, self.person, what, *([VIEWS.index(self.view)] if what == SCENE else []))
        return np.random.default_rng(key)


def odd_people(folder: Path, kinds: Sequence[str], *, count: int, seed: int) -> list[OddPerson]:
    """Every kind, person and view.

    Args:
        folder: where the files are or will be.
        kinds: of ``KINDS``.
        count: of people.
        seed: of people, motions and scenes.

    Returns:
        All kinds of the first person, then of the next.
    """
    return [OddPerson(kind, view, person, folder, seed) for person in range(count) for kind in kinds for view in VIEWS]


def draw_odd(wanted: Sequence[OddPerson], say: Say = lambda _: None) -> None:
    """Draw those whose files are not there.

    Args:
        wanted: files go to each one's own folder; how many scenes it took stands in its .json.
        say: told of every clip.
    """
    missing = [one for one in wanted if not one.build.exists()]
    if not missing:
        return
    torch.set_num_threads(1)
    skin, detector = Skin(), BlazePose(threads=1)
    for at, one in enumerate(missing, 1):
        one.folder.mkdir(parents=True, exist_ok=True)
        kind, truth = KINDS[one.activity], coordinates(one)
        motion = moving(one, truth)
        eyes = DrawingEyes(ChangedSkin(skin, kind, one.chance(CHANGED)), detector)
        rng, clip, tries = one.chance(SCENE), None, 0
        while clip is None and tries < SCENES:
            clip, tries = see(with_soft_forearms(motion), camera_at(one.view), eyes, rng), tries + 1
        write_mot(truth, one.truth)
        if clip is not None:
            keypoints_of(clip, RATE_HZ).save(one.keypoints)
        with whole_file(one.build) as temporary:
            temporary.write_text(json.dumps(_build(motion) | {"scenes": tries, "seen": clip is not None}) + "\n")
        say(f"drawn {at} of {len(missing)}: {one.name}")


def coordinates(one: OddPerson) -> Kinematics:
    """What the person does: the same from every view."""
    kind = KINDS[one.activity]
    motion = generate(kind.motion, SECONDS, RATE_HZ, one.chance(MOVES))
    if not kind.chair:
        return motion
    values = motion.values.copy()
    for name, deg in SEATED.items():
        values[:, motion.names.index(name)] = np.radians(deg)
    return replace(motion, values=values)


def moving(one: OddPerson, truth: Kinematics) -> BodyMotion:
    """The person about the origin, facing X.

    Args:
        one: who.
        truth: what the coordinates are (rad, m).

    Returns:
        The Anny body's motion, stoop and carried way in it.
    """
    kind = KINDS[one.activity]
    shape = shape_of(kind, random_person(one.chance(PERSON)).shape, one.chance(CHANGED))
    motion = posed(
        kind, driven(AnnyBody.load([0]), shape, truth.names, truth.values, truth.time_s), one.chance(CHANGED)
    )
    root = motion.root_position_m - motion.root_position_m.mean(0) * [1.0, 0.0, 1.0]
    if kind.chair:
        root = root[:1] * [0.0, 1.0, 0.0] + [0.0, FOOTREST_M, 0.0]
        root = root + np.linspace(-WAY_M / 2, WAY_M / 2, len(truth.time_s))[:, None] * [1.0, 0.0, 0.0]
    return replace(motion, root_position_m=root)


def _build(motion: BodyMotion) -> dict[str, float]:
    numbers, body = torch.tensor(motion.shape).float(), AnnyBody.load([0])
    with torch.no_grad():
        return {"height_m": float(body.stature(numbers)), "mass_kg": float(body.mass(numbers))}

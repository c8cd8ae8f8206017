"""Poses that teach and never report: 26 by code, none of `biopose bench hard-poses`, mixtures of two, and drawn.

``python -m biomech.bench.other_poses FOLDER`` draws them dressed, by people of random real proportions, from the front,
from behind and from the side, and has the real landmark network look: clips as `biopose train clips` makes them, the
same from every run. One that is there is left alone; one whom the detector does not see throughout is left out.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from biomech.bench.drawn_people import SIDES_PX, VIEW_RAD, VIEWS_RAD, DrawingEyes
from biomech.bench.hard_poses import ON_PALMS, UP, entered
from biomech.body.driven import with_soft_forearms
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.camera import Camera
from biomech.keypoints.blazepose import BlazePose
from biomech.labels.people import random_person, seeded
from biomech.train.synthetic.make import see
from biomech.train.synthetic.view import Skin

SPREAD_DEG, MIXED_SPREAD_DEG = 8.0, 8.0
DISTANCES_M = (3.0, 5.5)
LENSES_M, ASIDE_DEG = (0.6, 1.6), 30.0  # how high, and how far from a view the lens stands at most
SCENES = 3  # in which somebody is drawn until the detector sees all of a clip
PEOPLE, DRAWN_MIXTURES = 2, 100
FIRST_DRAWN = 40  # mixture; those before it are simulated ones
BEGINNING, MIXTURE = "train_other_", "mixture"  # of the files' names
Say = Callable[[str], None]
POINTED = {"ankle_angle": -35}
OTHERS: dict[str, dict[str, float]] = {
    "prone": {"pelvis_tilt": -88, **POINTED},
    "on the side": {"pelvis_list": 85, "hip_flexion": 20, "knee_angle": 30},
    "long sit": {"pelvis_tilt": 5, "hip_flexion": 85, "knee_angle": 3, "arm_flex": 10},
    "child": {"pelvis_tilt": -65, "lumbar_extension": -30, "hip_flexion": 118, "knee_angle": 138, **POINTED, **UP},
    "all fours": {"pelvis_tilt": -85, "hip_flexion": 85, "knee_angle": 92, **POINTED, "arm_flex": 85, **ON_PALMS},
    "cobra": {
        **{"pelvis_tilt": -70, "lumbar_extension": 25, "hip_flexion": -15, **POINTED},
        **{"arm_flex": 20, "elbow_flex": 20},
    },
    "kneeling": {"knee_angle": 95, **POINTED},
    "boat": {"pelvis_tilt": 40, "hip_flexion": 90, "knee_angle": 8, "arm_flex": 60, "lumbar_extension": -10},
    "candle": {
        **{"pelvis_tilt": 165, "lumbar_extension": -45, "hip_flexion": 15},
        **{"neck_extension": -40, "arm_flex": -10},
    },
    "headstand": {
        **{"pelvis_tilt": 178, "hip_flexion": 115, "knee_angle": 130, "ankle_angle": -30},
        **{"arm_flex": 150, "elbow_flex": 110},
    },
    "side plank": {"pelvis_list": 65, "arm_add": -80, "arm_flex": 0},
    "straddle": {"pelvis_tilt": 0, "hip_flexion": 85, "hip_adduction": -45, "knee_angle": 3, "arm_flex": 60},
    "triangle": {"hip_adduction": -35, "pelvis_list": 30, "lumbar_bending": 30, "arm_add": -85},
    "half bridge": {
        **{"pelvis_tilt": 112, "hip_flexion": 5, "knee_angle": 88, "lumbar_extension": 0},
        **{"ankle_angle": 5},
    },
    "knees drawn up": {"pelvis_tilt": 88, "hip_flexion": 105, "knee_angle": 115, "arm_flex": 40, "elbow_flex": 60},
    "pistol": {
        **{"pelvis_tilt": -25, "hip_flexion_r": 115, "knee_angle_r": 125, "ankle_angle_r": 30},
        **{"hip_flexion_l": 95, "knee_angle_l": 5, "lumbar_extension": -20, "arm_flex": 80},
    },
    "high kick": {"pelvis_tilt": 15, "hip_flexion_r": 110, "knee_angle_r": 5, "hip_flexion_l": 0, "arm_flex": 30},
    "crouch start": {
        **{"pelvis_tilt": -75, "hip_flexion_r": 100, "knee_angle_r": 85, "hip_flexion_l": 75, "knee_angle_l": 110},
        **{"ankle_angle": 15, "arm_flex": 85, **ON_PALMS},
    },
    "arched": {"pelvis_tilt": 20, "lumbar_extension": 22, "hip_flexion": -18, **UP},
    "kneeling fold": {
        **{"pelvis_tilt": -60, "hip_flexion": 60, "knee_angle": 95, **POINTED},
        **{"lumbar_extension": -30, "arm_flex": 90},
    },
}
# A leg behind the other or behind the trunk, or along the line of sight; no mixtures are made of them.
HIDING: dict[str, dict[str, float]] = {
    "figure four": {
        **{"pelvis_tilt": -25, "hip_flexion_r": 60, "knee_angle_r": 50, "ankle_angle_r": 20},
        **{"hip_flexion_l": 85, "hip_adduction_l": -20, "hip_rotation_l": -40, "knee_angle_l": 95},
        **{"arm_flex": 60, "elbow_flex": 70},
    },
    "stork": {"hip_flexion_l": -5, "knee_angle_l": 130, "ankle_angle_l": -30, **UP},
    "half kneeling": {
        **{"hip_flexion_r": 88, "knee_angle_r": 90, "ankle_angle_r": 5},
        **{"hip_flexion_l": 0, "knee_angle_l": 95, "ankle_angle_l": -35, **UP},
    },
    "knee hug": {"hip_flexion_l": 115, "knee_angle_l": 130, "arm_flex": 55, "elbow_flex": 85},
    "curtsy": {
        **{"pelvis_tilt": -10, "hip_flexion_r": 70, "knee_angle_r": 80, "ankle_angle_r": 20},
        **{"hip_flexion_l": 15, "hip_adduction_l": 25, "knee_angle_l": 85, "mtp_angle_l": -30},
    },
    "sumo": {
        **{"pelvis_tilt": -20, "hip_flexion": 80, "hip_adduction": -35, "hip_rotation": -35, "knee_angle": 95},
        **{"ankle_angle": 15, "arm_flex": 50, "elbow_flex": 90},
    },
}
BEGUN: dict[str, dict[str, float]] = {
    "headstand": {**OTHERS["headstand"], "hip_flexion": 60},
    "candle": {"pelvis_tilt": 90},
}


def mixture(number: int) -> dict[str, float]:
    """Between two of ``OTHERS``, every angle another by chance.

    Args:
        number: which.

    Returns:
        Degrees, by coordinate.
    """
    rng = seeded("mixed poses", number)
    one, other = ({**_sided(OTHERS[name])} for name in rng.choice(list(OTHERS), 2, replace=False))
    share = rng.uniform(0, 1)
    names = sorted({*one, *other})
    usual = {name: float(np.degrees(NEUTRAL_POSTURE[name])) for name in names}
    return {
        name: (1 - share) * one.get(name, usual[name])
        + share * other.get(name, usual[name])
        + float(rng.normal(0, MIXED_SPREAD_DEG))
        for name in names
    }


def _sided(table: dict[str, float]) -> dict[str, float]:
    """With both sides by name."""
    whole: dict[str, float] = {}
    for name, deg in sorted(table.items(), key=lambda item: item[0].endswith(("_r", "_l"))):
        alone = name.startswith(("pelvis", "lumbar", "neck")) or name.endswith(("_r", "_l"))
        whole |= {name: deg} if alone else {f"{name}_{side}": deg for side in "rl"}
    return whole


def draw(folder: Path, say: Say = lambda _: None) -> None:
    """Draw those that are not there.

    Args:
        folder: of the clips; is made.
        say: told of each that is drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    eyes = DrawingEyes(Skin(), BlazePose(threads=1))
    views = list(VIEWS_RAD)
    wanted = [(name, view, person) for person in range(PEOPLE) for view in views for name in OTHERS]
    wanted += [(MIXTURE, views[number % len(views)], number) for number in range(DRAWN_MIXTURES)]
    wanted += [(name, view, person) for person in range(PEOPLE) for view in views for name in HIDING]
    for name, view, number in wanted:
        path = folder / f"{BEGINNING}{name.replace(' ', '-')}_{view}_{number:02d}.npz"
        if path.exists():
            continue
        rng = seeded("other poses, drawn", name, view, number)
        aim = mixture(FIRST_DRAWN + number) if name == MIXTURE else {**OTHERS, **HIDING}[name]
        motion, _ = entered(BEGUN.get(name, {}), aim, random_person(rng).shape, rng, SPREAD_DEG)
        camera = _camera(view, rng)
        for _ in range(SCENES):
            clip = see(with_soft_forearms(motion), camera, eyes, rng)
            if clip is not None:
                clip.save(path)
                break
        say(f"{path.stem}: {'seen' if path.exists() else 'not seen'}")


def _camera(view: str, rng: np.random.Generator) -> Camera:
    """Level, upright or lying, about where the view has it."""
    turn = VIEWS_RAD[view] + np.radians(rng.uniform(-ASIDE_DEG, ASIDE_DEG))
    width, height = SIDES_PX if rng.random() < 0.5 else SIDES_PX[::-1]
    focal = max(width, height) / 2 / np.tan(VIEW_RAD / 2)
    away = -np.array([np.cos(turn), 0.0, np.sin(turn)])
    rotation = np.stack([np.cross(away, [0.0, 1.0, 0.0]), [0.0, -1.0, 0.0], away])
    place = np.array([0.0, rng.uniform(*LENSES_M), 0.0]) - rng.uniform(*DISTANCES_M) * away
    return Camera(float(focal), ((width - 1) / 2, (height - 1) / 2), (width, height), rotation, -rotation @ place)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    draw(parser.parse_args().folder, print)

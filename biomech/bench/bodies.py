"""What a run gives of people whose body the model does not have, and what it says of them.

Drawn, in walking or standing, before the real detector; nobody's size is told. The same people in an ordinary body, in
the same motion, clothes and scenes, are the control.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from biomech.bench.activities import MEASURED, solved
from biomech.bench.drawn_bodies import OddPerson, draw_odd, odd_people
from biomech.bench.drawn_people import Say, size
from biomech.bench.failures import told_of
from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.comparison.compare import compare
from biomech.inverse_kinematics.trusted import Trusted
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.recognise import recognise_motion
from biomech.mesh.signatures import signed
from biomech.pipeline.options import Options
from biomech.train.synthetic.odd_people import KINDS

# What should be told of each kind; of the others nothing.
OUGHT = {
    "toddler": {"child"},
    "stoops": {"stoops"},
    "no forearm": {"absent", "short", "contradicted"},
    "no lower leg, stands": {"absent", "short", "contradicted"},
    "prosthesis of the leg": {"absent", "short", "contradicted"},
    "wheelchair": {"carried"},
}


def bench_bodies(
    clips: Path,
    folder: Path,
    *,
    kinds: Sequence[str] = tuple(KINDS),
    count: int = 4,
    seed: int = 303,
    sized: bool = False,
    say: Say = lambda _: None,
) -> dict[str, object]:
    """A row for each kind and view.

    Args:
        clips: what was drawn and detected; drawn now where it is not there.
        folder: where the solved motions go; those that are there are not solved again.
        kinds: of ``KINDS``.
        count: of people.
        seed: of people, motions and scenes; limits were chosen on 101.
        sized: tell the person's height and mass.
        say: told of every clip.

    Returns:
        For each kind and view: clips, how many the detector saw, in how many what ought to be told was told
        (``detected``) and in how many something else (``others``, and ``which``), share of the frames trusted,
        stature found over the true one, and by joint the mean error and bias (deg) without the joints that the body
        lacks, every frame counted.

    Raises:
        BioposeError: a stage fails.
    """
    wanted = odd_people(clips, kinds, count=count, seed=seed)
    draw_odd(wanted, say)
    found: dict[str, list[dict[str, object]]] = {}
    for one in wanted:
        figures = of_one(one, folder, sized)
        found.setdefault(f"{one.activity}, {one.view}", []).append(figures)
        say(f"{one.name}: {figures.get('told', 'not seen')}")
    return {"people": count, "seed": seed, "bodies": {kind: _row(kind, each) for kind, each in found.items()}}


def of_one(one: OddPerson, folder: Path, sized: bool = False) -> dict[str, object]:
    """Errors of one clip, and what is told of it.

    Args:
        one: drawn already.
        folder: where its solved motion is, or goes.
        sized: its height and mass are told.

    Returns:
        As ``bench_bodies`` has them, with ``told`` by signature; empty where the detector did not see the person.
    """
    if not one.keypoints.exists():
        return {}
    answer = next(iter((folder / one.name).glob("*.mot")), None)
    if answer is None:
        answer, _ = solved(one, folder, Options(), sized)
    comparison = compare(recognise_motion(one.truth), recognise_motion(answer), heading=True)
    figures: dict[str, object] = {}
    for joint, names in MEASURED.items():
        errors = [comparison.errors[name] for name in names if name not in KINDS[one.activity].lacks]
        figures[f"{joint}_mae_deg"] = float(np.mean([error.mae for error in errors]))
        figures[f"{joint}_bias_deg"] = float(np.mean([error.bias for error in errors]))
    height_m, mass_kg = size(one) if sized else (None, None)
    motion = BodyMotion.load(answer.parent / f"{one.name}_motion.npz")
    plain = replace(motion, doubts=(), notes=[])
    return figures | {
        "trusted_share": float(Trusted.read(answer.parent / f"{one.name}_quality.csv").frames.mean()),
        "stature_share": _stature_m(motion) / size(one)[0],
        "told": told_of(signed(plain, Keypoints.load(one.keypoints), height_m=height_m, mass_kg=mass_kg)),
    }


def _stature_m(motion: BodyMotion) -> float:
    with torch.no_grad():
        return float(AnnyBody.load([0]).stature(torch.as_tensor(motion.shape, dtype=torch.float32)))


def _row(kind: str, each: Sequence[dict[str, object]]) -> dict[str, object]:
    seen = [figures for figures in each if figures]
    ought = OUGHT.get(kind.rpartition(", ")[0], set())
    told = [set(figures["told"]) for figures in seen]  # type: ignore[call-overload]
    others = [signs - ought for signs in told]
    numbers = [name for name, value in (seen[0] if seen else {}).items() if isinstance(value, float)]
    means = {name: round(float(np.mean([figures[name] for figures in seen])), 2) for name in numbers}  # type: ignore[arg-type, misc]
    return {
        "clips": len(each),
        "seen": len(seen),
        "detected": sum(bool(signs & ought) for signs in told) if ought else None,
        "others": sum(bool(other) for other in others),
        "which": " ".join(sorted(set[str]().union(*others))),
        **means,
    }

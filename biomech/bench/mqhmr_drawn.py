"""MQ-HMR on held-out drawn pictures: networks that see pictures, those that see what the detector says, a constant.

The errors are those of ``mqhmr_rendered``. A network of the evidence front is told what the embedded detector says of
the same picture: it looks at the square around the person, then where its own answer sends it, as on film. The constant
is the mean pose of the mean shape, face to the lens, which knows no more than where the square is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Bool

from biomech.bench.mqhmr_rendered import FrameErrors, errors_of, landmarks
from biomech.comparison.tables import plain
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import MIN_SCORE, BlazePose
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.heat_maps import STEPS, scaled
from biomech.mesh.lifter import lifted_m
from biomech.mesh.mqhmr.bodies import Bodies
from biomech.mesh.mqhmr.camera import Crop, place
from biomech.mesh.mqhmr.network import MQHMR, BodyPrediction, Inputs
from biomech.mesh.mqhmr.pyramid import DetectorOutput
from biomech.train.mqhmr.datasets import PersonInPicture, Pictures, collate
from biomech.train.mqhmr.drawn import read_drawn
from biomech.train.mqhmr.losses import Truth
from biomech.train.synthetic.clips import SPLITS

CONSTANT = "constant"
BATCH = 16
FEW = 100  # pictures; of fewer, means hang on who happens to be in them
DETECTOR_ROOM = 1.1  # side of the detector's first look, in sides of the square around the person
Say = Callable[[str], None]


def bench_drawn(networks: Mapping[str, MQHMR], folder: Path, *, say: Say = lambda _: None) -> dict[str, object]:
    """Errors of each network and of the constant, on all pictures and on those in which the detector sees the person.

    Args:
        networks: by name, of Anny; at least one.
        folder: of `biopose train pictures --held-out`.
        say: told of every network.

    Returns:
        ``pictures``, ``note`` where these are few, ``seen_share`` where a network needs the detector, and ``all`` and
        ``seen`` by network: means, mm.
        A network that needs the detector stands under ``seen`` alone, which is empty where nobody is seen.

    Raises:
        BioposeError: there are no held-out pictures, or a network is of another body.
    """
    if other := [name for name, network in networks.items() if network.body.name != "anny"]:
        raise BioposeError(f"drawn pictures show Anny; {other[0]} says another body")
    people = read_drawn(folder, split=SPLITS[1])
    one = next(iter(networks.values()))
    pictures = Pictures(people, one.body)
    alike = _errors(one, pictures, lambda inputs: constant(one, inputs.crop))
    seen: Bool[np.ndarray, " people"] = np.ones(len(people), bool)
    evident = {name: network for name, network in networks.items() if network.config.front == "evidence"}
    evidence: list[Inputs] = []
    if evident:
        found = _detected(people)
        seen = np.array([inputs is not None for inputs in found])
        evidence = [inputs for inputs in found if inputs is not None]
        say(f"{int(seen.sum())} of {len(people)} people are seen by the detector")
    figures: dict[str, object] = {"pictures": len(people)}
    if len(people) < FEW:
        figures["note"] = f"only {len(people)} pictures: means of fewer than {FEW} do not tell networks apart"
    on_all: dict[str, dict[str, float]] = {CONSTANT: alike.figures()}
    on_seen: dict[str, dict[str, float]] = {CONSTANT: alike.figures(seen)} if seen.any() else {}
    for name, network in networks.items():
        if name in evident and not evidence:
            continue
        if name in evident:
            some = Pictures([person for person, there in zip(people, seen, strict=True) if there], network.body)
            on_seen[name] = _errors(network, some, _from_evidence(network, evidence)).figures()
            say(f"  {name}, of those: {_in_mm(on_seen[name])}")
        else:
            errors = _errors(network, pictures, network)
            on_all[name] = errors.figures()
            on_seen |= {name: errors.figures(seen)} if seen.any() else {}
            say(f"  {name}: {_in_mm(on_all[name])}")
    if evident:
        figures["seen_share"] = round(float(seen.mean()), 3)
    return {**figures, "all": on_all, "seen": on_seen}


def told(figures: Mapping[str, Any]) -> str:
    """What ``bench_drawn`` found as text: a table of the networks for all pictures and for those that are seen.

    Args:
        figures: of ``bench_drawn``.

    Returns:
        Lines without an end of line.
    """
    lines = [f"drawn pictures: {figures['pictures']}"]
    if "seen_share" in figures:
        lines.append(f"seen by the detector: {100 * figures['seen_share']:.0f} %")
    for part, title in (("all", "all of them, mm"), ("seen", "seen by the detector, mm")):
        rows: Mapping[str, Mapping[str, float]] = figures[part]
        if not rows:
            continue
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        cells = [
            [name, *(f"{row[column]:.1f}" if column in row else "" for column in columns)] for name, row in rows.items()
        ]
        lines.append(plain((title, ["", *(name.removesuffix("_mm") for name in columns)], [cells])))
    if "note" in figures:
        lines.append(f"note: {figures['note']}")
    return "\n".join(lines)


def constant(network: MQHMR, crop: Crop) -> BodyPrediction:
    """The mean pose of the mean shape, face to the lens, in the middle of the crop.

    Args:
        network: whose body it is.
        crop: of each person.

    Returns:
        As a network's answer, of one layer.
    """
    body, people = network.body, len(crop.size_px)
    pose = body.mean_pose.expand(1, people, -1, -1, -1)
    camera = torch.zeros(people, 3)
    root, position = place(camera, pose[:, :, 0], crop)
    return BodyPrediction(
        torch.cat([root[:, :, None], pose[:, :, 1:]], 2), body.mean_shape.expand(people, -1), camera, position
    )


def _in_mm(row: Mapping[str, float]) -> str:
    return ", ".join(f"{name.removesuffix('_mm')} {value:.1f} mm" for name, value in row.items())


@torch.no_grad()
def _errors(network: MQHMR, pictures: Pictures, answer: Callable[[Inputs], BodyPrediction]) -> FrameErrors:
    """Batch by batch: the pictures of all would take much memory."""
    joints, truths, apart = [], [], []
    for first in range(0, len(pictures), BATCH):
        inputs, truth = collate([pictures[row] for row in range(first, min(first + BATCH, len(pictures)))])
        ours, theirs = network.pose(answer(inputs)), _posed(network, truth)
        about = [bodies.surface - bodies.joints[:, :1] for bodies in (ours, theirs)]
        joints.append(landmarks(network, ours.keypoints))
        truths.append(landmarks(network, theirs.keypoints))
        apart.append(1000 * (about[0] - about[1]).norm(dim=-1).mean(-1).double().numpy())
    return errors_of(np.concatenate(joints), np.concatenate(truths), np.concatenate(apart))


def _posed(network: MQHMR, truth: Truth) -> Bodies:
    return network.body(truth.betas, truth.rotations, truth.root_position_m)


def _from_evidence(network: MQHMR, evidence: list[Inputs]) -> Callable[[Inputs], BodyPrediction]:
    """Answers, batch after batch, from what the detector said instead of from the pictures."""
    batches = (evidence[first : first + BATCH] for first in range(0, len(evidence), BATCH))
    return lambda _: network(_together(next(batches)))


def _together(some: list[Inputs]) -> Inputs:
    crop = Crop(*(torch.cat(parts) for parts in zip(*(inputs.crop for inputs in some), strict=True)))
    said = [inputs.evidence for inputs in some if inputs.evidence is not None]
    return Inputs(crop, evidence=DetectorOutput(*(torch.cat(parts) for parts in zip(*said, strict=True))))


def _detected(people: list[PersonInPicture]) -> list[Inputs | None]:
    """What the detector says of each picture, a batch of one each; None where it sees nobody."""
    detector = BlazePose(threads=1)
    found: list[Inputs | None] = []
    for person in people:
        picture = cv2.imread(str(person.picture), cv2.IMREAD_COLOR)
        if picture is None:
            raise BioposeError("not a picture that can be read", where=str(person.picture))
        picture = np.ascontiguousarray(picture[..., ::-1])
        region = person.region
        first = detector.points(picture, Region(region.center_px, DETECTOR_ROOM * region.size_px, 0.0))
        said = detector.points(picture, first.next_region) if first.presence > MIN_SCORE else first
        found.append(_evidence(said, person) if said.presence > MIN_SCORE else None)
    return found


def _evidence(said: Detection, person: PersonInPicture) -> Inputs:
    assert said.maps is not None and said.world_m is not None
    assert person.focal_px is not None and person.principal_px is not None
    xy, confidence, world = said.xy[None], said.confidence[None], said.world_m[None]
    looked = said.region
    crop = [looked.center_px], [looked.size_px], [looked.angle_rad], [person.focal_px], [person.principal_px]
    parts = (
        scaled(said.maps.heat)[None] / STEPS,
        scaled(said.maps.mask)[None] / STEPS,
        xy,
        confidence,
        lifted_m(xy, confidence, world, person.focal_px, np.array(person.principal_px)),
    )
    return Inputs(
        Crop(*(torch.tensor(part, dtype=torch.float32) for part in crop)),
        evidence=DetectorOutput(*(torch.from_numpy(np.asarray(part, np.float32)) for part in parts)),
    )

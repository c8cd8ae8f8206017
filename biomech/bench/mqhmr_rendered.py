"""MQ-HMR on held-out rendered clips, seen by the real detector: errors before and after refinement, by distance.

Joints are the body's points under the detector's 33 landmarks, about the middle of the hips; BlazePose's own world
landmarks stand beside them, turned from the ray through the person into the camera's axes. MVE: points of the surface
that carry virtual markers, about the root's joint.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.comparison.metrics import align
from biomech.errors import BioposeError
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.lifter import HIPS
from biomech.mesh.mqhmr.network import MQHMR, Inputs
from biomech.mesh.mqhmr.refine import ITERATIONS, rarity, refine, target_of
from biomech.mesh.rays import towards
from biomech.train.mqhmr.losses import Truth
from biomech.train.mqhmr.train import joined
from biomech.train.synthetic.clips import Clip, inputs_of, truth_of

BINS_M = {"1 m": (0.0, 1.4), "2 m": (1.4, 3.2), "5 m": (3.2, np.inf)}  # bounds: geometric means, roughly
REFINEMENTS = (0, 5, 10, 20)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rendered:
    """Frames of held-out clips with their truth."""

    names: list[str]  # clip and frame of each
    inputs: Inputs
    truth: Truth
    joints_m: Float[np.ndarray, "frames 33 3"]  # the truth's, camera axes
    detector_m: Float[np.ndarray, "frames 33 3"]  # what the detector says of them
    surface_m: Float[np.ndarray, "frames surface 3"]  # about the root's joint
    distance_m: Float[np.ndarray, " frames"]


@dataclass(frozen=True)
class FrameErrors:
    """Of each frame, mm."""

    mpjpe: Float[np.ndarray, " frames"]
    pa_mpjpe: Float[np.ndarray, " frames"]
    mve: Float[np.ndarray, " frames"] | None
    joints_m: Float[np.ndarray, "frames 33 3"]
    refined: Bool[np.ndarray, " frames"] | None = None

    def figures(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Means over some frames."""
        found = {"mpjpe_mm": self.mpjpe, "pa_mpjpe_mm": self.pa_mpjpe}
        if self.mve is not None:
            found["mve_mm"] = self.mve
        figures = {name: round(float(values[rows].mean()), 1) for name, values in found.items()}
        if self.refined is not None:
            figures["refined_share"] = round(float(self.refined[rows].mean()), 3)
        return figures


def held_out_frames(folder: Path, network: MQHMR, frames: int, clips: int | None = None) -> Rendered:
    """So many frames of each clip ``held_out_*.npz``, spread over it.

    Args:
        folder: of the clips.
        network: whose body the clips must be of.
        frames: of each clip.
        clips: how many, the first by name; None takes all.

    Returns:
        All frames one after another, with their truth (m, camera axes).

    Raises:
        BioposeError: there are none, or of another body.
    """
    paths = sorted(Path(folder).glob("held_out_*.npz"))[:clips]
    if not paths:
        raise BioposeError("there are no held-out clips (held_out_*.npz)", where=str(folder))
    names, items, said = [], [], []
    for path in paths:
        clip = Clip.load(path, body=network.body.name)
        rows = np.unique(np.linspace(0, len(clip.xy) - 1, frames).round().astype(int))
        names += [f"{path.stem} frame {row}" for row in rows]
        items.append((inputs_of(clip, rows), truth_of(clip, rows)))
        turn = towards(clip.xy[rows], clip.confidence[rows], clip.principal_px, clip.focal_px)
        said.append(np.einsum("fij,fpj->fpi", turn, clip.world_m[rows]))
    inputs, truth = joined(items)
    with torch.no_grad():
        bodies = network.body(truth.betas, truth.rotations, truth.root_position_m)
    return Rendered(
        names,
        inputs,
        truth,
        landmarks(network, bodies.keypoints),
        np.concatenate(said),
        (bodies.surface - bodies.joints[:, :1]).double().numpy(),
        truth.root_position_m.norm(dim=1).double().numpy(),
    )


def network_errors(network: MQHMR, rendered: Rendered, iterations: int) -> FrameErrors:
    """What the network says of the frames, after so many iterations of refinement.

    Args:
        network: of the same body as the frames.
        rendered: the frames, with what the detector saw.
        iterations: 0 takes the network's answer as it is.

    Returns:
        By frame (mm); ``refined`` is None without refinement.
    """
    assert rendered.inputs.evidence is not None
    found = refine(network, rendered.inputs, target_of(rendered.inputs.evidence), iterations)
    with torch.no_grad():
        bodies = network.pose(found.answer)
    surface = (bodies.surface - bodies.joints[:, :1]).double().numpy() - rendered.surface_m
    joints = landmarks(network, bodies.keypoints)
    mve = np.linalg.norm(surface, axis=-1).mean(-1) * 1000
    return errors_of(joints, rendered.joints_m, mve, found.refined.numpy() if iterations else None)


def detector_errors(rendered: Rendered) -> FrameErrors:
    """What the detector's own world landmarks say of them."""
    return errors_of(rendered.detector_m, rendered.joints_m, None)


def bench_rendered(
    networks: Mapping[str, MQHMR],
    folder: Path,
    *,
    frames: int,
    clips: int | None = None,
    refinements: Sequence[int] | None = None,
    say: Say = lambda _: None,
) -> tuple[dict[str, object], Rendered, FrameErrors]:
    """Figures of the first network at every number of iterations and by distance, of the others as they are.

    Args:
        networks: by name, all of one body; at least one.
        folder: of the clips.
        frames: of each clip.
        clips: how many; None takes all.
        refinements: numbers of iterations, 0 among them; ``REFINEMENTS`` where not given.
        say: told of every part.

    Returns:
        Figures (mm), the frames, and the first network's errors, unrefined.

    Raises:
        BioposeError: there are no clips of its body.
    """
    (name, network), *others = networks.items()
    rendered = held_out_frames(folder, network, frames, clips)
    say(f"{len(rendered.names)} frames of held-out clips")
    rows: dict[str, dict[str, float]] = {}
    by_iterations = {}
    for iterations in refinements or REFINEMENTS:
        by_iterations[iterations] = network_errors(network, rendered, iterations)
        rows[f"{iterations} iterations"] = by_iterations[iterations].figures()
        say(f"  {iterations} iterations: {rows[f'{iterations} iterations']}")
    own = by_iterations[0]
    detector = detector_errors(rendered)
    refined = by_iterations.get(ITERATIONS, own)
    compared = {name: own, f"{name} refined": refined, "blazepose": detector}
    ablations = {name: own.figures()}
    for other, another in others:
        compared[other] = network_errors(another, rendered, 0)
        ablations[other] = compared[other].figures()
        say(f"  {other}: {ablations[other]}")
    for said, one in networks.items():
        config = one.config
        ablations[said] |= {"tokens": config.tokens, "levels": len(config.strides), "points": config.points}
    distances = {}
    for near, (low, high) in BINS_M.items():
        within = (rendered.distance_m >= low) & (rendered.distance_m < high)
        if within.any():
            distances[near] = {
                "frames": int(within.sum()),
                **{said: errors.figures(within)["mpjpe_mm"] for said, errors in compared.items()},
            }
    figures: dict[str, object] = {
        "rendered_mpjpe_mm": own.figures()["mpjpe_mm"],
        "rendered_pa_mpjpe_mm": own.figures()["pa_mpjpe_mm"],
        "rendered_mve_mm": own.figures().get("mve_mm"),
        "rendered_refined_mpjpe_mm": refined.figures()["mpjpe_mm"],
        "rendered_refined_pa_mpjpe_mm": refined.figures()["pa_mpjpe_mm"],
        "rendered_blazepose_mpjpe_mm": detector.figures()["mpjpe_mm"],
        "rendered_blazepose_pa_mpjpe_mm": detector.figures()["pa_mpjpe_mm"],
        "refinement": rows,
        "networks": ablations,
        "mpjpe_mm_by_distance": distances,
    }
    return figures, rendered, own


def true_rarity(network: MQHMR, rendered: Rendered) -> Float[np.ndarray, " frames"]:
    """How rare the true poses are, nats.

    Args:
        network: of the Anny body.
        rendered: the frames.

    Returns:
        Of each frame; larger is rarer.
    """
    return rarity(network.body, rendered.truth.rotations).double().numpy()


def landmarks(network: MQHMR, keypoints: torch.Tensor) -> Float[np.ndarray, "frames 33 3"]:
    """The detector's 33 points among a body's keypoints.

    Args:
        network: whose body it is.
        keypoints: (frames, keypoints, 3), m, as ``Bodies`` has them.

    Returns:
        In the detector's order, m.
    """
    rows = [network.body.keypoint_names.index(name) for name in POINT_NAMES]
    return keypoints[:, rows].double().numpy()


def errors_of(
    joints: Float[np.ndarray, "frames 33 3"],
    truth: Float[np.ndarray, "frames 33 3"],
    mve: Float[np.ndarray, " frames"] | None,
    refined: Bool[np.ndarray, " frames"] | None = None,
) -> FrameErrors:
    """Errors of joints beside the truth.

    Args:
        joints: m, camera axes about any origin, as ``landmarks`` has them.
        truth: m, of the same frames.
        mve: of the surface, mm, where it is known.
        refined: whether a frame's answer was refined, where it could be.

    Returns:
        By frame, mm; joints about the middle of the hips.
    """
    ours, theirs = (points - points[:, HIPS].mean(1, keepdims=True) for points in (joints, truth))
    apart = np.linalg.norm(ours - theirs, axis=-1).mean(-1) * 1000
    aligned = np.linalg.norm(align(joints, truth) - truth, axis=-1).mean(-1) * 1000
    return FrameErrors(apart, aligned, mve, ours, refined)

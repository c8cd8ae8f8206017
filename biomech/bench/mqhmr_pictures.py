"""The strongest failures as pictures: true and found stick figures from the lens and from the side, and the reason."""

import textwrap
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.bench.mqhmr_rendered import HIPS, FrameErrors, Rendered, detector_errors, true_rarity
from biomech.keypoints.blazepose import POINT_NAMES
from biomech.mesh.mqhmr.camera import project
from biomech.mesh.mqhmr.network import MQHMR

LIMBS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in ("left", "right")
    for a, b in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("shoulder", "hip"),
        ("hip", "knee"),
        ("knee", "ankle"),
        ("ankle", "foot_index"),
    )
] + [("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"), ("nose", "left_shoulder")]
UNSURE = 0.5  # mean confidence below which the detector says so itself
CUT_OFF = 0.15  # share of the keypoints outside the picture
NEAR_M = 1.2
RARE = 0.9  # of all frames, whose true poses are less rare
TITLE_LETTERS = 90  # of a line, as wide as the picture


def draw_failures(network: MQHMR, rendered: Rendered, errors: FrameErrors, folder: Path, count: int) -> dict[str, str]:
    """The frames with the largest errors, no two of one clip.

    Writes ``failure_01.png`` … into the folder.

    Args:
        network: whose errors they are.
        rendered: the frames.
        errors: the network's, of the same frames.
        folder: made where it is not there.
        count: of pictures, at most.

    Returns:
        By picture: clip and frame, error (mm) and reason.
    """
    from matplotlib.figure import Figure  # slow to import

    folder.mkdir(parents=True, exist_ok=True)
    reasons = why(network, rendered, errors)
    written: dict[str, str] = {}
    clips: set[str] = set()
    for row in np.argsort(-errors.mpjpe):
        clip = rendered.names[row].rsplit(" frame", 1)[0]
        if clip in clips or len(written) == count:
            continue
        clips.add(clip)
        true = rendered.joints_m[row] - rendered.joints_m[row, HIPS].mean(0)
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        for axes, (across, title) in zip(
            figure.subplots(1, 2), ((0, "from the lens"), (2, "from the side")), strict=True
        ):
            _sticks(axes, true, across, "0.55", "true")
            _sticks(axes, errors.joints_m[row], across, "tab:red", "found")
            axes.set(title=title, aspect="equal", xticks=[], yticks=[])
            axes.invert_yaxis()
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        reason = textwrap.fill(reasons[row], TITLE_LETTERS)
        figure.suptitle(f"{rendered.names[row]}: {errors.mpjpe[row]:.0f} mm\n{reason}", fontsize=9)
        name = f"failure_{len(written) + 1:02d}.png"
        figure.savefig(folder / name, dpi=110)
        written[name] = f"{rendered.names[row]}, {errors.mpjpe[row]:.0f} mm: {reasons[row]}"
    return written


def why(network: MQHMR, rendered: Rendered, errors: FrameErrors) -> list[str]:
    """What speaks for each frame being hard, in words.

    Args:
        network: knows the body, and how rare a pose of it is (Anny's alone).
        rendered: the frames, with what the detector saw.
        errors: the network's, of the same frames.

    Returns:
        A line for each frame.
    """
    evidence, crop = rendered.inputs.evidence, rendered.inputs.crop
    assert evidence is not None
    confidence = evidence.confidence.mean(1).numpy()
    with torch.no_grad():
        places = project(torch.from_numpy(rendered.joints_m).float(), crop)
        size = 2 * crop.principal_px[:, None] + 1
        outside = ((places < 0) | (places > size - 1)).any(-1).float().mean(1).numpy()
    rare = true_rarity(network, rendered) if network.body.name == "anny" else np.zeros(len(confidence))
    limit = float(np.quantile(rare, RARE))
    detector = detector_errors(rendered).mpjpe
    said = []
    for row in range(len(confidence)):
        reasons = [
            f"mean confidence {confidence[row]:.2f}" if confidence[row] < UNSURE else "",
            f"truncated: {outside[row]:.0%} of the points outside the picture" if outside[row] > CUT_OFF else "",
            f"lens {rendered.distance_m[row]:.1f} m away" if rendered.distance_m[row] < NEAR_M else "",
            "out of distribution: a rare pose" if rare[row] > limit else "",
            f"the detector errs too ({detector[row]:.0f} mm)" if detector[row] > errors.mpjpe[row] / 2 else "",
        ]
        said.append(", ".join(reason for reason in reasons if reason) or "none of the known reasons")
    return said


def _sticks(axes, joints: Float[np.ndarray, "33 3"], across: int, colour: str, label: str) -> None:
    axes.plot([], [], color=colour, label=label)
    for limb in LIMBS:
        ends = joints[[POINT_NAMES.index(name) for name in limb]]
        style = "-" if limb[0].startswith("right") or limb[1].startswith("right") else "--"
        axes.plot(ends[:, across], ends[:, 1], style, color=colour)

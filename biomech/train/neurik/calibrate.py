"""What the recipe says of a finished network: how wide its uncertainty must be, and from where on a frame is bad.

Both are measured on validation subjects, as they were labelled and misjudged as mesh recovery would, as in training.
`coverage` then says, on people who took part in neither, how often the truth was within the half widths.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.optimize import isotonic_regression

from biomech.angles import wrapped
from biomech.coverage import LEVEL, LEVELS
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.labels.shards import Split
from biomech.neurik.network import RATE_HZ, CoordinatePrediction, NeurIK
from biomech.neurik.predict import TrainedNeurIK, load_network
from biomech.neurik.reliability import ReliabilityLimits, Signs, signs_of
from biomech.neurik.uncertainty import UncertaintyCalibration
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.data import Batch, Batches, Variation, WindowSource, plain
from biomech.train.neurik.pose_errors import PoseErrors

CLIPS = 16  # solved at once
MOST_WINDOWS = 512
# Parts by expected error. One, a factor for each coordinate, kept its word on clean and on recovered markers better
# than six (issue 5: 75 and 61 % against 82 and 55 % within the 68.3 % half width, of an early network).
KNOTS = 1
FEWEST_LABELS = 1000  # of a coordinate, to say anything of it
RECOVERED = Variation(**dict.fromkeys(vars(Variation()), 0.0) | {"pose_errors": 1.0})
GROUPS: Mapping[str, tuple[str, ...]] = {
    "pelvis place": ("pelvis_tx", "pelvis_ty", "pelvis_tz"),
    "pelvis turn": ("pelvis_tilt", "pelvis_list", "pelvis_rotation"),
    "trunk, head": ("lumbar", "neck"),
    "hip": ("hip",),
    "knee": ("knee",),
    "ankle, foot": ("ankle", "subtalar", "mtp"),
    "shoulder": ("arm",),
    "elbow, forearm": ("elbow", "pro_sup"),
    "wrist": ("wrist",),
}
Coverage = dict[str, dict[str, float]]  # group → level in % → share of labels within, in %


def held_out(
    source: WindowSource, network: NeurIK, split: Split, poses: PoseErrors | None = None, *, seed: int = 0
) -> list[Batch]:
    """Windows of a split's subjects, evenly chosen, one after the other; misjudged where recovery's errors are given.

    Args:
        source: shards or a library.
        network: says how long a window is.
        split: ``train``, ``val`` or ``test``.
        poses: errors of mesh recovery; None for the markers as they were labelled.
        seed: of the errors that are drawn.

    Returns:
        At most ``MOST_WINDOWS`` windows, ``CLIPS`` to a batch.

    Raises:
        BioposeError: no trial of that split is long enough.
    """
    length = network.sizes.window
    windows = source.windows(length, split=split, rate_hz=RATE_HZ, step=length)
    if not len(windows):
        raise BioposeError(f"no trial of {length} frames in the split {split}", where=str(source.folder))
    chosen = np.linspace(0, len(windows) - 1, min(MOST_WINDOWS, len(windows))).astype(int).tolist()
    generator = torch.Generator().manual_seed(seed)
    with_errors = Batches([], network.skeleton, CLIPS, seed, variation=RECOVERED, poses=poses)
    batches = []
    for k in range(0, len(chosen), CLIPS):
        window = windows.batch(chosen[k : k + CLIPS])
        batches.append(plain(window) if poses is None else with_errors.varied(window, generator))
    return batches


def fit(network: NeurIK, batches: Sequence[Batch], knots: int = KNOTS) -> UncertaintyCalibration:
    """Half widths that hold the true error as often as they say.

    Each coordinate's labels are parted by the error expected of them; in each part the quantile of true over expected
    error is the factor (split conformal prediction with normalised residuals: Papadopoulos et al., ECML 2002).

    Args:
        network: on the CPU.
        batches: of people whom it has not learned from.
        knots: parts of each coordinate's labels.

    Returns:
        Half widths (rad, m) for each of ``LEVELS``; of a coordinate with fewer than ``FEWEST_LABELS``, the Laplace
        distribution's. Speeds (rad/s, m/s) below which ``LEVEL`` of the labels' steps are.
    """
    expected, error, known, speed = _errors(network, batches)
    at: list[np.ndarray] = []
    wide: list[np.ndarray] = []
    for column in range(expected.shape[1]):
        said, off = expected[known[:, column], column], error[known[:, column], column]
        if len(said) < FEWEST_LABELS:
            at.append(np.geomspace(1, 2, knots))
            wide.append(np.outer(np.log(1 / (1 - np.array(LEVELS))), at[-1]))
            continue
        parts = np.array_split(np.argsort(said, kind="stable"), knots)
        at.append(np.array([np.median(said[part]) for part in parts]))
        factors = [[np.quantile(off[part] / said[part], level) for part in parts] for level in LEVELS]
        wide.append(np.array([isotonic_regression(at[-1] * np.array(row)).x for row in factors]))
    return UncertaintyCalibration(np.array(at), np.array(wide).transpose(1, 0, 2), speed)


def coverage(network: NeurIK, batches: Sequence[Batch], calibration: UncertaintyCalibration | None = None) -> Coverage:
    """How many labels lie within the half widths, by group of coordinates and level; % throughout.

    Args:
        network: on the CPU.
        batches: of people who took part neither in training nor in calibration.
        calibration: other than the one in the network's recipe; where that has none, the Laplace distribution's.

    Returns:
        Group, then level in % ("68.3"), then the share; groups without labels are left out.
    """
    if calibration is None:
        recipe = network.recipe if isinstance(network, TrainedNeurIK) else {}
        calibration = UncertaintyCalibration.of(recipe, len(network.anatomy.coordinate_names))
    expected, error, known, _ = _errors(network, batches)
    within = {level: error <= calibration.width(expected, level) for level in LEVELS}
    names = network.anatomy.coordinate_names
    groups = {group: [n.startswith(starts) for n in names] for group, starts in GROUPS.items()}
    groups = {"all": [True] * len(names), **groups}
    return {
        group: {f"{100 * level:g}": _percent(within[level][:, columns], known[:, columns]) for level in LEVELS}
        for group, columns in groups.items()
        if known[:, columns].any()
    }


def calibrate(weights: Path, source: WindowSource, poses: PoseErrors | None) -> TrainedNeurIK:
    """Measure both on a source's validation subjects and write them into the recipe beside the weights.

    Args:
        weights: the .safetensors of a finished training.
        poses: errors of mesh recovery; without them everything is measured on clean markers alone.

    Returns:
        The network with its new recipe; ``calibration`` there has the coverage that was reached.

    Raises:
        BioposeError: no weights, no labels, or no validation subject with trials long enough.
    """
    network = load_network(weights, Skeleton.from_osim(DEFAULT_PATH))
    clean = held_out(source, network, "val")
    recovered = held_out(source, network, "val", poses) if poses is not None else clean
    calibration = fit(network, [*clean, *recovered])
    limits = ReliabilityLimits.learn([signs for _, _, signs in answers(network, recovered)])
    network.recipe = {
        **network.recipe,
        "calibration": {
            **{name: _rounded(values) for name, values in vars(calibration).items()},
            "levels": LEVELS,
            "recovered_clips": 0 if poses is None else len(poses.scales),
            "coverage_percent": {
                "clean": coverage(network, clean, calibration),
                "recovered": coverage(network, recovered, calibration),
            },
        },
        "trust": limits.as_recipe(),
    }
    with whole_file(weights.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(network.recipe, indent=1) + "\n")
    return network


@torch.no_grad()
def answers(network: NeurIK, batches: Sequence[Batch]) -> Iterator[tuple[Batch, CoordinatePrediction, Signs]]:
    """Each batch solved, window by window, with the signs of trouble in it.

    Args:
        network: on the CPU; is put in evaluation mode.
        batches: windows of its length.

    Yields:
        The batch, the network's answer (rad, m) and the signs, frame by frame.
    """
    network.eval()
    for batch in batches:
        answer = network(batch.markers, batch.confidence)
        time_s = torch.arange(batch.markers.shape[1]) / RATE_HZ
        yield (
            batch, answer,
            signs_of(network, batch.markers, batch.confidence, answer.coordinates, answer.scales[:, -1], time_s),
        )  # fmt: skip


@torch.no_grad()
def _errors(
    network: NeurIK, batches: Sequence[Batch]
) -> tuple[
    Float[np.ndarray, "n coordinates"],
    Float[np.ndarray, "n coordinates"],
    Bool[np.ndarray, "n coordinates"],
    Float[np.ndarray, " coordinates"],
]:
    """Expected and true errors of all frames, which of them have a label, and how fast labels usually change."""
    network.eval()
    angles = torch.as_tensor(network.anatomy.rotational)
    rows, steps = [], []
    for batch in batches:
        answer = network(batch.markers, batch.confidence)
        off = answer.coordinates - batch.coordinates
        off = torch.where(angles, wrapped(off), off).abs()
        rows.append([part.flatten(0, 1).numpy() for part in (answer.expected_error, off, batch.mask)])
        step = batch.coordinates.diff(dim=1)
        steps.append(torch.where(angles, wrapped(step), step).abs().flatten(0, 1).numpy() * RATE_HZ)
    expected, error, known = (np.concatenate(part) for part in zip(*rows, strict=True))
    return expected.astype(float), error.astype(float), known, np.quantile(np.concatenate(steps), LEVEL, axis=0)


def _percent(within: np.ndarray, known: np.ndarray) -> float:
    return round(100 * float(within[known].mean()), 1)


def _rounded(values: np.ndarray) -> list:
    """Four digits, nested as the array is."""
    return [_rounded(v) if np.ndim(v) else float(f"{v:.4g}") for v in values]

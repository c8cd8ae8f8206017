"""Markers → kinematics by the trained network: any length, any rate, missing markers and all.

Windows overlap and are blended; the scale factors are one for the clip.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from safetensors.torch import load_file
from scipy.spatial.transform import Rotation, Slerp

from biomech.angles import wrapped
from biomech.errors import BioposeError, plainly
from biomech.files import check_file, read_json
from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.neurik.network import RATE_HZ, NeurIK, Sizes
from biomech.neurik.uncertainty import UncertaintyCalibration
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

RECOVERED_CONFIDENCE = 0.5  # of markers on a body that was recovered from film

FILE = Path(__file__).with_name("neurik.safetensors")
FEWEST_MARKERS = 30  # of the 142 in the input; fewer say too little
SEEN_SHARE = 0.1  # of the markers that the input has: frames with fewer are filled from their neighbours
SAME_RATE = 0.02
OVERLAP = 0.25  # of a window with the next
CAUSAL_OVERLAP = 0.5  # so much past every frame has
WINDOWS_AT_ONCE = 16
ROOT_AXES: Final = "ZXY"  # of pelvis_tilt, pelvis_list, pelvis_rotation


@dataclass(frozen=True)
class NeuralAnswer:
    """What the network says of a clip."""

    kinematics: Kinematics
    scales: Mapping[str, Float[np.ndarray, "3"]]  # factors of each body along its X, Y, Z, as Model.scale takes them
    solved: Bool[np.ndarray, " frames"]  # False where a frame was filled in
    uncertainty: Float[np.ndarray, "frames coordinates"]  # rad, m: half width that holds the truth in 68.3 % of frames


class TrainedNeurIK(NeurIK):
    """A network with the recipe that stands beside its weights."""

    def __init__(self, skeleton: Skeleton, recipe: Mapping[str, Any]):
        super().__init__(skeleton, Sizes(**recipe["sizes"]))
        self.recipe: Mapping[str, Any] = recipe


def load_network(weights: Path = FILE, skeleton: Skeleton | None = None) -> TrainedNeurIK:
    """A trained network, from its weights and the recipe beside them.

    Args:
        weights: a .safetensors, its recipe beside it as .json; the package's by default.
        skeleton: in place of the package's model; with the 142 markers, without coupled or locked coordinates.

    Returns:
        Ready to predict. Without a skeleton of your own it is kept and given to the next caller too: do not change it.

    Raises:
        BioposeError: there are no such weights, or they do not fit this version's network or the model.
    """
    return _load(Path(weights)) if skeleton is None else _fill(Path(weights), skeleton)


@functools.lru_cache(2)
def _load(weights: Path) -> TrainedNeurIK:
    return _fill(weights, Skeleton.from_osim(DEFAULT_PATH))


def _fill(weights: Path, skeleton: Skeleton) -> TrainedNeurIK:
    mend = "Train with `biopose train neurik`."
    check_file(weights, missing="there are no weights here", mend=mend)
    recipe = read_json(weights.with_suffix(".json"), what="the recipe of a trained network", mend=mend)
    try:
        network = TrainedNeurIK(skeleton, recipe)
        network.load_state_dict(load_file(weights), strict=False)
        missing = {name for name, _ in network.named_parameters()} - set(load_file(weights))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BioposeError(
            f"no weights of this version's network ({plainly(error)})",
            where=str(weights),
            mend="Train with `biopose train neurik`.",
        ) from error
    if missing:
        raise BioposeError(f"weights of another network: {sorted(missing)[0]} is missing", where=str(weights))
    return network.eval()


@torch.no_grad()
def neural_kinematics(
    markers: Markers,
    *,
    confidence: Float[np.ndarray, "frames markers"] | None = None,
    causal: bool = False,
    network: NeurIK | None = None,
) -> NeuralAnswer:
    """Solve a clip.

    Args:
        markers: any 30 or more of the 142, by name (m, Y up); NaN where missing.
        confidence: 0 … 1 for each column of ``markers``; 1 where not given.
        causal: no frame's answer depends on a later one (but for the scales' mean and the change of the rate).
        network: other than the package's; without a recipe its expected errors are taken at their word.

    Returns:
        Coordinates of every frame (rad, m), those with too few markers filled in from their neighbours and not
        ``solved``, their half widths, and one set of factors for the clip.

    Raises:
        BioposeError: too few of the markers are there or seen, or there are no weights.
    """
    network = network or load_network()
    positions, sure = in_order(markers, confidence, network.anatomy.marker_names)
    there = np.isfinite(positions).all(-1)
    solved = there.sum(1) >= max(SEEN_SHARE * len(markers.seen), 4)
    if not solved.any():
        raise BioposeError("no frame shows enough of the 142 markers")
    time = markers.time_s
    rate = markers.rate_hz
    resample = len(time) > 1 and (abs(rate / RATE_HZ - 1) > SAME_RATE or _uneven(time))
    grid = np.arange(time[0], time[-1] + 0.5 / RATE_HZ, 1 / RATE_HZ) if resample else time
    if resample:
        positions, sure = _resampled(positions, time, grid), _resampled(sure, time, grid)
    values, expected, logs = _windows(network, positions, sure, causal)
    scales = np.exp(logs)
    kinematics = _at_times(network, values, grid, time, solved)
    recipe = network.recipe if isinstance(network, TrainedNeurIK) else {}
    calibration = UncertaintyCalibration.of(recipe, values.shape[-1])
    uncertainty = _widened(calibration.width(expected), calibration.speed, grid, time, solved)
    names = network.anatomy.body_names
    return NeuralAnswer(kinematics, {name: scales[k] for k, name in enumerate(names) if k}, solved, uncertainty)


def in_order(
    markers: Markers, confidence: Float[np.ndarray, "frames markers"] | None, names: list[str]
) -> tuple[Float[np.ndarray, "frames 142 3"], Float[np.ndarray, "frames 142"]]:
    """The network's markers and how sure they are (0 where the input has none), from markers in any order.

    Args:
        markers: m; others than the network's are left out.
        confidence: 0 … 1 for each column of ``markers``; None: 1.
        names: of the network's markers, in its order.

    Returns:
        Positions (m; NaN where missing) and confidence in the order of ``names``, single precision.

    Raises:
        BioposeError: the input has fewer than ``FEWEST_MARKERS`` of them.
    """
    frames = len(markers.time_s)
    place = {name: i for i, name in enumerate(markers.names)}
    known = [k for k, name in enumerate(names) if name in place]
    if len(known) < FEWEST_MARKERS:
        raise BioposeError(
            f"has {len(known)} of the network's 142 markers; it needs {FEWEST_MARKERS}",
            mend="Use `solver=fast` for another marker set.",
        )
    columns = [place[names[k]] for k in known]
    positions = np.full((frames, len(names), 3), np.nan, dtype=np.float32)
    positions[:, known] = markers.positions_m[:, columns]
    sure = np.zeros((frames, len(names)), dtype=np.float32)
    sure[:, known] = 1.0 if confidence is None else confidence[:, columns]
    return positions, sure


def _windows(
    network: NeurIK, positions: np.ndarray, sure: np.ndarray, causal: bool
) -> tuple[
    Float[np.ndarray, "frames coordinates"], Float[np.ndarray, "frames coordinates"], Float[np.ndarray, "bodies 3"]
]:
    """Coordinates of all frames, the errors expected of them, and the logarithms of the clip's scale factors."""
    frames, length = len(positions), network.sizes.window
    overlap = max(1, round(length * (CAUSAL_OVERLAP if causal else OVERLAP)))
    starts = list(range(0, max(frames - length, 0) + 1, length - overlap))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    length = min(length, frames)
    found, doubts, logs = [], [], []
    for first in range(0, len(starts), WINDOWS_AT_ONCE):
        rows = np.array(starts[first : first + WINDOWS_AT_ONCE])[:, None] + np.arange(length)
        answer = network(torch.from_numpy(positions[rows]), torch.from_numpy(sure[rows]), causal=causal)
        found.append(answer.coordinates.double().numpy())
        doubts.append(answer.expected_error.double().numpy())
        logs.append(answer.scales[:, -1].log().double().numpy())
    windows = np.concatenate(found)
    angles = network.anatomy.rotational
    total, expected = np.zeros((2, frames, windows.shape[-1]))
    weight = np.zeros((frames, 1))
    for number, (start, values, doubt) in enumerate(zip(starts, windows, np.concatenate(doubts), strict=True)):
        share = _share(length, overlap, number == 0, number == len(starts) - 1, causal)[:, None]
        old = weight[start : start + length]
        mean = total[start : start + length] / np.where(old > 0, old, 1)
        # Angles are blended the shorter way round.
        near = np.where((old > 0) & angles, mean + wrapped(values - mean), values)
        total[start : start + length] += share * near
        expected[start : start + length] += share * doubt
        weight[start : start + length] += share
    return total / weight, expected / weight, np.concatenate(logs).mean(0)


def _share(length: int, overlap: int, first: bool, last: bool, causal: bool) -> Float[np.ndarray, " length"]:
    """How much each frame of a window counts: less towards an end that another window covers."""
    if causal:  # a frame with more past counts alone
        return np.ones(length) if first else np.where(np.arange(length) >= overlap, 1e6, 1e-6)
    ramp = np.minimum((np.arange(length) + 1) / (overlap + 1), 1.0)
    return np.minimum(1.0 if first else ramp, 1.0 if last else ramp[::-1]) * np.ones(length)


def _at_times(
    network: NeurIK, values: np.ndarray, grid: np.ndarray, time: np.ndarray, solved: np.ndarray
) -> Kinematics:
    """Coordinates at the input's frames, unwrapped; the root turns along the shortest way in between."""
    anatomy = network.anatomy
    angles = anatomy.rotational
    root = anatomy.chain_coordinates[0]
    values = values.copy()
    values[:, angles] = np.unwrap(values[:, angles], axis=0)
    answer = np.column_stack([np.interp(time, grid, column) for column in values.T])
    if len(grid) > 1 and grid is not time:
        turns = Slerp(grid, Rotation.from_euler(ROOT_AXES, values[:, root]))
        answer[:, root] = turns(time.clip(grid[0], grid[-1])).as_euler(ROOT_AXES)
    good = np.flatnonzero(solved)
    answer[:, angles] = _unwrapped(answer[:, angles], good)
    if len(good) < len(time):
        answer = np.column_stack([np.interp(time, time[good], column[good]) for column in answer.T])
    return Kinematics(list(anatomy.coordinate_names), answer, time, angles.copy())


def _widened(
    widths: Float[np.ndarray, "grid coordinates"],
    speed: Float[np.ndarray, " coordinates"],
    grid: Float[np.ndarray, " grid"],
    time: Float[np.ndarray, " frames"],
    solved: Bool[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames coordinates"]:
    """Half widths at the input's frames.

    A frame that was filled in has its neighbours', and as a second, independent part the way that the coordinate goes
    at its usual speed in the time since, or until, the nearest frame that was solved.
    """
    answer = np.column_stack([np.interp(time, grid, column) for column in widths.T])
    good = time[solved]
    answer = np.column_stack([np.interp(time, good, column) for column in answer[solved].T])
    after = np.searchsorted(good, time).clip(1, max(len(good) - 1, 1))
    away = np.minimum(np.abs(time - good[after - 1]), np.abs(time - good[after.clip(max=len(good) - 1)]))
    return np.hypot(answer, away[:, None] * speed)


def _unwrapped(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[good] = np.unwrap(values[good], axis=0)
    return values


def _uneven(time: np.ndarray) -> bool:
    steps = np.diff(time)
    return bool(steps.max() > (1 + 10 * SAME_RATE) * np.median(steps))


def _resampled(values: np.ndarray, time: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Linear between neighbouring frames; what either lacks is missing."""
    after = np.searchsorted(time, grid, side="right").clip(1, len(time) - 1)
    share = ((grid - time[after - 1]) / (time[after] - time[after - 1])).clip(0, 1).astype(values.dtype)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return values[after - 1] * (1 - share) + values[after] * share


def recovered_confidence(markers: Markers) -> Float[np.ndarray, "frames markers"]:
    """What the network is told of markers on a body that was recovered from film."""
    return np.full(markers.positions_m.shape[:2], RECOVERED_CONFIDENCE)

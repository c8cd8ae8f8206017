"""The network on markers with the recoverer's real errors, beside the classical ways from the very same markers.

Clips of rendered bodies whose true markers are known, as the main job recovers them from film (subjects that no
training saw). The truth is the fast solver's answer to the true markers, on a model scaled to the true body; a label is
left out by the same rule as in training (`labels.quality`). Each classical way gets the model that the main job would
have made: scaled to the recovered body. Where a clip holds the bodies' neutral postures (``neutral_truth``,
``neutral_recovered``) models are scaled by them, as `biopose ik` does; else personalised on the clip's own landmarks.

Nothing tells a recovered motion's heading and place from its film, so that every answer is turned about the vertical
and moved, by a constant, onto the truth. Errors are of all free rotational coordinates. Acceleration error: mean size
of the second difference of (answer − truth) over time (rad/s²).
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.signal import butter, sosfiltfilt

from biomech.angles import wrapped
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.comparison.alignment import best_heading, turned
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.inverse_kinematics.smoothing import Smoothness
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.quality import judge, virtual_landmarks
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.neurik.network import NeurIK
from biomech.neurik.predict import neural_kinematics, recovered_confidence
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.personalise import LANDMARK_SD_M, personalise
from biomech.scaling.scale_tool import scale_model
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.noise import in_place
from biomech.train.neurik.pair import Pair

SMOOTH_MM = 10.0
CUTOFF_HZ, ORDER = 6.0, 2  # run forwards and backwards: the field's usual filter, of fourth order
FEW_FRAMES = 24  # for personalising
MASS_KG = 75.0  # of every model; poses do not depend on it
CLASSICAL = "opensim"  # the row that the ratios are taken against
Solve = Callable[["RecoveredClip"], Kinematics]
Say = Callable[[str], None]


@dataclass(frozen=True)
class RecoveredClip:
    """A recovered motion, and the truth."""

    name: str
    recovered: Markers
    markers_trc: Path  # that hold them
    model_osim: Path  # scaled to the recovered body
    true_model: Skeleton
    truth: Kinematics
    mask: Bool[np.ndarray, "frames coordinates"]  # rotational coordinates whose truth is sure
    scaled_by: str  # neutral posture, or motion
    marker_error_mm: float  # mean distance of the recovered markers from the true ones, moved and turned as a whole


def held_out_clips(pairs: Path, count: int, seed: int, folder: Path, say: Say = lambda _: None) -> list[RecoveredClip]:
    """Some of the held-out pairs, with models and truth; files go to ``folder``.

    Args:
        pairs: folder of held_*.npz.
        count: how many, at most.
        seed: draws them.
        folder: a folder for each is made in it.
        say: told of every clip.

    Returns:
        By the files' names.

    Raises:
        BioposeError: there are none, or one is broken.
    """
    paths = np.array(sorted(Path(pairs).glob("held_*.npz")))
    if not len(paths):
        raise BioposeError("no held-out pairs of true and recovered markers (held_*.npz)", where=str(pairs))
    drawn = np.sort(np.random.default_rng(seed).permutation(len(paths))[:count])
    clips = []
    for path in paths[drawn].tolist():
        say(f"  models and truth of {path.stem}")
        clips.append(read_clip(path, folder / path.stem))
    return clips


def read_clip(path: Path, folder: Path) -> RecoveredClip:
    """One ``Pair``.

    Args:
        path: of the .npz.
        folder: for the models and the recovered markers.

    Returns:
        The recovered markers (m), the models' files, and the truth (rad and m) with what of it is sure.

    Raises:
        BioposeError: it is not a pair, or no model can be scaled.
    """
    pair = Pair.load(path)
    time_s = np.arange(len(pair.truth)) / pair.rate_hz
    true, recovered = _markers(pair.truth, time_s), _markers(pair.recovered, time_s)
    folder.mkdir(parents=True, exist_ok=True)
    write_trc(recovered, folder / "recovered.trc")
    off = in_place(true.positions_m, recovered.positions_m) - true.positions_m
    true_model = Skeleton.from_osim(_scaled(true, pair.neutral_truth, folder / "true.osim"))
    weights = load_virtual_markers().weights_by_name()
    truth, errors = inverse_kinematics(true_model, true, weights)
    return RecoveredClip(
        path.stem,
        recovered,
        folder / "recovered.trc",
        _scaled(recovered, pair.neutral_recovered, folder / "recovered.osim"),
        true_model,
        truth,
        judge(true_model, truth, errors).mask & truth.rotational,
        "motion" if pair.neutral_recovered is None else "neutral posture",
        1000 * float(np.nanmean(np.linalg.norm(off, axis=-1))),
    )


def _markers(positions_m: np.ndarray, time_s: np.ndarray) -> Markers:
    return Markers(list(load_virtual_markers().names), np.asarray(positions_m, dtype=np.float64), time_s)


def _scaled(motion: Markers, neutral: np.ndarray | None, out_osim: Path) -> Path:
    table = load_virtual_markers()
    if neutral is not None:
        static = _markers(np.repeat(neutral[None], 5, 0), np.arange(5) / 100)
        scale_model(
            DEFAULT_PATH, static, mass_kg=MASS_KG, measurements=VIRTUAL_MARKER_MEASUREMENTS,
            tasks=table.weights_by_name(), posture=NEUTRAL_POSTURE, out_osim=out_osim,
        )  # fmt: skip
    else:  # the landmarks alone, whose places on the bones are known
        landmarks = dict.fromkeys(sorted(virtual_landmarks()), 1.0)
        spread = dict.fromkeys(landmarks, LANDMARK_SD_M)
        personalise(
            DEFAULT_PATH,
            [motion],
            out_osim=out_osim,
            tasks=landmarks,
            mass_kg=MASS_KG,
            offset_sd_m=spread,
            frames=FEW_FRAMES,
        )
    return out_osim


def solvers(network: NeurIK) -> dict[str, Solve]:
    """What is compared, by name."""
    weights = load_virtual_markers().weights_by_name()

    def neural(clip: RecoveredClip) -> Kinematics:
        return neural_kinematics(clip.recovered, network=network).kinematics

    def correcting(clip: RecoveredClip) -> Kinematics:
        sure = recovered_confidence(clip.recovered)
        return neural_kinematics(clip.recovered, confidence=sure, network=network).kinematics

    def fast(clip: RecoveredClip) -> Kinematics:
        return inverse_kinematics(Skeleton.from_osim(clip.model_osim), clip.recovered, weights)[0]

    def smooth(clip: RecoveredClip) -> Kinematics:
        smoothness = Smoothness(marker_noise_m=SMOOTH_MM / 1000)
        return inverse_kinematics(Skeleton.from_osim(clip.model_osim), clip.recovered, weights, smoothness=smoothness)[
            0
        ]

    def true_model(clip: RecoveredClip) -> Kinematics:
        return inverse_kinematics(clip.true_model, clip.recovered, weights)[0]

    def opensim(clip: RecoveredClip) -> Kinematics:
        return solve_ik(clip.model_osim, clip.recovered, weights, markers_trc=clip.markers_trc, workers=1)[0]

    return {
        "neural": neural,
        "neural_told_recovered": correcting,
        CLASSICAL: opensim,
        "fast": fast,
        f"fast_smooth_{SMOOTH_MM:g}mm": smooth,
        f"fast_butterworth_{CUTOFF_HZ:g}hz": lambda clip: low_pass(fast(clip)),
        f"neural_butterworth_{CUTOFF_HZ:g}hz": lambda clip: low_pass(neural(clip)),
        "fast_on_the_true_model": true_model,
    }


def low_pass(motion: Kinematics) -> Kinematics:
    """Zero-phase Butterworth filter."""
    filtered = butter(ORDER, CUTOFF_HZ, fs=1 / float(np.median(np.diff(motion.time_s))), output="sos")
    values = motion.values.copy()
    values[:, motion.rotational] = np.unwrap(values[:, motion.rotational], axis=0)
    return Kinematics(motion.names, sosfiltfilt(filtered, values, axis=0), motion.time_s, motion.rotational)


def against_truth(clip: RecoveredClip, answer: Kinematics) -> Float[np.ndarray, "frames coordinates"]:
    """Errors (rad and m) after the one turn and move; NaN where the truth is not sure.

    Args:
        clip: the truth.
        answer: rad and m at the clip's frames; may have more coordinates than the truth.

    Returns:
        In the order of the truth's coordinates, without jumps of whole turns.
    """
    columns = [answer.names.index(name) for name in clip.truth.names]
    answer = Kinematics(list(clip.truth.names), answer.values[:, columns], clip.truth.time_s, clip.truth.rotational)
    answer = turned(answer, best_heading(clip.truth, answer, where=clip.name))
    error = answer.values - clip.truth.values
    error[:, clip.truth.rotational] = np.unwrap(error[:, clip.truth.rotational], axis=0)
    return np.where(clip.mask, error, np.nan)


def row(clips: Iterable[RecoveredClip], errors: Iterable[Float[np.ndarray, "frames coordinates"]]) -> dict[str, float]:
    """Means over all coordinates and frames of all clips that count.

    Args:
        clips: the truths.
        errors: of each clip, as ``against_truth`` gives them (rad and m).

    Returns:
        MAE (degrees) and acceleration error (rad/s²), of rotations alone.
    """
    angle, acceleration = [], []
    for clip, error in zip(clips, errors, strict=True):
        step = float(np.median(np.diff(clip.truth.time_s)))
        angle.append(np.abs(wrapped(error))[:, clip.truth.rotational].ravel())
        acceleration.append(np.abs(np.diff(error, 2, axis=0) / step**2)[:, clip.truth.rotational].ravel())
    return {
        "mae_deg": round(float(np.rad2deg(np.nanmean(np.concatenate(angle)))), 3),
        "acceleration_error_rad_s2": round(float(np.nanmean(np.concatenate(acceleration))), 3),
    }


def noisy_figures(clips: list[RecoveredClip], network: NeurIK, say: Say = lambda _: None) -> dict[str, object]:
    """All ways on all clips.

    Args:
        clips: at least one, all of the same coordinates.
        network: the one that is judged.
        say: told of every solver.

    Returns:
        The network's figures, their ratios to OpenSim's tool, and tables by solver, coordinate and clip.
    """
    errors: dict[str, list[np.ndarray]] = {}
    for name, solve in solvers(network).items():
        say(f"  {name}")
        with ThreadPoolExecutor(2 if name == CLASSICAL else 1) as pool:  # the tool runs in processes of its own
            answers = list(pool.map(solve, clips))
        errors[name] = [against_truth(clip, answer) for clip, answer in zip(clips, answers, strict=True)]
    rows = {name: row(clips, of) for name, of in errors.items()}
    ratios = {name: {key: round(of[key] / rows[CLASSICAL][key], 4) for key in of} for name, of in rows.items()}
    angles = [k for k, rotational in enumerate(clips[0].truth.rotational) if rotational]
    masks = np.concatenate([clip.mask[:, angles] for clip in clips])

    def of_coordinate(name: str, column: int) -> float | None:
        values = wrapped(np.concatenate([error[:, column] for error in errors[name]]))
        return round(float(np.rad2deg(np.nanmean(np.abs(values)))), 2) if np.isfinite(values).any() else None

    return {
        "noisy_mae_ratio_classical": ratios["neural"]["mae_deg"],
        "noisy_acceleration_ratio_classical": ratios["neural"]["acceleration_error_rad_s2"],
        "noisy_mae_deg": rows["neural"]["mae_deg"],
        "noisy_classical_mae_deg": rows[CLASSICAL]["mae_deg"],
        "noisy_clips": len(clips),
        "noisy_frames": len(masks),
        "noisy_masked_share": round(float(1 - masks.mean()), 4),
        "noisy_models_by": sorted({clip.scaled_by for clip in clips}),
        "noisy_marker_error_mm": round(float(np.mean([clip.marker_error_mm for clip in clips])), 1),
        "noisy_solvers": {name: {**of, "mae_ratio": ratios[name]["mae_deg"],
                                 "acceleration_ratio": ratios[name]["acceleration_error_rad_s2"]}
                          for name, of in rows.items()},
        "noisy_by_coordinate": {
            clips[0].truth.names[column]: {
                f"{name}_mae_deg": of_coordinate(name, column) for name in ("neural", CLASSICAL, "fast")
            }
            for column in angles
        },
        "noisy_by_clip": {
            clip.name: {f"{name}_mae_deg": row([clip], [errors[name][k]])["mae_deg"] for name in ("neural", CLASSICAL)}
            for k, clip in enumerate(clips)
        },
    }  # fmt: skip


def neural_row(clips: list[RecoveredClip], network: NeurIK) -> Mapping[str, float]:
    """The network alone.

    Args:
        clips: at least one.
        network: the one that is judged.

    Returns:
        As ``row``.
    """
    answers = [neural_kinematics(clip.recovered, network=network).kinematics for clip in clips]
    return row(clips, [against_truth(clip, answer) for clip, answer in zip(clips, answers, strict=True)])

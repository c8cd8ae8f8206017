"""A generic model becomes a person's from recorded motion alone: sizes, marker places and poses found together.

What the markers leave open is held by priors. Sizes: proportions of people of the person's stature (``segments``).
Marker places: a bony landmark is where the model has it to within about a centimetre, other markers may be anywhere
near; so a turn of all markers of a thigh about the bone, which hip rotation could take up, is decided by the landmarks
at its ends. Coordinates: their ranges, where the model clamps them; and in a static trial the model's default pose.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import solve_markers
from biomech.inverse_kinematics.tracked import tracked_weights
from biomech.markers.markers import Markers
from biomech.scaling.anthropometry import Sex
from biomech.scaling.figures import PersonalFigures
from biomech.scaling.scale_tool import judged, rounded_factors
from biomech.scaling.scaled_model import write_scaled
from biomech.scaling.segments import factor_prior, factors_of, stature
from biomech.scaling.shape_fit import FittedShape, Observations, ShapeFit, ShapePrior
from biomech.scaling.varied_frames import gather, varied_frames
from biomech.skeleton.description import Description
from biomech.skeleton.model import load_model
from biomech.skeleton.skeleton import Skeleton

FRAMES = 60
# How far skin and noise carry a marker from its place on the bone: 1-3 cm at the thigh, less elsewhere (Leardini et al.
# 2005, Gait & Posture 21).
MARKER_SD_M = 0.01
# Skin moves the same way in like poses, so many frames of a motion say little more than this many.
EFFECTIVE_FRAMES = 20.0
# Palpation differs by 6-21 mm between examiners (Della Croce et al. 2005, Gait & Posture 21).
LANDMARK_SD_M = 0.01
UNSTATED_SD_M = 0.02  # in a marker set that does not say which are landmarks
TRACKING_SD_M = 0.1  # of technical markers; marker sets often give one place for a whole cluster
TRACKING = re.compile(r"(?i)(thigh|shank|tib|track|cluster|biceps|forearm|(^|[lr._ ])(th|sh|sk|ti|ua|fa|tb)[-_.]?\d)")
SIZES = (0.6, 0.75, 0.9, 1.05)  # of the model, to start from: from a child of three on
SIZING_FRAMES = 5
# Times the median miss of the frames: beyond, markers are not where a body carries them; before the fit and after.
STRAYS, WILD = 1.5, 3.0
FITS = 3  # at most
QUICK, CAREFUL = 1e-3, 1.0  # damping that the fit begins with; the second where the first leads to nobody's sizes
FREE_SD = 10.0  # rad and m: keeps what no marker shows near the default
# rad: of a static trial's joint angles about the default pose. Knees: 4.7° between 24 standing legs. Arms are held
# anyhow: the model's forearms face otherwise than anybody's who stands, by 110°.
STANDING_SD = np.deg2rad(10.0)
STANDING_SDS = {
    re.compile(r"^(arm|elbow|pro_sup|wrist|neck)_"): np.deg2rad(90.0),
    re.compile("^knee_"): np.deg2rad(5.0),
}
STATIC_FRAMES = 5.0  # effective frames that a static trial counts
HEIGHT_TOLERANCE = 0.03
POSSIBLE_FACTORS = (0.4, 2.0)
SEEN = 0.7  # a size is seen where the markers leave less than this part of the prior's spread


@dataclass
class Personalised:
    """A person's model and how it came about."""

    model_osim: Path
    factors: dict[str, Float[np.ndarray, "3"]]  # by body, along its own X, Y, Z
    marker_offsets_m: dict[str, Float[np.ndarray, "3"]]  # by marker, in its body, from the scaled generic place
    stature_m: float | None  # of the scaled model, sole to vertex; None where it lacks legs or arms
    mass_kg: float
    marker_rms_m: float  # over the frames that were used
    frames: list[tuple[int, int]]  # those frames: (trial, frame)
    seconds: float
    notes: list[str] = field(default_factory=list)

    def figures(self) -> PersonalFigures:
        """For a stage's record; the notes come from its caller."""
        return {
            "mass_kg": round(self.mass_kg, 2),
            "stature_m": self.stature_m and round(self.stature_m, 3),
            "factors": rounded_factors(self.factors),
            "personal_marker_rms_mm": round(self.marker_rms_m * 1000, 2),
        }


def personalise(
    model_osim: Path,
    trials: Sequence[Markers],
    *,
    out_osim: Path,
    tasks: Mapping[str, float] | None = None,
    static: Markers | None = None,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: Sex | None = None,
    frames: int = FRAMES,
    offset_sd_m: Mapping[str, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Personalised:
    """Scale a generic model and place its markers so that it can follow a person's recorded motion, and write it.

    Args:
        model_osim: generic or roughly scaled, with a marker set.
        trials: recordings of one person; the more kinds of pose, the more is seen.
        out_osim: the personal model.
        tasks: weights by marker name, 0 leaves a marker out; all 1 by default.
        static: frames of the person standing as the model does by default; their mean is taken.
        height_m: the person's stature; estimated if not given.
        mass_kg: the person's; the model's own if not given.
        sex: narrows the proportions.
        frames: how many of the trials' frames are used, chosen by ``varied_frames``.
        offset_sd_m: how far each marker may be from its place in the model (m, one standard deviation); by default
            1 cm for those that the marker set calls fixed or that stand at a joint's centre, 10 cm for other or
            tracking ones, 2 cm where the set makes no difference.
        progress: called with steps done and steps at most.

    Returns:
        The file, factors by body, each marker's shift (m), stature (m), mass (kg) and the marker RMS (m) left over.

    Raises:
        BioposeError: height or mass are no person's, the trials share no markers with the model, the markers do not
            show the size of any segment, or the sizes come out as no person's. Then nothing is written.
    """
    started = time.perf_counter()
    _check(height_m, mass_kg)
    model = load_model(model_osim)
    whole = Skeleton.from_osim(model)
    recordings = [*trials] + ([_standing(static)] if static is not None else [])
    weights = tracked_weights(
        whole.marker_names, _named_in(recordings), tasks or dict.fromkeys(whole.marker_names, 1.0), str(model_osim)
    )
    skeleton, names = whole.carrying(list(weights)), list(weights)
    factors, row = factors_of(whole), stature(whole, factors_of(whole))
    generic_m = (
        float(row.sum()) if row is not None else float(np.exp(factor_prior(factors, 1.7, sex=sex).log_stature[0]))
    )
    sd = offset_sd(skeleton.description)
    sd = np.array([(offset_sd_m or {}).get(name, own) for name, own in zip(names, sd, strict=True)])
    prior = ShapePrior(factor_prior(factors, generic_m, height_m=height_m, sex=sex), row, sd)

    chosen = varied_frames(trials, names, frames) if trials else []
    targets = gather(recordings, names, [*chosen, *([(len(trials), 0)] if static is not None else [])])
    weight = np.array(list(weights.values())) / np.mean(list(weights.values()))
    weighed = weight / (MARKER_SD_M**2 + sd**2)
    size = height_m / generic_m if height_m else _size(skeleton, targets, weighed)
    first = solve_markers(skeleton, targets, weighed, scales=_uniform(skeleton, size))
    good = _of_one_body(_missed(skeleton, first, targets, _uniform(skeleton, size)), len(chosen))
    damping = QUICK
    for _ in range(FITS):
        observations = _observations(skeleton, targets[good], weight, static is not None)
        problem = ShapeFit(skeleton, factors, prior, observations)
        fit = problem.solve(
            torch.as_tensor(first[good]).T.contiguous(), problem.of_size(size, generic_m), progress, damping=damping
        )
        missed = np.sqrt(np.nanmean(np.where(observations.weights > 0, fit.distances.square(), np.nan), axis=0))
        own = _of_one_body(missed, int(good[: len(chosen)].sum()), most=WILD, least_m=2 * MARKER_SD_M)
        if own.all() and not _odd_sizes(problem, fit):
            break
        damping = CAREFUL if own.all() else damping
        good[good] = own  # a few wild frames bend a whole model
    notes = []
    if left_out := int((~good).sum()):
        notes.append(
            f"{left_out} of {len(good)} frames are left out of the model: their markers fit no pose as the others do "
            "(exchanged or wandering markers)"
        )
        chosen = [place for place, kept in zip(chosen, good, strict=False) if kept]

    sizes = fit.shape.log_factors.exp().numpy()
    _check_sizes(problem, fit, model_osim)
    by_body = {body: sizes[k : k + 3] for body, k in factors.bodies.items()}
    offsets = dict(zip(names, fit.shape.offsets.numpy(), strict=True))
    if mass_kg is None:
        mass_kg = float(model.getTotalMass(model.getWorkingState()))
        notes.append(f"no mass given: the model's own is kept ({mass_kg:.1f} kg)")
    write_scaled(model_osim, by_body, offsets, mass_kg, out_osim)
    written = load_model(out_osim)
    notes += judged(by_body, float(written.getTotalMass(written.getWorkingState())), mass_kg)
    model_stature = problem.stature_m(fit.shape)
    if height_m and model_stature and abs(model_stature / height_m - 1) > HEIGHT_TOLERANCE:
        notes.append(
            f"the markers make a person of {model_stature:.2f} m, not of {height_m:.2f} m: check the height and the "
            "unit of the markers"
        )
    notes += _unseen(problem, fit)
    seen = observations.weights > 0
    return Personalised(
        model_osim=Path(out_osim),
        factors=by_body,
        marker_offsets_m=offsets,
        stature_m=model_stature,
        mass_kg=mass_kg,
        marker_rms_m=float(fit.distances[seen].square().mean().sqrt()),
        frames=chosen,
        seconds=time.perf_counter() - started,
        notes=notes,
    )


def offset_sd(description: Description) -> Float[np.ndarray, " markers"]:
    """How far each marker is believed to be from its place in the model (m, one standard deviation)."""
    fixed = np.array([marker.fixed for marker in description.markers])
    tells = fixed.any() and not fixed.all()
    centres = {(joint.child.body, *np.round(joint.child.origin.sum(1), 4)) for joint in description.joints}
    values = []
    for marker in description.markers:
        if (marker.fixed and tells) or (marker.body, *np.round(marker.location.sum(1), 4)) in centres:
            values.append(LANDMARK_SD_M)
        elif tells or TRACKING.search(marker.name):
            values.append(TRACKING_SD_M)
        else:
            values.append(UNSTATED_SD_M)
    return np.array(values)


def _size(
    skeleton: Skeleton, targets: Float[np.ndarray, "frames markers 3"], weights: Float[np.ndarray, " markers"]
) -> float:
    """What size of the model, all bodies alike, meets the markers best: a child's poses are not found with an adult."""
    some = targets[np.unique(np.linspace(0, len(targets) - 1, SIZING_FRAMES).astype(int))]
    missed = []
    for size in SIZES:
        scales = _uniform(skeleton, size)
        poses = solve_markers(skeleton, some, weights, scales=scales)
        missed.append(float(np.median(_missed(skeleton, poses, some, scales))))
    return SIZES[int(np.argmin(missed))]


def _missed(
    skeleton: Skeleton,
    poses: Float[np.ndarray, "frames coordinates"],
    targets: Float[np.ndarray, "frames markers 3"],
    scales: Float[np.ndarray, "bodies 3"],
) -> Float[np.ndarray, " frames"]:
    """RMS distance of the markers from their places, by frame (m)."""
    with torch.no_grad():
        places = skeleton(torch.as_tensor(poses), torch.as_tensor(scales)).markers.numpy()
    return np.sqrt(np.nanmean(np.square(places - targets).sum(-1), axis=1))


def _of_one_body(
    missed_m: Float[np.ndarray, " frames"], motion: int, *, most: float = STRAYS, least_m: float = 0.0
) -> Bool[np.ndarray, " frames"]:
    """Frames that the skeleton misses as the others; of the motion alone, not the static trial behind it."""
    good = np.ones(len(missed_m), dtype=bool)
    if motion:
        good[:motion] = missed_m[:motion] <= max(most * float(np.median(missed_m[:motion])), least_m)
    return good


def _uniform(skeleton: Skeleton, size: float) -> Float[np.ndarray, "bodies 3"]:
    scales = np.full((len(skeleton.body_names), 3), size)
    scales[0] = 1
    return scales


def _check(height_m: float | None, mass_kg: float | None) -> None:
    if height_m is not None and not 0.5 < height_m < 2.6:
        raise BioposeError(f"a height of {height_m:g} m is not a person's", mend="Give the height in metres.")
    if mass_kg is not None and not 1 < mass_kg < 500:
        raise BioposeError(f"a mass of {mass_kg:g} kg is not a person's", mend="Give the mass in kilograms.")


def _standing(static: Markers) -> Markers:
    """One frame: the mean of each marker over those that show it."""
    seen = static.select(static.seen)
    return Markers(seen.names, np.nanmean(seen.positions_m, axis=0)[None], np.zeros(1))


def _named_in(recordings: Sequence[Markers]) -> Markers:
    """All names that some recording shows, with one made-up frame in which they are seen."""
    names = list(dict.fromkeys(name for recording in recordings for name in recording.seen))
    return Markers(names, np.zeros((1, len(names), 3)), np.zeros(1))


def _observations(
    skeleton: Skeleton,
    targets: Float[np.ndarray, "frames markers 3"],
    weight: Float[np.ndarray, " markers"],
    static: bool,
) -> Observations:
    """The last frame is the static trial's mean, where there is one."""
    frames = len(targets)
    share = np.full(frames, min(1.0, EFFECTIVE_FRAMES / frames))
    pull = np.full((len(skeleton.coordinate_names), frames), FREE_SD**-2)
    if static:
        root = {k for joint in skeleton.description.joints if joint.parent.body == "ground"
                for _, takes in joint.functions for k in takes}  # fmt: skip
        posture = [k for k in np.flatnonzero(skeleton.rotational) if k not in root]
        pull[posture, -1] = [_standing_sd(skeleton.coordinate_names[k]) ** -2 for k in posture]
        share[-1] = STATIC_FRAMES
    seen = np.isfinite(targets).all(-1)
    return Observations(
        torch.as_tensor(np.moveaxis(np.nan_to_num(targets), 0, -1).copy()),
        torch.as_tensor((seen * weight / MARKER_SD_M**2).T.copy()),
        torch.as_tensor(pull),
        torch.as_tensor(share),
    )


def _standing_sd(coordinate: str) -> float:
    return next((sd for pattern, sd in STANDING_SDS.items() if pattern.match(coordinate)), STANDING_SD)


def _seen_part(problem: ShapeFit, fit: FittedShape) -> dict[str, float]:
    """Of the spread that the prior leaves a segment's longest or widest factor, the part that the markers leave."""
    before, after = problem.spreads(fit)
    parts = (after / before).numpy()
    names = problem.factors.names
    return {names[k].rsplit(" ", 1)[0]: float(parts[k : k + 3].min()) for k in range(0, len(names), 3)}


def _check_sizes(problem: ShapeFit, fit: FittedShape, where: Path) -> None:
    if min(_seen_part(problem, fit).values()) > SEEN:
        raise BioposeError(
            f"the markers do not show the size of any segment ({len(problem.skeleton.marker_names)} markers)",
            where=str(where),
            mend="Markers at both ends of segments are needed, and motion or a static trial that shows them.",
        )
    if odd := _odd_sizes(problem, fit):
        raise BioposeError(
            f"these factors come out as no person's: {', '.join(odd)}",
            where=str(where),
            mend="Check the unit of the markers, their names, and that the model is of an adult's size.",
        )


def _odd_sizes(problem: ShapeFit, fit: FittedShape) -> list[str]:
    sizes = fit.shape.log_factors.exp().tolist()
    low, high = POSSIBLE_FACTORS
    return [f"{n} {s:.2f}" for n, s in zip(problem.factors.names, sizes, strict=True) if not low < s < high]


def _unseen(problem: ShapeFit, fit: FittedShape) -> list[str]:
    unseen = [segment for segment, part in _seen_part(problem, fit).items() if part > SEEN]
    return [f"no marker shows the size of {', '.join(unseen)}: taken from the others by proportion"] if unseen else []

"""The network on a real person: the body is fitted to recorded markers, and its 142 markers are solved.

Data: opencap_lab_subject4 (OpenCap's laboratory validation, subject 4, as distributed with nimblephysics). The body's
shape and the markers' places on it come from the recordings themselves, the static one among them, with height and mass
as the data set states them (`mesh.fit_markers`); nothing of the expert's model or angles is used. Angles are compared
with the expert's: 18 rotations, wrap-aware. The classical solvers get the body's own scaled model, as in `biopose ik`.

Beside each error stands the one that is left when the mean difference of each trial and angle is taken off, and how far
the two accepted references of these trials, the expert's and AddBiomechanics', are from each other.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from biomech.bench.personalise import HEIGHT_M, MASS_KG, ROTATIONS
from biomech.body.neutral import NEUTRAL_POSTURE
from biomech.comparison.compare import compare
from biomech.errors import BioposeError
from biomech.inverse_kinematics.fast import inverse_kinematics
from biomech.inverse_kinematics.opensim_tool import solve_ik
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot
from biomech.kinematics.recognise import ReadMotion
from biomech.markers.marker_map import read_marker_map
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import extract, load_virtual_markers, neutral_static
from biomech.mesh.fit_markers import MarkerFit
from biomech.neurik.network import NeurIK
from biomech.neurik.predict import neural_kinematics
from biomech.osim_models import DEFAULT_PATH
from biomech.scaling.measurements import VIRTUAL_MARKER_MEASUREMENTS
from biomech.scaling.scale_tool import scale_model
from biomech.skeleton.skeleton import Skeleton

TRIALS = ("walking1", "squats1", "STS1")
STATIC = "static1"
Rows = dict[str, dict[str, dict[str, float]]]  # solver → rotation → figure
Say = Callable[[str], None]


def real_figures(
    data: Path,
    network: NeurIK,
    folder: Path,
    *,
    trials: tuple[str, ...] = TRIALS,
    stride: int = 2,
    say: Say = lambda _: None,
) -> dict[str, object]:
    """Fit, solve and compare.

    Args:
        data: the folder ``opencap_lab_subject4``.
        network: the one that is judged.
        folder: a new one for models and markers.
        trials: names of recordings.
        stride: every how many frames are solved.
        say: told of every part.

    Returns:
        Mean errors by solver, with and without each trial's offset (degrees), the body's marker RMS (mm), and a table
        by rotation.

    Raises:
        BioposeError: the data is not there, or a solver failed.
    """
    folder.mkdir(parents=True)
    known = read_marker_map("opencap")
    paths = {name: data / "MarkerData" / f"{name}.trc" for name in (STATIC, *trials)}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise BioposeError(
            "a recording is not there", where=str(missing[0]), mend="Name the folder of the data with `data`."
        )
    recorded = {name: _thinned(known.apply(read_trc(path), str(path)), stride) for name, path in paths.items()}
    say("  the body")
    fit = MarkerFit(list(recorded.values()), known, height_m=HEIGHT_M, mass_kg=MASS_KG)
    model, weights = folder / "scaled.osim", load_virtual_markers().weights_by_name()
    scale_model(
        DEFAULT_PATH,
        neutral_static(fit.body, fit.subject.shape),
        mass_kg=MASS_KG,
        height_m=HEIGHT_M,
        measurements=VIRTUAL_MARKER_MEASUREMENTS,
        tasks=weights,
        posture=NEUTRAL_POSTURE,
        out_osim=model,
    )
    skeleton = Skeleton.from_osim(model)
    motions: dict[str, dict[str, Kinematics]] = {"neural": {}, "fast": {}, "opensim": {}}
    squared = []
    for name in trials:
        say(f"  {name}")
        motion = fit.motion(recorded[name])
        squared.append(np.nanmean(np.square(fit.distances_m(motion, recorded[name]))))
        markers = extract(fit.body, motion)
        trc = folder / f"{name}.trc"
        write_trc(markers, trc)
        motions["neural"][name] = neural_kinematics(markers, network=network).kinematics
        motions["fast"][name] = inverse_kinematics(skeleton, markers, weights)[0]
        motions["opensim"][name] = solve_ik(model, markers, weights, markers_trc=trc, workers=1)[0]
    expert = {name: read_mot(data / f"IK/{name}_manual_scaling_ik.mot") for name in trials}
    other = {name: read_mot(data / f"IK/{name}_ik.mot") for name in trials}
    rows: Rows = {name: against(expert, of) for name, of in motions.items()}
    rows["addbiomechanics"] = against(expert, other)

    def mean(name: str, figure: str) -> float:
        return round(float(np.mean([rows[name][rotation][figure] for rotation in ROTATIONS])), 3)

    return {
        "real_rotation_mae_deg": mean("neural", "mae_deg"),
        **{f"real_rotation_mae_{name}_deg": mean(name, "mae_deg") for name in rows if name != "neural"},
        **{f"real_offset_free_mae_{name}_deg": mean(name, "offset_free_deg") for name in rows},
        "real_zero_motion_mae_deg": mean("neural", "zero_mae_deg"),
        "real_body_marker_rms_mm": round(1000 * float(np.sqrt(np.mean(squared))), 2),
        "real_trials": list(trials),
        "real_by_rotation": {
            rotation: {f"{name}_deg": round(rows[name][rotation]["mae_deg"], 2) for name in rows}
            | {"neural_offset_free_deg": round(rows["neural"][rotation]["offset_free_deg"], 2)}
            for rotation in ROTATIONS
        },
    }


def _thinned(markers: Markers, stride: int) -> Markers:
    return Markers(markers.names, markers.positions_m[::stride], markers.time_s[::stride])


def against(references: Mapping[str, Kinematics], motions: Mapping[str, Kinematics]) -> dict[str, dict[str, float]]:
    """Of each rotation, means over the trials: error, error without its mean, and that of a motion that stays at 0.

    Args:
        references: by trial (rad).
        motions: of the same trials (rad); compared where the times overlap.

    Returns:
        By rotation: ``mae_deg``, ``offset_free_deg`` and ``zero_mae_deg``.
    """
    sums: dict[str, list[tuple[float, float, float]]] = {rotation: [] for rotation in ROTATIONS}
    for name, reference in references.items():
        found = compare(ReadMotion(Path(f"{name}.mot"), motions[name]), ReadMotion(Path("expert.mot"), reference))
        for rotation in ROTATIONS:
            error = found.curves.column(rotation) - found.reference_curves.column(rotation)
            free = float(np.rad2deg(np.nanmean(np.abs(error - np.nanmean(error)))))
            still = float(np.rad2deg(np.abs(reference.column(rotation)).mean()))
            sums[rotation].append((found.errors[rotation].mae, free, still))
    means = {rotation: np.mean(values, axis=0).tolist() for rotation, values in sums.items()}
    return {
        rotation: dict(zip(("mae_deg", "offset_free_deg", "zero_mae_deg"), values, strict=True))
        for rotation, values in means.items()
    }

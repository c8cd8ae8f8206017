"""OpenSim's ScaleTool on a static trial: a generic model becomes the subject's, with a setup that repeats it.

The tool returns true whatever happened, looks for files in the working directory, prints to file descriptor 1 and
writes its static pose as state paths in radians. So the result is judged by the files alone, the static pose is not
asked for, and the fit to the static markers is measured by tracking them with the scaled model before its markers are
moved to the measured places.
"""

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.tracking import FrameSpan, converges, track_here
from biomech.leftovers import temporary_folder
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.markup import read_xml
from biomech.scaling.figures import ScaleFigures
from biomech.scaling.measurements import Measurement
from biomech.scaling.static_pose import static_poses
from biomech.skeleton.model import FURTHEST_M, load_model, quiet_opensim
from biomech.skeleton.skeleton import Skeleton

PLAUSIBLE_FACTORS = (0.8, 1.25)  # of an adult against the generic adult; children lie below
ACCURACY = 1e-7
POSTURE_WEIGHT = 1000.0  # far above what the markers can move: a posture is kept to a tenth of a degree


@dataclass
class ScaleResult:
    """The scaled model's file, how it was scaled and how well it meets the static markers."""

    model_osim: Path
    setup_xml: Path
    factors: dict[str, Float[np.ndarray, "3"]]  # by body, along its own X, Y, Z
    static_errors: MarkerErrors  # of the scaled model, before its markers were moved to the measured places
    mass_kg: float
    notes: list[str] = field(default_factory=list)

    def figures(self) -> ScaleFigures:
        """What a run's record says of it, without the notes."""
        return {
            "mass_kg": round(self.mass_kg, 2),
            "factors": rounded_factors(self.factors),
            "static_marker_rms_mm": round(self.static_errors.clip_rms_m * 1000, 2),
        }


def rounded_factors(factors: Mapping[str, Float[np.ndarray, "3"]]) -> dict[str, list[float]]:
    """Scale factors by body as a record holds them."""
    return {body: np.round(factor, 4).tolist() for body, factor in sorted(factors.items())}


def scale_model(
    generic_osim: Path,
    static: Markers,
    *,
    mass_kg: float,
    measurements: Sequence[Measurement],
    tasks: Mapping[str, float],
    out_osim: Path,
    height_m: float | None = None,
    marker_set: Path | None = None,
    posture: Mapping[str, float] | None = None,
) -> ScaleResult:
    """Scale a generic model to a static trial, and write it and what reproduces it.

    Beside ``out_osim`` (``NAME.osim``) lie ``NAME_scale_setup.xml`` (run it in the GUI or from anywhere: its paths are
    relative to it) and what it needs, so that the folder can be moved: ``NAME_generic.osim``, ``NAME_markers.xml`` if a
    marker set was given, ``NAME_static.trc``; and ``NAME_scale_factors.xml``.

    Args:
        generic_osim: the model to scale, with its markers unless ``marker_set`` is given.
        static: some frames of a person standing as the model does by default; their mean is taken.
        mass_kg: of the subject, 1 to 500; the segments keep their shares of it.
        measurements: distances that give the factors; pairs that the model or the static trial lacks are left out.
        tasks: IK weights by marker name for the static pose, bony landmarks high.
        out_osim: the scaled model, ``NAME.osim``.
        height_m: noted in the setup; scaling does not use it.
        marker_set: MarkerSet file that replaces the model's own markers; None: it keeps them.
        posture: coordinates (rad) of the static pose where they are known; the markers are moved to where they are
            measured in it. Those that the model lacks are left out. The others are settled by the markers before the
            tool is run, which would end too early.

    Returns:
        The files, factors by body along its own axes, marker errors of the static pose (m), and notes on what is odd.

    Raises:
        BioposeError: mass or markers cannot be used, or OpenSim failed; then nothing is written.
    """
    if not 1 < mass_kg < 500:
        raise BioposeError(f"a mass of {mass_kg:g} kg is not a person's", mend="Give the mass in kilograms.")
    generic = with_markers(generic_osim, marker_set)
    standing = _mean_pose(static, [marker.getName() for marker in generic.getMarkerSet()], generic_osim)
    bodies = {body.getName() for body in generic.getBodySet()}
    usable, notes = _usable(measurements, set(standing.names), bodies)
    known = {name: angle for name, angle in (posture or {}).items() if generic.getCoordinateSet().contains(name)}
    weights = {name: float(tasks[name]) for name in standing.names if tasks.get(name, 0) > 0}
    if known:
        known = _whole_posture(generic, standing, usable, weights, known)

    out_osim = Path(out_osim)
    name, folder = out_osim.stem, out_osim.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    with temporary_folder("scale") as work:
        write_trc(standing, work / f"{name}_static.trc")
        setup = work / f"{name}_scale_setup.xml"
        inputs = {f"{name}_generic.osim": Path(generic_osim).read_bytes()}
        if not converges(generic):
            inputs[f"{name}_generic.osim"] = _unclamped(inputs[f"{name}_generic.osim"])
            notes.append("the coordinates' clamps are taken off: with them OpenSim's IK does not converge")
        if marker_set is not None:
            inputs[f"{name}_markers.xml"] = Path(marker_set).read_bytes()
        for copy, content in inputs.items():
            (work / copy).write_bytes(content)
        _write_setup(setup, name, standing, mass_kg, height_m, usable, weights, known, marker_set is not None)
        _run(setup, work / f"{name}.osim")
        factors = _factors(work / f"{name}_scale_factors.xml", bodies)
        errors = _static_errors(work / f"{name}_unplaced.osim", work / f"{name}_static.trc", standing, weights)
        total = _total_mass(work / f"{name}.osim")
        for file in (*inputs, f"{name}_static.trc", f"{name}_scale_factors.xml", setup.name, out_osim.name):
            with whole_file(folder / file) as target:
                target.write_bytes((work / file).read_bytes())
    notes += judged(factors, total, mass_kg)
    return ScaleResult(out_osim, folder / f"{name}_scale_setup.xml", factors, errors, total, notes)


def with_markers(generic_osim: Path, marker_set: Path | None) -> opensim.Model:
    """A model, with the markers of a MarkerSet file instead of its own where one is given.

    Args:
        generic_osim: the model.
        marker_set: MarkerSet file; its markers have to be on bodies of the model, places in m.

    Returns:
        The model; the file is not changed.

    Raises:
        BioposeError: one of the files cannot be read.
    """
    model = load_model(generic_osim)
    if marker_set is not None:
        root = read_xml(Path(marker_set), what="marker set")
        if (holder := root.find("MarkerSet")) is None or holder.find("objects/Marker") is None:
            raise BioposeError(
                "it holds no marker",
                where=str(marker_set),
                mend="Give a MarkerSet as OpenSim's GUI saves it: OpenSimDocument, MarkerSet, objects, Marker.",
            )
        try:
            with quiet_opensim("Off"):
                markers = opensim.MarkerSet(str(marker_set))
                _check_bodies(model, markers, marker_set)
                model.updateMarkerSet(markers)
        except (RuntimeError, ValueError, IndexError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BioposeError(f"not a marker set for this model: {reason}", where=str(marker_set)) from error
        places = [marker.get_location().to_numpy() for marker in model.getMarkerSet()]
        if not np.abs(places).max() <= FURTHEST_M:
            raise BioposeError("a marker's location is no number of metres", where=str(marker_set))
    return model


def _check_bodies(model: opensim.Model, markers: opensim.MarkerSet, where: Path) -> None:
    bodies = {body.getName() for body in model.getBodySet()} | {"ground"}
    strays = {marker.getName(): marker.getParentFrameName().split("/")[-1] for marker in markers}
    strays = {name: body for name, body in strays.items() if body not in bodies}
    if strays:
        raise BioposeError(
            f"{len(strays)} markers are on bodies that the model lacks ({', '.join(sorted(set(strays.values())))}): "
            f"{', '.join(list(strays)[:8])}{' …' if len(strays) > 8 else ''}",
            where=str(where),
            mend="Take these markers out of the set, or put them on bodies of the model.",
        )


def _unclamped(osim: bytes) -> bytes:
    return re.sub(rb"<clamped>\s*true\s*</clamped>", b"<clamped>false</clamped>", osim)


def _whole_posture(
    generic: opensim.Model,
    standing: Markers,
    measurements: Sequence[Measurement],
    weights: Mapping[str, float],
    known: Mapping[str, float],
) -> dict[str, float]:
    """All angles of the static pose (rad), of which some are known."""
    skeleton = Skeleton.from_osim(generic).carrying(standing.names)
    weight = torch.tensor([weights.get(name, 0.0) for name in standing.names], dtype=torch.float64)
    seen = torch.from_numpy(standing.positions_m[:1])
    angles = static_poses(skeleton, seen, measurements, weight, known).coordinates[0].tolist()
    settled = [k for k in skeleton.free if skeleton.rotational[k]]
    return {skeleton.coordinate_names[k]: angles[k] for k in settled}


def _mean_pose(static: Markers, in_model: list[str], where: Path) -> Markers:
    """One pose, the mean over the frames that show each marker, twice (the tools need a time range)."""
    shared = [name for name in static.seen if name in set(in_model)]
    if len(shared) < 3:
        raise BioposeError(
            f"the model and the static trial share {len(shared)} markers; the model has {', '.join(in_model[:6])} …, "
            f"the trial {', '.join(static.names[:6])} …",
            where=str(where),
            mend="Use the marker set that belongs to these names (`marker_set`).",
        )
    mean = np.nanmean(static.select(shared).positions_m, axis=0)
    return Markers(shared, np.stack([mean, mean]), np.array([0.0, 0.01]))


def _usable(
    measurements: Sequence[Measurement], markers: set[str], bodies: set[str]
) -> tuple[list[Measurement], list[str]]:
    usable, notes = [], []
    for m in measurements:
        pairs = tuple(pair for pair in m.pairs if set(pair) <= markers)
        scaled = tuple(body for body in m.bodies if body in bodies)
        if scaled and not pairs:
            notes.append(f"{m.name} could not be measured; {', '.join(scaled)} keep their size along {m.axes}")
        elif scaled:
            usable.append(Measurement(m.name, pairs, scaled, m.axes))
    if not usable:
        raise BioposeError(
            "no measurement fits the markers and the model's bodies",
            mend="Give `scaling` with a setup for these markers, and `model` and `marker_set` for that. "
            "Markers of a known set are scaled by `biopose ik MOTION --static STATIC`.",
        )
    return usable, notes


def _write_setup(
    setup: Path,
    name: str,
    standing: Markers,
    mass_kg: float,
    height_m: float | None,
    measurements: Sequence[Measurement],
    weights: Mapping[str, float],
    posture: Mapping[str, float],
    own_markers: bool,
) -> None:
    def add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
        element = ElementTree.SubElement(parent, tag, attributes)
        element.text = text
        return element

    times = f"{standing.time_s[0]:g} {standing.time_s[-1]:g}"
    document = ElementTree.Element("OpenSimDocument", Version="40600")
    tool = add(document, "ScaleTool", name=name)
    add(tool, "mass", f"{mass_kg:.6g}")
    add(tool, "height", f"{height_m * 1000:.6g}" if height_m else "-1")
    maker = add(tool, "GenericModelMaker")
    add(maker, "model_file", f"{name}_generic.osim")
    add(maker, "marker_set_file", f"{name}_markers.xml" if own_markers else "Unassigned")

    scaler = add(tool, "ModelScaler")
    add(scaler, "apply", "true")
    add(scaler, "scaling_order", "measurements")
    objects = add(add(scaler, "MeasurementSet"), "objects")
    for m in measurements:
        measurement = add(objects, "Measurement", name=m.name)
        add(measurement, "apply", "true")
        pairs = add(add(measurement, "MarkerPairSet"), "objects")
        for pair in m.pairs:
            add(add(pairs, "MarkerPair"), "markers", " ".join(pair))
        scales = add(add(measurement, "BodyScaleSet"), "objects")
        for body in m.bodies:
            add(add(scales, "BodyScale", name=body), "axes", " ".join(m.axes))
    add(scaler, "marker_file", f"{name}_static.trc")
    add(scaler, "time_range", times)
    add(scaler, "preserve_mass_distribution", "true")
    add(scaler, "output_model_file", f"{name}_unplaced.osim")
    add(scaler, "output_scale_file", f"{name}_scale_factors.xml")

    placer = add(tool, "MarkerPlacer")
    add(placer, "apply", "true")
    objects = add(add(placer, "IKTaskSet"), "objects")
    for marker, weight in weights.items():
        task = add(objects, "IKMarkerTask", name=marker)
        add(task, "apply", "true")
        add(task, "weight", f"{weight:g}")
    for coordinate, angle in posture.items():
        task = add(objects, "IKCoordinateTask", name=coordinate)
        add(task, "apply", "true")
        add(task, "weight", f"{POSTURE_WEIGHT:g}")
        add(task, "value_type", "manual_value")
        add(task, "value", f"{angle:.8g}")
    add(placer, "marker_file", f"{name}_static.trc")
    add(placer, "time_range", times)
    add(placer, "output_model_file", f"{name}.osim")
    add(placer, "max_marker_movement", "-1")
    ElementTree.indent(document, "\t")
    ElementTree.ElementTree(document).write(setup, encoding="UTF-8", xml_declaration=True)


def _run(setup: Path, expected: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(setup.parent)
        with quiet_opensim("Off"):
            opensim.ScaleTool(str(setup)).run()
    except RuntimeError as error:
        raise BioposeError(f"OpenSim's ScaleTool failed ({' '.join(str(error).split())[:300]})") from error
    finally:
        os.chdir(here)
    if not expected.is_file():
        raise BioposeError(
            "OpenSim's ScaleTool wrote no model",
            mend="Check that the static trial shows the whole body, and that marker names and weights fit the model.",
        )


def _factors(scale_set: Path, bodies: set[str]) -> dict[str, Float[np.ndarray, "3"]]:
    factors = {body: np.ones(3) for body in bodies}
    for scale in ElementTree.parse(scale_set).getroot().iter("Scale"):
        segment = (scale.findtext("segment") or "").strip()
        if segment in bodies:  # the tool lists ground and the joints' frames as well
            factors[segment] = np.array((scale.findtext("scales") or "").split(), float)
    return factors


def _static_errors(unplaced: Path, trc: Path, standing: Markers, weights: Mapping[str, float]) -> MarkerErrors:
    stretch = FrameSpan(str(unplaced.resolve()), str(trc.resolve()), dict(weights), ACCURACY, frames=[0], lead_in=[])
    with quiet_opensim("Off"):
        result = track_here(stretch, lambda: None)
    distances = np.sqrt(result.squared_errors_m2)
    return MarkerErrors(result.marker_names, distances, standing.time_s[:1], np.isfinite(result.values).all(1))


def _total_mass(model_osim: Path) -> float:
    model = load_model(model_osim)
    return float(model.getTotalMass(model.getWorkingState()))


def judged(factors: Mapping[str, Float[np.ndarray, "3"]], total_kg: float, mass_kg: float) -> list[str]:
    """What looks wrong about a scaling, in sentences.

    Args:
        factors: by body, along its own X, Y, Z.
        total_kg: what the scaled model weighs.
        mass_kg: what it should.

    Returns:
        Notes for the user; none where nothing looks wrong.
    """
    notes = []
    low, high = PLAUSIBLE_FACTORS
    odd = _odd(factors)
    if odd:
        notes.append(f"scale factors outside {low:g}-{high:g}: {', '.join(odd)}")
    if all(np.allclose(f, 1, atol=1e-9) for f in factors.values()):
        notes.append("no body was scaled: every factor is 1")
    if abs(total_kg / mass_kg - 1) > 1e-3:
        notes.append(f"the scaled model weighs {total_kg:.2f} kg instead of {mass_kg:.2f} kg")
    return notes


def _odd(factors: Mapping[str, Float[np.ndarray, "3"]]) -> list[str]:
    """Bodies with factors out of the ordinary; one number where all axes have it, one entry where both sides do."""
    low, high = PLAUSIBLE_FACTORS
    told: dict[str, str] = {}
    for body, f in sorted(factors.items()):
        odd = [f"{'XYZ'[i]} {f[i]:.2f}" for i in range(3) if not low <= round(float(f[i]), 2) <= high]
        if odd:
            told[body] = odd[0][2:] if len(odd) == 3 and np.ptp(f) < 0.005 else ", ".join(odd)
    paired = {body for body in told if body.endswith("_l") and told[body] == told.get(f"{body[:-1]}r")}
    left_out = {f"{body[:-1]}r" for body in paired}
    return [
        f"{f'{body[:-2]} (both)' if body in paired else body} {said}"
        for body, said in told.items()
        if body not in left_out
    ]

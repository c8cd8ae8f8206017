"""A small skeleton with a known motion: three segments, eight coordinates, twelve markers; solved in milliseconds."""

from pathlib import Path

import numpy as np
import opensim as osim

from biomech.kinematics.kinematics import Kinematics
from biomech.markers.markers import Markers
from biomech.skeleton.model import load_model

COORDINATES = [
    *("pelvis_rotation", "pelvis_list", "pelvis_tilt", "pelvis_tx", "pelvis_ty", "pelvis_tz"),
    *("hip_flexion_r", "knee_angle_r"),
]


def build(path: Path, scale: float = 1.0) -> Path:
    """Write the skeleton, every segment ``scale`` times as long."""
    model = osim.Model()
    model.setName("small")
    inertia = osim.Inertia(0.1, 0.1, 0.1)
    bodies = {}
    for name, mass in (("pelvis", 10.0), ("femur_r", 8.0), ("tibia_r", 4.0)):
        bodies[name] = osim.Body(name, mass, osim.Vec3(0), inertia)
        model.addBody(bodies[name])
    zero, down = osim.Vec3(0), osim.Vec3(0, -0.4 * scale, 0)
    root = osim.FreeJoint("root", model.getGround(), zero, zero, bodies["pelvis"], zero, zero)
    hip = osim.PinJoint("hip", bodies["pelvis"], zero, zero, bodies["femur_r"], zero, zero)
    knee = osim.PinJoint("knee", bodies["femur_r"], down, zero, bodies["tibia_r"], zero, zero)
    for index, name in enumerate(COORDINATES[:6]):
        root.upd_coordinates(index).setName(name)
    hip.upd_coordinates(0).setName("hip_flexion_r")
    knee.upd_coordinates(0).setName("knee_angle_r")
    for joint in (root, hip, knee):
        model.addJoint(joint)
    spots = {"front": (0.1, 0, 0), "side": (0, -0.1, 0.1), "back": (-0.1, -0.2, 0), "low": (0.02, -0.4, -0.05)}
    for body, prefix in (("pelvis", "P"), ("femur_r", "T"), ("tibia_r", "S")):
        for spot, location in spots.items():
            place = osim.Vec3(*(scale * x for x in location))
            model.addMarker(osim.Marker(f"{prefix}_{spot}", bodies[body], place))
    model.finalizeConnections()
    model.printToXML(str(path))
    return path


def pose(model_path: Path, truth: Kinematics) -> Markers:
    """Where the model's markers are for known coordinates."""
    model = load_model(model_path)
    state = model.initSystem()
    names = [marker.getName() for marker in model.getMarkerSet()]
    positions = np.empty((len(truth.time_s), len(names), 3))
    for frame, values in enumerate(truth.values):
        for name, value in zip(truth.names, values, strict=True):
            model.getCoordinateSet().get(name).setValue(state, float(value), False)
        model.realizePosition(state)
        for index, name in enumerate(names):
            positions[frame, index] = model.getMarkerSet().get(name).getLocationInGround(state).to_numpy()
    return Markers(names, positions, truth.time_s)


def motion(frames: int = 130, start_s: float = 2.0, rate_hz: float = 50.0) -> Kinematics:
    """Swinging legs below a pelvis that goes round its free joint's first axis by more than a whole turn."""
    time = start_s + np.arange(frames) / rate_hz
    swing = np.sin(2 * np.pi * 0.9 * time)
    values = np.column_stack(
        [
            *(2.6 * (time - start_s), 0.1 * swing, 0.2 * swing),
            *(0.5 * time, 1 + 0.05 * swing, 0.02 * swing),
            *(0.6 * swing, 0.5 * np.abs(swing) + 0.1),
        ]
    )
    return Kinematics(COORDINATES, values, time, np.array([True, True, True, False, False, False, True, True]))

"""Our skeleton in poses far apart, with what a run leaves beside it, as OpenSim's own functions see it."""

import shutil
from collections.abc import Iterator
from importlib import resources
from types import SimpleNamespace

import numpy as np
import opensim
import pytest

from biomech.exports.take import Take
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.skeleton.model import (
    body_positions,
    coordinate_is_rotational,
    coordinate_names,
    coordinate_ranges,
    load_model,
)

FRAMES, RATE_HZ, START = 6, 50.0, 100
GAP = 3  # a frame that was not solved


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The paths of a model, a motion with a gap, markers, quality and uncertainty."""
    folder = tmp_path_factory.mktemp("take")
    model_path = folder / "walk_scaled.osim"
    with resources.as_file(resources.files("biomech.osim_models") / "biopose_full_body.osim") as packaged:
        shutil.copy(packaged, model_path)
    model = load_model(model_path)
    names, turns = coordinate_names(model), coordinate_is_rotational(model)
    rng = np.random.default_rng(0)
    low, high = np.clip(coordinate_ranges(model), -1.2, 1.2).T
    values = rng.uniform(low, high, (FRAMES, len(names)))
    values[:, names.index("pelvis_ty")] += 1
    times = (START + np.arange(FRAMES)) / RATE_HZ
    solved = np.arange(FRAMES) != GAP
    motion = Kinematics(names, values[solved], times[solved], turns)
    write_mot(motion, folder / "walk.mot")
    points = {"RKNE": ("femur_r", (0.0, -0.4, 0.05)), "HEAD": ("torso", (0.0, 0.6, 0.0))}
    places = body_positions(model, Kinematics(names, values, times, turns), list(points.values()))
    places[2, 0] = np.nan
    write_trc(Markers(list(points), places, times), folder / "walk.trc")
    reasons = ["a marker over 6 cm off" if frame == 1 else "" for frame in range(FRAMES)]
    opened = ["wrist_dev_r" if frame == 2 else "" for frame in range(FRAMES)]
    rows = [f"{t:.6f},1,1,1,{int(not why)},{why},{o}" for t, why, o in zip(times, reasons, opened, strict=True)]
    head = "time,quality,marker_rms_mm,marker_max_mm,trusted,reason,not_determined"
    (folder / "walk_quality.csv").write_text("\n".join([head, *rows]) + "\n")
    columns = [f"{name}_{'deg' if turn else 'mm'}" for name, turn in zip(names, turns, strict=True)]
    unsure = [",".join([f"{t:.6f}", *["2.5"] * len(names)]) for t in times[solved]]
    (folder / "walk_uncertainty.csv").write_text("\n".join([",".join(["time", *columns]), *unsure]) + "\n")
    paths = [model_path, *(folder / f"walk{end}" for end in (".mot", ".trc", "_quality.csv", "_uncertainty.csv"))]
    return SimpleNamespace(
        folder=folder, paths=paths, motion=motion, times=times, solved=solved, places=places, model=model_path
    )


@pytest.fixture(scope="session")
def take(files: SimpleNamespace) -> Take:
    return Take.read(files.paths)


@pytest.fixture(scope="session")
def truth(files: SimpleNamespace) -> SimpleNamespace:
    """OpenSim's own answers at the solved frames: bodies' origins and turns, and the centres of their joints."""
    model = load_model(files.model)
    state = model.initSystem()
    coordinates = model.getCoordinateSet()
    origins: dict[str, list[np.ndarray]] = {}
    turns: dict[str, list[np.ndarray]] = {}
    centres: dict[str, list[np.ndarray]] = {}
    for row in files.motion.values:
        for name, value in zip(files.motion.names, row, strict=True):
            coordinate = coordinates.get(name)
            coordinate.setClamped(state, False)
            coordinate.setValue(state, float(value), False)
        model.realizePosition(state)
        for joint, body in _moved(model):
            transform = model.getBodySet().get(body).getTransformInGround(state)
            matrix = transform.R().asMat33()
            origins.setdefault(body, []).append(transform.p().to_numpy())
            turns.setdefault(body, []).append(np.array([[matrix.get(i, j) for j in range(3)] for i in range(3)]))
            centres.setdefault(body, []).append(joint.getChildFrame().getPositionInGround(state).to_numpy())
    return SimpleNamespace(
        origins={name: np.array(found) for name, found in origins.items()},
        turns={name: np.array(found) for name, found in turns.items()},
        centres={name: np.array(found) for name, found in centres.items()},
    )


def _moved(model: opensim.Model) -> Iterator[tuple[opensim.Joint, str]]:
    for joint in model.getJointSet():
        yield joint, joint.getChildFrame().findBaseFrame().getName()

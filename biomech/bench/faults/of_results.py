"""Commands that read what others left (a run, a model with a motion, a list of recordings), each with its seeds."""

import json
import shutil
from pathlib import Path

import numpy as np

from biomech.bench.faults.scenario import Scenario, scenario
from biomech.bench.faults.seeds import write_other_programs
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.osim_models import DEFAULT_PATH
from biomech.report.demo_clip import demo_truth
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names, load_model
from biomech.train.synthetic.ideal_detector import ideally_detected

SEEN = 20  # frames
RUN = {
    "run/biopose.json": "json",
    "run/walk_fast.mot": "mot",
    "run/walk_scaled.osim": "xml",
    "run/walk_quality.csv": "csv",
    "run/walk.trc": "trc",
}
BATCH = """[defaults]
solver = "fast"
model = "small.osim"
[subjects.walk]
group = "one"
mass = 70
[[files]]
path = "walk.trc"
"""


def _alone(name: str, command: str, mutated: dict[str, str], files: str = "", results: str = "", **more) -> Scenario:
    """A command that either makes all of its files or none, and leaves what it reads as it is."""
    return scenario(name, command, mutated, files, results, whole=True, **more)


SCENARIOS = (
    _alone("export run", "export run -o out --json", RUN, results="out/*_angles.csv out/*.npz", share=2),
    _alone(
        "export files",
        "export small.osim a.mot walk.c3d --to c3d,json,csv -o out --json",
        {"small.osim": "xml", "a.mot": "mot", "walk.c3d": "c3d"},
        results="out/*_angles.csv",
        share=1.5,
    ),
    _alone(
        "export .bvh", "export small.osim b.sto -o out/b.bvh --to bvh", {"b.sto": "mot", "small.osim": "xml"}, share=0.5
    ),
    _alone(
        "export SMPL",
        "export person.osim squat.mot --to npz -o out --json",
        {"squat.mot": "mot", "person.osim": "xml"},
        results="out/*.npz",
        share=0.5,
    ),
    _alone("check .trc", "check walk.trc --model small.osim --json", {"walk.trc": "trc"}, "small.osim", "walk.trc"),
    _alone("check .c3d", "check walk.c3d --model small.osim --json", {"walk.c3d": "c3d"}, "small.osim", share=0.7),
    _alone("check .mot", "check a.mot small.osim --json", {"a.mot": "mot"}, "small.osim", "a.mot"),
    _alone("check model", "check small.osim --json", {"small.osim": "xml"}),
    _alone(
        "check setups",
        "check set.xml tasks.xml scaling.xml --model small.osim --json",
        {"set.xml": "xml", "tasks.xml": "xml", "scaling.xml": "xml"},
        "small.osim walk.trc",
    ),
    _alone(
        "check --fix",
        "check walk.trc a.mot small.osim tasks.xml --fix --json",
        {"walk.trc": "trc", "a.mot": "mot", "small.osim": "xml", "tasks.xml": "xml"},
        share=2.5,
    ),
    _alone(
        "events",
        "events squat.mot --model person.osim -o out --json",
        {"squat.mot": "mot", "person.osim": "xml"},
        results="out/*_events.csv out/*_measures.csv",
        share=1.5,
    ),
    _alone(
        "events .csv",
        "events squat.csv --model person.osim -o out --json",
        {"squat.csv": "csv"},
        "person.osim",
        share=0.5,
    ),
    scenario("compare tables", "compare run run --json", {"run/walk_quality.csv": "csv"}, share=0.5),
    scenario(
        "compare tables kept", "compare run run --untrusted keep --json", {"run/walk_quality.csv": "csv"}, share=0.3
    ),
    scenario("report", "report run --json", RUN, share=1.5),
    scenario("open", "open run --no-start --json", RUN, share=0.5),
    scenario(
        "batch",
        "batch --config batch.toml -o out --json",
        {"batch.toml": "toml"},
        "walk.trc small.osim",
        "out/walk/*.mot",
        share=2,
    ),
    scenario(
        "batch folder",
        "batch . --model small.osim --solver fast -o out --json",
        {"walk.trc": "trc", "small.osim": "xml"},
        results="out/walk/*.mot",
        share=0.7,
    ),
    scenario(
        "ik everybody",
        "ik pair --person all --video film.mp4 --solver fast --no-report -o out --json",
        {"pair/film_000000000003_keypoints.json": "json", "film.mp4": "mp4"},
        share=0.3,
    ),
    scenario("ik everybody's film", "ik film.mp4 --person all -o out --json", {"film.mp4": "mp4"}, share=0.2),
    scenario("detect still", "detect film.mp4 --camera-motion still -o out/k.npz", {"film.mp4": "mp4"}, share=0.2),
)


def make_seeds(folder: Path) -> None:
    """What these scenarios read besides the others' seeds, into the same folder; the others are there already."""
    (folder / "batch.toml").write_text(BATCH)
    _squats(folder)
    _pair(folder)


def _squats(folder: Path) -> None:
    """Two slow squats of our skeleton, as a .mot and as a .csv."""
    (folder / "person.osim").write_bytes(DEFAULT_PATH.read_bytes())
    model = load_model(folder / "person.osim")
    names = coordinate_names(model)
    time = np.arange(200) / 50.0
    bent = 0.5 * (1 - np.cos(2 * np.pi * time / 2))
    values = np.zeros((len(time), len(names)))
    for name, whole in {"hip_flexion": 1.3, "knee_angle": 1.7, "ankle_angle": 0.45}.items():
        for side in "rl":
            values[:, names.index(f"{name}_{side}")] = whole * bent
    values[:, names.index("pelvis_ty")] = 0.93 - 0.38 * bent
    rotational = coordinate_is_rotational(model)
    write_mot(Kinematics(names, values, time, rotational), folder / "squat.mot")
    table = (folder / "squat.mot").read_text().split("endheader\n")[1]
    (folder / "squat.csv").write_text(table.replace("\t", ","))


def _pair(folder: Path) -> None:
    """OpenPose's pictures of two people for two thirds of a second: as long as anybody has to be seen."""
    motion = demo_truth(SEEN / 30)
    assert motion.camera is not None
    keypoints = ideally_detected(motion, motion.camera)
    (folder / "pair").mkdir()
    write_other_programs(folder / "pair", {name: keypoints.xy[:, i] for i, name in enumerate(keypoints.names)})
    for path in sorted((folder / "pair/openpose").iterdir()):
        said = json.loads(path.read_text())
        (one,) = said["people"]
        numbers = np.array(one["pose_keypoints_2d"]).reshape(-1, 3)
        beside = numbers + np.where(numbers[:, 2:] > 0, [[180.0, 10.0, 0.0]], 0.0)
        said["people"].append({**one, "pose_keypoints_2d": beside.ravel().round(3).tolist()})
        (folder / "pair" / path.name).write_text(json.dumps(said))
    shutil.rmtree(folder / "pair/openpose")
    (folder / "pair/mmpose.json").unlink()

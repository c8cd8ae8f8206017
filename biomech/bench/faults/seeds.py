"""Small valid files of every kind that a command reads: what the mutator starts from. A few kilobytes, a few frames."""

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import opensim
import scipy.io
import torch

from biomech.body.motion import BodyMotion
from biomech.inverse_kinematics.setup import write_setup
from biomech.keypoints.readers import BODY_25, COCO_17
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.markers.marker_map import FOLDER as MARKER_MAPS
from biomech.markers.marker_map import read_marker_map
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.report.demo_clip import demo_truth
from biomech.skeleton.model import load_model, quiet_opensim
from biomech.train.synthetic.ideal_detector import ideally_detected

FRAMES, RATE_HZ = 8, 50.0
COORDINATES = (
    *("pelvis_rotation", "pelvis_list", "pelvis_tilt", "pelvis_tx", "pelvis_ty", "pelvis_tz"),
    *("hip_flexion_r", "knee_angle_r"),
)
SPOTS = {"front": (0.1, 0, 0), "side": (0, -0.1, 0.1), "back": (-0.1, -0.2, 0), "low": (0.02, -0.4, -0.05)}
SCALE_SETUP = """<?xml version="1.0" encoding="UTF-8"?>
<OpenSimDocument Version="40000"><ScaleTool name="small">
<GenericModelMaker><model_file>small.osim</model_file></GenericModelMaker>
<ModelScaler><apply>true</apply><scaling_order>measurements</scaling_order><MeasurementSet><objects>
<Measurement name="thigh"><apply>true</apply><MarkerPairSet><objects><MarkerPair><markers> T_front T_low</markers>
</MarkerPair></objects></MarkerPairSet><BodyScaleSet><objects><BodyScale name="femur_r"><axes> X Y Z</axes></BodyScale>
</objects></BodyScaleSet></Measurement></objects></MeasurementSet></ModelScaler>
<MarkerPlacer><IKTaskSet><objects>{tasks}</objects></IKTaskSet></MarkerPlacer></ScaleTool></OpenSimDocument>
"""
TASK = '<IKMarkerTask name="{name}"><apply>true</apply><weight>{weight}</weight></IKMarkerTask>'
# ezc3d in a process of its own: after OpenSim has run its writer can take its own vectors for OpenSim's.
C3D_WRITER = """
import sys, ezc3d, numpy as np
held = np.load(sys.argv[2])
file = ezc3d.c3d()
file["parameters"]["POINT"]["RATE"]["value"] = [50]
file["parameters"]["POINT"]["LABELS"]["value"] = [str(n) for n in held["names"]]
file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
file.add_parameter("POINT", "X_SCREEN", ["+X"])
file.add_parameter("POINT", "Y_SCREEN", ["+Y"])
points = 1000 * held["points"].transpose(2, 1, 0)
file["data"]["points"] = np.concatenate([points, np.ones((1, *points.shape[1:]))])
file.write(sys.argv[1])
"""
BVH_TREE = {  # CMU's joints in cgspeed's conversion, with offsets in cm
    "hip": (None, (0, 0, 0)),
    "abdomen": ("hip", (0, 9, 0)),
    "chest": ("abdomen", (0, 13, 0)),
    "neck": ("chest", (0, 24, 0)),
    "head": ("neck", (0, 9, 0)),
    **{f"{s}Collar": ("chest", (3 * k, 20, 0)) for s, k in (("r", -1), ("l", 1))},
    **{f"{s}Shldr": (f"{s}Collar", (12 * k, 0, 0)) for s, k in (("r", -1), ("l", 1))},
    **{f"{s}ForeArm": (f"{s}Shldr", (27 * k, 0, 0)) for s, k in (("r", -1), ("l", 1))},
    **{f"{s}Hand": (f"{s}ForeArm", (24 * k, 0, 0)) for s, k in (("r", -1), ("l", 1))},
    **{f"{s}Buttock": ("hip", (0, 0, 0)) for s in "rl"},
    **{f"{s}Thigh": (f"{s}Buttock", (8 * k, -5, 0)) for s, k in (("r", -1), ("l", 1))},
    **{f"{s}Shin": (f"{s}Thigh", (0, -43, 0)) for s in "rl"},
    **{f"{s}Foot": (f"{s}Shin", (0, -43, 0)) for s in "rl"},
}
ASF_BONES = {  # CMU's bones: parent, direction in the file's axes (x left, y up, z forward), length in inches
    **{f"{s}hipjoint": ("root", (0.6 * k, -0.8, 0), 4.5) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}femur": (f"{s}hipjoint", (0.3 * k, -0.95, 0), 17) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}tibia": (f"{s}femur", (0.3 * k, -0.95, 0), 17) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}foot": (f"{s}tibia", (0, -0.2, 0.98), 6) for s in "lr"},
    **{f"{s}toes": (f"{s}foot", (0, 0, 1), 3) for s in "lr"},
    "lowerback": ("root", (0, 1, 0), 4.5),
    "upperback": ("lowerback", (0, 1, 0), 4.5),
    "thorax": ("upperback", (0, 1, 0), 4.5),
    "lowerneck": ("thorax", (0, 1, 0), 3.5),
    "upperneck": ("lowerneck", (0, 1, 0), 3.5),
    "head": ("upperneck", (0, 1, 0), 3.5),
    **{f"{s}clavicle": ("thorax", (0.9 * k, 0.4, 0), 7) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}humerus": (f"{s}clavicle", (k, 0, 0), 11) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}radius": (f"{s}humerus", (k, 0, 0), 7) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}wrist": (f"{s}radius", (k, 0, 0), 3.5) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}hand": (f"{s}wrist", (k, 0, 0), 1.5) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}fingers": (f"{s}hand", (k, 0, 0), 1.5) for s, k in (("l", 1), ("r", -1))},
    **{f"{s}thumb": (f"{s}wrist", (0.7 * k, 0, 0.7), 1.5) for s, k in (("l", 1), ("r", -1))},
}


def make_seeds(folder: Path) -> None:
    """Write them all into a folder, under the names that ``scenarios`` knows."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    _small_model(folder)
    _markers_of_the_map(folder)
    _film(folder / "film.mp4")
    _body(folder)
    _bvh(folder / "07_01.bvh")
    _asf_amc(folder)
    with zipfile.ZipFile(folder / "walks.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "07_01.bvh", "07/07_02.bvh")
    _amass(folder / "amass_poses.npz")
    (folder / "people.csv").write_text("subject,height_m,mass_kg\nsubject,1.8,75\n")
    (folder / "own_map.csv").write_bytes((MARKER_MAPS / "opencap.csv").read_bytes())


def small_model(path: Path) -> None:
    """Three segments, eight coordinates, twelve markers: solved in milliseconds."""
    model = opensim.Model()
    model.setName("small")
    bodies = {}
    for name, mass in (("pelvis", 10.0), ("femur_r", 8.0), ("tibia_r", 4.0)):
        bodies[name] = opensim.Body(name, mass, opensim.Vec3(0), opensim.Inertia(0.1, 0.1, 0.1))
        model.addBody(bodies[name])
    zero, down = opensim.Vec3(0), opensim.Vec3(0, -0.4, 0)
    root = opensim.FreeJoint("root", model.getGround(), zero, zero, bodies["pelvis"], zero, zero)
    hip = opensim.PinJoint("hip", bodies["pelvis"], zero, zero, bodies["femur_r"], zero, zero)
    knee = opensim.PinJoint("knee", bodies["femur_r"], down, zero, bodies["tibia_r"], zero, zero)
    for index, name in enumerate(COORDINATES[:6]):
        root.upd_coordinates(index).setName(name)
    hip.upd_coordinates(0).setName("hip_flexion_r")
    knee.upd_coordinates(0).setName("knee_angle_r")
    for joint in (root, hip, knee):
        model.addJoint(joint)
    for body, prefix in (("pelvis", "P"), ("femur_r", "T"), ("tibia_r", "S")):
        for spot, location in SPOTS.items():
            model.addMarker(opensim.Marker(f"{prefix}_{spot}", bodies[body], opensim.Vec3(*location)))
    model.finalizeConnections()
    with quiet_opensim():
        model.printToXML(str(path))


def _small_model(folder: Path) -> None:
    small_model(folder / "small.osim")
    time = 2.0 + np.arange(FRAMES) / RATE_HZ
    swing = np.sin(2 * np.pi * 0.9 * time)
    columns = (0.3 * swing, 0.1 * swing, 0.2 * swing, 0.5 * time, 1 + 0.05 * swing, 0.02 * swing)
    values = np.column_stack([*columns, 0.6 * swing, 0.5 * np.abs(swing) + 0.1])
    truth = Kinematics(list(COORDINATES), values, time, np.array([*[True] * 3, *[False] * 3, True, True]))
    model = load_model(folder / "small.osim")
    walk = _posed(model, truth)
    write_trc(walk, folder / "walk.trc")
    _c3d(walk, folder / "walk.c3d")
    still = Kinematics(truth.names, np.tile([0, 0, 0, 0, 1.0, 0, 0, 0], (FRAMES, 1)), time, truth.rotational)
    write_trc(_posed(model, still), folder / "static.trc")
    time = np.arange(3 * FRAMES) / RATE_HZ
    bent = 0.3 + 0.3 * np.sin(9 * time)[:, None] * np.linspace(0.2, 1, len(truth.names))
    write_mot(Kinematics(truth.names, bent, time, truth.rotational), folder / "a.mot")
    other = Kinematics(truth.names, bent + 0.02 * np.cos(3 * time)[:, None], time, truth.rotational)
    write_mot(other, folder / "b.mot")
    text = (folder / "b.mot").read_text()
    (folder / "b.sto").write_text(text)
    (folder / "b.csv").write_text(text.split("endheader\n")[1].replace("\t", ","))
    with quiet_opensim():
        model.getMarkerSet().printToXML(str(folder / "set.xml"))
    tasks = {name: 1.0 + (i % 3) for i, name in enumerate(walk.names)}
    write_setup(
        folder / "tasks.xml",
        name="small",
        model_osim=folder / "small.osim",
        markers_trc=folder / "walk.trc",
        weights=tasks,
        time_s=walk.time_s,
    )
    written = "".join(TASK.format(name=name, weight=weight) for name, weight in tasks.items())
    (folder / "scaling.xml").write_text(SCALE_SETUP.format(tasks=written))


def _posed(model: opensim.Model, truth: Kinematics) -> Markers:
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


def _c3d(markers: Markers, path: Path) -> None:
    held = path.with_suffix(".held.npz")
    np.savez(held, names=np.array(markers.names), points=markers.positions_m)
    subprocess.run([sys.executable, "-c", C3D_WRITER, str(path), str(held)], check=True)
    held.unlink()


def _markers_of_the_map(folder: Path) -> None:
    """OpenCap's markers on our skeleton in its default pose, moving a little: a trial for `biopose label`."""
    from biomech.markers.recordings import _default_places

    known = read_marker_map("opencap")
    places, time = _default_places(known), np.arange(FRAMES) / RATE_HZ
    sway = 0.02 * np.sin(7 * time)[:, None, None] * places[:, 1, None]
    write_trc(Markers([group[0] for group in known.sources], places + sway, time), folder / "opencap.trc")
    movi = read_marker_map("movi_67")
    upright = _default_places(movi)
    lab = 1000 * np.stack([upright[:, 0], -upright[:, 2], upright[:, 1]], 1)
    move = {
        "markerName": np.array([[group[0] for group in movi.sources]], dtype=object),
        "markerLocation": np.repeat(lab[None], FRAMES, 0),
        "motions_list": np.array([["walking"]], dtype=object),
        "flags120": np.array([[1, FRAMES]]),
    }
    subject = {"id": 3, "sex": "female", "height": 1650.0, "mass": 61.0}
    scipy.io.savemat(folder / "F_v3d_Subject_3.mat", {"Subject_3_F": {"subject": subject, "move": move}})


def _film(path: Path) -> None:
    """Three grey frames without anybody, of the size of the body's camera."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        for _ in range(3):
            picture = np.full((540, 960, 3), 128, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    pictures = path.with_name("pictures")
    pictures.mkdir(exist_ok=True)
    for frame in range(3):
        cv2.imwrite(str(pictures / f"{frame:03d}.png"), np.full((540, 960, 3), 90, np.uint8))


def _body(folder: Path) -> None:
    """A walking body, its keypoints as `biopose detect` writes them, and the same as OpenPose's and mmpose's files."""
    motion = demo_truth(FRAMES / 30)
    motion = BodyMotion(
        **vars(motion) | {"quality": np.ones(len(motion.time_s)), "camera": motion.camera, "notes": ["made"]}
    )
    motion.save(folder / "motion.npz")
    assert motion.camera is not None
    keypoints = replace(ideally_detected(motion, motion.camera), detector="seed")
    keypoints.save(folder / "keypoints.npz")
    place = {name: keypoints.xy[:, i] for i, name in enumerate(keypoints.names)}
    write_other_programs(folder, place)


def write_other_programs(folder: Path, place: dict[str, np.ndarray]) -> None:
    """What OpenPose and mmpose would have written of one person.

    Args:
        folder: ``openpose`` and ``mmpose.json`` go there.
        place: of each of our detector's points, (frames, 2) in px; their other points are added to it.
    """
    place["neck"] = (place["left_shoulder"] + place["right_shoulder"]) / 2
    place["mid_hip"] = (place["left_hip"] + place["right_hip"]) / 2
    for side in ("left", "right"):
        place[f"{side}_big_toe"] = place[f"{side}_small_toe"] = place[f"{side}_foot_index"]
    people = folder / "openpose"
    people.mkdir(exist_ok=True)
    entries = []
    for frame in range(len(place["neck"])):
        body25 = np.array([[*place[name][frame], 0.9] for name in BODY_25])
        said = {"version": 1.3, "people": [{"pose_keypoints_2d": body25.ravel().round(3).tolist()}]}
        (people / f"film_{frame:012d}_keypoints.json").write_text(json.dumps(said))
        coco = np.array([place[name][frame] for name in COCO_17])
        one = {"keypoints": coco.round(3).tolist(), "keypoint_scores": [0.9] * len(coco)}
        entries.append({"frame_id": frame, "instances": [one]})
    (folder / "mmpose.json").write_text(json.dumps({"instance_info": entries, "meta_info": {}}))


def _bvh(path: Path) -> None:
    lines = ["HIERARCHY"]

    def joint(name: str, depth: int) -> None:
        pad = "  " * depth
        parent, offset = BVH_TREE[name]
        said = "6 Xposition Yposition Zposition" if parent is None else "3"
        lines.append(f"{pad}{'ROOT' if parent is None else 'JOINT'} {name}\n{pad}{{")
        lines.append(f"{pad}  OFFSET {' '.join(map(str, offset))}")
        lines.append(f"{pad}  CHANNELS {said} Zrotation Yrotation Xrotation")
        children = [child for child, (above, _) in BVH_TREE.items() if above == name]
        for child in children:
            joint(child, depth + 1)
        if not children:
            lines.append(f"{pad}  End Site\n{pad}  {{\n{pad}    OFFSET 0 5 0\n{pad}  }}")
        lines.append(f"{pad}}}")

    joint("hip", 0)
    frames = 10 + FRAMES  # the first ten are the swing from the zero pose
    lines += ["MOTION", f"Frames: {frames}", "Frame Time: 0.0083333"]
    for frame in range(frames):
        turns = np.round(2 * np.sin(0.3 * frame) * np.ones(3 * len(BVH_TREE)), 4)
        lines.append(" ".join(map(str, [0, 96, frame, *turns])))
    path.write_text("\n".join(lines) + "\n")


def _asf_amc(folder: Path) -> None:
    bones = "".join(
        f"  begin\n    id {i}\n    name {name}\n    direction {' '.join(map(str, way))}\n    length {length}\n"
        f"    axis 0 0 {90 if 'radius' in name else 0} XYZ\n    dof rx ry rz\n  end\n"
        for i, (name, (_, way, length)) in enumerate(ASF_BONES.items(), 1)
    )
    names = ["root", *ASF_BONES]
    tree = {name: [bone for bone, (above, *_) in ASF_BONES.items() if above == name] for name in names}
    hierarchy = "".join(f"    {name} {' '.join(below)}\n" for name, below in tree.items() if below)
    (folder / "08.asf").write_text(
        ":version 1.10\n:units\n  mass 1.0\n  length 0.45\n  angle deg\n:root\n  order TX TY TZ RX RY RZ\n  axis XYZ\n"
        f"  position 0 0 0\n  orientation 0 0 0\n:bonedata\n{bones}:hierarchy\n  begin\n{hierarchy}  end\n"
    )
    rows = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(FRAMES):
        rows += [str(frame + 1), f"root 0 16 {0.1 * frame:.3f} 0 0 0"]
        rows += [f"{bone} {np.sin(frame):.3f} 0 0" for bone in ASF_BONES]
    (folder / "08_01.amc").write_text("\n".join(rows) + "\n")


def _amass(path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(
        path,
        poses=rng.normal(0, 0.05, (FRAMES, 156)),
        trans=np.tile([0.0, 0.0, 0.9], (FRAMES, 1)),
        betas=np.zeros(16),
        mocap_framerate=np.array(60.0),
        gender=np.array("neutral"),
    )

"""The virtual markers: names, symmetry, anatomy, and their places on the skeleton."""

import csv

import numpy as np
import opensim
import pandas as pd
import pytest
import torch
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.build.marker_places import PUBLISHED, fit
from biomech.errors import BioposeError
from biomech.markers import virtual
from biomech.osim_models.build import build_model

MARKERS = virtual.load_virtual_markers()
PARTNER = MARKERS.index(MARKERS.mirror)


@pytest.fixture(scope="module")
def body():
    return virtual.marker_body()


@pytest.fixture(scope="module")
def found():
    return fit()


def random_shape(body, seed):
    bounds = body.shape_bounds.numpy()
    shape = np.random.default_rng(seed).uniform(*bounds.T)
    shape[body.shape_names.index("age")] = 0.7
    return shape


def random_motion(body, frames, seed):
    rng = np.random.default_rng(seed)
    motion = virtual.neutral_motion(body, random_shape(body, seed), frames)
    turns = rng.normal(0, 0.3, (frames, len(body.bone_names), 3))
    motion.rotations = Rotation.from_rotvec(turns.reshape(-1, 3)).as_matrix().reshape(motion.rotations.shape)
    motion.root_position_m = rng.normal(0, 1, (frames, 3))
    return motion


def test_there_are_142_markers_with_published_names_and_vertices(biopose_data):
    assert len(set(MARKERS.names)) == len(MARKERS.names) == 142
    with open(biopose_data.parent / "facts" / "smpl_marker_vertices.csv", newline="") as file:
        published = {
            (r["table"], r["marker"]): int(r["vertex"]) for r in csv.DictReader(file) if r["topology"] == "smpl"
        }
    for name, table, vertex in zip(MARKERS.names, MARKERS.smpl_table, MARKERS.smpl_vertex, strict=True):
        assert published[table, name] == vertex


def test_left_mirrors_right_exactly_in_the_table():
    assert [MARKERS.mirror[i] for i in PARTNER] == MARKERS.names
    np.testing.assert_array_equal(MARKERS.location_m[PARTNER], MARKERS.location_m * [1, 1, -1])
    np.testing.assert_array_equal(MARKERS.weight[PARTNER], MARKERS.weight)
    np.testing.assert_array_equal(MARKERS.bony[PARTNER], MARKERS.bony)
    for one, other in zip(MARKERS.body, np.array(MARKERS.body)[PARTNER], strict=True):
        assert one == other if one in ("pelvis", "torso", "head") else {one[-2:], other[-2:]} == {"_r", "_l"}


@pytest.mark.parametrize("seed", range(4))
def test_left_mirrors_right_on_the_body_of_any_shape(body, seed):
    shape = torch.tensor(random_shape(body, seed), dtype=torch.float32)
    points = virtual.from_vertices(body, body.rest(shape).vertices).numpy()
    np.testing.assert_allclose(points[PARTNER], points * [1, 1, -1], atol=5e-4)
    assert len(np.unique(points.round(3), axis=0)) == 142, "two markers share a point"


def test_weights_and_shares_are_usable():
    assert (MARKERS.weight > 0).all()
    assert (MARKERS.shares >= 0).all()
    np.testing.assert_allclose(MARKERS.shares.sum(1), 1, atol=1e-9)
    joints = MARKERS.index(["RASI", "LPSI", "RKNE", "LKNI", "RANK", "LAKI"])
    assert MARKERS.bony[joints].all()
    assert MARKERS.weight[joints].min() > MARKERS.weight[~MARKERS.bony].max(), "skin outweighs bone"


def test_landmarks_lie_at_the_heights_that_people_have_them(body, biopose_data):
    """ANSUR II, means of each sex: heights as shares of stature, and breadths."""
    static = virtual.neutral_static(body, body.default_shape().numpy(), 1)
    at = dict(zip(static.names, static.positions_m[0], strict=True))
    stature = at["THD"][1]
    shares = []
    for sex in ("MALE", "FEMALE"):
        people = pd.read_csv(biopose_data / "ansur2" / f"ANSUR_II_{sex}_Public.csv", encoding="latin1")
        shares.append(people.select_dtypes("number").div(people["stature"], axis=0).mean())
    expected = (shares[0] + shares[1]) / 2
    for marker, measure in {
        "C7": "cervicaleheight",
        "CLAV": "suprasternaleheight",
        "RKNE": "lateralfemoralepicondyleheight",
        "RANK": "lateralmalleolusheight",
    }.items():
        assert at[marker][1] / stature == pytest.approx(expected[measure], abs=0.006), marker
    assert (at["RASI"] - at["LASI"])[2] / stature < expected["bicristalbreadth"]
    assert (at["RANK"] - at["RAKI"])[2] / stature == pytest.approx(expected["bimalleolarbreadth"], abs=0.006)
    assert (at["RTOE"] - at["RHEE"])[0] / stature == pytest.approx(expected["footlength"], abs=0.010)


def test_the_table_is_what_the_fit_gives(found):
    located = np.array([found.locations_m[name] for name in MARKERS.names])
    np.testing.assert_allclose(MARKERS.location_m, located, atol=2e-4)


def test_published_landmarks_are_near_where_the_fit_expects_them(found):
    assert set(found.residuals_m) == set(PUBLISHED)
    for name, off in found.residuals_m.items():
        # The published shoulders are 4 % of stature higher over the pelvis than people's: ANSUR and Anny agree.
        assert off < (0.040 if name in ("C7", "RSHO") else 0.030), name


def test_anny_standing_is_near_the_models_zero(found):
    for name in ("pelvis_tilt", "hip_flexion_r", "hip_adduction_r", "hip_rotation_r", "knee_angle_r", "ankle_angle_r"):
        assert abs(np.degrees(found.coordinates[name])) < 4, name
    assert abs(np.degrees(found.coordinates["lumbar_extension"])) < 8


def test_extraction_is_the_whole_skin_or_the_bone(body):
    motion = random_motion(body, 7, seed=5)
    markers = virtual.extract(body, motion)
    whole = AnnyBody.load()
    rest = whole.rest(torch.tensor(motion.shape, dtype=torch.float32))
    posed = whole.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
    at_rest = (rest.vertices.double().numpy()[MARKERS.vertices] * MARKERS.shares[..., None]).sum(1)
    for i, bone in enumerate(MARKERS.bone):
        b = body.bone_names.index(bone)  # seen from it, the marker does not move
        away = markers.positions_m[:, i] - posed.joints[:, b].double().numpy()
        local = np.einsum("fji,fj->fi", posed.rotations[:, b].double().numpy(), away)
        np.testing.assert_allclose(local, np.tile(at_rest[i] - rest.joints[b].double().numpy(), (7, 1)), atol=1e-5)
    np.testing.assert_array_equal(markers.time_s, motion.time_s)


def test_long_motions_are_extracted_in_pieces_that_join(body, monkeypatch):
    motion = random_motion(body, 7, seed=6)
    at_once = virtual.extract(body, motion).positions_m
    monkeypatch.setattr(virtual, "FRAMES_AT_ONCE", 3)
    np.testing.assert_allclose(virtual.extract(body, motion).positions_m, at_once, atol=1e-6)


def test_a_motion_of_another_body_is_refused(body):
    motion = random_motion(body, 2, seed=7)
    motion.body = "smpl"
    with pytest.raises(BioposeError, match="smpl"):
        virtual.extract(body, motion)


def test_a_body_without_the_markers_vertices_is_refused():
    few = AnnyBody.load(torch.arange(100))
    with pytest.raises(ValueError, match="marker_body"):
        virtual.from_vertices(few, few.rest(few.default_shape()).vertices)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_static_trial_stands_still_on_the_floor(body, seed):
    shape = body.default_shape().numpy() if seed is None else random_shape(body, seed)
    static = virtual.neutral_static(body, shape, 4)
    at = dict(zip(static.names, static.positions_m[0], strict=True))
    assert np.ptp(static.positions_m, axis=0).max() == 0 and len(static.time_s) == 4
    assert -0.001 < min(p[1] for p in at.values()) and abs(at["RHEB"][1]) < 0.012
    assert at["RTOE"][0] > at["RHEE"][0] + 0.1, "does not face forward"
    assert at["RHME"][1] < at["RELB"][1] < at["RSHO"][1], "arms are not down"
    assert abs(at["RKNE"][1] - at["RKNI"][1]) < 0.03, "the knee's axis is not level"


def test_joint_centres(body):
    static = virtual.neutral_static(body, body.default_shape().numpy(), 1)
    centres = virtual.joint_centres(static)
    at = dict(zip(static.names, static.positions_m[0], strict=True))
    centre = dict(zip(centres.names, centres.positions_m[0], strict=True))
    np.testing.assert_allclose(centre["RKJC"], (at["RKNE"] + at["RKNI"]) / 2)
    for joint in ("HJC", "KJC", "AJC", "SJC", "EJC", "WJC"):
        np.testing.assert_allclose(centre["L" + joint], centre["R" + joint] * [1, 1, -1], atol=5e-4)
    # Harrington 2007 in a pelvis whose axes are the world's: PD 200 mm, PW 240 mm.
    flat = {"RASI": (0, 1, 0.12), "LASI": (0, 1, -0.12), "RPSI": (-0.2, 1, 0.05), "LPSI": (-0.2, 1, -0.05)}
    static.positions_m[0, MARKERS.index(list(flat))] = list(flat.values())
    hip = virtual.joint_centres(static).select(["RHJC"]).positions_m[0, 0]
    np.testing.assert_allclose(hip, [-0.0579, 1 - 0.0829, 0.0865], atol=1e-9)


def test_opensim_reads_the_marker_set_onto_our_model(tmp_path):
    path = tmp_path / "markers.xml"
    virtual.write_marker_set(path)
    model = build_model()
    model.initSystem()
    model.updateMarkerSet(opensim.MarkerSet(str(path)))
    state = model.initSystem()
    assert model.getMarkerSet().getSize() == 142
    for name, body_name, location in MARKERS.on_model():
        marker = model.getMarkerSet().get(name)
        assert marker.getParentFrame().getName() == body_name
        np.testing.assert_allclose(marker.get_location().to_numpy(), location)
    heights = [model.getMarkerSet().get(n).getLocationInGround(state)[1] for n in ("THD", "C7", "RASI", "RKNE", "RANK")]
    assert heights == sorted(heights, reverse=True)


def test_landmarks_of_pelvis_knee_ankle_and_elbow_go_with_their_bones():
    carriers = dict(zip(MARKERS.names, MARKERS.bone, strict=True))
    assert {carriers[n] for n in ("RASI", "LASI", "RPSI", "LPSI")} == {"Hips"}
    assert (carriers["RKNE"], carriers["RANK"], carriers["LELS"]) == ("RightUpLeg", "RightLeg", "LeftArm")
    for name, mirror in zip(MARKERS.names, MARKERS.mirror, strict=True):
        swapped = carriers[name].replace("Right", "@").replace("Left", "Right").replace("@", "Left")
        assert carriers[mirror] == swapped

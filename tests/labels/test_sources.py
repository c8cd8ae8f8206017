"""Finding trials and loading them, on the real files of every kind that there is."""

import pickle
import shutil
import zipfile

import numpy as np
import pytest
import torch
from fake_smpl import smplh_arrays, write_amass, write_smplh

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError
from biomech.labels.people import random_adult, seeded
from biomech.labels.sources import BodyTrial, MarkerTrial, find_trials


@pytest.fixture(scope="module")
def walk(biopose_data, tmp_path_factory):
    """A folder with one short CMU motion, loose and zipped."""
    folder = tmp_path_factory.mktemp("cmu")
    with zipfile.ZipFile(biopose_data / "cmu_bvh_01_14.zip") as archive:
        text = archive.read("bvh_01_14/07/07_01.bvh")
    (folder / "07_01.bvh").write_bytes(text)
    with zipfile.ZipFile(folder / "walks.zip", "w") as archive:
        archive.writestr("some/where/07_01.bvh", text)
    return folder


def test_every_motion_of_an_archive_in_an_order_of_its_own(biopose_data):
    archive = biopose_data / "cmu_bvh_01_14.zip"
    trials = find_trials([archive], bodies=8)
    assert len(trials) == 142 * 8 and len({trial.name for trial in trials}) == len(trials)
    assert [trial.name for trial in trials] == sorted(trial.name for trial in trials)
    first = trials[0]
    assert (first.name, first.subject, first.motion) == ("cmu_01_01__b00", "cmu_01", "cmu_01_01")
    assert len(pickle.dumps(first)) < 2000


def test_a_motion_on_two_bodies(walk):
    one, other = (trial.load() for trial in find_trials([walk / "07_01.bvh"], bodies=2, rate_hz=30))
    assert isinstance(one, BodyTrial) and isinstance(other, BodyTrial)
    assert one.markers.positions_m.shape == (77, 142, 3) and one.markers.rate_hz == pytest.approx(30)
    assert one.static.positions_m.shape == (5, 142, 3) and one.trusted.all()
    assert one.height_m != other.height_m and 1.3 < one.height_m < 2.1 and 35 < one.mass_kg < 130
    assert set(one.weights) == set(one.markers.names)
    # Feet on the floor, head up.
    soles = one.markers.positions_m[:, [one.markers.names.index(n) for n in ("RHEB", "LHEB")], 1].min(1)
    assert abs(np.median(soles)) < 0.02
    crown = one.markers.positions_m[:, one.markers.names.index("THD"), 1]
    assert abs(crown.mean() - one.height_m) < 0.06


def test_a_body_does_not_hang_on_what_else_is_found(walk, biopose_data):
    alone = find_trials([walk / "walks.zip"], bodies=1, rate_hz=10, seed=5)[0].load()
    among = next(
        t
        for t in find_trials([biopose_data / "cmu_bvh_01_14.zip"], bodies=3, rate_hz=10, seed=5)
        if t.name == "cmu_07_01__b00"
    ).load()
    np.testing.assert_array_equal(alone.markers.positions_m, among.markers.positions_m)
    elsewhere = find_trials([walk / "walks.zip"], seed=6, rate_hz=10)[0].load()
    assert elsewhere.height_m != alone.height_m


def test_random_adults_are_as_tall_as_measured_ones(biopose_data):
    """Fifth to ninety-fifth percentile of ANSUR II, men and women together."""
    body = AnnyBody.load([0])
    shapes = [random_adult(body, seeded(0, "person", i)) for i in range(60)]
    statures = np.array([float(body.stature(torch.tensor(shape).float())) for shape in shapes])
    assert 1.48 < statures.min() and statures.max() < 1.96
    assert 1.64 < statures.mean() < 1.74
    bounds = body.shape_bounds.numpy()
    assert all((shape >= bounds[:, 0] - 1e-6).all() and (shape <= bounds[:, 1] + 1e-6).all() for shape in shapes)


def test_an_amc_finds_its_skeleton_in_the_zip(biopose_data):
    trial = find_trials([biopose_data / "cmu_asf_amc_01_03.zip"], rate_hz=10)[-1]
    assert trial.name.startswith("amc_03_") and trial.subject == "cmu_03"


def test_opencap_with_its_static_trial(biopose_data):
    trials = find_trials([biopose_data / "opencap_lab_subject4"])
    assert len(trials) == 23 and {t.subject for t in trials} == {"opencap_lab_subject4"}
    loaded = next(t for t in trials if t.name.endswith("walking1")).load()
    assert isinstance(loaded, MarkerTrial) and loaded.static is not None
    assert loaded.marker_map.name == "opencap" and {"r_mknee", "r_mankle"} <= set(loaded.static.names)
    assert set(loaded.weights) == set(loaded.markers.names) and loaded.trusted.all()


def test_amass_on_its_own_body_and_on_another(tmp_path):
    write_smplh(tmp_path / "models" / "smplh" / "male" / "model.npz", **smplh_arrays())
    write_amass(tmp_path / "BMLmovi" / "Subject_3" / "walk_poses.npz")
    np.savez(tmp_path / "BMLmovi" / "Subject_3" / "shape.npz", betas=np.zeros(16))
    own, other = find_trials([tmp_path / "BMLmovi"], bodies=2, rate_hz=60, model_dir=tmp_path / "models")
    assert (own.name, own.subject) == ("BMLmovi_Subject_3_walk_poses__b00", "BMLmovi_Subject_3")
    one, two = own.load(), other.load()
    assert one.markers.positions_m.shape == (6, 142, 3) and one.static.positions_m.shape == (5, 142, 3)
    assert one.shape != two.shape and one.height_m != two.height_m
    with pytest.raises(BioposeError, match="Register at"):
        find_trials([tmp_path / "BMLmovi"])[0].load()


def test_what_cannot_be_labelled_is_said(tmp_path, walk):
    with pytest.raises(BioposeError, match="no such file"):
        find_trials([tmp_path / "nowhere"])
    with pytest.raises(BioposeError, match="no motion capture found"):
        find_trials([tmp_path])
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BioposeError, match="not known as motion capture"):
        find_trials([tmp_path / "notes.txt"])
    with pytest.raises(BioposeError, match="two trials are both named cmu_07_01"):
        find_trials([walk])
    (tmp_path / "broken.zip").write_text("no zip")
    with pytest.raises(BioposeError, match="not a zip"):
        find_trials([tmp_path / "broken.zip"])
    shutil.copy(walk / "07_01.bvh", tmp_path / "08_01.amc")
    with pytest.raises(BioposeError, match=r"no \.asf"):
        find_trials([tmp_path / "08_01.amc"])[0].load()


def test_a_c3d_and_its_export_are_one_recording(tmp_path) -> None:
    """The .c3d is taken and its notes say so; one of them alone, and names of other folders, are left as they are."""
    for name in ("s1/walk.c3d", "s1/walk.trc", "s1/run.trc", "s1/static.c3d", "s1/static.trc", "s2/walk.trc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_trials([tmp_path])
    assert [(trial.name, trial.path.name) for trial in found] == [
        ("s1_run", "run.trc"),
        ("s1_walk", "walk.c3d"),
        ("s2_walk", "walk.trc"),
    ]
    assert found[1].notes == ("walk.c3d and walk.trc are taken as one recording: the labels are of walk.c3d",)
    assert not found[0].notes and not found[2].notes
    assert [trial.statics for trial in found] == [(tmp_path / "s1/static.c3d",)] * 2 + [()]


def test_what_cannot_be_read_does_not_stop_the_others(walk, tmp_path) -> None:
    shutil.copyfile(walk / "07_01.bvh", tmp_path / "07_01.bvh")
    for name in ("x.mat", "x.zip", "x.npz"):
        (tmp_path / name).touch()
    assert [trial.path.name for trial in find_trials([tmp_path])] == ["07_01.bvh", "x.mat"]
    with pytest.raises(BioposeError, match=r"no whole \.mat"):
        find_trials([tmp_path])[1].load()
    with pytest.raises(BioposeError, match="not a zip"):
        find_trials([tmp_path / "x.zip"])
    with pytest.raises(BioposeError, match="seed of -1"):
        find_trials([tmp_path], seed=-1)
    with pytest.raises(BioposeError, match="bodies each"):
        find_trials([tmp_path], bodies=100_000_000)


def test_thousands_of_trials_of_one_subject_are_found_in_linear_time(tmp_path) -> None:
    """Each names the recordings of all by one key."""
    for number in range(40):
        (tmp_path / f"t{number:02d}.trc").touch()
    trials = find_trials([tmp_path])
    assert len({id(trial.of_subject) for trial in trials}) == 1 and len(trials[0].of_subject) == 40
    assert hash(trials[0].of_subject) == hash(trials[-1].of_subject) and trials[0].of_subject.key

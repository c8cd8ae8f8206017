"""One trial's labels: the files load in OpenSim, the shard says what they say, and the generic skeleton repeats it."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from walking import FRAMES, walking

from biomech.errors import BioposeError
from biomech.kinematics.mot import read_mot
from biomech.labels.label import label_trial, made_of
from biomech.labels.models import scaled_model
from biomech.labels.quality import NOT_SOLVED
from biomech.labels.shards import Shard
from biomech.labels.sources import find_trials
from biomech.markers.joint_centres import joint_centres
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import coordinate_names, load_model
from biomech.skeleton.skeleton import Skeleton


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    labelled = label_trial(walking(1)[0], folder, solver="fast", with_files=True)
    assert labelled.frames == FRAMES and set(labelled.seconds) == {"load", "scale", "solve", "judge", "write"}
    return folder


@pytest.fixture(scope="module")
def shard(folder: Path) -> Shard:
    return Shard.open(folder / "shards/walk_00.safetensors")


def test_files_for_the_gui(folder: Path, shard: Shard) -> None:
    files = folder / "trials/cmu_01/walk_00"
    names = ["walk_00.mot", "walk_00.trc", "walk_00_ik_setup.xml", "walk_00_scaled.osim"]
    assert sorted(p.name for p in files.iterdir()) == names
    model, motion = load_model(files / "walk_00_scaled.osim"), read_mot(files / "walk_00.mot")
    assert motion.names == coordinate_names(model)
    np.testing.assert_allclose(motion.values, shard.coordinates, atol=1e-6)
    np.testing.assert_allclose(read_trc(files / "walk_00.trc").positions_m, shard.markers, atol=1e-6)
    # OpenSim's own joint centres of these files are the shard's.
    np.testing.assert_allclose(joint_centres(model, motion).positions_m, shard.joints, atol=1e-5)
    setup = (files / "walk_00_ik_setup.xml").read_text()
    assert "<marker_file>walk_00.trc</marker_file>" in setup and "<model_file>walk_00_scaled.osim</model_file>" in setup
    assert not list((folder / ".unfinished").iterdir())


def test_the_generic_skeleton_repeats_the_shard(shard: Shard) -> None:
    generic = Skeleton.from_osim(DEFAULT_PATH)
    coordinates, scales, offsets = (
        torch.from_numpy(np.array(a)).double() for a in (shard.coordinates, shard.scales, shard.marker_offsets)
    )
    pose = generic(coordinates, scales, offsets)
    np.testing.assert_allclose(pose.joints, shard.joints, atol=1e-5)
    table = load_virtual_markers()
    assert generic.marker_names == table.names
    rms = ((pose.markers.numpy() - shard.markers) ** 2).sum(-1).mean(-1) ** 0.5
    np.testing.assert_allclose(rms, shard.marker_rms, atol=1e-5)
    assert 0.002 < shard.marker_rms.mean() < 0.015
    assert np.abs(np.array(shard.scales) - 1).max() > 0.02  # the default body is not the generic model


def test_what_the_source_does_not_stand_by_is_masked(shard: Shard) -> None:
    assert (shard.flags[:2] & NOT_SOLVED).all() and not (shard.flags[2:] & NOT_SOLVED).any()
    assert not shard.trusted[:2].any()
    assert shard.about["subject"] == "cmu_01" and shard.about["rate_hz"] == pytest.approx(30)
    assert shard.about["frames"] == FRAMES == len(shard.markers)


def test_labels_that_are_there_stay(folder: Path) -> None:
    shard = folder / "shards/walk_00.safetensors"
    before = shard.stat().st_mtime_ns
    assert label_trial(walking(1)[0], folder, solver="fast", with_files=True).frames == 0
    assert shard.stat().st_mtime_ns == before


def test_a_mass_that_is_not_a_persons(folder: Path) -> None:
    with pytest.raises(BioposeError, match="mass"):
        scaled_model(dataclasses.replace(walking(1)[0].load(), mass_kg=0.1), folder / "models", folder)
    assert len(list((folder / "models").iterdir())) == 1


def test_real_markers(biopose_data: Path, tmp_path: Path) -> None:
    """No body behind them: the model is personalised on the trial, and the 142 are the posed skeleton's."""
    recording = read_trc(biopose_data / "opencap_lab_subject4/MarkerData/walking1.trc")
    few = Markers(recording.names, recording.positions_m[::8], recording.time_s[::8])
    write_trc(few, tmp_path / "walk.trc")
    (trial,) = find_trials([tmp_path / "walk.trc"])
    label_trial(trial, tmp_path / "out", solver="fast", with_files=True)
    shard = Shard.open(tmp_path / f"out/shards/{trial.name}.safetensors")
    assert shard.about["marker_rms_mm"] < 12 and shard.about["landmark_share"] < 0.2
    generic = Skeleton.from_osim(DEFAULT_PATH)
    coordinates, scales = (torch.from_numpy(np.array(a)).double() for a in (shard.coordinates, shard.scales))
    pose = generic(coordinates, scales)
    np.testing.assert_allclose(pose.markers, shard.markers, atol=1e-5)
    np.testing.assert_allclose(pose.joints, shard.joints, atol=1e-4)
    assert not shard.marker_offsets.any()
    load_model(tmp_path / f"out/trials/{trial.subject}/{trial.name}/{trial.name}_scaled.osim")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _altered(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-150] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_cut, _altered, Path.unlink])
@pytest.mark.parametrize(
    "file", ["shards/walk_00.safetensors", "trials/*/walk_00/walk_00.mot", "trials/*/*/*.osim", "models/*/scaled.osim"]
)
def test_what_is_damaged_is_made_again(folder: Path, tmp_path: Path, file: str, damage: Callable[[Path], None]) -> None:
    """What a restart finds cut, altered or gone is as it was afterwards."""
    copy = tmp_path / "labels"
    shutil.copytree(folder, copy)
    trial = walking(1)[0]
    assert label_trial(trial, copy, solver="fast", with_files=True).frames == 0, "all is there"
    (path,) = copy.glob(file)
    whole = path.read_bytes()
    damage(path)
    assert label_trial(trial, copy, solver="fast", with_files=True).frames == FRAMES
    assert path.read_bytes() == whole
    assert label_trial(trial, copy, solver="fast", with_files=True).frames == 0


def test_what_was_edited_is_kept(folder: Path, tmp_path: Path) -> None:
    """Beside the files that are made again, and only what somebody edited or put there."""
    copy = tmp_path / "labels"
    shutil.copytree(folder, copy)
    (place,) = copy.glob("trials/*/walk_00")
    whole = (place / "walk_00.mot").read_bytes()
    (place / "walk_00.mot").write_text("mine")
    (place / "notes.txt").write_text("of the day")
    answer = label_trial(walking(1)[0], copy, solver="fast", with_files=True)
    assert answer.frames == FRAMES and answer.kept == "walk_00_kept"
    kept = place.with_name("walk_00_kept")
    assert {path.name: path.read_text() for path in kept.iterdir()} == {
        "walk_00.mot": "mine",
        "notes.txt": "of the day",
    }
    assert (place / "walk_00.mot").read_bytes() == whole and len(list(place.iterdir())) == 4
    next(copy.glob("shards/*.safetensors")).unlink()
    assert label_trial(walking(1)[0], copy, solver="fast", with_files=True).kept is None, "nothing else is there now"


def test_other_code_or_another_recording_is_labelled_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = walking(1)[0]
    before = made_of(trial, "fast")
    other = tmp_path / Path(trial.path).name
    other.write_text("another recording of the same name")
    assert made_of(dataclasses.replace(trial, path=other), "fast") != before
    monkeypatch.setattr("biomech.labels.label._made_by", lambda: "another constant")
    assert made_of(trial, "fast") != before

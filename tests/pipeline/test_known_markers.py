"""Recorded markers that a marker map knows: `biopose ik` takes them as `biopose label` does."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.kinematics.mot import read_mot
from biomech.labels.label import Folders, label_trial
from biomech.labels.shards import Shard
from biomech.labels.sources import find_trials
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import load_virtual_markers
from biomech.pipeline.known_markers import known_set
from biomech.pipeline.run import Options, run_ik


@pytest.fixture(scope="module")
def folder(biopose_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk and the static trial of a subject called anna."""
    folder = tmp_path_factory.mktemp("recordings") / "anna"
    folder.mkdir()
    for name, every in (("walking1", 8), ("static1", 100)):
        whole = read_trc(biopose_data / f"opencap_lab_subject4/MarkerData/{name}.trc")
        write_trc(Markers(whole.names, whole.positions_m[::every], whole.time_s[::every]), folder / f"{name}.trc")
    return folder


def test_the_map_is_found_by_the_names(folder: Path, tmp_path: Path) -> None:
    walk = folder / "walking1.trc"
    found = known_set(walk, Options())
    assert found is not None and found.name == "opencap"
    whole = read_trc(walk)
    write_trc(Markers([f"Anna:{name}" for name in whole.names], whole.positions_m, whole.time_s), tmp_path / "a.trc")
    prefixed = known_set(tmp_path / "a.trc", Options())
    assert prefixed is not None and prefixed.name == "opencap"
    assert known_set(walk, Options(model=tmp_path / "own.osim")) is None
    assert known_set(walk, Options(scaling=tmp_path / "setup.xml")) is None


def test_a_map_may_be_given(folder: Path, tmp_path: Path) -> None:
    (own := tmp_path / "own.csv").write_text(
        "source,marker,body,x_m,y_m,z_m,weight,fixed\n" + "".join(f"{n},{n},pelvis,0,0,0,1,1\n" for n in "ABC")
    )
    found = known_set(folder / "walking1.trc", Options(marker_set=own))
    assert found is not None and found.names == ["A", "B", "C"]
    with pytest.raises(BioposeError, match=r"`model` .*marker map"):
        known_set(folder / "walking1.trc", Options(marker_set=own, model=tmp_path / "own.osim"))


def test_the_virtual_markers_and_unknown_names_are_no_map_s(tmp_path: Path) -> None:
    for names in (load_virtual_markers().names, [f"M{i}" for i in range(30)]):
        positions = np.random.default_rng(0).normal(0, 0.5, (3, len(names), 3))
        write_trc(Markers(list(names), positions, np.arange(3) / 100), tmp_path / "a.trc")
        assert known_set(tmp_path / "a.trc", Options()) is None


@pytest.mark.slow
def test_both_commands_give_the_same_angles_and_a_static_trial_turns_no_forearm(
    folder: Path, biopose_data: Path, tmp_path: Path
) -> None:
    run = run_ik(folder / "walking1.trc", tmp_path / "ik", Options(static=folder / "static1.trc"))
    trial = find_trials([folder])[0]
    label_trial(trial, tmp_path / "labels", solver="fast", with_files=False)
    labels = Shard.open(Folders(tmp_path / "labels").shard(trial)).coordinates
    ours = read_mot(run.kinematics)
    assert np.abs(np.rad2deg(ours.values - labels))[:, ours.rotational].max() < 0.1
    expert = read_mot(biopose_data / "opencap_lab_subject4/IK/walking1_manual_scaling_ik.mot")
    rows = [int(np.abs(expert.time_s - time).argmin()) for time in ours.time_s]
    for name, most in (("pro_sup_r", 15), ("pro_sup_l", 15), ("knee_angle_r", 4), ("hip_flexion_r", 4)):
        off = np.rad2deg(ours.column(name) - expert.column(name)[rows])
        assert np.abs((off + 180) % 360 - 180).mean() < most, name
    assert any("map 'opencap'" in note for note in run.notes)


def test_the_static_trial_of_somebody_else_is_refused(folder: Path, tmp_path: Path) -> None:
    static = read_trc(folder / "static1.trc")
    write_trc(Markers(static.names, 1.08 * static.positions_m, static.time_s), tmp_path / "static2.trc")
    with pytest.raises(BioposeError, match="of another person"):
        run_ik(folder / "walking1.trc", tmp_path / "ik", Options(static=tmp_path / "static2.trc"))

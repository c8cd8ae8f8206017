"""Real markers of one person: all recordings together make one model, with what a table says of the person."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.labels.campaign import LabelOptions, run_campaign
from biomech.labels.label import made_of
from biomech.labels.people import read_people
from biomech.labels.shards import Shards
from biomech.labels.sources import MarkerTrial, Trial, find_trials
from biomech.markers.markers import Markers
from biomech.markers.recordings import FRAMES_OF_EACH
from biomech.markers.trc import read_trc, write_trc


@pytest.fixture(scope="module")
def folder(biopose_data: Path, tmp_path_factory) -> Path:
    """Two recordings and the static trial of a subject called anna."""
    folder = tmp_path_factory.mktemp("recordings") / "anna"
    folder.mkdir()
    for name, every in (("walking1", 8), ("squats1", 60), ("static1", 100)):
        whole = read_trc(biopose_data / f"opencap_lab_subject4/MarkerData/{name}.trc")
        thinned = Markers(whole.names, whole.positions_m[::every], whole.time_s[::every])
        write_trc(thinned, folder / f"{name}.trc")
    return folder


def _loaded(trial: Trial) -> MarkerTrial:
    loaded = trial.load()
    assert isinstance(loaded, MarkerTrial)
    return loaded


def test_recordings_of_a_subject_belong_together(folder: Path) -> None:
    trials = find_trials([folder])
    assert [t.name for t in trials] == ["anna_squats1", "anna_walking1"]
    assert all([recording.path.name for recording in t.of_subject] == ["squats1.trc", "walking1.trc"] for t in trials)
    squats, walking = map(_loaded, trials)
    lengths = [len(markers.time_s) for markers in squats.of_subject]
    assert lengths == [len(squats.markers.time_s), len(walking.markers.time_s)]
    assert squats.static is not None and squats.height_m is None
    assert all(_loaded(t).static is None for t in find_trials([folder], static=False))


def test_long_recordings_give_some_frames(biopose_data: Path) -> None:
    data = biopose_data / "opencap_lab_subject4/MarkerData"
    trial = _loaded(find_trials([data / "squats1.trc", data / "walking1.trc"])[0])
    squats, walking = trial.of_subject
    assert len(trial.markers.time_s) == 1346 and FRAMES_OF_EACH / 2 < len(squats.time_s) <= FRAMES_OF_EACH
    assert len(walking.time_s) == 131 and squats.time_s[-1] > 13  # the whole recording


def test_a_recording_of_other_markers_is_left_out_of_the_model(folder: Path, tmp_path: Path) -> None:
    for path in folder.glob("*1.trc"):
        whole = read_trc(path)
        names = [f"M{i}" for i in range(len(whole.names))] if "walking" in path.name else whole.names
        write_trc(Markers(names, whole.positions_m, whole.time_s), tmp_path / path.name)
    squats = _loaded(find_trials([tmp_path], marker_map="opencap")[0])
    assert len(squats.of_subject) == 1
    assert any(note.startswith("walking1.trc says nothing for the model") for note in squats.notes)


def test_a_laboratory_whose_z_points_up(folder: Path, tmp_path: Path) -> None:
    right = _loaded(find_trials([folder / "walking1.trc"])[0])
    whole = read_trc(folder / "walking1.trc")
    x, y, z = np.moveaxis(whole.positions_m, -1, 0)
    write_trc(Markers(whole.names, np.stack([x, -z, y], axis=-1), whole.time_s), tmp_path / "walk.trc")
    turned = _loaded(find_trials([tmp_path / "walk.trc"])[0])
    np.testing.assert_allclose(turned.markers.positions_m, right.markers.positions_m, atol=1e-5)
    assert any("Z is taken as up" in note for note in turned.notes)
    told = _loaded(find_trials([tmp_path / "walk.trc"], up="z")[0])
    np.testing.assert_allclose(told.markers.positions_m, right.markers.positions_m, atol=1e-5)


def test_one_model_of_all_recordings(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("subject,height_m,mass_kg\nanna,1.68,62.6\nbert,1.80,\n")
    trials = find_trials([folder], people=table)
    report = run_campaign(trials, tmp_path / "out", LabelOptions(files="none"))
    assert report.labelled == 2 and not report.failed
    assert len(list((tmp_path / "out/models").iterdir())) == 1
    shards = Shards.open(tmp_path / "out")
    assert len(shards.windows(5)) > 0 == len(shards.windows(5, markers_from="body"))
    for about in shards.trials:
        assert (about["height_m"], about["mass_kg"]) == (1.68, 62.6)
        assert about["markers_from"] == "skeleton" and about["marker_rms_mm"] < 12


def test_labels_hang_on_the_other_recordings_too(folder: Path) -> None:
    (squats, _), other = find_trials([folder]), folder / "walking1.trc"
    before = made_of(squats, "fast")
    assert made_of(squats, "fast") == before
    later = other.stat().st_mtime_ns + 10**9
    os.utime(other, ns=(later, later))
    assert made_of(find_trials([folder])[0], "fast") == before, "the same content, later"
    with open(other, "a") as file:
        file.write("\n")
    assert made_of(find_trials([folder])[0], "fast") != before
    assert made_of(find_trials([folder], static=False)[0], "fast") != made_of(squats, "fast")


@pytest.mark.parametrize("table", ["subject,height_m\nanna,1.68\n", "subject,height_m,mass_kg\nanna,tall,60\n"])
def test_a_table_of_people_that_is_none(tmp_path: Path, table: str) -> None:
    (tmp_path / "people.csv").write_text(table)
    with pytest.raises(BioposeError, match="table of people"):
        read_people(tmp_path / "people.csv")


def test_people_in_one_folder_are_told_apart(folder: Path, tmp_path: Path) -> None:
    """A second person, a tenth taller: each is scaled by the own static trial and recordings alone."""
    for path in folder.glob("*.trc"):
        shutil.copy(path, tmp_path / path.name)
        whole = read_trc(path)
        other = path.stem.replace("1", "2")
        write_trc(Markers(whole.names, 1.1 * whole.positions_m, whole.time_s), tmp_path / f"{other}.trc")
    for trial in find_trials([tmp_path]):
        loaded, who = _loaded(trial), trial.path.stem[-1]
        assert len(trial.of_subject) == 4 and len(loaded.of_subject) == 2 and len(trial.statics) == 2
        assert f"of 2 static trials in the folder static{who}.trc is taken" in loaded.notes
        assert any("2 recordings of the folder are of somebody else" in note for note in loaded.notes)
    (tmp_path / "static1.trc").unlink()
    walk = next(t for t in find_trials([tmp_path]) if t.path.stem == "walking1")
    with pytest.raises(BioposeError, match="of another person"):
        walk.load()

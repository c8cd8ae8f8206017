"""The films of the benches: which are meant, what an earlier run lends, and what is forgotten of it."""

import json

import numpy as np
import pytest

from biomech.bench import films
from biomech.bench.films import FILMS, FilmRuns, chosen, forget_all_but, lend_keypoints, run_film
from biomech.bench.standing import STRETCHES
from biomech.errors import BioposeError


def left_by_a_run(folder, name="clip"):
    folder.mkdir(parents=True)
    (folder / f"{name}_keypoints.npz").write_bytes(b"points")
    stages = {"detect": {"seconds": 1.0, "frames": 3}, "recover": {"seconds": 2.0}}
    (folder / "biopose.json").write_text(json.dumps({"source": {"name": f"{name}.mp4"}, "stages": stages}))


def test_a_film_is_named_by_its_beginning():
    names = list(FILMS)
    assert chosen(names, ()) == names
    assert chosen(names, ("opencap",)) == ["opencap_squat", "opencap_walk"]
    with pytest.raises(BioposeError, match="no 'nobody' here"):
        chosen(names, ("opencap", "nobody"))


def test_every_stretch_is_of_a_film_and_lasts():
    for stretch in STRETCHES:
        film = FILMS[stretch.film]
        assert stretch.start_s < stretch.end_s and stretch.reason
        assert (film.start_s or 0.0) <= stretch.start_s and stretch.end_s <= (film.end_s or np.inf)


def test_films_of_one_table_are_there(biopose_data):
    for film in FILMS.values():
        for file in (film.file, film.reference, film.rival):
            assert file is None or (biopose_data / "video" / file).is_file()


def test_the_keypoints_stay_and_the_rest_is_forgotten(tmp_path):
    left_by_a_run(tmp_path / "plain")
    forget_all_but(tmp_path / "plain", "detect")
    assert list(json.loads((tmp_path / "plain" / "biopose.json").read_text())["stages"]) == ["detect"]
    forget_all_but(tmp_path / "nothing", "detect")  # nothing there is nothing to forget
    assert not (tmp_path / "nothing").exists()


def test_keypoints_are_lent(tmp_path):
    left_by_a_run(tmp_path / "plain")
    lend_keypoints(tmp_path / "plain", tmp_path / "sized", "clip")
    record = json.loads((tmp_path / "sized" / "biopose.json").read_text())
    assert list(record["stages"]) == ["detect"] and record["source"] == {"name": "clip.mp4"}
    assert (tmp_path / "sized" / "clip_keypoints.npz").read_bytes() == b"points"
    assert "recover" in json.loads((tmp_path / "plain" / "biopose.json").read_text())["stages"]


@pytest.mark.parametrize(
    ("reuse", "with_size", "overwrite", "stages"),
    [
        ("none", False, True, ["detect", "recover"]),
        ("keypoints", False, False, ["detect"]),
        ("all", False, False, ["detect", "recover"]),
        ("none", True, False, ["detect"]),
    ],
)
def test_what_a_run_is_told(tmp_path, monkeypatch, reuse, with_size, overwrite, stages):
    film = FILMS["cmbbe_jump_cam0"]
    source = tmp_path / "video" / film.file
    source.parent.mkdir(parents=True)
    source.write_bytes(b"")
    left_by_a_run(tmp_path / "runs" / film.name, source.stem)
    told = {}

    def run_ik(source, folder, options, *, overwrite=False):
        told.update(folder=folder, options=options, overwrite=overwrite)
        told["stages"] = list(json.loads((folder / "biopose.json").read_text())["stages"])

    monkeypatch.setattr(films, "run_ik", run_ik)
    run_film(film, tmp_path / "video", FilmRuns(tmp_path / "runs", reuse=reuse), with_size=with_size)
    assert told["folder"].name == film.name + "_sized" * with_size
    assert (told["options"].height_m, told["options"].mass_kg) == ((1.79, 80.0) if with_size else (None, None))
    assert (told["overwrite"], told["stages"]) == (overwrite, stages)


def test_a_film_that_is_not_there(tmp_path):
    with pytest.raises(BioposeError, match="no such film"):
        run_film(FILMS["opencap_walk"], tmp_path, FilmRuns(tmp_path / "runs"))

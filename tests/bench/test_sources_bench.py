"""The bench of what came from elsewhere: parts that fail, what they leave behind, and what needs smplx."""

import json
from pathlib import Path

import pytest

from biomech.bench import mesh_sources
from biomech.bench.sources import PARTS, bench_sources
from biomech.errors import BioposeError


def broken(*_) -> dict:
    raise BioposeError("no such film", where="here")


def test_a_part_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PARTS:
        monkeypatch.setitem(PARTS, name, broken)
    monkeypatch.setitem(PARTS, "people", lambda *_: {"identity_switches": 3, "notes": ["people: it was dark"]})
    found = bench_sources(tmp_path, tmp_path / "runs")
    assert found["identity_switches"] == 3
    assert len(found["notes"]) == len(PARTS) and "people: it was dark" in found["notes"]
    assert any(note.startswith("meshes failed:") and "no such film" in note for note in found["notes"])
    assert json.loads((tmp_path / "runs" / "sources_people.json").read_text())["identity_switches"] == 3
    with pytest.raises(BioposeError, match="no such film"):
        bench_sources(tmp_path, tmp_path / "runs", only=("meshes", "moving"))


def test_the_folder_of_films_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "moving", lambda video, *_: {"video": str(video)})
    (tmp_path / "video").mkdir()
    for given in (tmp_path, tmp_path / "video"):
        assert bench_sources(given, tmp_path, only=("moving",))["video"] == str(tmp_path / "video")


def test_without_smplx_the_others_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_sources.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(mesh_sources, "_own", lambda *_: dict.fromkeys(mesh_sources.KEYS, 0.25))
    found = mesh_sources.bench_mesh_sources(tmp_path, kinds=("walk", "squat"))
    assert found["own_mesh_mean_deg"] == 0.25 and "smpl_shaped_mean_deg" not in found
    assert "pip install smplx" in found["notes"][0] and set(found["mesh_motions"]) == {"walk", "squat"}


def test_a_part_may_be_told_what_of_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PARTS:
        monkeypatch.setitem(PARTS, name, lambda video, folder, only, say, name=name: {name: only})
    found = bench_sources(tmp_path, tmp_path, only=("cameras/beam_01", "cameras/cmbbe", "lay", "moving/beam", "moving"))
    assert found == {"layouts": (), "cameras": ("beam_01", "cmbbe"), "moving": ()}
    with pytest.raises(BioposeError, match="there is no 'crowds'"):
        bench_sources(tmp_path, tmp_path, only=("crowds/any",))

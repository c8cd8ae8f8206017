"""What a training was given is looked at before people are drawn for it, which takes minutes."""

from pathlib import Path

import pytest

from biomech.cli.train import neurik
from biomech.errors import BioposeError
from biomech.train.loop import at_work
from biomech.train.neurik import prepare as module
from biomech.train.neurik.train import NeurikRecipe


def test_wrong_folders_are_told_before_people_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "random_people", lambda *_: pytest.fail("people were drawn"))
    (tmp_path / "file").write_text("here is a file")
    for given, what in (
        ({"data": tmp_path / "nowhere"}, "no training shards"),
        ({"library": tmp_path / "nowhere"}, "no motion library"),
        ({}, "nothing to learn from"),
        ({"library": tmp_path, "people": 0}, "nobody to wear|motion library"),
        ({"data": tmp_path, "out": tmp_path / "file"}, "there is a file"),
    ):
        with pytest.raises(BioposeError, match=what):
            arguments = {"data": None, "out": tmp_path / "out", "people": 8, "pairs": None, "noise": None} | given
            module.prepare(arguments.pop("data"), arguments.pop("out"), NeurikRecipe(), **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_training_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors and people are kept in it while it is prepared."""
    (tmp_path / "checkpoint.pt").touch()
    monkeypatch.setattr(module, "prepare", lambda *_, **__: pytest.fail("it was prepared"))
    with pytest.raises(BioposeError, match="holds a training already"):
        neurik(out=tmp_path, data=tmp_path, threads=1)
    with at_work(tmp_path, True), pytest.raises(BioposeError, match="another run is at work"):
        neurik(out=tmp_path, data=tmp_path, threads=1, resume=True)

"""A seed is drawn on with the options that it was begun with."""

from pathlib import Path

import pytest

from biomech.errors import BioposeError
from biomech.train.synthetic.drawn_with import DRAWN_WITH, check_drawn_with, library_mark


def test_a_seed_goes_on_with_its_options_alone(tmp_path: Path) -> None:
    first = {"library": None, "as_filmed": True}
    check_drawn_with(tmp_path / "set", "train", 0, first)
    check_drawn_with(tmp_path / "set", "train", 0, first)
    with pytest.raises(BioposeError, match="seed 0 was drawn here with other options: `as_filmed` yes, now no"):
        check_drawn_with(tmp_path / "set", "train", 0, {**first, "as_filmed": False})
    with pytest.raises(BioposeError, match="`clip_frames` none, now 10"):
        check_drawn_with(tmp_path / "set", "train", 0, {**first, "clip_frames": 10})
    check_drawn_with(tmp_path / "set", "train", 1, {**first, "as_filmed": False})
    check_drawn_with(tmp_path / "set", "held_out", 0, {**first, "as_filmed": False})


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{DRAWN_WITH}_train_000.json").write_text("[1]")
    with pytest.raises(BioposeError, match="no record"):
        check_drawn_with(tmp_path, "train", 0, {})


def test_libraries_are_told_apart_wherever_they_lie(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"22")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.npz").write_bytes(content)
    marks = [library_mark(tmp_path / name) for name in "abc"]
    assert marks[0] == marks[1] != marks[2] and library_mark(None) is None

"""What a training learned from is written down part by part, and one at a time is at work in a folder."""

import json

import pytest

from biomech.errors import BioposeError
from biomech.train.history import HISTORY, begin_part, with_parts
from biomech.train.loop import at_work


def test_other_data_are_said_and_kept(tmp_path):
    lines = []
    begin_part(tmp_path, 0, {"data": ["7 clips"], "command": "a"}, lines.append)
    assert with_parts(tmp_path, {"data": ["7 clips"]}) == {"data": ["7 clips"]}
    begin_part(tmp_path, 4, {"data": ["7 clips"], "command": "a"}, lines.append)
    assert not lines and len(json.loads((tmp_path / HISTORY).read_text())) == 1
    begin_part(tmp_path, 6, {"data": ["9 clips"], "command": "b"}, lines.append)
    assert "9 clips" in lines[0] and "7 clips" in lines[0]
    assert [part["from_step"] for part in with_parts(tmp_path, {"data": ["9 clips"]})["parts"]] == [0, 6]


def test_a_cut_off_part_is_forgotten(tmp_path):
    """It went on from an earlier report than the one at which the other data came."""
    for step, count in ((0, 1), (5, 2), (5, 3)):
        begin_part(tmp_path, step, {"data": count})
    assert [part["data"] for part in with_parts(tmp_path, {})["parts"]] == [1, 3]


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / HISTORY).write_text('[{"data": 1}]')
    with pytest.raises(BioposeError, match="record of a training"):
        begin_part(tmp_path, 3, {})


def test_one_training_at_a_time(tmp_path):
    with at_work(tmp_path / "out", False), pytest.raises(BioposeError, match="another run is at work"):
        with at_work(tmp_path / "out", False):
            pass

"""What a training learned from is written down part by part, and one at a time is at work in a folder."""

import json

import pytest
import torch
from torch import nn

from biomech.errors import BioposeError
from biomech.train.history import HISTORY, begin_part, with_parts
from biomech.train.loop import LOG, Lesson, Schedule, at_work, train


def test_other_data_are_said_and_kept(tmp_path):
    lines = []
    begin_part(tmp_path, 0, {"data": ["7 clips"], "command": "a"}, lines.append)
    assert with_parts(tmp_path, {"data": ["7 clips"]}) == {"data": ["7 clips"]}
    begin_part(tmp_path, 4, {"data": ["7 clips"], "command": "a"}, lines.append)
    assert not lines and len(json.loads((tmp_path / HISTORY).read_text())) == 1
    begin_part(tmp_path, 6, {"data": ["9 clips"], "command": "b"}, lines.append)
    assert "9 clips" in lines[0] and "7 clips" in lines[0]
    assert [part["from_step"] for part in with_parts(tmp_path, {"data": ["9 clips"]})["parts"]] == [0, 6]


def test_others_who_wear_the_same_motions_are_said(tmp_path):
    lines = []
    for step, people in ((0, 2), (3, 5)):
        begin_part(tmp_path, step, {"data": ["library"], "random_people": people, "command": str(step)}, lines.append)
    assert lines == ["from here on other random people: 5. Before: 2"]


def test_a_cut_off_part_is_forgotten(tmp_path):
    """It went on from an earlier report than the one at which the other data came."""
    for step, count in ((0, 1), (5, 2), (5, 3)):
        begin_part(tmp_path, step, {"data": count})
    assert [part["data"] for part in with_parts(tmp_path, {})["parts"]] == [1, 3]


def test_what_nothing_was_learned_from_is_not_in_the_record(tmp_path):
    """A training that was over already, and is told of other data."""
    begin_part(tmp_path, 0, {"data": ["7 clips"]})
    assert with_parts(tmp_path, {"data": ["9 clips"]}) == {"data": ["7 clips"]}


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / HISTORY).write_text('[{"data": 1}]')
    with pytest.raises(BioposeError, match="record of a training"):
        begin_part(tmp_path, 3, {})


def test_a_training_that_is_over_writes_no_part_and_damaged_figures_are_named(tmp_path):
    def run(clips, steps):
        network = nn.Linear(2, 1)
        lesson = Lesson(lambda _: iter([[]] * 9), lambda model, *_: {"loss": model.weight.sum()}, lambda: {"off": 1.0})
        return train(network, lesson, tmp_path, Schedule(steps=steps), {}, resume=True, about={"data": clips})

    run(7, 2)
    run(9, 2)
    assert [part["data"] for part in json.loads((tmp_path / HISTORY).read_text())] == [7]
    run(9, 3)
    assert [part["data"] for part in json.loads((tmp_path / HISTORY).read_text())] == [7, 9]
    (tmp_path / LOG).write_text("step,loss\n1,\n")
    with pytest.raises(BioposeError, match="not the figures of a training"):
        run(9, 4)


def test_gradients_that_are_no_numbers_end_it_in_plain_words_and_leave_nothing(tmp_path):
    lesson = Lesson(lambda _: iter([[]]), lambda model, *_: {"loss": model.weight.sum() * torch.inf}, lambda: {})
    with pytest.raises(BioposeError, match="no numbers at step 0"):
        train(nn.Linear(2, 1), lesson, tmp_path, Schedule(steps=2), {}, about={"data": 7})
    assert not list(tmp_path.iterdir())


def test_one_training_at_a_time(tmp_path):
    with at_work(tmp_path / "out", False), pytest.raises(BioposeError, match="another run is at work"):
        with at_work(tmp_path / "out", False):
            pass

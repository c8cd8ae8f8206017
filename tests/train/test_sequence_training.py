"""Training the sequence network: it goes on where it stopped, and refuses what it cannot learn from."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from biomech.errors import BioposeError
from biomech.mesh.features import SIZE
from biomech.mesh.sequence import INPUTS, POINTS, SequenceNet
from biomech.train.loop import CHECKPOINT
from biomech.train.sequence import (
    MOST_SEEN,
    MOTIONS_FILE,
    RECIPE,
    SCHEDULE,
    WEIGHTS,
    _plain,
    figures_of,
    main,
    train,
)
from biomech.train.sequence_data import ClipBatch

FEW = replace(SCHEDULE, hours=None, steps=2, report_every=1)


@pytest.fixture
def clips(clip_of, tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for seed, split in enumerate(("train", "train", "held_out")):
        clip_of(seed, 6).save(folder / f"{split}_000_{seed:06d}_00.npz")
    return folder


def test_it_goes_on_where_it_stopped(clips: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    figures = train(clips, whole, motions=2, schedule=FEW)
    train(clips, parts, motions=2, schedule=replace(FEW, steps=1))
    with pytest.raises(BioposeError, match="holds a training already"):
        train(clips, parts, motions=2, schedule=FEW)
    # The rate's fall depends on the length, so that only what was drawn and how far it came is the same.
    again = train(clips, parts, motions=2, schedule=FEW, resume=True)
    assert again["steps"] == figures["steps"] == 2
    weights = load_file(whole / WEIGHTS)
    assert weights.keys() == SequenceNet().state_dict().keys()
    assert all(torch.isfinite(value).all() for value in weights.values())
    recipe = json.loads((whole / RECIPE).read_text())
    assert recipe["rendered_clips"] == 2 and recipe["held_out_clips"] == 1
    assert recipe["held_out"]["knee_deg"] == pytest.approx(figures["knee_deg"])


def test_clips_of_both_kinds_are_needed(clips: Path, tmp_path: Path) -> None:
    for path in clips.glob("held_out*"):
        path.unlink()
    with pytest.raises(BioposeError, match="there are no clips held_out"):
        train(clips, tmp_path / "out", motions=2, schedule=FEW)
    assert not (tmp_path / "out").exists()


def test_a_person_in_the_lens_teaches_nothing() -> None:
    columns = torch.zeros(3, 6, INPUTS)
    columns[1, 2, 5], columns[2, 0, 0] = 2 * MOST_SEEN, float("nan")
    batch = ClipBatch(columns, torch.zeros(3, 6, SIZE), torch.zeros(3, 6, POINTS, 3))
    assert [len(part) for part in _plain(batch)] == [1, 1, 1]


def test_figures_are_degrees() -> None:
    network = SequenceNet(width=8).eval()
    wrong = np.radians(10.0)
    batch = ClipBatch(torch.zeros(1, 6, INPUTS), torch.full((1, 6, SIZE), float(wrong)), torch.zeros(1, 6, POINTS, 3))
    figures = figures_of(network, batch)  # it says 0 before it has learned
    assert figures["knee_deg"] == pytest.approx(10, abs=1e-3) == figures["features_deg"]


def refused(capsys, *command: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in command])
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_what_the_command_refuses_leaves_nothing(clips: Path, clip_of, tmp_path: Path, capsys) -> None:
    out, start = tmp_path / "out", tmp_path / "start.safetensors"
    few = [clips, "--out", out, "--motions", 2, "--hours", 0]
    assert "there are no clips train_" in refused(capsys, tmp_path, "--out", out)
    for wrong in (["--hours", "nan"], ["--hours", -1], ["--motions", 0], ["--seed", -1]):
        assert "0 or more" in refused(capsys, clips, "--out", out, *wrong)
    start.write_bytes(b"no weights")
    assert "not the weights of a sequence network" in refused(capsys, *few, "--start", start)
    save_file(SequenceNet(width=8).state_dict(), start)
    assert "not the weights of a sequence network" in refused(capsys, *few, "--start", start)
    assert "there is no such file" in refused(capsys, *few, "--start", tmp_path / "none.safetensors")
    assert "there is a file where" in refused(capsys, clips, "--out", start)
    clip_of(3, 5).save(clips / "train_000_000007_00.npz")
    assert "batches need clips of one length" in refused(capsys, *few)
    assert not out.exists()


def test_motions_of_another_training_are_not_taken(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    train(clips, out, motions=2, schedule=replace(FEW, steps=1))
    (out / CHECKPOINT).unlink()  # as one that was stopped before its first report
    for other in ({"motions": 3, "schedule": FEW}, {"motions": 2, "schedule": replace(FEW, seed=1)}):
        with pytest.raises(BioposeError, match="motions of another training"):
            train(clips, out, **other)
    whole = (out / MOTIONS_FILE).read_bytes()
    (out / MOTIONS_FILE).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BioposeError, match="not the motions of a training"):
        train(clips, out, motions=2, schedule=FEW)
    with np.load(io.BytesIO(whole)) as arrays:  # as they were kept before they said by what they were drawn
        np.savez(out / MOTIONS_FILE, **{name: arrays[name] for name in arrays if name != "drawn_by"})
    train(clips, out, motions=2, schedule=replace(FEW, steps=1))


def test_a_folder_of_another_training_is_left_as_it_is(clips: Path, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"of another network")
    with pytest.raises(BioposeError, match="holds a training already"):
        train(clips, tmp_path, motions=2, schedule=FEW)
    assert not (tmp_path / MOTIONS_FILE).exists()

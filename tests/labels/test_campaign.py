"""Many trials: failures are listed and the rest goes on; killed and started again, the result is the same."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from walking import mishap, walking

from biomech.errors import BioposeError, MachineError
from biomech.labels.campaign import LabelOptions, run_campaign, sample
from biomech.labels.shards import Shards


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    report = run_campaign([*walking(2), mishap("bad")], folder, LabelOptions(files="none"))
    assert (report.trials, report.labelled, report.unchanged) == (3, 2, 0)
    assert report.failed == {"x_bad": "here: the recording is bad"}
    assert report.frames == 60 and report.totals["frames"] == 60
    return folder


def test_what_a_campaign_leaves(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == [
        *("biopose.json", "failures.csv", "models", "quality.csv", "shards")
    ]
    assert pd.read_csv(folder / "failures.csv").to_dict("records") == [
        {"name": "x_bad", "cause": "here: the recording is bad"}
    ]
    table = pd.read_csv(folder / "quality.csv")
    assert table["name"].tolist() == ["walk_00", "walk_01", "all"]
    assert table["frames"].tolist() == [30, 30, 60]
    shards = Shards.open(folder)
    assert len(shards) == 2 and len(shards.marker_names) == shards[0].markers.shape[1] == 142
    assert len(shards.coordinate_names) == shards[0].coordinates.shape[1]
    assert len(shards.joint_names) == shards[0].joints.shape[1]
    assert len(shards.body_names) == shards[0].scales.shape[0]
    assert len(shards.windows(16)) == 2 * 15


def test_it_goes_on_where_it_was(folder: Path) -> None:
    report = run_campaign(walking(3), folder, LabelOptions(files="none"))
    assert (report.labelled, report.unchanged, report.failed) == (1, 2, {})
    assert not (folder / "failures.csv").exists()
    assert [t["split"] for t in Shards.open(folder).trials][-1] == "test"


def test_when_nothing_could_be_labelled(tmp_path: Path) -> None:
    gone = dataclasses.replace(walking(1)[0], path=tmp_path / "gone.bvh")
    with pytest.raises(BioposeError, match=r"none of the 1 trials could be labelled; walk_00: .*cannot be read"):
        run_campaign([gone], tmp_path / "labels", LabelOptions())
    assert pd.read_csv(tmp_path / "labels/failures.csv")["name"].tolist() == ["walk_00"]


def test_what_cannot_be_run(tmp_path: Path) -> None:
    for trials, options, said in (
        ([], LabelOptions(), "no trial"),
        (walking(1) * 2, LabelOptions(), "named walk_00"),
        (walking(1), LabelOptions(files="some"), "`files=some`"),
        (walking(1), LabelOptions(check=5), "`check`"),
    ):
        with pytest.raises(BioposeError, match=said):
            run_campaign(trials, tmp_path / "none", options)
    assert not (tmp_path / "none").exists()


def test_the_sample_hangs_on_names_and_seed() -> None:
    names = [f"t{i}" for i in range(200)]
    assert sample(names, 0.05, 1) == sample(names[::-1], 0.05, 1) != sample(names, 0.05, 2)
    assert len(sample(names, 0.05, 1)) == 10 and len(sample(names[:3], 0.05, 1)) == 1


@pytest.mark.slow
def test_killed_and_started_again(tmp_path: Path) -> None:
    def start(folder: Path) -> subprocess.Popen:
        script = str(Path(__file__).with_name("walking.py"))
        # The script's own folder is not importable where PYTHONSAFEPATH is set.
        known = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        return subprocess.Popen([sys.executable, script, str(folder), "4"], start_new_session=True, env=known)

    def wait_for_shards(folder: Path, count: int) -> None:
        until = time.monotonic() + 120
        while len(list(folder.glob("shards/*.safetensors"))) < count and time.monotonic() < until:
            time.sleep(0.02)

    assert start(tmp_path / "whole").wait(300) == 0
    killed = start(tmp_path / "killed")
    wait_for_shards(tmp_path / "killed", 1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    done = {p.name for p in (tmp_path / "killed/shards").glob("*.safetensors")}
    assert 1 <= len(done) < 4
    interrupted = start(tmp_path / "killed")
    wait_for_shards(tmp_path / "killed", len(done) + 1)
    interrupted.send_signal(signal.SIGINT)
    assert interrupted.wait(120) in (0, 130)
    assert start(tmp_path / "killed").wait(300) == 0
    assert _hashes(tmp_path / "killed") == _hashes(tmp_path / "whole")


def _hashes(folder: Path) -> dict[str, str]:
    """Of all files but the record, which tells the times."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "biopose.json"
    }


def test_a_full_disk_is_no_fault_of_the_trials(tmp_path: Path) -> None:
    trials = [*walking(1), mishap("full"), *(mishap(f"full{k}") for k in range(4))]
    with pytest.raises(MachineError, match="No space left on device") as caught:
        run_campaign(trials, tmp_path / "labels", LabelOptions(files="none"))
    assert "the same command goes on" in str(caught.value)
    assert not (tmp_path / "labels" / "failures.csv").exists()
    report = run_campaign(walking(1), tmp_path / "labels", LabelOptions(files="none"))
    assert (report.labelled + report.unchanged, report.failed) == (1, {})

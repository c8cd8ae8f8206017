"""`biopose events` on a motion and on a folder."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import biomech
from biomech.cli.events import events
from biomech.errors import BioposeError
from biomech.kinematics.mot import write_mot
from biomech.labels.library.generated import generate
from biomech.osim_models import DEFAULT_PATH


def _run(*arguments: object):
    app = typer.Typer()
    app.command()(events)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder as `biopose ik` leaves it, of somebody who squats, in which the second half is not trusted."""
    folder = tmp_path / "squat"
    folder.mkdir()
    motion = generate("squat", 12.0, 30.0, np.random.default_rng(1))
    write_mot(motion, folder / "squat_fast.mot")
    shutil.copy(DEFAULT_PATH, folder / "squat_scaled.osim")
    table = pd.DataFrame({"time": motion.time_s, "trusted": (motion.time_s < 6).astype(int)})
    table = table.assign(reason="", not_determined="")
    table.to_csv(folder / "squat_quality.csv", index=False)
    return folder


def test_a_folder_and_its_motion_say_the_same(run: Path, tmp_path: Path) -> None:
    told = json.loads(_run(run, "-o", tmp_path / "a", "--json").output)
    again = json.loads(_run(run / "squat_fast.mot", "-o", tmp_path / "b", "--json").output)
    assert (
        told["activities"] == ["squat"] and told["summary"] == again["summary"] and told["summary"]["squat_count"] >= 2
    )
    assert any("doubtful, and in no mean" in note for note in told["notes"])
    assert told["filter_hz"] == {"squat": 6.0, "motion": 6.0}
    table = pd.read_csv(told["measures"])
    shares = table[table.number.notna() & (table.activity == "squat")].groupby("number").trusted_share.first()
    assert shares.iloc[0] == 1 and shares.iloc[-1] == 0 and told["summary"]["squat_count"] == (shares >= 0.5).sum()
    assert len(pd.read_csv(told["course"])) == 360 and set(pd.read_csv(told["events"]).event) > {"squat_bottom"}
    found = biomech.events(run / "squat_fast.mot", run / "squat_scaled.osim")
    assert found.summary["squat_count"] == len(shares)  # of files alone nothing is known of trust
    plain = _run(run, "-o", tmp_path / "a", "--filter", "4")
    assert plain.exit_code == 0 and "4 Hz" in plain.output and "squat_duration_s" in plain.output


def test_what_can_be_mended(run: Path, tmp_path: Path) -> None:
    def fails(match: str, *arguments: object) -> None:
        error = _run(*arguments, "-o", tmp_path / "none").exception
        assert isinstance(error, BioposeError)
        with pytest.raises(BioposeError, match=match):
            raise error
        assert not (tmp_path / "none").exists()

    fails("is no filter", run, "--filter", "soft")
    fails("does not fit", run, "--filter", "20")
    fails("no such file", run / "other.mot")
    fails("holds no motion", tmp_path)
    shutil.copy(run / "squat_fast.mot", run / "squat_neural.mot")
    fails("holds 2 motions", run)
    (run / "squat_scaled.osim").unlink()
    fails("no model of its name", run / "squat_fast.mot")
    with pytest.raises(BioposeError, match="there is no model"):
        biomech.events(run / "squat_fast.mot")

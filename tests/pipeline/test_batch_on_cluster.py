"""A batch of thousands in small: the stand-in runs of `bench batch`, on processes, stopped, and on a Dask cluster."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from dask_cluster import dask_scheduler, dask_worker

from biomech.bench.batch import CONFIG, make_clips, stand_in
from biomech.cli import main as command
from biomech.pipeline.batch import entries_of
from biomech.pipeline.batch_runs import run_batch
from biomech.report.batch_tables import write_tables
from biomech.workers import Stop

CLIPS = 12


def test_a_stop_leaves_the_rest_and_the_next_run_does_it(tmp_path: Path) -> None:
    made = make_clips(tmp_path / "clips", CLIPS)
    entries = entries_of(made.folder, made.folder / CONFIG)
    assert {(entry.subject, entry.group) for entry in entries} == {("s0000", "patients")}
    stop = Stop()
    first = run_batch(entries, tmp_path / "out", stop=stop, done=lambda *_: stop.ask(), run=stand_in)
    done = [one for one in first if not one.waits]
    assert 1 <= len(done) <= 2 and len(first) == CLIPS
    again = run_batch(entries, tmp_path / "out", run=stand_in)
    assert {one.entry.name for one in again if one.error} == made.bad
    assert [one.entry for one in again] == [one.entry for one in first]
    deadly = [one.error for one in again if one.error and "the process died over it" in one.error]
    assert len(deadly) == 1


@pytest.mark.slow
def test_a_cluster_leaves_what_processes_leave(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    made = make_clips(tmp_path / "clips", CLIPS)
    entries = entries_of(made.folder, made.folder / CONFIG)
    with dask_scheduler() as (address, _), dask_worker(address, tmp_path / "dask"):
        for out, scheduler in (("here", None), ("there", address)):
            outcomes = run_batch(entries, tmp_path / out, scheduler=scheduler, run=stand_in)
            write_tables([one.trial() for one in outcomes], tmp_path / out)
            assert {one.entry.name for one in outcomes if one.error} == made.bad
    for name in ("ranges.csv", "measures.csv", "mean_sd_walking.png"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    one, other = (pd.read_csv(tmp_path / out / "summary.csv") for out in ("here", "there"))
    assert one.drop(columns=["took_s", "error"]).equals(other.drop(columns=["took_s", "error"]))


@pytest.mark.slow
def test_the_command_on_a_cluster(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    made = make_clips(tmp_path / "clips", 3)
    with dask_scheduler() as (address, _), dask_worker(address, tmp_path / "dask", cwd=tmp_path):
        arguments = [sys.executable, "-m", "biomech.cli.main", "batch", "clips", "--scheduler", address, "--json"]
        ran = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    told = json.loads(ran.stdout)
    assert ran.returncode == 1 and told["failed"] == 3 and len(made.bad) == 2, ran.stderr
    assert any("our model needs to be scaled" in (row["error"] or "") for row in told["recordings"])


def test_no_scheduler_and_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    pytest.importorskip("distributed")
    make_clips(tmp_path / "clips", 3)
    arguments = ["biopose", "batch", str(tmp_path / "clips"), "-o", str(tmp_path / "out"), "--scheduler"]
    for more, said in ((["tcp://127.0.0.1:1"], "no Dask scheduler answers"), (["x", "--jobs", "2"], "of the two")):
        monkeypatch.setattr(sys, "argv", [*arguments, *more])
        with pytest.raises(SystemExit) as left:
            command.main()
        assert left.value.code == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

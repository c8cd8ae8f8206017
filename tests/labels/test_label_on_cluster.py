"""Labels made on a Dask cluster of separate processes are those made here; skipped where Dask is not installed."""

from pathlib import Path

import pytest
from dask_cluster import dask_scheduler, dask_worker
from walking import mishap, walking

from biomech.labels.campaign import LabelOptions, run_campaign

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


def test_a_campaign_on_the_cluster(tmp_path: Path) -> None:
    with dask_scheduler() as (address, _), dask_worker(address, tmp_path / "dask"):
        options = LabelOptions(scheduler=address)
        report = run_campaign([*walking(2), mishap("bad")], tmp_path / "cluster", options)
    assert (report.labelled, report.failed) == (2, {"x_bad": "here: the recording is bad"})
    run_campaign(walking(2), tmp_path / "here", LabelOptions())
    for file in (tmp_path / "here").rglob("*"):
        if file.is_file() and file.name not in ("biopose.json", "failures.csv"):
            assert (tmp_path / "cluster" / file.relative_to(tmp_path / "here")).read_bytes() == file.read_bytes()

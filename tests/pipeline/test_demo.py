"""The demo, as a user runs it, on a shorter walk."""

import pytest

from biomech.pipeline.demo import run_demo


@pytest.mark.slow
def test_the_main_job_comes_near_the_truth_and_runs_once(tmp_path):
    found = run_demo(tmp_path, seconds=0.8)
    assert found.joints.pa_mpjpe_mm < 80
    for error in found.coordinates.values():
        assert error.mae_deg < 20
    for path in (found.film, found.result.overlay, found.result.model, found.truth.kinematics):
        assert path.stat().st_size > 1000
    skipped = {}
    again = run_demo(tmp_path, seconds=0.8, on_stage=skipped.__setitem__)
    assert all(skipped.values())
    assert again.joints == found.joints

"""The bench on real film: the 18 rotations' protocol and which figures come of which films."""

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.bench.films import FilmRuns
from biomech.bench.real_video import bench_real_video, summary
from biomech.bench.rotations18 import PRESET, rotations18
from biomech.cli.bench import app
from biomech.comparison.alignment import Heading, turned
from biomech.comparison.presets import _presets
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot

NAMES = list(_presets()[PRESET]["numbers"])


def written(path, change=lambda motion: motion, names=NAMES):
    """A smooth motion of all 21 coordinates, each with a phase of its own."""
    time_s = np.arange(300) / 60
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, len(NAMES))
    values = np.radians(20 + 15 * np.sin(2 * np.pi * 0.3 * time_s[:, None] + phases))
    values *= np.linspace(0.5, 1.5, len(NAMES))
    rotational = np.array(["_t" not in name[-3:-1] for name in NAMES])
    motion = change(Kinematics(NAMES, values, time_s, rotational))
    kept = [NAMES.index(name) for name in names]
    write_mot(Kinematics(list(names), motion.values[:, kept], motion.time_s, rotational[kept]), path)
    return path


def later_and_turned(motion):
    motion = turned(motion, Heading(0.4, None))
    return Kinematics(motion.names, motion.values, motion.time_s + 0.25, motion.rotational)


def test_clock_and_heading_are_nobodys_error(tmp_path):
    figures = rotations18(written(tmp_path / "a.mot"), written(tmp_path / "b.mot", later_and_turned))
    assert figures["mae18_deg"] < 0.2 and figures["knee_r_min"] > 0.999
    assert figures["shift_s"] == pytest.approx(-0.25, abs=0.01)
    assert figures["heading_deg"] == pytest.approx(np.degrees(-0.4), abs=1)
    assert len(figures["coordinates"]) == 18


def test_a_bias_is_no_error_of_the_shape(tmp_path):
    def biased(motion):
        values = motion.values.copy()
        values[:, motion.names.index("knee_angle_r")] += np.radians(9)
        return Kinematics(motion.names, values, motion.time_s, motion.rotational)

    figures = rotations18(written(tmp_path / "a.mot"), written(tmp_path / "b.mot", biased))
    assert figures["mae18_deg"] == pytest.approx(9 / 18, abs=0.01)
    assert figures["mae18_without_mean_deg"] == pytest.approx(0, abs=0.01)
    assert figures["coordinates"]["knee_angle_r"]["bias_deg"] == pytest.approx(9, abs=0.01)
    assert figures["zero_mae18_deg"] > 10


def test_fewer_than_18_are_no_figure(tmp_path):
    fewer = written(tmp_path / "b.mot", names=[name for name in NAMES if name != "lumbar_rotation"])
    figures = rotations18(written(tmp_path / "a.mot"), fewer)
    assert np.isnan(figures["mae18_deg"]) and np.isnan(figures["zero_mae18_deg"])


def row(mae, r=0.99, share=1.0):
    means = {"mae18_deg": mae, "mae18_without_mean_deg": mae / 2, "zero_mae18_deg": 8.0}
    return means | {"knee_r_min": r, "knee_range_share": share}


def test_each_kind_of_film_has_its_figures():
    figures = summary(
        {
            "opencap_squat": row(4.0, 0.98, 0.9),
            "opencap_squat, OpenCap Monocular": row(3.4),
            "opencap_walk": row(6.0, 0.9, 1.1),
            "opencap_walk, OpenCap Monocular": row(3.9),
            "cmbbe_jump_cam0": row(6.0),
            "cmbbe_jump_cam0, size told": row(7.0),
            "cmbbe_squats_cam0": row(5.0),
            "cmbbe_squats_cam0, size told": row(4.0),
        }
    )
    assert (figures["opencap_squat_mae18_deg"], figures["opencap_monocular_squat_mae18_deg"]) == (4, 3.4)
    assert (figures["opencap_walk_mae18_deg"], figures["opencap_monocular_walk_mae18_deg"]) == (6, 3.9)
    assert (figures["opencap_knee_r_min"], figures["opencap_knee_range_share_min"]) == (0.9, 0.9)
    assert (figures["cmbbe_mae18_deg"], figures["cmbbe_size_told_mae18_deg"]) == (5.5, 5.5)
    assert figures["size_told_cost_deg"] == 1


def test_films_that_are_not_there(tmp_path):
    with pytest.raises(BioposeError, match="none of the films"):
        bench_real_video(tmp_path, FilmRuns(tmp_path / "runs"))
    with pytest.raises(BioposeError, match="no 'somebody' here"):
        bench_real_video(tmp_path, FilmRuns(tmp_path / "runs", only=("somebody",)))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["real-video", "standing"])
def test_what_excludes_each_other_is_refused(command, tmp_path):
    told = CliRunner().invoke(
        app, [command, "--data", str(tmp_path), "--keep", "--refit", "-o", str(tmp_path / "runs")]
    )
    assert isinstance(told.exception, BioposeError) and "exclude" in str(told.exception)
    told = CliRunner().invoke(app, [command, "--recover", "nothing"])
    assert isinstance(told.exception, BioposeError)


def test_opencap_monocular_is_found_where_it_is_stated(biopose_data):
    """Its own motions come out at the figures that the data's README states: so the protocol is theirs."""
    samples = biopose_data / "video" / "opencap_samples"
    for name, stated in (("squat", 3.4), ("walk", 3.9)):
        figures = rotations18(samples / name / "mocap.mot", samples / name / "opencap_monocular.mot")
        assert figures["mae18_deg"] == pytest.approx(stated, abs=0.05)

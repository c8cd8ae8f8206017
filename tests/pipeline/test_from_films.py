"""The main job with several cameras: its stages, and what it refuses."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seen_bodies import walking  # noqa: F401 (fixture)
from several_cameras import calibrated, round_walker, walker, walker_seen  # noqa: F401 (fixtures)

from biomech.body.motion import BodyMotion
from biomech.calibration.readers import read_calibration
from biomech.calibration.written import write_calibration
from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.kinematics.mot import read_mot
from biomech.pipeline import from_films
from biomech.pipeline.options import Options
from biomech.pipeline.run import run_ik
from biomech.pipeline.stages import Result


@pytest.fixture
def given(walker_seen: list[Keypoints], round_walker: list[Camera], tmp_path: Path) -> tuple[list[Path], Path]:  # noqa: F811
    """Keypoints of two cameras, named by them, and their calibration."""
    paths = [tmp_path / f"walk_cam{k}_keypoints.npz" for k in (1, 2)]
    for film, path in zip(walker_seen, paths, strict=False):
        film.save(path)
    write_calibration(calibrated(round_walker[:2]), tmp_path / "Calib.toml")
    return paths, tmp_path / "Calib.toml"


def test_the_stages_and_their_keys(given: tuple[list[Path], Path]) -> None:
    paths, calibration = given
    files = Result.of(paths[0].parent / "run", "walk", {}, ("fast",))

    def keys(options: Options) -> dict[str, tuple[str, ...]]:
        stages = from_films.stages(paths, files, options, lambda _: nullcontext(None))
        return {stage.name: tuple(sorted(stage.options)) for stage in stages}

    found = keys(Options(calibration=calibration))
    assert list(found) == ["read camera 1", "read camera 2", "cameras", "recover", "extract", "scale", "solve"]
    assert found["cameras"] == ("calibration", "films", "offsets_s")
    assert keys(Options())["cameras"] == ("calibration", "films", "height_m", "mass_kg", "offsets_s", "sex")


@pytest.mark.slow
def test_a_whole_run(given: tuple[list[Path], Path], tmp_path: Path) -> None:
    paths, calibration = given
    options = Options(calibration=calibration, height_m=1.70, solvers=("fast",), overlay=False)
    stages: list[str] = []

    def tell(name: str, skip: bool) -> None:
        if not skip:
            stages.append(name)

    result = run_ik(paths, tmp_path / "run", options, on_stage=tell)
    figures = result.record["stages"]["cameras"]
    assert figures["cameras"] == ["cam1", "cam2"] and figures["offsets_s"] == [0.0, 0.0]
    assert max(figures["off_px"]) < 3 and stages.count("cameras") == 1
    assert len(read_mot(result.kinematics).time_s) == len(BodyMotion.load(result.motion).time_s) == 24
    again = read_calibration(tmp_path / "run" / "walk_cam1_cameras.toml")
    assert again.names == ["cam1", "cam2"] and again.up is not None
    assert any("cameras by name" in note for note in result.notes)
    stages.clear()
    run_ik(paths, tmp_path / "run", replace(options, mass_kg=70.0), on_stage=tell)
    assert "cameras" not in stages and "recover" in stages


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda paths, _: ([paths[0], paths[0]], Options()), "the same film twice"),
        (lambda paths, _: ([paths[0], paths[0].with_name("b.mp4")], Options()), "films and keypoints mixed"),
        (lambda paths, c: (paths, Options(calibration=c, recover="mqhmr")), "knows one camera"),
        (lambda paths, c: (paths[:1], Options(calibration=c)), "is for several films"),
        (lambda paths, _: (paths[:1], Options(offsets_s=(0.1,))), "is for several films"),
        (lambda paths, c: (paths, Options(calibration=c, up="z")), "is for recorded markers"),
        (lambda paths, c: (paths, Options(calibration=c.with_name("none.toml"))), "no such file"),
        (lambda paths, _: ([*paths, paths[0].with_name("none_keypoints.npz")], Options()), "no such file"),
    ],
)
def test_what_is_refused(change: Callable, why: str, given: tuple[list[Path], Path], tmp_path: Path) -> None:
    paths, options = change(*given)
    with pytest.raises(BioposeError, match=why):
        run_ik(paths, tmp_path / "run", replace(options, overlay=False))
    assert not (tmp_path / "run").exists()


def test_keypoints_that_are_no_numbers_are_told(given: tuple[list[Path], Path], tmp_path: Path) -> None:
    paths, calibration = given
    film = Keypoints.load(paths[1])
    replace(film, xy=np.full_like(film.xy, np.nan), confidence=0 * film.confidence).save(paths[1])
    with pytest.raises(BioposeError, match="nobody is seen") as told:
        run_ik(paths, tmp_path / "run", Options(calibration=calibration, overlay=False))
    assert told.value.where == paths[1].name
    assert not (tmp_path / "run" / "walk_cam1_motion.npz").exists()

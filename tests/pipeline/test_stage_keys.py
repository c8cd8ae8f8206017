"""Which options each stage is made anew by: pinned here, so that none is lost or comes in unseen."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import av
import numpy as np
import pytest

from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc
from biomech.pipeline import from_markers, from_video
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Bar, Result, Stage

LENS = ("start_s", "end_s", "rate_hz", "every")
SOLVE = ("accuracy", "fill", "folder", "solver")
BODY = {
    "recover": ("height_m", "mass_kg", "neutral", "recover", "refine", "sex"),
    "extract": ("fill",),
    "scale": ("height_m", "marker_set", "mass_kg", "model", "scaling"),
    "solve": (*SOLVE, "smooth_mm"),
    "solve_neural": (*SOLVE, "polish", "recovered"),
    "solve_classical": SOLVE,
    "difference": ("solvers",),
}
FILM = {
    "detect": (
        *(
            *LENS,
            "fov_deg",
            "focal_px",
            "keep_heat_maps",
            "detector",
            "camera_motion",
            "fewer_looks",
            "detector_version",
            "mirror",
            "person",
        ),
        *("detector_config", "detector_weights", "layout"),
    ),
    **BODY,
    "overlay": LENS,
}
MARKERS = {
    "read": ("end_s", "start_s", "subject", "up"),
    "scale": (
        *("by_network", "height_m", "marker_set", "mass_kg", "model", "personalise", "scaling", "sex", "static"),
        *("subject", "up"),
    ),
    "solve": (*SOLVE, "scaling", "smooth_mm", "tasks"),
    "solve_neural": (*SOLVE, "polish", "recovered", "scaling", "tasks"),
    "solve_classical": (*SOLVE, "scaling", "tasks"),
    "difference": ("solvers",),
}


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    path = tmp_path / "trial.trc"
    write_trc(Markers(["C7", "RASI"], np.ones((2, 2, 3)), np.array([0.0, 0.01])), path)
    (tmp_path / "own.osim").touch()
    return path


def keys(entrance: Callable[[Path, Result, Options, Bar], list[Stage]], source: Path, said: Options) -> dict:
    solvers = ("fast", "neural", "opensim")
    stages = entrance(source, Result.of(source.parent, source.stem, {}, solvers), said, lambda _: nullcontext(None))
    return {stage.name: tuple(sorted(stage.options)) for stage in stages}


def ordered(pinned: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {stage: tuple(sorted(names)) for stage, names in pinned.items()}


def test_of_a_film(film: Path) -> None:
    assert keys(from_video.stages, film, Options()) == ordered(FILM)


def test_of_keypoints(tmp_path: Path) -> None:
    assert keys(from_video.keypoint_stages, tmp_path / "k.npz", Options()) == ordered({"read": (), **BODY})


def test_of_markers(trial: Path) -> None:
    said = Options(model=trial.with_name("own.osim"))
    assert keys(from_markers.stages, trial, said) == ordered(MARKERS)

"""The table of options: where each has a meaning, and what is refused elsewhere."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from biomech.errors import BioposeError
from biomech.pipeline.options import Entrance, Options, keys_of, table

OF_MARKERS = {"static", "personalise", "tasks", "up", "subject", "recovered"}
OF_MESHES = {"body_models", "marker_vertices", "camera", "allow_pickle"}
OF_POINTS = {"layout", "person", "rate_hz", "focal_px", "fov_deg"}
OF_LOOKING = {
    *(
        "detector",
        "detector_weights",
        "detector_config",
        "mirror",
        "fewer_looks",
        "start_s",
        "end_s",
        "every",
        "camera_motion",
    )
}
OF_THE_FILM = OF_LOOKING | OF_POINTS
OF_OTHERS = {"video", "size_px"}  # of other programs' keypoints
OF_CAMERAS = {"calibration", "offsets_s"}
BY_RECOVERERS = {"recover", "refine", "mqhmr_weights", "neutral"}
OF_A_VIDEO = (OF_THE_FILM - {"start_s", "end_s"}) | OF_CAMERAS | BY_RECOVERERS
OF_DETECTORS = {
    "detector",
    "detector_weights",
    "detector_config",
    "layout",
    "mirror",
    "fewer_looks",
    "fov_deg",
    "camera_motion",
}


def other(name: str) -> Options:
    """With one option that is not the default."""
    return replace(
        Options(),
        **{name: not getattr(Options(), name) if name in ("fewer_looks", "refine", "overlay", "report") else "other"},
    )


@pytest.mark.parametrize(
    ("entrance", "refused"),
    [
        ("film", OF_MARKERS | OF_OTHERS | OF_MESHES),
        ("keypoints", OF_MARKERS | OF_THE_FILM | OF_OTHERS | OF_MESHES),
        ("points", OF_MARKERS | OF_LOOKING | OF_MESHES),
        ("markers", OF_A_VIDEO | OF_OTHERS | OF_MESHES),
        ("meshes", (OF_MARKERS - {"up"}) | OF_DETECTORS | OF_OTHERS | OF_CAMERAS | BY_RECOVERERS),
    ],
)
def test_what_has_no_meaning_is_refused(entrance: Entrance, refused: set[str]) -> None:
    assert {name for name, about in table().items() if about.stages(entrance) is None} == refused
    Options().check_entrance(entrance)
    for option in fields(Options):
        if option.name in refused:
            with pytest.raises(BioposeError, match=f"^`{option.name}` is for .*, not for "):
                other(option.name).check_entrance(entrance)
        else:
            other(option.name).check_entrance(entrance)


def test_keys_are_of_stages_that_there_are() -> None:
    known = {"cameras", "detect", "recover", "extract", "scale", "solve", "overlay", "read"}
    for about in table().values():
        assert set(about.film or ()) | set(about.markers or ()) | set(about.meshes or ()) <= known
    assert keys_of("markers", "read") == ("start_s", "end_s", "up", "subject")


def test_every_option_says_what_it_is() -> None:
    assert list(table()) == [option.name for option in fields(Options)]
    assert all(about.help.endswith((".", "]")) for about in table().values())


def test_paths_hold_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSim changes the process's directory while it reads a model, with threads at work."""
    monkeypatch.chdir(tmp_path)
    options = Options(model=Path("my.osim"), neutral=Path("standing.mp4"), height_m=1.8).absolute()
    assert (options.model, options.neutral) == (tmp_path / "my.osim", tmp_path / "standing.mp4")
    assert options.height_m == 1.8

"""The keys of ``biopose.json``, to the letter: other programs read them."""

import json
from pathlib import Path

import pytest

from biomech.pipeline import figures
from biomech.pipeline.figures import StageRecord
from biomech.pipeline.record import Run

SAID = {"notes", "also"}
ADDED = {"key", "options", "code", "inputs", "outputs", "seconds", "peak_memory_mb", "sum"}
KEYS = {
    "DetectFigures": {"frames", "frames_with_person", "frames_looked_at", "focal_px", "focal_source"},
    "PeopleFigures": {"people"},
    "ReadKeypointsFigures": {"frames", "frames_with_person"},
    "ReadMarkersFigures": {"frames", "rate_hz", "markers"},
    "ReadKnownFigures": {"frames", "rate_hz", "markers", "marker_map"},
    "CamerasFigures": {"cameras", "offsets_s", "off_px"},
    "RecoverFigures": {"mean_quality"},
    "MeshRecoverFigures": {"mean_quality", "frames", "mesh_marker_rms_mm", "trembling_mm"},
    "ExtractFigures": {"markers"},
    "ToolScaleFigures": {"mass_kg", "factors", "static_marker_rms_mm"},
    "PersonalScaleFigures": {"mass_kg", "stature_m", "factors", "personal_marker_rms_mm"},
    "NetworkScaleFigures": {"mass_kg", "stature_m", "factors"},
    "SolveFigures": {
        *("frames", "frames_left_out", "marker_rms_mm", "marker_max_mm"),
        *("frames_within_thresholds", "frames_trusted"),
    },
    "DifferenceFigures": {"reference", "motions"},
    "EventsFigures": {"found", "summary"},
    "AnglesFigures": {"coordinates", "values_trusted"},
    "ReportFigures": {"megabytes"},
    "FrameFigures": {"frames"},
    "ObjFigures": {"meshes"},
}
MORE = {"SolveFigures": {"frames_flagged", "network_factors", "mean_uncertainty_deg"}}  # where the solver knows them
MORE |= {name: {"assumed_height_m"} for name in ("RecoverFigures", "MeshRecoverFigures")}  # where nobody gave it


@pytest.mark.parametrize("name", KEYS)
def test_no_key_is_renamed(name: str) -> None:
    stage = getattr(figures, name)
    assert stage.__required_keys__ == KEYS[name]
    assert stage.__optional_keys__ == ADDED | SAID | MORE.get(name, set())


def test_every_stage_is_held() -> None:
    named = {name for name in vars(figures) if name.endswith("Figures")}
    assert named - {"RunFigures", "SolverFigures", "ScaleFigures", "PersonalFigures", "AssumedFigures"} == set(KEYS)
    assert set(figures.Record.__optional_keys__) == {"biopose", "versions", "stages", "source", "label", "removed"}


def test_what_a_stage_says_is_what_lies_in_the_file(tmp_path: Path) -> None:
    def work() -> figures.FrameFigures:
        (tmp_path / "a.txt").write_text("a")
        return {"frames": 3, "notes": ["done"]}

    run = Run.open(tmp_path)
    run.stage("film", inputs={}, outputs=[tmp_path / "a.txt"], options={}, work=work)
    written: dict[str, StageRecord] = json.loads((tmp_path / "biopose.json").read_text())["stages"]
    assert list(written["film"]) == [
        *("key", "options", "code", "inputs", "outputs", "seconds", "peak_memory_mb", "frames", "notes", "sum")
    ]

"""`biopose compare` on the two references of real trials."""

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from biomech.cli import main
from biomech.cli.compare import compare
from biomech.errors import BioposeError


def _run(*arguments: object):
    app = typer.Typer()
    app.command()(compare)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def expert(biopose_data: Path) -> Path:
    return biopose_data / "opencap_lab_subject4/IK/walking1_manual_scaling_ik.mot"


@pytest.fixture
def other(biopose_data: Path) -> Path:
    return biopose_data / "opencap_lab_subject4/IK/walking1_ik.mot"


def test_the_table(expert: Path, other: Path) -> None:
    result = _run(expert, other, "--align", "time", "--align", "heading")
    assert result.exit_code == 0, result.output
    lines = {line.split("  ")[0]: line.split() for line in result.output.splitlines()}
    assert "130 frames, 0.01 to 1.3 s, time +0.000 s (r 0.97), heading -0.3°" in result.output.splitlines()[0]
    assert lines["all rotations"][2:5] == ["deg", "4.7", "5.0"] and lines["knee"][1:3] == ["deg", "3.2"]
    assert lines["pelvis_tx"][1] == "mm" and lines["pelvis_tx"][-1] == "–"
    assert "only in the reference: knee_angle_r_beta, knee_angle_l_beta" in result.output
    assert "compare" in main.VERBS


def test_json_and_csv_say_the_same(expert: Path, other: Path) -> None:
    told = json.loads(_run(other, "--reference", expert, "--json", "--preset", "opencapbench").output)
    motion = told["motions"][0]
    assert told["reference"] == str(expert) and motion["file"] == str(other)
    assert motion["coordinates"]["pelvis_tx"]["skill"] is None and motion["time_shift_s"] is None
    assert motion["preset"]["mean_rmse_deg"] == pytest.approx(4.137, abs=1e-3)
    assert motion["preset"]["best_shift"]["time_shift_s"] == pytest.approx(0, abs=0.005)
    text = _run(expert, other, "--csv", "--preset", "opencapbench").output
    rows = list(csv.DictReader(io.StringIO(text)))
    knee = next(row for row in rows if row["name"] == "knee_angle_r")
    assert float(knee["mae_deg"]) == pytest.approx(motion["coordinates"]["knee_angle_r"]["mae_deg"], rel=1e-5)
    assert knee["mae_mm"] == "" and next(row for row in rows if row["name"] == "pelvis_ty")["skill"] == ""
    assert [row["of"] for row in rows].count("preset") == 12


def test_several_motions_and_a_preset(expert: Path, other: Path) -> None:
    walk2 = other.with_name("walking2_ik.mot")
    lines = _run(expert, other, walk2, "--preset", "opencap-monocular").output.splitlines()
    assert lines[1].split() == ["unit", other.name, walk2.name]
    assert [line.split()[:3] for line in lines if line.startswith("mean")] == [
        ["mean", "deg", "4.69"],
        ["mean", "mm", "5.34"],
    ]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_the_figure(tmp_path: Path, suffix: str) -> None:
    for folder, knee in (("a", 20), ("b", 25), ("c", 30)):
        (tmp_path / folder).mkdir()
        rows = "".join(f"{i / 10},{knee + i},{i / 10}\n" for i in range(10))
        (tmp_path / folder / "walk.csv").write_text(f"time,knee_angle_r,pelvis_tx\n{rows}")
    figure = tmp_path / "figures" / f"curves{suffix}"
    result = _run(*(tmp_path / folder / "walk.csv" for folder in "abc"), "--figure", figure)
    assert result.exit_code == 0 and result.output.splitlines()[-1] == f"figure: {figure}"
    assert list(figure.parent.iterdir()) == [figure]
    if suffix == ".png":
        assert figure.read_bytes().startswith(b"\x89PNG")
        return
    text = figure.read_text()
    ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    for label in ("a/walk.csv", "b/walk.csv", "c/walk.csv", "knee_angle_r (°)", "pelvis_tx (mm)"):
        assert label in text


def test_what_it_refuses(tmp_path: Path, expert: Path, other: Path, biopose_data: Path) -> None:
    figure = tmp_path / "curves.png"
    forces = biopose_data / "opensim_core_walk3d/grf_walk.mot"
    for arguments, message in (
        ((expert,), "nothing to compare"),
        ((expert, "--reference", expert), "nothing to compare"),
        ((expert, tmp_path / "absent.mot"), "there is no such file"),
        ((expert, tmp_path), "a folder, not a file"),
        ((expert, other, forces), "no column is a coordinate"),
        ((expert, other, "--align", "space"), "no such alignment: space"),
        ((expert, other, "--preset", "best"), "no preset 'best'"),
        ((expert, other, "--csv", "--json"), "exclude each other"),
        ((expert, other, "--figure", tmp_path / "curves.pdf"), "a figure is .png, .svg or .html"),
    ):
        error = _run("--figure", figure, *arguments).exception
        assert isinstance(error, BioposeError) and message in str(error), (arguments, error)
    assert list(tmp_path.iterdir()) == []


def test_the_exit_code(expert: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["biopose", "compare", str(expert), "absent.mot"])
    with pytest.raises(SystemExit) as stopped:
        main.main()
    assert stopped.value.code == 2 and "absent.mot: there is no such file" in capsys.readouterr().err

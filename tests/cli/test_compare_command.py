"""`biopose compare` on the two references of real trials."""

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import typer
from known_motions import known_squats
from typer.testing import CliRunner

from biomech.cli import main
from biomech.cli.compare import compare
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.kinematics.recognise import recognise_motion
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.flags import in_flags


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


@pytest.fixture(scope="module")
def squats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six squats, and a run's folder with two motions of them: knees 2° more, and as they are but noisy."""
    folder = tmp_path_factory.mktemp("squats")
    whole = known_squats([2.0, 4.5, 7.0, 9.5, 12.0, 14.5], seconds=17.0)
    used = [
        k for k, name in enumerate(whole.names) if name.startswith(("pelvis", "hip_f", "knee_a", "ankle", "lumbar_e"))
    ]
    names = [whole.names[k] for k in used]
    motion = Kinematics(names, whole.values[:, used], whole.time_s, whole.rotational[used])
    write_mot(motion, folder / "mocap.mot")
    (folder / "run").mkdir()
    (folder / "run/biopose.json").write_text("{}")
    shutil.copyfile(DEFAULT_PATH, folder / "run/film_scaled.osim")
    knee = np.array(["knee" in name for name in motion.names])
    write_mot(replace(motion, values=motion.values + np.deg2rad(2) * knee), folder / "run/film_neural.mot")
    noise = np.random.default_rng(0).normal(0, 0.01, motion.values.shape)
    write_mot(replace(motion, values=motion.values + noise), folder / "run/film_fast.mot")
    return folder


def test_over_cycles_of_a_runs_folder(squats: Path, tmp_path: Path) -> None:
    figures = tmp_path / "differences.png", tmp_path / "limits.html"
    result = _run(squats / "mocap.mot", squats / "run", "--cycle-figure", figures[0], "--agreement-figure", figures[1])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line.split(":")[0] for line in lines if "by phase" in line] == ["fast", "neural"]
    assert any(line.startswith("all motions against") for line in lines)
    assert any("range" in line and line.startswith("neural: 6 squats") for line in lines)
    assert lines[-2:] == [f"figure: {path}" for path in figures] and all(path.is_file() for path in figures)
    told = json.loads(_run(squats / "mocap.mot", squats / "run", "--cycles", "--json").output)
    knee = told["cycles"]["methods"][1]["coordinates"]["knee_angle_r"]
    assert told["cycles"]["methods"][1]["method"] == "neural" and knee["differs_at_percent"] == [[0, 100]]
    assert knee["agreement"]["mean"]["bias"] == pytest.approx(2, abs=1e-3)


def test_several_people(squats: Path, tmp_path: Path) -> None:
    table = squats / "pairs.csv"
    rows = [f"{person},mocap.mot,run/film_{method}.mot,{method}" for person in "ABC" for method in ("fast", "neural")]
    table.write_text("\n".join(["person,reference,motion,method", *rows]) + "\n")
    result = _run("--pairs", table, "--cycles", "--measure", "mean")
    assert result.exit_code == 0, result.output
    assert "all motions of 3 people against" in result.output.splitlines()[0]
    assert any(
        line.startswith("neural: 18 squats of 3 people: limits of agreement of the mean")
        for line in result.output.splitlines()
    )
    rows = list(csv.DictReader(io.StringIO(_run("--pairs", table, "--cycles", "--csv").output)))
    (bias,) = [
        row
        for row in rows
        if (row["method"], row["coordinate"], row["of"], row["figure"]) == ("neural", "knee_angle_l", "descent", "bias")
    ]
    assert float(bias["value"]) == pytest.approx(2, abs=1e-3) and bias["unit"] == "deg"


def test_what_is_refused_of_cycles(squats: Path, tmp_path: Path) -> None:
    mocap, run = squats / "mocap.mot", squats / "run"
    still = tmp_path / "still.csv"
    still.write_text("time,knee_angle_r\n" + "".join(f"{k / 50},10\n" for k in range(100)))
    figure = tmp_path / "limits.png"
    for arguments, message in (
        ((), "nothing to compare"),
        ((mocap, run, "--measure", "median"), "no such measure: median"),
        ((mocap, run, "--preset", "opencapbench"), "--preset and --cycles exclude"),
        ((mocap, run, "--pairs", still), "--pairs names all motions"),
        ((run, mocap), "more than one motion of a trial"),
        ((mocap, run, "--model", tmp_path / "absent.osim"), "absent.osim"),
        ((still, mocap), "the reference shows no stride"),
        ((mocap, run, "--cycle-figure", tmp_path / "curves.pdf"), "a figure is .png, .svg or .html"),
    ):
        error = _run("--cycles", "--agreement-figure", figure, *arguments).exception
        assert isinstance(error, BioposeError) and message in str(error), (arguments, error)
    assert list(tmp_path.iterdir()) == [still]


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


@pytest.fixture(scope="module")
def doubted(squats: Path) -> Path:
    """The folder's first motion, 20° off at the knees in the third squat, which its run does not trust."""
    folder = squats.parent / f"{squats.name}_doubted"
    folder.mkdir()
    read = recognise_motion(squats / "mocap.mot").kinematics
    third = np.abs(read.time_s - 7.0) < 1.2
    knee = np.array(["knee" in name for name in read.names])
    write_mot(replace(read, values=read.values + np.deg2rad(20) * knee * third[:, None]), folder / "film_fast.mot")
    lines = [
        f"{time},1,1,1,{int(not bad)},{'quality below 0.5' if bad else ''},"
        for time, bad in zip(read.time_s, third, strict=True)
    ]
    heading = "time,quality,marker_rms_mm,marker_max_mm,trusted,reason,not_determined"
    (folder / "film_quality.csv").write_text("\n".join([heading, *lines]) + "\n")
    return folder


def test_what_a_run_does_not_trust(squats: Path, doubted: Path, tmp_path: Path) -> None:
    given = squats / "mocap.mot", doubted / "film_fast.mot"
    result = _run(*given, "--cycles", "--figure", tmp_path / "a.svg")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[1].split("  ")[-1].strip() == "trusted (%)"
    knee = next(line.split() for line in lines if line.startswith("knee_angle_r"))
    assert knee[2:5] == ["0.0", "0.0", "0.0"] and knee[-1] == "86"
    assert any("14% of the values are not trusted by the run of this motion; left out" in line for line in lines)
    assert any(line.startswith("motion") or "5 squats" in line for line in lines)
    assert any("1 squats are mostly not trusted; in no mean" in line for line in lines)
    assert "not trusted" in (tmp_path / "a.svg").read_text()
    told = json.loads(_run(*given, "--json").output)["motions"][0]
    assert told["untrusted"] == "omit" and told["trusted_share"] == pytest.approx(0.86, abs=0.01)
    kept = json.loads(_run(*given, "--untrusted", "keep", "--cycles", "--json").output)
    of_knee = kept["motions"][0]["coordinates"]["knee_angle_r"]
    assert of_knee["max_deg"] == pytest.approx(20, abs=1e-3) and of_knee["trusted_share"] < 1
    assert kept["cycles"]["methods"][0]["coordinates"]["knee_angle_r"]["cycles"] == 6
    assert "trusted_share" in _run(*given, "--csv").output.splitlines()[0]


def test_the_published_numbers_count_every_frame(squats: Path, doubted: Path) -> None:
    given = squats / "mocap.mot", doubted / "film_fast.mot", "--preset", "opencapbench"
    told = json.loads(_run(*given, "--json").output)["motions"][0]
    assert told["untrusted"] == "keep" and told["preset"]["knee_angle_rmse_deg"] > 1
    assert "counted all the same" in _run(*given).output
    with pytest.raises(BioposeError, match="the published numbers count every frame"):
        raise _run(*given, "--untrusted", "omit").exception


def test_a_table_of_another_motion(squats: Path, doubted: Path, tmp_path: Path) -> None:
    shutil.copyfile(doubted / "film_fast.mot", tmp_path / "film_fast.mot")
    lines = (doubted / "film_quality.csv").read_text().splitlines()
    (tmp_path / "film_quality.csv").write_text("\n".join(lines[:300]) + "\n")
    given = squats / "mocap.mot", tmp_path / "film_fast.mot"
    refused = _run(*given).exception
    assert isinstance(refused, BioposeError) and refused.where == str(tmp_path / "film_quality.csv")
    assert in_flags(str(refused.mend)).endswith("--untrusted keep compares every value, without the table.")
    kept = _run(*given, "--untrusted", "keep")
    assert kept.exit_code == 0 and "what its run trusts is not known: film_quality.csv" in kept.output
    with pytest.raises(BioposeError, match="is no way to take"):
        raise _run(*given, "--untrusted", "all").exception

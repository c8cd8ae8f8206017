"""The tutorials' commands run, one test a page, and their tables are what they print.

The pages' own files are stood in for by short parts of shared recordings. CI leaves the pages out, which take minutes:

    pytest -m slow tests/test_tutorials.py
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import opensim
import pandas as pd
import pytest
from known_motions import known_squats

from biomech import assets
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.markers.markers import Markers
from biomech.markers.trc import read_trc, write_trc
from biomech.osim_models import DEFAULT_PATH
from biomech.report.overlay import write_video
from biomech.video import Video

TUTORIALS = Path(__file__).parents[1] / "tutorials"
GENERIC = "Models/unscaled_generic.osim"  # of the subject
SCALE_SETUP = "models/laiuhlrich2022_opencap/Scaling/Setup_scaling_LaiUhlrich2022_Mocap.xml"
COMMAND = "import sys; from biomech.cli.main import main; sys.argv[0] = 'biopose'; main()"
# Other processors round otherwise, and the network's last layers make a degree of it.
NEAR, NEAR_SHARE = 0.3, 0.15


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", line)]


def printed(folder: Path, command: str) -> list[str]:
    arguments = command.split()[1:]
    done = subprocess.run([sys.executable, "-c", COMMAND, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    try:
        assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("tutorial")
    return folder, printed(folder, "biopose demo")


@pytest.mark.slow
def test_the_first_videos_table(demo: tuple[Path, list[str]]) -> None:
    text = (TUTORIALS / "first_video.md").read_text()
    told = [line.strip() for line in text.splitlines() if (line.startswith("    ") and "°" in line) or "MPJPE" in line]
    assert len(told) >= 5
    for line in told:
        name = re.split(r"\s{2,}", line)[0]
        (now,) = [other for other in demo[1] if other.startswith(name)]
        assert numbers(now.removeprefix(name)) == pytest.approx(
            numbers(line.removeprefix(name)), abs=NEAR, rel=NEAR_SHARE
        ), f"{line!r} is now {now!r}"


@pytest.mark.slow
def test_the_comparisons_table(demo: tuple[Path, list[str]]) -> None:
    text = (TUTORIALS / "compare_two_motions.md").read_text()
    command = re.search(r"    (biopose compare .* --align heading)$", text, re.M)
    assert command is not None
    now = {}
    for line in printed(demo[0], command[1]):
        if found := re.match(r"([a-z ]+?)\s+(?:deg|mm)\s+(.*)", line):
            now[found[1]] = found[2].split()
    rows = re.findall(r"^\| ([a-z ]+) \| (?:deg|mm) \| (.*) \|$", text, re.M)
    assert [name for name, _ in rows] == list(now)
    for name, row in rows:
        told, found = row.split(" | "), now[name]
        for one, other in zip(told, found, strict=True):
            assert one == other or float(other) == pytest.approx(float(one), abs=NEAR, rel=NEAR_SHARE), (
                name,
                one,
                other,
            )


def commands(page: str) -> list[str]:
    """Those of a page, in order, but for the demo, which runs once for all."""
    text = (TUTORIALS / page).read_text()
    return [line for line in re.findall(r"^    (biopose .+)$", text, re.M) if line != "biopose demo"]


def thinned(source: Path, target: Path, every: int) -> None:
    """Every so manieth frame of a recording."""
    whole = read_trc(source)
    write_trc(Markers(whole.names, whole.positions_m[::every], whole.time_s[::every]), target)


@pytest.mark.slow
@pytest.mark.tutorial
def test_the_first_videos_commands(demo: tuple[Path, list[str]], biopose_data: Path, monkeypatch) -> None:
    folder, page = demo[0], "first_video.md"
    shutil.copyfile(biopose_data / "video/opencap_samples/squat/video.mp4", folder / "squat.mov")
    doctor, film = commands(page)
    assert printed(folder, doctor)[-1] == "Everything needed is here."
    printed(folder, f"{film} --start 0.5 --end 0.7")  # as the page says for a part of a long film
    text = (TUTORIALS / page).read_text()
    left = {path.name for path in (folder / "squat_biopose").iterdir()}
    named = set(re.findall(r"`(?:squat_biopose/)?(squat_\w+\.\w+|overlay\.mp4)`", text))
    assert len(named) == 10 and named <= left
    (script,) = re.findall(r"In Python:\n\n((?:    .*\n|\n)+)", text)
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    exec(re.sub("(?m)^    ", "", script), names)
    assert isinstance(names["motion"], pd.DataFrame) and len(names["motion"]) >= 5


@pytest.mark.slow
@pytest.mark.tutorial
def test_the_comparisons_commands(demo: tuple[Path, list[str]]) -> None:
    folder = demo[0]
    for name, motion in (("reference", "truth/walk_classical"), ("mine", "result/walk_fast")):
        shutil.copyfile(folder / f"biopose_demo/{motion}.mot", folder / f"{name}.mot")
    said = [printed(folder, command) for command in commands("compare_two_motions.md")]
    assert len(said) == 4 and all(said)
    assert (folder / "curves.html").is_file()


@pytest.mark.slow
@pytest.mark.tutorial
def test_the_commands_for_own_markers(demo: tuple[Path, list[str]], biopose_data: Path, tmp_path: Path) -> None:
    subject = biopose_data / "opencap_lab_subject4"
    for name, every in (("walking1", 4), ("static1", 100), ("squats1", 40)):
        thinned(subject / f"MarkerData/{name}.trc", tmp_path / f"{name}.trc", every)
    setup = biopose_data / SCALE_SETUP
    given = {"scaled.osim": subject / "Models/manually_scaled.osim", "generic.osim": subject / GENERIC}
    given |= {"ik_setup.xml": subject / "IK/walking1_ik_on_manually_scaled_setup.xml", "scale_setup.xml": setup}
    given |= {"walk.trc": demo[0] / "biopose_demo/truth/walk.trc"}
    for name, source in given.items():
        shutil.copyfile(source, tmp_path / name)
    shutil.copytree(demo[0] / "biopose_demo/truth", tmp_path / "biopose_demo/truth")
    said = commands("your_own_markers.md")
    assert len(said) == 6
    for command in said:
        print(command, *printed(tmp_path, command), sep="\n")
    text = (TUTORIALS / "your_own_markers.md").read_text()
    rows = re.findall(r"^\| `(walk_?\w*\.\w+|biopose\.json)` \|", text, re.M)
    assert len(rows) == 6 and set(rows) <= {path.name for path in (tmp_path / "walk_markers").iterdir()}
    assert (tmp_path / "walk_biopose/walk_neural.mot").is_file()


def script(page: str, k: int = 0) -> str:
    """One of the page's Python scripts."""
    text = (TUTORIALS / page).read_text()
    found = re.findall(r"(?m)^    ((?:import|from) .*(?:\n(?:    .*)?)*)", text)
    return re.sub("(?m)^    ", "", found[k])


def cut(source: Path, target: Path, start_s: float, end_s: float) -> None:
    """A part of a film."""
    film = Video.open(source, start_s=start_s, end_s=end_s, every=None)
    write_video(target, film.frames(), film.size_px, film.rate_hz)


@pytest.mark.slow
@pytest.mark.tutorial
def test_a_clinics_afternoon(biopose_data: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Two people's films: parts of one film, in which somebody stands, squats and is not to be seen."""
    page = "a_clinics_afternoon.md"
    squat = biopose_data / "video/opencap_samples/squat/video.mp4"
    films = tmp_path / "afternoon"
    films.mkdir()
    for person in ("anna", "ben"):
        cut(squat, films / f"{person}_stand.mp4", 0.0, 0.4)
        cut(squat, films / f"{person}_squat1.mp4", 0.0, 4.5)
    empty = np.full((240, 320, 3), 120, np.uint8)
    write_video(films / "ben_squat2.mp4", ((k / 30, empty) for k in range(10)), (320, 240), 30.0)
    (table,) = re.findall(r"```toml\n(.*?)```", (TUTORIALS / page).read_text(), re.S)
    (films / "biopose.toml").write_text(table)
    batch, shown = commands(page)
    (export,) = re.findall(r"`(biopose export[^`]+)`", (TUTORIALS / page).read_text())
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *batch.split()[1:]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1 and "ben_squat2" in done.stdout + done.stderr  # nobody in view: told, the others go on
    left = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"index.html", "mean_sd_squat.png", "measures.csv", "ranges.csv", "summary.csv"} <= left
    monkeypatch.chdir(tmp_path)
    exec(script(page), {})
    said = capsys.readouterr().out
    assert "knee replaced" in said and "not operated" in said
    assert (tmp_path / "results/anna_squat1/anna_squat1_report.html").is_file()
    printed(tmp_path, export)
    assert {path.suffix for path in (tmp_path / "for_the_lab").rglob("*.*")} >= {".c3d", ".csv"}
    assert printed(tmp_path, shown)


@pytest.mark.slow
@pytest.mark.tutorial
def test_labels_from_mocap(biopose_data: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    page, subject = "labels_from_mocap.md", biopose_data / "opencap_lab_subject4"
    lab = tmp_path / "lab/subject4"
    lab.mkdir(parents=True)
    for name, every in (("walking1", 2), ("static1", 100)):
        thinned(subject / f"MarkerData/{name}.trc", lab / f"{name}.trc", every)
    (rows,) = re.findall(r"((?:^    [\w.,]+,[\w.,]+\n)+)", (TUTORIALS / page).read_text(), re.M)
    (tmp_path / "people.csv").write_text(re.sub("(?m)^    ", "", rows))
    label, *looked_at = commands(page)
    assert any("apart" in line or "OpenSim" in line for line in printed(tmp_path, label))
    trial = tmp_path / "labels/trials/subject4/subject4_walking1"
    names = {path.name.removeprefix("subject4_walking1") for path in trial.iterdir()}
    assert {".trc", "_scaled.osim", ".mot", "_ik_setup.xml"} <= names
    shutil.copyfile(trial / "subject4_walking1.mot", tmp_path / "expert.mot")
    said = [printed(tmp_path, command) for command in looked_at if " train " not in command]
    assert len(said) == 3 and all(said) and (tmp_path / "labels_against_expert.png").is_file()
    monkeypatch.chdir(tmp_path)
    exec(script(page), {})
    assert int(capsys.readouterr().out.split()[0]) >= 1


@pytest.mark.slow
@pytest.mark.tutorial
def test_your_own_model(demo: tuple[Path, list[str]], biopose_data: Path, tmp_path: Path, monkeypatch) -> None:
    page, subject = "your_own_model.md", biopose_data / "opencap_lab_subject4"
    given = {"my.osim": subject / GENERIC, "scaled.osim": subject / "Models/manually_scaled.osim"}
    given |= {"ik_setup.xml": subject / "IK/walking1_ik_on_manually_scaled_setup.xml"}
    given |= {"squat.mov": biopose_data / "video/opencap_samples/squat/video.mp4"}
    for name, source in given.items():
        shutil.copyfile(source, tmp_path / name)
    thinned(subject / "MarkerData/walking1.trc", tmp_path / "walking1.trc", 10)
    shutil.copytree(demo[0] / "biopose_demo", tmp_path / "biopose_demo")
    monkeypatch.chdir(tmp_path)
    exec(script(page), {})
    check, film, *recorded = commands(page)
    subprocess.run([sys.executable, "-c", COMMAND, *check.split()[1:]], cwd=tmp_path, check=False)  # 1: it found some
    printed(tmp_path, film)
    scaled = opensim.Model(str(tmp_path / "squat_biopose/squat_scaled.osim"))
    assert scaled.getMuscles().getSize() == 80 and scaled.getMarkerSet().getSize() == 135
    for command in recorded:
        assert printed(tmp_path, command)
    assert (tmp_path / "both/walking1_difference.png").is_file()


@pytest.mark.slow
@pytest.mark.tutorial
def test_the_commands_of_neural_against_classical(tmp_path: Path) -> None:
    """On squats that are made here, in the place of the film's: of two people for the table."""
    rng = np.random.default_rng(0)
    for folder in ("A", "B"):
        whole = known_squats([2.0, 4.5, 7.0, 9.5, 12.0], seconds=14.5)
        used = [k for k, name in enumerate(whole.names) if name.startswith(("pelvis", "hip_f", "knee_angle", "ankle"))]
        names = [whole.names[k] for k in used]
        motion = Kinematics(names, whole.values[:, used], whole.time_s, whole.rotational[used])
        run = tmp_path / folder / "run"
        run.mkdir(parents=True)
        write_mot(motion, tmp_path / folder / "mocap.mot")
        (run / "biopose.json").write_text("{}")
        shutil.copyfile(DEFAULT_PATH, run / "squat_scaled.osim")
        for solver, degrees in (("fast", 1.0), ("neural", 2.0)):
            values = motion.values + np.deg2rad(degrees * motion.rotational + rng.normal(0, 0.3, motion.values.shape))
            write_mot(Kinematics(motion.names, values, motion.time_s, motion.rotational), run / f"squat_{solver}.mot")
    shutil.copyfile(tmp_path / "A/mocap.mot", tmp_path / "mocap.mot")
    shutil.copytree(tmp_path / "A/run", tmp_path / "squat_biopose")
    page = (TUTORIALS / "neural_against_classical.md").read_text()
    table = re.findall(r"(?m)^ {8}((?:person|[AB]),.+)$", page)
    assert len(table) == 4
    (tmp_path / "people.csv").write_text("\n".join(table) + "\n")
    film, together, cycles = commands("neural_against_classical.md")
    assert film.startswith("biopose ik ")  # as in the first tutorial
    assert any(line.startswith("all motions against mocap.mot") for line in printed(tmp_path, together))
    said = printed(tmp_path, cycles)
    assert [line.split(":")[0] for line in said if "by phase" in line] == ["fast", "neural"]
    assert (tmp_path / "differences.png").is_file() and (tmp_path / "limits.png").is_file()
    (people,) = re.findall(r"(?m)^ {8}(biopose .+)$", page)
    assert any("10 squats of 2 people" in line for line in printed(tmp_path, people))

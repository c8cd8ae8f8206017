"""A batch: what each recording is told, what is left of it, failures, and running it again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_skeleton import build, motion, pose

from biomech.cli import main as command
from biomech.errors import BioposeError
from biomech.leftovers import is_running
from biomech.markers.trc import write_trc
from biomech.pipeline.batch import entries_of, refuse_folder_of_films
from biomech.pipeline.batch_runs import run_batch
from biomech.pipeline.claim import claimed
from biomech.pipeline.options import Options
from biomech.report.batch_tables import BatchTrial, write_tables

CONFIG = """
[defaults]
model = "small.osim"
solver = "fast"
[subjects.anna]
height = 1.70
mass_kg = 62
sex = "female"
group = "patients"
neutral = "anna_neutral.mp4"
[subjects.anna_b]
height = 1.60
[[files]]
path = "anna_walk.mp4"
subject = "anna"
height = 1.71
[[files]]
path = "anna_b_run.mp4"
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    build(folder / "small.osim")
    for name in ("anna_walk.mp4", "anna_b_run.mp4", "anna_neutral.mp4"):
        (folder / name).write_bytes(b"")
    (folder / "biopose.toml").write_text(CONFIG)
    return folder


def test_who_says_what_goes_first(study: Path) -> None:
    """Command, then the file, then its subject, then the defaults."""
    walk, run = entries_of(None, study / "biopose.toml", Options(mass_kg=70.0))
    assert (walk.options.height_m, walk.options.mass_kg, walk.options.sex) == (1.71, 70.0, "female")
    assert (walk.subject, walk.group, walk.name) == ("anna", "patients", "anna_walk")
    assert walk.options.neutral == Options(neutral=str(study / "anna_neutral.mp4")).neutral or "anna_neutral" in str(
        walk.options.neutral
    )
    assert (run.subject, run.options.height_m, run.options.solvers) == ("anna_b", 1.6, ("fast",))
    assert run.options.model == study / "small.osim"


def test_a_folder_is_all_its_recordings_but_the_neutral_one(study: Path) -> None:
    (study / "biopose.toml").write_text(CONFIG.split("[[files]]")[0])
    entries = entries_of(study, study / "biopose.toml")
    assert [(one.name, one.subject) for one in entries] == [("anna_b_run", "anna_b"), ("anna_walk", "anna")]


@pytest.mark.parametrize(
    "said",
    ["[defaults]\nheigth = 1.7", "[people.a]\nheight = 1", "height =", '[[files]]\nsubject = "a"', "subjects = 3"],
)
def test_what_is_not_known_is_told(said: str, study: Path) -> None:
    (study / "biopose.toml").write_text(said)
    with pytest.raises(BioposeError):
        entries_of(None, study / "biopose.toml")


def test_a_folder_of_films_is_no_recording(study: Path, tmp_path: Path) -> None:
    with pytest.raises(BioposeError, match="3 films"):
        refuse_folder_of_films(study)
    refuse_folder_of_films(tmp_path)
    refuse_folder_of_films(study / "anna_walk.mp4")


@pytest.mark.slow
def test_it_goes_on_and_can_be_run_again(tmp_path: Path, capsys, monkeypatch) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    model, truth = build(folder / "small.osim"), motion()
    markers = pose(model, truth)
    markers.positions_m, markers.time_s = markers.positions_m[:12], markers.time_s[:12]
    for name in ("anna_1", "anna_2"):
        write_trc(markers, folder / f"{name}.trc")
    (folder / "bert_1.trc").write_text("broken")
    (folder / "b.toml").write_text('[defaults]\nmodel = "small.osim"\nsolver = "fast"\n[subjects.anna]\ngroup = "g"\n')
    arguments = ["biopose", "batch", str(folder), "--config", str(folder / "b.toml"), "-o", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [*arguments, "--jobs", "2", "--json"])
    with pytest.raises(SystemExit) as left:
        command.main()
    told = json.loads(capsys.readouterr().out)
    assert left.value.code == 1 and told["failed"] == 1
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("recording")
    assert summary["state"].to_dict() == {"anna_1": "done", "anna_2": "done", "bert_1": "failed"}
    assert summary.loc["anna_1", "marker_rms_mm"] < 5 and "PathFileType" in summary.loc["bert_1", "error"]
    ranges = pd.read_csv(tmp_path / "out" / "ranges.csv").set_index(["recording", "coordinate"])
    knee = np.rad2deg(truth.column("knee_angle_r")[:12])
    assert ranges.loc[("anna_1", "knee_angle_r"), "range"] == pytest.approx(knee.max() - knee.min(), abs=1)
    page = (tmp_path / "out" / "index.html").read_text()
    assert 'href="anna_1/anna_1_report.html"' in page and "failed" in page
    assert (tmp_path / "out" / "mean_sd.png").stat().st_size > 10_000
    assert set(pd.read_csv(tmp_path / "out" / "measures.csv")["recording"]) <= {"anna_1", "anna_2"}
    before = (tmp_path / "out" / "anna_1" / "anna_1_fast.mot").stat().st_mtime_ns
    (folder / "bert_1.trc").unlink()
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 0 and "2/2 anna" in capsys.readouterr().out
    assert (tmp_path / "out" / "anna_1" / "anna_1_fast.mot").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('height = "tall"', "`height_m` is a number, not 'tall'"),
        ("height = true", "`height_m` is a number, not 'True'"),
        ("height = nan", "`height_m` is a number, not 'nan'"),
        ("height = 1.7\nheight_m = 1.8", "'height_m' is said twice"),
        ("fill = 1", "`fill` is true or false, not '1'"),
        ("model = 5", "`model` is a path, not '5'"),
        ("solver = [1, 2]", "`solvers` is a list of texts"),
        ("solver = []", "`solvers` is a list of texts"),
        ("every = 0", "`every` is a whole number from 1 on, not '0'"),
        ("every = 1.5", "`every` is a whole number from 1 on"),
        ('person = [1, "a"]', "`person` is a whole number or a list of 2 numbers or 'all'"),
        ("sex = 1979-05-27", "`sex` is a text"),
        ("mass = 1" + "0" * 400, "`mass_kg` is a number"),
        ("group = 5", "'group' is no text"),
    ],
)
def test_values_of_another_type(study: Path, line: str, said: str) -> None:
    text = CONFIG.replace("height = 1.71", line)
    (study / "biopose.toml").write_text(text)
    with pytest.raises(BioposeError) as caught:
        entries_of(None, study / "biopose.toml")
    assert said in str(caught.value) and "anna_walk.mp4" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("files = 5", "no list of tables"),
        ('files = "walk.trc"', "no list of tables"),
        ('[files]\npath = "walk.trc"', "no list of tables"),
        ("[subjects.anna]\ngroup = [1]", "'group' is no text"),
        (f"a = {'[' * 100_000}{']' * 100_000}", "no TOML"),
        (f"a = {'9' * 10_000}", "no TOML"),
        ('[defaults]\nmodel = "a\\u0000b"\n[[files]]\npath = "anna_walk.mp4"', "no name can have"),
    ],
)
def test_lists_that_are_none(study: Path, text: str, said: str) -> None:
    (study / "biopose.toml").write_text(text)
    with pytest.raises(BioposeError, match=said):
        entries_of(None, study / "biopose.toml")


def test_a_word_is_no_path_where_a_file_is_called_so(study: Path) -> None:
    (study / "female").write_text("a file")
    walk, _ = entries_of(None, study / "biopose.toml")
    assert walk.options.sex == "female"


def test_numbers_of_a_list_are_taken(study: Path) -> None:
    (study / "biopose.toml").write_text(CONFIG.replace("height = 1.71", "person = [640, 360]\nmass = 70"))
    walk, _ = entries_of(None, study / "biopose.toml")
    assert walk.options.person == (640, 360) and walk.options.mass_kg == 70.0


def test_tables_of_a_batch_in_which_all_failed(tmp_path: Path) -> None:
    trial = BatchTrial("walk", "walk", "", tmp_path / "walk", 1.0, None, None, {}, 0, "no person in view")
    written = write_tables([trial], tmp_path)
    assert "no person in view" in written[0].read_text()


class Solved:
    """As much of a run's result as a batch looks at."""

    def __init__(self, folder: Path):
        self.files, self.notes = {}, ["a note"]
        self.figures = {"solve": {"frames": 3, "marker_rms_mm": 1.0}}


def sits(source: Path, folder: Path, options: Options, overwrite: bool) -> Solved:
    """Of a person whose neutral trial shows nobody who stands; `anna_b` has none, and a film that is none."""
    if isinstance(options.neutral, Path):
        raise BioposeError("the person sits", where=str(options.neutral), mend="Name another.")
    if source.stem == "anna_b_run":
        raise BioposeError("no film", where=str(source))
    solved = Solved(folder)
    solved.notes += [options.neutral_left_out] if options.neutral_left_out else []
    return solved


def test_a_neutral_trial_that_cannot_be_used_is_left_out(study: Path, tmp_path: Path) -> None:
    entries = entries_of(None, study / "biopose.toml")
    walk, other = run_batch(entries, tmp_path / "out", run=sits)
    assert walk.error is None and "anna_neutral.mp4, which cannot be used: the person sits" in walk.left_out
    assert other.error is not None and other.left_out == ""
    summary = pd.read_csv(write_tables([walk.trial(), other.trial()], tmp_path)[0], keep_default_na=False)
    assert "the person sits" in summary["left_out"][0] and list(summary["state"]) == ["done", "failed"]
    assert "2 notes; run without its neutral trial" in (tmp_path / "index.html").read_text()
    assert walk.left_out in walk.notes  # the run's own record and report say so, too


def test_a_neutral_trial_that_is_not_there_is_a_mistake(study: Path, tmp_path: Path) -> None:
    (walk, _) = entries_of(None, study / "biopose.toml")
    (study / "anna_neutral.mp4").unlink()
    (found,) = run_batch([walk], tmp_path / "out", run=sits)
    assert found.error is not None and "the person sits" in found.error


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from chores import begun_and_long
from biomech.workers import Stop, on_processes

if __name__ == "__main__":
    list(on_processes(begun_and_long, [sys.argv[1]], workers=1, stop=Stop()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_batch_that_is_killed_leaves_nobody_at_work(tmp_path: Path) -> None:
    (tmp_path / "batch_child.py").write_text(CHILD)
    begun = tmp_path / "begun"
    chores = str(Path(__file__).parents[1])
    parent = subprocess.Popen([sys.executable, tmp_path / "batch_child.py", begun, chores])
    for _ in range(600):
        if begun.exists() and begun.read_text():
            break
        time.sleep(0.1)
    child = int(begun.read_text())
    parent.kill()
    parent.wait()
    for _ in range(100):
        if not is_running(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child went on")


def test_two_batches_do_not_share_a_folder(tmp_path: Path) -> None:
    with claimed(tmp_path / "out"), pytest.raises(BioposeError, match="another run is at work"):
        run_batch([], tmp_path / "out")
    assert run_batch([], tmp_path / "out") == [] and not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' names are always texts")
def test_a_name_that_is_no_utf8_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe.trc")).write_text("x")
    with pytest.raises(BioposeError, match="no UTF-8"):
        entries_of(tmp_path, None)

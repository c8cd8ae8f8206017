"""The main job for everybody: a folder each, one table; what is unchanged stays, and a failure is that person's own."""

import csv
import json
from pathlib import Path

import numpy as np
import opensim
import pytest
from seen_bodies import camera, seen, walking  # noqa: F401 (fixtures)

import biomech
from biomech.cli.main import main
from biomech.errors import BioposeError
from biomech.keypoints.keypoints import Keypoints
from biomech.pipeline import people
from biomech.pipeline.options import Options
from biomech.pipeline.people import COLUMNS, PeopleResult, run_everybody
from biomech.pipeline.run import run_ik

TOLD = Options(person="all", size_px=(720, 1280), rate_hz=30.0, focal_px=1100.0, solvers=("fast",))
COCO = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]  # of BlazePose's 33


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, walking, camera, seen) -> Path:  # noqa: F811
    """Two people as another program sees them: one all the time, another beside him who comes later and leaves."""
    points = seen(walking(24), camera)
    xy = points.xy[:, COCO]
    made = tmp_path_factory.mktemp("people") / "two_json"
    made.mkdir()
    for frame in range(24):
        both = [xy[frame] * 0.6 + [0, 200]] + ([xy[frame] * 0.6 + [330, 210]] if 3 <= frame < 22 else [])
        given = [{"pose_keypoints_2d": np.column_stack([one, np.full(17, 0.9)]).ravel().tolist()} for one in both]
        (made / f"two_{frame:06d}.json").write_text(json.dumps({"people": given[::-1]}))
    return made


@pytest.fixture(scope="module")
def finished(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PeopleResult:
    return run_everybody(folder, tmp_path_factory.mktemp("everybody") / "run", TOLD)


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "people.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_each_and_a_table_that_is_true(finished: PeopleResult) -> None:
    table = rows(finished.folder)
    assert tuple(table[0]) == COLUMNS and [row["person"] for row in table] == ["0", "1"]
    assert [float(row["from_s"]) for row in table] == pytest.approx([0, 0.1], abs=2e-3)
    assert [float(row["to_s"]) for row in table] == pytest.approx([23 / 30, 21 / 30], abs=2e-3)
    for row, person in zip(table, finished.people, strict=True):
        result = person.result
        assert result is not None and result.folder == finished.folder / row["folder"]
        keypoints = Keypoints.load(result.keypoints)
        assert int(row["frames"]) == len(keypoints.time_s) and int(row["frames_seen"]) == keypoints.found.sum()
        assert float(row["marker_rms_mm"]) == pytest.approx(result.figures["solve"]["marker_rms_mm"], abs=0.01)
        assert int(row["frames_trusted"]) == result.figures["solve"]["frames_trusted"]
        assert 1.4 < float(row["stature_m"]) < 2.1
        others = [note for note in result.notes if note not in person.notes]
        said = f"{len(others)} more note{'s' * (len(others) > 1)} in {row['folder']}/"
        assert bool(others) == (said in row["notes"])
        model = opensim.Model(str(result.model))
        model.initSystem()
        motion = opensim.TimeSeriesTable(str(result.kinematics)).getIndependentColumn()
        assert motion[0] == pytest.approx(float(row["from_s"]), abs=2e-3)
        assert motion[-1] == pytest.approx(float(row["to_s"]), abs=2e-3)
    assert finished.people[0].result.model.name != finished.people[1].result.model.name  # type: ignore[union-attr]


def test_nothing_runs_twice_and_a_failure_is_ones_own(
    finished: PeopleResult, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def tell(name: str, skipped: bool) -> None:
        if not skipped:
            ran.append(name)

    again = run_everybody(folder, finished.folder, TOLD, on_stage=tell)
    assert ran == [] and [p.row() for p in again.people] == [p.row() for p in finished.people]
    (finished.people[1].result.kinematics).unlink()  # type: ignore[union-attr]
    whole, real = (finished.folder / "people.csv").read_text(), people.walk

    def fails(run, sources, *rest, **more):
        if run.folder.name == "person_0":
            raise BioposeError("he fell out", mend="Catch him.")
        return real(run, sources, *rest, **more)

    monkeypatch.setattr(people, "walk", fails)
    found = run_everybody(folder, finished.folder, TOLD, on_stage=tell)
    assert ran == ["person 1: solve"]
    first, second = rows(finished.folder)
    assert first["notes"].startswith("failed: he fell out Catch him.") and first["marker_rms_mm"] == ""
    assert found.people[0].result is None and second["marker_rms_mm"]
    monkeypatch.setattr(people, "walk", lambda *_, **__: (_ for _ in ()).throw(BioposeError("no")))
    with pytest.raises(BioposeError, match="none of 2 people could be solved"):
        run_everybody(folder, finished.folder, TOLD)
    monkeypatch.setattr(people, "walk", real)
    run_everybody(folder, finished.folder, TOLD)
    assert (finished.folder / "people.csv").read_text() == whole


def test_the_list_in_python(finished: PeopleResult, folder: Path) -> None:
    told = {name: getattr(TOLD, name) for name in ("size_px", "rate_hz", "focal_px", "solvers")}
    found = biomech.ik(folder, person="all", out=finished.folder, **told)
    assert [one.folder for one in found] == [person.folder for person in finished.people]
    assert list(found.table.columns) == list(COLUMNS) and len(found.table) == 2
    for one, (_, row) in zip(found, found.table.iterrows(), strict=True):
        assert one.angles.index[0] == pytest.approx(row["from_s"], abs=2e-3)


def test_the_command(
    finished: PeopleResult, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [str(folder), "--person", "all", "--size-px", "720x1280", "--rate", "30", "--focal-px", "1100"]
    command += ["--solver", "fast", "-o", str(finished.folder)]
    assert called(command, monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("2 of 2 people, people.csv") and lines[1].startswith("  person_0  0.0 to 0.767 s, trusted")
    assert called([*command, "--json"], monkeypatch) == 0
    said = json.loads(capsys.readouterr().out)
    assert [Path(one["model"]).is_file() for one in said["people"]] == [True, True]
    monkeypatch.setattr(people, "walk", lambda *_, **__: (_ for _ in ()).throw(BioposeError("no")))
    assert called(command, monkeypatch) == 2
    assert "none of 2 people could be solved" in capsys.readouterr().err


def called(command: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["biopose", "ik", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_who_is_no_longer_there_is_taken_away(tmp_path: Path) -> None:
    place = tmp_path / "person_2"
    place.mkdir()
    (place / "biopose.json").write_text('{"stages": {}}')
    mine = tmp_path / "person_3"
    mine.mkdir()
    (mine / "notes.txt").write_text("of the user's")
    people._drop_gone(tmp_path, 2)
    assert not place.exists() and mine.exists()


def test_what_is_one_persons_is_refused(tmp_path: Path) -> None:
    def refused(source: str, why: str, options: Options = TOLD) -> None:
        with pytest.raises(BioposeError, match=why):
            run_everybody(tmp_path / source, tmp_path / "out", options)
        assert not (tmp_path / "out").exists()

    refused("walk.trc", "this is one person's")
    refused("walk_keypoints.npz", "this is one person's")
    refused("walk.mp4", "`neutral` is a film of one person", Options(person="all", neutral=Path("stand.mp4")))
    with pytest.raises(BioposeError, match="for one recording"):
        run_everybody([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out", TOLD)
    with pytest.raises(BioposeError, match="`person=all` is for `biopose ik`"):
        run_ik(tmp_path / "walk.mp4", tmp_path / "out", TOLD)

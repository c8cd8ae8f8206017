"""A run's folder: what runs again, what does not, and what a failure leaves behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from biomech.errors import BioposeError
from biomech.files import sha256, whole_file
from biomech.pipeline.record import RECORD, Run, peak_memory_mb


class Stages:
    """Two stages, one after the other, that note what they did."""

    def __init__(self, folder: Path, source: Path):
        self.folder, self.source = folder, source
        self.ran: list[str] = []
        self.said: list[tuple[str, bool]] = []

    def run(self, *, overwrite: bool = False, fails: bool = False, **options: Any) -> list[str]:
        """Names of the stages that ran."""
        run = Run.open(
            self.folder, overwrite=overwrite, on_stage=lambda name, skipped: self.said.append((name, skipped))
        )
        self.ran = []
        first, second = self.folder / "first.txt", self.folder / "second.txt"
        run.stage(
            "first",
            inputs={"recording": self.source},
            outputs=[first],
            options={"loud": options.get("loud", False)},
            work=lambda: self.work("first", first, self.source.read_text() + str(options.get("loud")), False),
        )
        run.stage(
            "second",
            inputs={"first": first},
            outputs=[second],
            options={"path": Path("a")},
            work=lambda: self.work("second", second, first.read_text().upper(), fails),
        )
        return self.ran

    def solve(self, text: str, **solvers: str) -> tuple[list[str], list[str]]:
        """Files that a run with these solvers leaves, of which the first is the main one, and what it took away."""
        self.folder.mkdir(parents=True, exist_ok=True)
        run = Run.open(self.folder)
        model = self.folder / "model.txt"
        steps = [("scale", {}, model, text)]
        for k, (solver, motion) in enumerate(solvers.items()):
            stage = f"solve_{solver}" if k else "solve"
            steps.append((stage, {"model": model, "network": self.source}, self.folder / f"{solver}.mot", motion))
        for name, inputs, output, content in steps:
            run.stage(
                name,
                inputs=inputs,
                outputs=[output],
                options={"content": content},
                work=lambda output=output, content=content: {"letters": output.write_text(content)},
            )
        run.drop_outdated([name for name, *_ in steps])
        return sorted(path.name for path in self.folder.iterdir() if path.name != RECORD), run.removed

    def work(self, name: str, path: Path, text: str, fails: bool) -> dict[str, Any]:
        self.ran.append(name)
        with whole_file(path) as temporary:
            temporary.write_text(text)
            if fails:
                raise BioposeError("it cannot be done")
        return {"letters": len(text), "notes": [f"{name} is done"]}


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    source = tmp_path / "source.txt"
    source.write_text("abc")
    return Stages(tmp_path / "out" / "run", source)


def record(stages: Stages) -> dict[str, Any]:
    return json.loads((stages.folder / RECORD).read_text())


def test_what_is_unchanged_does_not_run_again(stages: Stages) -> None:
    assert stages.run() == ["first", "second"]
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in stages.folder.iterdir()}
    assert stages.run() == []
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in stages.folder.iterdir()} == before
    assert stages.said == [("first", False), ("second", False), ("first", True), ("second", True)]


def test_what_changed_runs_again_with_what_hangs_on_it(stages: Stages) -> None:
    stages.run()
    assert stages.run(loud=True) == ["first", "second"]
    stages.source.write_text("abcd")
    assert stages.run(loud=True) == ["first", "second"]
    (stages.folder / "second.txt").write_text("edited by hand")
    assert stages.run(loud=True) == ["second"]
    (stages.folder / "first.txt").unlink()
    assert stages.run(loud=True) == ["first"], "the same first file again: the second stage has its input"
    assert stages.run(loud=True, overwrite=True) == ["first", "second"]


def test_what_was_edited_is_kept(stages: Stages) -> None:
    """A copy of it, told; no copy of what comes out as it was, of what a run wrote, or of a run that failed."""
    stages.run()
    second, kept = stages.folder / "second.txt", stages.folder / "second_kept.txt"
    second.write_text("edited by hand")
    with pytest.raises(BioposeError):
        stages.run(fails=True)
    assert second.read_text() == "edited by hand" and not kept.exists()
    assert stages.run() == ["second"]
    assert second.read_text() == "ABCNONE" and kept.read_text() == "edited by hand"
    first, *others = record(stages)["stages"]["second"]["notes"]
    assert "is kept as second_kept.txt" in first and others == ["second is done"]
    second.write_text("again")
    assert stages.run(loud=True) == ["first", "second"]
    assert (stages.folder / "second_kept2.txt").read_text() == "again"
    stages.run(loud=True, overwrite=True)
    (stages.folder / RECORD).unlink()
    assert stages.run(loud=True) == ["first", "second"], "nothing says who wrote these, and they are the same"
    assert sorted(p.name for p in stages.folder.iterdir() if "kept" in p.name) == [
        "second_kept.txt",
        "second_kept2.txt",
    ]


def test_another_version_runs_again(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    stages.run()
    monkeypatch.setattr("biomech.pipeline.record.__version__", "999")
    monkeypatch.setattr("biomech.pipeline.provenance.__version__", "999")
    assert stages.run() == ["first", "second"] and record(stages)["biopose"] == "999"


def test_the_record(stages: Stages) -> None:
    stages.run()
    found = record(stages)
    assert found["versions"]["python"] and found["versions"]["numpy"]
    first = found["stages"]["first"]
    assert first["letters"] == 7 and first["notes"] == ["first is done"] and first["options"] == {"loud": False}
    assert set(first["inputs"]) == {"recording"} and len(first["outputs"]["first.txt"]) == 64
    assert first["seconds"] >= 0 and 10 < first["peak_memory_mb"] < 100_000


def test_a_failure_leaves_earlier_files_whole(stages: Stages) -> None:
    stages.run()
    written = (stages.folder / "second.txt").read_bytes()
    with pytest.raises(BioposeError, match="cannot be done"):
        stages.run(loud=True, fails=True)
    assert sorted(p.name for p in stages.folder.iterdir()) == [RECORD, "first.txt", "second.txt"]
    assert (stages.folder / "second.txt").read_bytes() == written
    assert record(stages)["stages"]["first"]["options"] == {"loud": True}
    assert stages.run(loud=True) == ["second"], "what succeeded before the failure need not run again"
    assert (stages.folder / "second.txt").read_text() == "ABCTRUE"


def test_a_failure_at_once_leaves_no_folder(tmp_path: Path) -> None:
    def work() -> dict[str, Any]:
        raise BioposeError("nobody in view")

    run = Run.open(tmp_path / "out")
    with pytest.raises(BioposeError):
        run.stage("first", inputs={}, outputs=[], options={}, work=work)
    assert not (tmp_path / "out").exists()


def test_places_that_are_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BioposeError, match="there is a file where the results should go"):
        Run.open(tmp_path / "file")
    with pytest.raises(BioposeError, match="there is a file where the results should go"):
        Run.open(tmp_path / "file" / "results")
    (tmp_path / RECORD).write_text("{half")
    with pytest.raises(BioposeError, match="not the record of an earlier run") as caught:
        Run.open(tmp_path)
    assert "Delete it" in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine" and (tmp_path / RECORD).read_text() == "{half"


def test_a_place_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before the work, not after it; tests run as root may write anywhere."""
    monkeypatch.setattr("os.access", lambda place, mode: place != tmp_path)
    with pytest.raises(BioposeError, match="may not be written"):
        Run.open(tmp_path / "new" / "results")


def test_memory_is_in_megabytes() -> None:
    before = peak_memory_mb()
    held = bytearray(150 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    assert 50 < before <= peak_memory_mb() < 200_000
    del held


def test_two_files_of_one_name_are_two(tmp_path: Path) -> None:
    """``A/walk.trc`` and ``B/walk.trc``: which one plays which part is in the key."""
    for name, text in (("a", "one"), ("b", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "walk.trc").write_text(text)
    first, second = (tmp_path / name / "walk.trc" for name in "ab")
    ran: list[str] = []

    def work() -> dict[str, Any]:
        ran.append("now")
        with whole_file(tmp_path / "out" / "result") as temporary:
            temporary.write_text("result")
        return {}

    def run(trial: Path, static: Path) -> None:
        inputs = {"trial": trial, "static": static}
        Run.open(tmp_path / "out").stage(
            "solve", inputs=inputs, outputs=[tmp_path / "out" / "result"], options={}, work=work
        )

    run(first, second)
    run(first, second)
    assert len(ran) == 1
    run(second, first)
    assert len(ran) == 2


def test_other_code_runs_again(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    stages.run()
    monkeypatch.setattr("biomech.pipeline.record.code_hash", lambda *modules: "another constant")
    assert stages.run() == ["first", "second"]


def test_results_of_other_options_do_not_stay_beside_these(stages: Stages) -> None:
    assert stages.solve("big", neural="a", fast="b") == (["fast.mot", "model.txt", "neural.mot"], [])
    # Another solver's motion on the same model is still right, on another one it is not.
    assert stages.solve("big", neural="a") == (["fast.mot", "model.txt", "neural.mot"], [])
    assert stages.solve("small", neural="a") == (["model.txt", "neural.mot"], ["fast.mot"])
    assert list(record(stages)["stages"]) == ["scale", "solve"]
    # The quality and the setup beside a motion are named alike by every solver, so that its forerunner goes.
    assert stages.solve("small", fast="c") == (["fast.mot", "model.txt"], ["neural.mot"])


def test_what_the_user_changed_is_not_taken_away(stages: Stages) -> None:
    stages.solve("big", neural="a")
    (stages.folder / "neural.mot").write_text("mine")
    assert stages.solve("big", fast="b") == (["fast.mot", "model.txt", "neural.mot"], [])


def test_what_the_user_gives_is_not_taken_away(stages: Stages) -> None:
    stages.solve("big", neural="a")
    run = Run.open(stages.folder)
    outputs = record(stages)["stages"]["solve"]["outputs"]
    run.given = frozenset([str((stages.folder / "neural.mot").resolve())])
    run.remove(outputs | {"../../source.txt": sha256(stages.source)})
    assert run.removed == [] and stages.source.is_file()
    run.given = frozenset()
    run.remove(outputs)
    assert run.removed == ["neural.mot"]

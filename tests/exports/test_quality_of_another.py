"""What an export refuses, and that it leaves all or nothing."""

from pathlib import Path

import numpy as np
import pytest
from small_skeleton import build, motion

from biomech.errors import BioposeError
from biomech.exports import write
from biomech.exports.take import Take
from biomech.exports.write import write_exports
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.pipeline.solve import read_uncertainty

HEAD = "time,quality,marker_rms_mm,marker_max_mm,trusted,reason,not_determined\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    write_mot(motion(8), tmp_path / "a.mot")
    quality = tmp_path / "a_quality.csv"
    quality.write_text(HEAD + "".join(f"{time},1,0,0,1,,\n" for time in motion(8).time_s))
    return [build(tmp_path / "small.osim"), tmp_path / "a.mot", quality]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (1000 * motion(8).time_s, "no row at"),
        (motion(8).time_s[:4], "no row at"),
        (motion(8).time_s + 0.005, "no row at"),
        (motion(8).time_s[::-1], "do not increase"),
        (np.full(8, np.nan), "do not increase"),
    ],
)
def test_times_of_another_motion(files: list[Path], times: np.ndarray, said: str) -> None:
    assert Take.read(files).trusted is not None
    files[2].write_text(HEAD + "".join(f"{time},1,0,0,1,,\n" for time in times))
    with pytest.raises(BioposeError, match=said):
        Take.read(files)
    with pytest.raises(BioposeError, match=said):
        Trusted.read(files[2]).rows(motion(8).time_s)
    columns = [f"{name}_{'deg' if turns else 'mm'}" for name, turns in _columns()]
    unsure = files[2].with_name("a_uncertainty.csv")
    unsure.write_text(",".join(["time", *columns]) + "\n" + "".join(f"{t}{',1' * len(columns)}\n" for t in times))
    with pytest.raises(BioposeError, match=said):
        read_uncertainty(unsure, motion(8))


def _columns() -> list[tuple[str, bool]]:
    return list(zip(motion(8).names, motion(8).rotational.tolist(), strict=True))


@pytest.mark.parametrize(
    ("value", "said"),
    [("nan", "pelvis_tx is not a number at 2.04 s"), ("1e9", r"pelvis_tx is 1e\+09 m"), ("-1e300", "m at 2.04 s")],
)
def test_what_no_person_does_is_not_exported(files: list[Path], value: str, said: str) -> None:
    lines = files[1].read_text().splitlines()
    cells = lines[-6].split("\t")
    lines[-6] = "\t".join([*cells[:4], value, *cells[5:]])
    files[1].write_text("\n".join(lines) + "\n")
    with pytest.raises(BioposeError, match=said):
        Take.read(files)


def test_a_failure_leaves_what_was_there(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take, out = Take.read(files), tmp_path / "new" / "out"
    writer = write._writer

    def failing(name: str):
        def fails(*_: object) -> list[str]:
            raise BioposeError("no ink", where=str(_[1]))

        return fails if name == "json" else writer(name)

    monkeypatch.setattr(write, "_writer", failing)
    with pytest.raises(BioposeError, match="no ink") as caught:
        write_exports(take, out, ["csv", "json"])
    assert not out.parent.exists() and caught.value.where == str(out / "a_viewer.json")
    monkeypatch.undo()
    (table,) = write_exports(take, out, ["csv"]).files.values()
    table.write_text("mine")
    monkeypatch.setattr(write, "_writer", failing)
    with pytest.raises(BioposeError, match="no ink"):
        write_exports(take, out, ["csv", "json"], overwrite=True)
    assert [path.name for path in out.iterdir()] == [table.name] and table.read_text() == "mine"


def test_frames_beyond_what_a_c3d_counts(files: list[Path], tmp_path: Path) -> None:
    late = motion(8)
    write_mot(Kinematics(late.names, late.values, late.time_s + 1e6, late.rotational), files[1])
    exported = write_exports(Take.read(files[:2]), tmp_path / "late.c3d", ["c3d"])
    assert exported.notes == ["the .c3d counts frames from 0: its times are +1000002.0000 s off"]

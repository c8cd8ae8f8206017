"""Which frames are to be trusted: judged once, written into the quality file, and read there as it was."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomech.errors import BioposeError
from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.trusted import COLUMNS, MARKED, Trusted, share_of_frames

OPEN = ["", "", "", "", "", "hip_rotation_l arm_rot_l"]
WHY = [
    "",
    "quality below 0.5",
    "too few markers",
    "marker RMS over 2 cm; a marker over 4 cm off",
    "the network doubts it",
]


@pytest.fixture
def errors() -> MarkerErrors:
    distances = np.full((6, 2), 0.002)
    distances[2] = np.nan
    distances[3] = 0.05
    return MarkerErrors(["A", "B"], distances, np.arange(6) / 30, np.isfinite(distances).all(1))


@pytest.fixture
def quality() -> np.ndarray:
    return np.array([0.5, 0.49, 0.9, 1.0, 1.0, 1.0])


@pytest.fixture
def trusted(errors: MarkerErrors, quality: np.ndarray) -> Trusted:
    return Trusted.judge(quality, errors, np.arange(6) == 4, OPEN, np.arange(6) == 5)


def test_every_frame_has_its_reason(trusted: Trusted) -> None:
    assert list(trusted.reasons) == [*WHY, "not determined by the markers seen"]
    assert trusted.frames.tolist() == [True] + 5 * [False]
    (note,) = trusted.notes()
    assert note.startswith("5 of 6 frames are not trusted") and "quality below 0.5 (1)" in note
    assert note.endswith("a frame may have several reasons")
    one = Trusted(trusted.time_s, ["a", "b", *4 * [""]], trusted.not_determined)
    assert one.notes() == ["2 of 6 frames are not trusted: a (1), b (1)"]
    both = Trusted(trusted.time_s, ["a; b", "a", *4 * [""]], trusted.not_determined)
    assert both.notes() == ["2 of 6 frames are not trusted: a (2), b (1); a frame may have several reasons"]


def test_quality_that_is_not_known_is_not_trusted(errors: MarkerErrors) -> None:
    judged = Trusted.judge(np.full(6, np.nan), errors, False, [""] * 6, np.zeros(6, dtype=bool))
    assert not judged.frames.any()


def test_what_the_recovery_doubts_is_not_trusted(errors: MarkerErrors) -> None:
    judged = Trusted.judge(np.ones(6), errors, False, OPEN, np.zeros(6, dtype=bool), ["the knee"] + 5 * [""])
    assert list(judged.reasons[:2]) == ["the knee", ""]


def test_what_is_read_is_what_was_judged(
    trusted: Trusted, errors: MarkerErrors, quality: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "walk_quality.csv"
    trusted.write(path, quality, errors)
    assert pd.read_csv(path).columns.tolist() == list(COLUMNS)
    read = Trusted.read(path)
    assert list(read.reasons) == list(trusted.reasons) and list(read.not_determined) == OPEN
    np.testing.assert_array_equal(read.frames, trusted.frames)


@pytest.mark.parametrize("text", ["", "time,quality\n0,1\n", "time,reason,not_determined\nnoon,,\n"])
def test_another_table_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "walk_quality.csv").write_text(text)
    with pytest.raises(BioposeError, match="not a quality file"):
        Trusted.read(tmp_path / "walk_quality.csv")


def test_the_column_decides_that_somebody_may_edit(tmp_path: Path) -> None:
    path = tmp_path / "quality.csv"
    head, row = ",".join(COLUMNS), "{},0.9,3,8,{},{},"
    path.write_text(
        "\n".join([head, row.format(0.0, 0, ""), row.format(0.1, 1, "poorly seen"), row.format(0.2, 1, "")])
    )
    read = Trusted.read(path)
    assert read.frames.tolist() == [False, True, True] and list(read.reasons) == [MARKED, "", ""]
    path.write_text("\n".join([head, row.format(0.0, 2, "")]))
    with pytest.raises(BioposeError, match="is '2' in line 2"):
        Trusted.read(path)


def test_toes_that_no_marker_shows_make_no_frame_untrusted() -> None:
    believed = np.array([[True, False], [True, False], [False, False], [True, True]])
    assert share_of_frames(believed) == 0.75


def test_abbreviations_of_the_virtual_markers_are_told_in_words() -> None:
    far = np.array([[0.0, 0.09]])
    (_, largest) = MarkerErrors(["RASI", "rring"], far, np.zeros(1), np.ones(1, bool)).flags()
    assert "(marker rring, right tip of the ring finger)" in largest
    (_, largest) = MarkerErrors(
        ["mine1", "mine2", "rring"], np.array([[0, 0, 0.09]]), np.zeros(1), np.ones(1, bool)
    ).flags()
    assert "(marker rring)" in largest  # another set's


@pytest.mark.parametrize(
    ("trusted", "said"), [("yes", "'yes' in line 3"), ("", "empty in line 3"), ("0.5", "'0.5' in line 3")]
)
def test_what_is_neither_0_nor_1_is_named_with_its_line(tmp_path, trusted, said):
    path = tmp_path / "quality.csv"
    path.write_text(f"time,trusted,reason,not_determined\n0,1,,\n0.1,{trusted},,\n")
    with pytest.raises(BioposeError, match=said):
        Trusted.read(path)
    path.write_text("time,trusted,reason,not_determined\n")
    with pytest.raises(BioposeError, match="no frames"):
        Trusted.read(path)

"""`biopose ik` given what it cannot use: exit code 2, one message that says what to do, and nothing left behind."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from biomech import assets
from biomech.cli.main import main
from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.trc import write_trc

Answer = tuple[int, str]
Biopose = Callable[..., Answer]


@pytest.fixture
def biopose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Biopose:
    """Run the command in an empty folder; answers the exit code and what stood on stderr."""
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)

    def call(*arguments: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["biopose", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert said.out == "" and "Traceback" not in said.err
        assert list(working.iterdir()) == [], "something was left behind"
        return int(left.value.code or 0), said.err

    return call


def film(path: Path, frames: int = 5, size: int = 256) -> Path:
    """A plain grey film without anybody."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            picture = np.full((size, size, 3), 128, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        for index in range(43):
            frame.pts = 1024 * index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def still(path: Path) -> Path:
    cv2.imwrite(str(path), np.full((64, 64, 3), 90, np.uint8))
    return path


def text(path: Path) -> Path:
    path.write_text("this is no video\n" * 200)
    return path


def cut(path: Path) -> Path:
    """The first half of a film: its index, at the end, is missing."""
    whole = film(path.with_name("whole.mp4")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def nothing(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def no_pictures(path: Path) -> Path:
    path.mkdir()
    (path / "notes.txt").write_text("nothing to see")
    return path


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("text.mp4", text, "a text, not a video"),
        ("cut.mp4", cut, "not a video that can be read, or damaged"),
        ("empty.mp4", nothing, "not a video that can be read, or damaged"),
        ("still.jpg", still, "a single picture, not a clip"),
        ("still.png", still, "a single picture, not a clip"),
        ("sound.m4a", sound, "no picture track, only sound or data"),
        ("folder", no_pictures, "no pictures in this folder"),
    ],
)
def test_what_is_no_video(
    tmp_path: Path, biopose: Biopose, name: str, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path / name)
    code, said = biopose("ik", path)
    assert code == 2
    first, *rest = said.splitlines()
    assert first.startswith(f"Error: {path}: ") and message in first
    assert len(rest) == 1, "one line that says what to do"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--height", "17"], "a height of 17.0 m is not a person's"),
        (["--height", "178"], "a height of 178.0 m is not a person's"),
        (["--mass", "0.07"], "a mass of 0.07 kg is not a person's"),
        (["--person", "foo"], "--person foo is neither a number nor a pixel"),
        (["--detector", "openpose"], "Give --detector blazepose or mmpose or onnx;"),
        (["--end", "0"], "holds nothing"),
        (["--start", "100"], "no frame between 100 s and the end"),
        (["--focal-px", "0"], "a focal length of 0 px cannot be"),
        (["--fov", "60", "--focal-px", "900"], "both given"),
        (["--model", "mine.osim"], "--model and --markers go together"),
        (["--model", "mine.osim", "--markers", "mine.xml"], "mine.osim: no such file"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, biopose: Biopose, arguments: list[str], message: str) -> None:
    code, said = biopose("ik", film(tmp_path / "film.mp4"), *arguments)
    assert code == 2 and message in said


def test_a_number_that_is_none(tmp_path: Path, biopose: Biopose) -> None:
    code, said = biopose("ik", film(tmp_path / "film.mp4"), "--height", "tall")
    assert code == 2 and "--height" in said and "number" in said


def test_nobody_in_view(tmp_path: Path, biopose: Biopose) -> None:
    try:
        assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))
    path = film(tmp_path / "film.mp4")
    code, said = biopose("ik", path, "-o", "out")
    assert code == 2 and f"Error: {path}: no person in view" in said


def test_a_folder_of_another_video_is_refused(tmp_path: Path, biopose: Biopose) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    record = json.dumps({"source": {"name": "other.mp4", "sha256": ["0"]}, "stages": {}})
    (folder / "biopose.json").write_text(record)
    code, said = biopose("ik", film(tmp_path / "film.mp4"), "-o", folder)
    assert code == 2 and "results of another recording (other.mp4)" in said and "--overwrite" in said
    assert (folder / "biopose.json").read_text() == record and len(list(folder.iterdir())) == 1


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        (["recover"], "keypoints.npz", "not a keypoint file"),
        (["extract"], "motion.npz", "not a body motion"),
        (["detect"], "film.mp4", "not a video"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_the_other_commands(
    tmp_path: Path, biopose: Biopose, command: list[str], name: str, message: str, exists: bool
) -> None:
    path = tmp_path / name
    if exists:
        text(path)
    code, said = biopose(command[0], path, *command[1:])
    assert code == 2 and (message in said or "no such file" in said.lower())


MODEL = "opencap_lab_subject4/Models/manually_scaled.osim"


@pytest.mark.parametrize("weights", ["", "."])
def test_weights_that_are_a_folder(tmp_path: Path, biopose: Biopose, weights: str) -> None:
    code, said = biopose("mesh", film(tmp_path / "film.mp4"), "--recover", "mqhmr", "--mqhmr-weights", weights)
    assert code == 2 and "a folder, not a file" in said


def trial(path: Path, names: list[str], scale: float = 1.0) -> Path:
    """Two frames of markers on a staff as long as a person."""
    places = [(0.1 * i % 0.4, 1.7 * i / len(names), 0.07 * i % 0.3) for i in range(len(names))]
    markers = Markers(names, scale * np.array([places, places]) + 0.1, np.array([0.0, 0.01]))
    write_trc(markers, path)
    return path


@pytest.mark.parametrize(
    ("names", "scale", "arguments", "message"),
    [
        (["a1", "a2", "a3", "a4"], 1, [], "share 0 markers; the file has a1, a2, a3, a4; the model has C7, R_Shoulder"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 9e3, [], "no person does"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--solver", "slow"], "no solver 'slow'"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--up", "north"], "--up north is no axis"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--start", "5"], "no frame between 5 s"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--mirror"], "--mirror is for a video"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--fov", "60"], "--fov is for a video"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--every", "2"], "--every is for a video"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--height", "1.7"], "--height scales a model, and without --static"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--tasks", "absent.xml"], "absent.xml: no such file"),
        (["C7", "r_knee", "r_calc", "r.ASIS"], 1, ["--static", "absent.trc"], "absent.trc: no such file"),
    ],
)
def test_markers_that_cannot_be_solved(
    biopose_data: Path, tmp_path: Path, biopose: Biopose, names: list[str], scale: float, arguments: list, message: str
) -> None:
    path = trial(tmp_path / "trial.trc", names, scale)
    code, said = biopose("ik", path, "--model", biopose_data / MODEL, *arguments)
    assert code == 2 and message in said


def test_markers_without_what_they_need(biopose_data: Path, tmp_path: Path, biopose: Biopose) -> None:
    path = trial(tmp_path / "trial.trc", ["C7", "r_knee", "r_calc", "r.ASIS"])
    for arguments, message in (
        ([], "nothing to solve with"),
        (["--model", biopose_data / MODEL, "--static", path], "which distances between your markers"),
        (["--model", biopose_data / "models/laiuhlrich2022_opencap/LaiUhlrich2022.osim"], "the model has no markers"),
        (["--model", biopose_data / MODEL, "-o", tmp_path], "written over this file"),
    ):
        code, said = biopose("ik", path, *arguments)
        assert code == 2 and message in said
        assert list(tmp_path.glob("*.*")) == [path]
    code, said = biopose("ik", tmp_path / "absent.trc", "--model", biopose_data / MODEL)
    assert code == 2 and "absent.trc: no such file" in said


def test_markers_options_are_refused_for_a_video(tmp_path: Path, biopose: Biopose) -> None:
    path = film(tmp_path / "film.mp4")
    for flag, *value in (["--up", "z"], ["--personalise"], ["--subject", "A"], ["--static", "a.trc"], ["--recovered"]):
        code, said = biopose("ik", path, flag, *value)
        assert code == 2 and f"{flag} is for recorded markers (.trc, .c3d), not for a video" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-refine"], "--no-refine is for MQ-HMR (--recover mqhmr)"),
        (["--mqhmr-weights", __file__], "--mqhmr-weights is for MQ-HMR (--recover mqhmr)"),
        (["--recover", "mqhmr", "--neutral", "1", "2"], "--neutral is for the fit (--recover fit)"),
    ],
)
def test_what_the_recoverer_has_no_use_for(
    tmp_path: Path, biopose: Biopose, arguments: list[str], message: str
) -> None:
    code, said = biopose("ik", film(tmp_path / "film.mp4"), *arguments)
    assert code == 2 and message in said


def test_a_folder_in_a_films_place_is_called_one(tmp_path: Path, biopose: Biopose) -> None:
    code, said = biopose("ik", film(tmp_path / "film.mp4"), "--neutral", tmp_path)
    assert code == 2 and f"{tmp_path}: a folder, not a file" in said

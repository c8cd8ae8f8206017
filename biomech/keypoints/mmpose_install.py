"""Installing mmpose, which ``pip install mmpose`` does not do: `biopose doctor --install mmpose`.

mmpose 1.3.2 asks for chumpy, which no longer builds and which 2D networks do not need; for an xtcocotools whose
wheels are of numpy 1; for mmdet within bounds that mmcv 2.2 breaks; and, on importing, for pkg_resources, which
setuptools 81 lost. So its parts are installed one by one without what they ask for, at versions that were tried
together; what they need of it is named here.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from biomech.errors import BioposeError

OLDEST_TORCHVISION = 15  # torch 2.0 goes with torchvision 0.15, and so on
PLAIN = (
    "addict json_tricks munkres packaging pillow pycocotools pyyaml rich scipy shapely six termcolor terminaltables "
    "tqdm yapf cython wheel matplotlib setuptools<81"
).split()
# mmcv-lite is mmcv without its compiled operators, which take an hour to build and which top-down networks do not call.
PARTS = ("mmcv-lite==2.2.0", "mmengine==0.10.7", "mmpose==1.3.2", "onedl-mmdetection==3.5.1")
BUILT = "xtcocotools==1.14.3"
# In mmpose's wheel; top-down, SimCC.
CONFIG = ".mim/configs/body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py"
Say = Callable[[str], None]


def install_mmpose(say: Say = lambda _: None) -> Path:
    """Install mmpose beside this package, and build one of its networks to see that it works.

    Args:
        say: told of every step.

    Returns:
        The config of that network, RTMPose-m, which may be given as ``detector_config``.

    Raises:
        BioposeError: pip fails, or the network does not work.
    """
    with tempfile.TemporaryDirectory() as folder:
        constraint = Path(folder) / "constraint.txt"
        constraint.write_text("setuptools<81\n")
        for said, arguments in steps(metadata.version("torch")):
            say(said)
            _pip(arguments, constraint)
    say("building RTMPose-m")
    check = "from biomech.keypoints.mmpose_install import try_out; print(try_out())"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ends without a word"])[-1]
        raise BioposeError(f"mmpose is installed and does not work: {last[:300]}", mend="Use `detector=onnx` instead.")
    return Path(done.stdout.strip().splitlines()[-1])


def steps(torch: str) -> list[tuple[str, list[str]]]:
    """What pip is told, in order, with what to say meanwhile.

    Args:
        torch: version of the one that is installed, which stays.

    Returns:
        Arguments of ``pip install``.

    Raises:
        BioposeError: this torch has no torchvision that is known.
    """
    major, minor = (int(part) for part in torch.split(".")[:2])
    if major != 2:
        raise BioposeError(f"torch {torch} is of a kind that mmpose was not tried with", mend="Install torch 2.")
    return [
        ("what mmpose needs", [*PLAIN, f"torch=={torch}"]),
        (
            "mmpose and its parts",
            ["--no-deps", *PARTS, f"torchvision==0.{OLDEST_TORCHVISION + minor}.*"],
        ),
        ("xtcocotools, built here", ["--no-deps", "--no-build-isolation", "--no-binary", "xtcocotools", BUILT]),
    ]


def try_out() -> Path:
    """Build RTMPose-m from mmpose's own config, its weights as chance has them, and let it look at a grey picture.

    Returns:
        The config.

    Raises:
        Exception: whatever does not work.
    """
    import mmpose  # type: ignore[import-not-found]
    import numpy as np

    from biomech.keypoints.mmpose_network import initialised, predict

    config = Path(mmpose.__file__).parent / CONFIG
    xy, _ = predict(initialised(config), np.full((128, 96, 3), 128, np.uint8), (48.0, 64.0), (96.0, 128.0))
    assert xy.shape == (17, 2)
    return config


def _pip(arguments: list[str], constraint: Path) -> None:
    told = {**os.environ, "PIP_CONSTRAINT": str(constraint), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "install", "-q", *arguments]
    done = subprocess.run(command, env=told, capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines()[-1:]
        raise BioposeError(
            f"pip fails: {' '.join(said)[:400]}",
            where=" ".join(arguments),
            mend="Install it by hand, or use `detector=onnx`, which needs `pip install 'biopose[onnx]'` alone.",
        )

"""A top-down network of mmpose: its own config and a checkpoint, run by mmpose itself.

A config of mmpose's is Python, which mmpose runs: give one that you trust. A checkpoint is read as tensors and
nothing else is. Without the compiled operators of mmcv and torchvision, which pip does not bring on every machine,
what top-down networks need of them works all the same (``_without_compiled_operators``).
"""

import contextlib
import importlib.machinery
import importlib.util
import pickle
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from biomech.errors import BioposeError, plainly
from biomech.files import check_file
from biomech.keypoints.layouts import layout_names
from biomech.keypoints.top_down import PADDING

CONFIG_MEND = "Give `detector_config` with mmpose's config of the network, and `detector_weights` with its checkpoint."
NAMES = {"hip": "mid_hip", "pelvis": "mid_hip"}  # of a data set's points, where ours differ


class MMPoseNetwork:
    """A ``TopDownNetwork`` that mmpose runs.

    Args:
        config: mmpose's (.py), whose head is of a top-down network.
        checkpoint: its weights (.pth).
        layout: of its points, where the config's data set does not name them.
        threads: of torch; by default as torch likes.

    Raises:
        BioposeError: one of the files is missing or not what it should be, or they do not go together.
    """

    def __init__(self, config: Path, checkpoint: Path, layout: str | None = None, threads: int | None = None):
        config, checkpoint = check_file(Path(config), mend=CONFIG_MEND), check_file(Path(checkpoint), mend=CONFIG_MEND)
        self._model = initialised(config, threads)
        _fill(self._model, _weights(checkpoint), config, checkpoint)
        self._path = checkpoint
        self.aspect = _aspect(self._model, config)
        self.name = f"mmpose {checkpoint.stem}"
        blank = np.zeros((64, 64, 3), np.uint8)
        count = len(self.look(blank, (32.0, 32.0), (48.0, 64.0))[0])
        self.point_names = _names(self._model, count, layout, config)

    def look(
        self,
        frame: UInt8[np.ndarray, "height width 3"],
        center_px: tuple[float, float],
        box_px: tuple[float, float],
    ) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
        """The points of the person in an upright box: see ``TopDownNetwork.look``.

        Args:
            frame: RGB, upright.
            center_px: of the box.
            box_px: its width and height, padding and all.

        Returns:
            Pixels of the frame, and mmpose's scores.

        Raises:
            BioposeError: the network fails on the picture.
        """
        try:
            return predict(self._model, frame, center_px, box_px)
        except (RuntimeError, ValueError, AttributeError, IndexError, KeyError, TypeError) as error:
            raise BioposeError(
                f"mmpose fails on a picture: {str(error).splitlines()[0][:200] if str(error) else plainly(error)}",
                where=str(self._path),
                mend=CONFIG_MEND,
            ) from error


def predict(
    model: Any,
    frame: UInt8[np.ndarray, "height width 3"],
    center_px: tuple[float, float],
    box_px: tuple[float, float],
) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
    """mmpose's own ``inference_topdown`` on one box: see ``TopDownNetwork.look``.

    Args:
        model: as ``initialised`` makes it.
        frame: RGB, upright.
        center_px: of the box.
        box_px: its width and height, padding and all; mmpose pads a box by a quarter itself.

    Returns:
        Pixels of the frame, and mmpose's scores.
    """
    from mmpose.apis import inference_topdown  # type: ignore[import-not-found]

    reach = np.array(box_px) / PADDING / 2
    box = np.concatenate([np.array(center_px) - reach, np.array(center_px) + reach])[None].astype(np.float32)
    found = inference_topdown(model, np.ascontiguousarray(frame[..., ::-1]), box, bbox_format="xyxy")[0].pred_instances
    xy, score = (np.asarray(part, dtype=np.float64)[0] for part in (found.keypoints, found.keypoint_scores))
    return xy[:, :2], score


def initialised(config: Path, threads: int | None = None) -> Any:
    """The network of a config, its weights as chance has them.

    Args:
        config: mmpose's (.py).
        threads: of torch.

    Returns:
        mmpose's model, on the processor, for inference.

    Raises:
        BioposeError: mmpose cannot build it.
    """
    import torch

    if threads:
        torch.set_num_threads(threads)
    _without_compiled_operators()
    from mmpose.apis import init_model  # type: ignore[import-not-found]

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return init_model(str(config), None, device="cpu", cfg_options=_WITHOUT_PRETRAINED)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("mmpose", "mmengine", "mmcv", "mmdet"):
            raise
        raise BioposeError(f"mmpose's config needs {error.name}", where=str(config), mend=CONFIG_MEND) from error
    except Exception as error:  # a config is code of the user's: it may fail in any way
        said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BioposeError(f"mmpose cannot build this config ({said})", where=str(config), mend=CONFIG_MEND) from error


# A config's backbone often names weights to be fetched: the checkpoint holds them.
_WITHOUT_PRETRAINED = {"model.backbone.init_cfg": None}


def _weights(checkpoint: Path) -> dict[str, Any]:
    """The tensors of a checkpoint, by name; nothing in it is executed."""
    import torch

    try:
        held = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BioposeError(
            "the checkpoint holds more than tensors, and reading the rest would execute it",
            where=str(checkpoint),
            mend="Take the weights out of it: mmpose's tools/misc/publish_model.py, or torch.save of its state_dict.",
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BioposeError(
            f"not a checkpoint of mmpose ({plainly(error)})", where=str(checkpoint), mend=CONFIG_MEND
        ) from error
    held = held.get("state_dict", held) if isinstance(held, dict) else None
    if not isinstance(held, dict) or not held or not all(isinstance(part, torch.Tensor) for part in held.values()):
        raise BioposeError("not a checkpoint of mmpose: it holds no weights", where=str(checkpoint), mend=CONFIG_MEND)
    return {str(name).removeprefix("module."): part for name, part in held.items()}


def _fill(model: Any, weights: dict[str, Any], config: Path, checkpoint: Path) -> None:
    """The weights put into the network; all of it, or they are another's."""
    own = model.state_dict()
    lacking = [name for name in own if name not in weights and not name.endswith("num_batches_tracked")]
    other = [name for name, part in weights.items() if name in own and own[name].shape != part.shape]
    if lacking or other:
        what = f"{len(lacking)} of {len(own)} weights are missing" if lacking else f"{other[0]} has another shape"
        raise BioposeError(
            f"weights of another network than {config.name} builds: {what}", where=str(checkpoint), mend=CONFIG_MEND
        )
    model.load_state_dict(weights, strict=False)
    if not all(bool(part.isfinite().all()) for part in weights.values() if part.is_floating_point()):
        raise BioposeError("some weights are not numbers", where=str(checkpoint), mend="Fetch the checkpoint again.")


def _aspect(model: Any, config: Path) -> float:
    """Width over height of the box, of the config's codec."""
    codec = model.cfg.get("codec") or model.cfg.get("model", {}).get("head", {}).get("decoder") or {}
    codec = codec[0] if isinstance(codec, list) else codec
    size = codec.get("input_size")
    if not size:
        raise BioposeError("this config is not of a top-down network", where=str(config), mend=CONFIG_MEND)
    return float(size[0]) / float(size[1])


def _names(model: Any, count: int, layout: str | None, config: Path) -> list[str]:
    """Of the points: as the layout says, else the config's data set, else by their number."""
    said = (getattr(model, "dataset_meta", None) or {}).get("keypoint_id2name") or {}
    names = [NAMES.get(str(name), str(name)) for name in (said.get(k, said.get(str(k), "")) for k in range(count))]
    if layout is None and len(said) == count == len(set(names)) and all(names):
        return names
    return layout_names(count, layout, config)


def _without_compiled_operators() -> None:
    """Stand-ins for the compiled operators of mmcv and torchvision, where those are not installed or do not load.

    mmpose imports the modules that use them, whatever the network; a network that calls one fails with its name.
    """
    import torch

    _find("mmpose")
    if not _loads("torchvision", "_C*.so"):
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            with contextlib.suppress(RuntimeError):  # there is one
                library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)
    if "mmcv._ext" not in sys.modules and not _libraries("mmcv", "_ext*.so", "_ext*.pyd"):
        stand_in = _Operators("mmcv._ext")
        stand_in.__spec__ = importlib.machinery.ModuleSpec("mmcv._ext", None)
        sys.modules["mmcv._ext"] = stand_in


_KEPT: list[Any] = []  # torch forgets a library's operators with it


class _Operators(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> Any:
            raise RuntimeError(f"the network needs mmcv's compiled operator {name}, which is not installed")

        missing.__name__ = name
        return missing


def _libraries(package: str, *patterns: str) -> list[Path]:
    """A package's compiled parts."""
    found = importlib.util.find_spec(package)
    folders = list(found.submodule_search_locations or []) if found else []
    return [path for folder in folders for pattern in patterns for path in Path(folder).glob(pattern)]


def _loads(package: str, pattern: str) -> bool:
    """Whether a package's operators are there, and of this torch: built for another one they do not load."""
    import torch

    try:
        for path in _libraries(package, pattern):
            torch.ops.load_library(path)
            return True
    except OSError:
        return False
    return False


def _find(package: str) -> None:
    """Raise ModuleNotFoundError where a package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=package)

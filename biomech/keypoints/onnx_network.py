"""Any top-down pose network in an ONNX file, run by onnxruntime: RTMPose, RTMW, ViTPose, HRNet and their like.

What the graph itself says is found there: the picture's size, whether channels come first, and whether its answers
are heat maps or SimCC's curves. What it does not say is the field's custom: RGB, normalised by ImageNet's mean and
standard deviation; a box padded by a quarter; SimCC's bins from the picture's corner, heat maps' cells from corner to
corner (UDP: Huang et al., "The Devil is in the Details", 2020).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from jaxtyping import Float, UInt8

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.keypoints.layouts import layout_names
from biomech.keypoints.peaks import curve_peaks, map_peaks

# ImageNet's, of 0 … 255, red first.
MEAN, SD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
LARGEST = 4096  # of a picture's side
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
MEND = "Export a top-down network of one picture to SimCC curves or heat maps, as RTMPose or ViTPose are."


@dataclass(frozen=True)
class _Input:
    """What a graph wants to see."""

    name: str
    width: int
    height: int
    channels_first: bool
    kind: type

    @classmethod
    def of(cls, session: Any, path: Path) -> "_Input":
        inputs = session.get_inputs()
        shape, kind = list(inputs[0].shape), TYPES.get(inputs[0].type)
        if len(inputs) != 1 or len(shape) != 4 or 3 not in (shape[1], shape[3]) or kind is None:
            said = ", ".join(f"{one.name} {list(one.shape)} {one.type}" for one in inputs)
            raise BioposeError(f"not a network of one picture: its input is {said}", where=str(path), mend=MEND)
        first = shape[1] == 3
        height, width = shape[2:] if first else shape[1:3]
        if not all(isinstance(side, int) and 16 <= side <= LARGEST for side in (height, width)):
            raise BioposeError(
                f"the network does not say how large its picture is: {shape}",
                where=str(path),
                mend="Export it with a fixed height and width.",
            )
        return cls(inputs[0].name, width, height, first, kind)


@dataclass(frozen=True)
class _Outputs:
    """Which of a graph's outputs are the points': one of heat maps, or two of curves along x and y."""

    places: tuple[int, ...]
    points: int
    per_px: float  # bins or cells of a pixel of the input, SimCC only

    @classmethod
    def of(cls, answers: list[np.ndarray], names: list[str], seen: _Input, path: Path) -> "_Outputs":
        for place, answer in enumerate(answers):
            if answer.ndim == 4 and _alike(answer.shape[3] / seen.width, answer.shape[2] / seen.height):
                return cls((place,), answer.shape[1], answer.shape[3] / seen.width)
        curves = [place for place, answer in enumerate(answers) if answer.ndim == 3]
        for x in sorted(curves, key=lambda place: "y" in names[place].lower()[-1:]):
            for y in curves:
                points, ratio = answers[x].shape[1], answers[x].shape[2] / seen.width
                if x != y and answers[y].shape[1] == points and _alike(ratio, answers[y].shape[2] / seen.height):
                    return cls((x, y), points, ratio)
        said = ", ".join(f"{name} {list(answer.shape)}" for name, answer in zip(names, answers, strict=True))
        raise BioposeError(
            f"its answer is neither heat maps nor SimCC's curves of a picture of {seen.width} × {seen.height}: {said}",
            where=str(path),
            mend=MEND,
        )


def _alike(one: float, other: float) -> bool:
    return abs(one - other) < 0.02 * one


class OnnxNetwork:
    """A ``TopDownNetwork`` in an ONNX file.

    Args:
        path: of the file.
        layout: of its points, where their number does not tell (``layouts``).
        threads: by default all cores, four at most.

    Raises:
        BioposeError: the file is no such network, or the layout has another number of points.
    """

    def __init__(self, path: Path, layout: str | None = None, threads: int | None = None):
        path = check_file(Path(path), mend="Name the network's .onnx file with `detector_weights`.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(os.cpu_count() or 1, 4)
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own, of no common kind
            raise BioposeError(
                "not an ONNX network, or one of a newer kind than this onnxruntime reads",
                where=str(path),
                mend="Name the network's .onnx file with `detector_weights`.",
            ) from error
        self._path = path
        self._input = _Input.of(self._session, path)
        self.aspect = self._input.width / self._input.height
        blank = np.zeros((self._input.height, self._input.width, 3), np.uint8)
        answers = self._run(blank)
        names = [output.name for output in self._session.get_outputs()]
        self._outputs = _Outputs.of(answers, names, self._input, path)
        self.point_names = layout_names(self._outputs.points, layout, path)
        self.name = f"ONNX {path.stem}"

    @property
    def curves(self) -> bool:
        """Whether it answers with SimCC's curves; else with heat maps."""
        return len(self._outputs.places) == 2

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
            Pixels of the frame, and the heights of the maps or curves there.

        Raises:
            BioposeError: the network fails on the picture.
        """
        size = np.array([self._input.width, self._input.height], dtype=float)
        # From corner to corner a picture is one pixel shorter than it has pixels.
        less = 0.0 if self.curves else 1.0
        scale = (size - less) / np.array(box_px)
        shift = (size - less) / 2 - scale * np.array(center_px)
        crop_from_frame = np.column_stack([np.diag(scale), shift])
        crop = cv2.warpAffine(frame, crop_from_frame, (self._input.width, self._input.height))
        parts = [np.asarray(answer[0], dtype=np.float64) for answer in self._picked(self._run(crop))]
        if not all(np.isfinite(part).all() for part in parts):
            places = np.full((len(self.point_names), 2), np.nan)
            return places, places[:, 0]
        if self.curves:
            places, height = curve_peaks(*parts)
            places = places / self._outputs.per_px
        else:
            places, height = map_peaks(parts[0])
            cells = np.array(parts[0].shape[:0:-1], dtype=float)
            places = places * (size - 1) / (cells - 1)
        return (places - shift) / scale, height

    def _picked(self, answers: list[np.ndarray]) -> list[np.ndarray]:
        return [answers[place] for place in self._outputs.places]

    def _run(self, crop: UInt8[np.ndarray, "height width 3"]) -> list[np.ndarray]:
        picture = ((crop - MEAN) / SD).astype(self._input.kind)
        picture = picture.transpose(2, 0, 1) if self._input.channels_first else picture
        try:
            answers = self._session.run(None, {self._input.name: np.ascontiguousarray(picture[None])})
        except Exception as error:  # onnxruntime's own, of no common kind
            raise BioposeError(
                f"the network fails on a picture: {str(error).splitlines()[0][:200]}",
                where=str(self._path),
                mend=MEND,
            ) from error
        return [np.asarray(answer) for answer in answers]

"""The result on the film: skeleton and markers drawn over every frame, as a video to look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from jaxtyping import Bool, Float

from biomech.camera import Camera
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.markers.markers import Markers
from biomech.planes import Picture, Planes, drawing_on, planes_of
from biomech.prefetch import prefetch
from biomech.video import Video

if TYPE_CHECKING:
    import opensim

LEFT, RIGHT, MIDDLE = (40, 130, 255), (255, 130, 20), (255, 255, 255)  # RGB
RED, WARNING, OUTLINE = (225, 25, 25), (255, 90, 90), (25, 25, 25)
FAR = 4  # pictures' sides
MIDLINE_M = 0.015  # nearer to the plane of symmetry is neither left nor right
CLOCK_HZ = 90_000  # of the time stamps: every usual rate, and milliseconds, to the tick
SUBPIXEL_BITS = 4
QUANTISER = 20  # of what is drawn on films: 46 dB of a still camera's film, 43 of a moving one's


@dataclass(frozen=True)
class SkeletonDrawing:
    """What to draw of an OpenSim model: lines between joints and markers, and which of these are left or right."""

    segments: list[tuple[str, str]]  # parent joint → child joint, or last joint of a limb → its farthest marker
    left: frozenset[str]
    right: frozenset[str]

    def color(self, name: str) -> tuple[int, int, int]:
        """Of a joint or marker, RGB."""
        return LEFT if name in self.left else RIGHT if name in self.right else MIDDLE


def skeleton_of(model: "opensim.Model") -> SkeletonDrawing:
    """The lines of any model, one for every joint but the root; head, hands and feet end at a marker if they have any.

    Sides are those of the default pose, in which OpenSim models face X with Z to their right.
    """
    import opensim  # not where films are drawn alone

    state = opensim.State(model.getWorkingState())
    model.realizePosition(state)
    into = {joint.getChildFrame().findBaseFrame().getName(): joint for joint in model.getJointSet()}
    places = {j.getName(): j.getChildFrame().getPositionInGround(state).to_numpy() for j in into.values()}
    of_body: dict[str, list[str]] = {}
    for marker in model.getMarkerSet():
        places[marker.getName()] = marker.getLocationInGround(state).to_numpy()
        of_body.setdefault(marker.getParentFrame().findBaseFrame().getName(), []).append(marker.getName())
    segments, inner = [], set()
    for joint in into.values():
        parent = joint.getParentFrame().findBaseFrame().getName()
        inner.add(parent)
        if parent in into:
            segments.append((into[parent].getName(), joint.getName()))
    for body, joint in into.items():
        if body not in inner and body in of_body:
            name = joint.getName()
            far = max(of_body[body], key=lambda marker: float(np.linalg.norm(places[marker] - places[name])))
            segments.append((name, far))
    return SkeletonDrawing(
        segments,
        left=frozenset(name for name, place in places.items() if place[2] < -MIDLINE_M),
        right=frozenset(name for name, place in places.items() if place[2] > MIDLINE_M),
    )


def write_overlay(
    video: Video,
    markers: Markers,
    joints: Markers,
    skeleton: SkeletonDrawing,
    camera: Camera,
    path: Path,
    *,
    trusted: Bool[np.ndarray, " frames"] | None = None,
    turns: Float[np.ndarray, "frames 3 3"] | None = None,
    max_side_px: int = 1280,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the clip with joints, segments and markers on it as an .mp4; returns how many frames it has.

    Frames keep the video's time stamps, less the first; the film's own time is written in a corner. A frame of the
    video belongs to the frame of the markers that is nearest in time, if one is nearer than half an interval. Those
    that are not trusted get a red border and the words "not trusted". Memory does not grow with the clip.

    Args:
        video: of the same recording as the markers; the window of it that it was opened with.
        markers, joints: positions in the camera's world, both with the same frames; NaN is not drawn.
        skeleton: its segments are lines between names of ``joints`` and ``markers``.
        camera: of the upright picture at full size.
        path: where to.
        trusted: which frames of the markers are; None trusts all.
        turns: of a camera that turned, its axes in each of the markers' frames from those of ``camera``.
        max_side_px: a larger picture is made smaller.
        progress: called with frames done and expected.

    Returns:
        Frames of the video written, those without markers among them.

    Raises:
        BioposeError: the video cannot be read, or the camera is for a picture of another size.
    """
    if tuple(camera.size_px) != tuple(video.size_px):
        raise BioposeError(
            f"the camera is for pictures of {camera.size_px[0]}×{camera.size_px[1]}, "
            f"the video has {video.size_px[0]}×{video.size_px[1]}",
            where=str(video.path),
            mend="Use the motion that was recovered from this video.",
        )
    points = Markers(joints.names + markers.names, np.hstack((joints.positions_m, markers.positions_m)), markers.time_s)
    scale = min(1.0, max_side_px / max(video.size_px))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in video.size_px)  # 4:2:0 needs even sides
    size = (width, height)
    near_s = 0.5 * float(np.median(np.diff(markers.time_s))) if len(markers.time_s) > 1 else 0.5 / video.rate_hz

    def drawn() -> Iterator[tuple[float, Planes]]:
        for done, (time_s, picture) in enumerate(prefetch(as_stored(video, size)), start=1):
            frame = int(np.argmin(np.abs(markers.time_s - time_s)))
            if abs(markers.time_s[frame] - time_s) <= near_s + 1e-6:
                seen_by = camera if turns is None else camera.turned(turns[frame])
                pixels = seen_by.project(points.positions_m[frame])
                # Pixel centres are whole numbers, so the picture's corner is at (−½, −½).
                pixels = (pixels + 0.5) * np.divide(size, video.size_px) - 0.5
                _draw_on(picture, dict(zip(points.names, pixels, strict=True)), set(joints.names), skeleton)
                if trusted is not None and not trusted[frame]:
                    with drawing_on(picture) as (part, _):
                        _warn(part)
            said, place = f"{time_s:.2f} s", (width / 25, height - width / 25)
            with drawing_on(picture, _box_of_text(said, place, width)) as (part, (left, top)):
                write_text(part, said, (place[0] - left, place[1] - top), MIDDLE, whole_width_px=width)
            if progress:
                progress(done, max(done, video.n_frames))
            yield time_s, picture

    return write_video(path, drawn(), size, video.rate_hz, colorspace=video.colorspace, quantiser=QUANTISER)


def as_stored(video: Video, size_px: tuple[int, int]) -> Iterator[tuple[float, Planes]]:
    """Frames as 4:2:0, in which many films have them: then without a change but of size.

    Args:
        video: any.
        size_px: width and height, even.

    Yields:
        Time stamps (s) and pictures.
    """
    if video.colorspace is not None:
        yield from video.planes(size_px)
        return
    for time_s, picture in video.frames(size_px):
        yield time_s, planes_of(picture)


def _draw_on(
    planes: Planes, pixels: dict[str, Float[np.ndarray, "2"]], joints: set[str], skeleton: SkeletonDrawing
) -> None:
    """``draw`` in the part of the picture where there is something to draw."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    places = np.array(list(pixels.values())).reshape(-1, 2)
    places = places[(np.abs(places) < FAR * max(width, height)).all(axis=1)]
    if not len(places):
        return
    margin = 5 * max(width, height) / 640 + 2  # of the widest dot and line
    low, high = np.floor(places.min(0) - margin).astype(int), np.ceil(places.max(0) + margin).astype(int)
    if (high <= 0).any() or (low >= (width, height)).any():
        return
    with drawing_on(planes, (int(low[0]), int(low[1]), int(high[0]), int(high[1]))) as (part, corner):
        moved = {name: place - corner for name, place in pixels.items()}
        draw(part, moved, joints, skeleton, max(width, height))


def draw(
    picture: Picture,
    pixels: dict[str, Float[np.ndarray, "2"]],
    joints: set[str],
    skeleton: SkeletonDrawing,
    longer_px: int | None = None,
) -> None:
    """Draw segments, joints and markers (all other points) at these pixels into the picture, which is changed.

    Args:
        picture: RGB.
        pixels: by name, x right and y down from the middle of the first pixel; NaN, or far outside, is not drawn.
        joints: which of the names are drawn as joints.
        skeleton: which names a line joins, and which are left or right (the colour).
        longer_px: longer side of the picture that this is a part of; None: it is whole.
    """
    longer_px = longer_px or max(picture.shape)
    unit = longer_px / 640  # so that lines look alike at any size
    places = np.array(list(pixels.values())).reshape(-1, 2)
    # Beyond a few pictures' width nothing is to be seen, and OpenCV's whole numbers end; NaN is not within either.
    within = (np.abs(places) < (FAR + 1) * longer_px).all(axis=1)
    names = [name for name, shown in zip(pixels, within, strict=True) if shown]
    # Fixed-point numbers are what OpenCV takes.
    seen = dict(zip(names, np.round(places[within] * 2**SUBPIXEL_BITS).astype(int).tolist(), strict=True))
    for name, point in seen.items():
        if name not in joints:
            _dot(picture, point, 1.6 * unit, skeleton.color(name))
    for width, outline in ((4.0, True), (2.0, False)):
        for parent, child in skeleton.segments:
            if parent in seen and child in seen:
                color = OUTLINE if outline else skeleton.color(child)
                thick = max(1, round(width * unit))
                cv2.line(picture, seen[parent], seen[child], color, thick, cv2.LINE_AA, SUBPIXEL_BITS)
    for name in (name for name in seen if name in joints):  # in one order: a set's differs from process to process
        _dot(picture, seen[name], 3.2 * unit, OUTLINE)
        _dot(picture, seen[name], 2.4 * unit, skeleton.color(name))


def write_video(
    path: Path,
    frames: Iterator[tuple[float, Picture | Planes]],
    size_px: tuple[int, int],
    rate_hz: float,
    *,
    colorspace: int | None = None,
    quantiser: int | None = None,
) -> int:
    """Write time stamps (s) and pictures, RGB or 4:2:0, as an .mp4, whole or not at all; returns how many there were.

    H.264 where PyAV's FFmpeg has libx264, else MPEG-4 part 2; 4:2:0; the index in front, so that it plays while it
    loads. Stamps count from the first; sides must be even.

    Args:
        path: where to.
        frames: time stamps ascend; all pictures have ``size_px``.
        size_px: width and height.
        rate_hz: nominal; what is shown when goes by the stamps.
        colorspace: FFmpeg's number of what 4:2:0 pictures are in; None: it is not said.
        quantiser: libx264's, of all pictures alike; None: as a constant look needs, which takes it two fifths longer.

    Returns:
        Frames written.
    """
    count, first = 0, None
    with whole_file(path) as temporary, av.open(str(temporary), "w", options={"movflags": "+faststart"}) as container:
        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        stream = container.add_stream(codec, rate=Fraction(rate_hz).limit_denominator(1001))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, CLOCK_HZ)
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        if codec == "libx264":
            rate = {"crf": "20"} if quantiser is None else {"qp": str(quantiser)}
            stream.options = {**rate, "preset": "ultrafast"}  # two fifths of veryfast's time, twice its size
        else:
            stream.bit_rate = 8 * size_px[0] * size_px[1]
        for time_s, picture in prefetch(frames):  # drawn while the one before is encoded
            first = time_s if first is None else first
            planes = picture if picture.ndim == 2 else planes_of(picture)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = round((time_s - first) * CLOCK_HZ), Fraction(1, CLOCK_HZ)
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    return count


def _dot(picture: Picture, fixed: list[int], radius: float, color: tuple[int, int, int]) -> None:
    cv2.circle(picture, fixed, round(radius * 2**SUBPIXEL_BITS), color, -1, cv2.LINE_AA, SUBPIXEL_BITS)


def _warn(picture: Picture) -> None:
    height, width = picture.shape[:2]
    border = max(2, max(picture.shape) // 100)
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), RED, 2 * border)
    write_text(picture, "not trusted", (width / 25, width / 12), WARNING)


def write_text(
    picture: Picture,
    text: str,
    origin: tuple[float, float],
    color: tuple[int, int, int],
    *,
    scale: float = 1.0,
    whole_width_px: int | None = None,
) -> None:
    """Write on a dark ground into the picture, which is changed.

    Args:
        picture: RGB.
        text: ASCII.
        origin: lower left corner of the text, px.
        color: RGB.
        scale: of the letters; 1 is 1/1000 of the picture's width.
        whole_width_px: of the picture that this is a part of; None: it is whole.
    """
    width = scale * (whole_width_px or picture.shape[1])
    left, top, right, bottom = _box_of_text(text, origin, width)
    x, y = round(origin[0]), round(origin[1])
    cv2.rectangle(picture, (left, top), (right, bottom), OUTLINE, -1)
    size, thick = _letters(width)
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, color, thick, cv2.LINE_AA)


def text_height(picture: Picture, text: str, scale: float = 1.0) -> int:
    """How high the dark ground of ``write_text`` is, px; OpenCV's letters are not of one height in all its versions."""
    _, top, _, bottom = _box_of_text(text, (0, 0), scale * picture.shape[1])
    return bottom - top


def _letters(width_px: float) -> tuple[float, int]:
    """Size and thickness in a picture of this width."""
    return max(0.4, width_px / 1000), max(1, round(width_px / 600))


def _box_of_text(text: str, origin: tuple[float, float], width_px: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the ground that it is written on."""
    (width, height), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, *_letters(width_px))
    x, y = round(origin[0]), round(origin[1])
    return x - below, y - height - below, x + width + below, y + below

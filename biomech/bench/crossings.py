"""Several people in one film: whether everybody stays who they are where people cross, meet and leave.

Three kinds of films. Drawn ones: two people of random build and clothes walk past each other, or up to each other and
back, one behind the other for a while; the real detector sees them, and where everybody is, is known. Points: the same
meetings as another program's keypoints, noisy, in no order and without who is hidden, of which there are more since
nothing is drawn. And films of the data, in some frames of which people were pointed at by eye.
"""

import functools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from biomech.body.anny import AnnyBody
from biomech.body.gait import walk
from biomech.body.motion import BodyMotion
from biomech.camera import TO_THE_LENS, Camera, focal_from_fov
from biomech.keypoints.blazepose import BlazePose
from biomech.keypoints.detect_all import Everybody, detect_all
from biomech.keypoints.keypoints import SURE, Keypoints
from biomech.keypoints.layouts import COCO_17
from biomech.keypoints.read_all import read_everybody
from biomech.labels.people import random_adult, seeded
from biomech.mesh.points import detected_points
from biomech.report.overlay import write_video
from biomech.report.render import Renderer
from biomech.train.synthetic.people import clothes
from biomech.video import Video

Say = Callable[[str], None]
KINDS = ("cross", "turn back")
CLOTHES = ("own", "alike")  # alike: both wear the same colours, so that only their ways tell them apart
FILMS, POINTS = 2, 10  # of each kind and clothes
SECONDS, RATE_HZ = 2.5, 30.0
SIZE_PX = (960, 540)
DISTANCE_M, LENS_M, FOV_DEG = 5.0, 1.1, 67.0
APART_M = (0.45, 0.9)  # one behind the other
SPEED_M_S = (1.1, 1.5)
NOISE_PX = 3.0
HIDDEN = 0.5  # share of the nearer one's width within which who is behind is not in another program's keypoints
REACH = 0.5  # of a person's extent: a track farther off is not this person's
KEPT = 10.0  # by which who was matched before is nearer
WALLS = ((0.78, 0.77, 0.72), (0.5, 0.58, 0.62), (0.65, 0.6, 0.7))


@dataclass(frozen=True)
class Meeting:
    """Two people who meet before a camera: their motions (m) and colours."""

    name: str
    motions: tuple[BodyMotion, BodyMotion]
    colours: tuple[np.ndarray, np.ndarray]
    wall: tuple[float, float, float]

    def points_px(self) -> Float[np.ndarray, "people frames points 2"]:
        """Where everybody's points (``COCO_17``) are in the picture."""
        body, lens = AnnyBody.load([0]), camera()
        return np.stack([lens.project(detected_points(body, m).select(COCO_17).positions_m) for m in self.motions])


@dataclass(frozen=True)
class Pointed:
    """People pointed at by eye: by time (s) who is at which pixel of the upright picture."""

    file: str
    people: int
    at: dict[float, dict[str, tuple[int, int]]]


# Read off the pictures; the middle of the body, to some 20 px.
POINTED = {
    "sports2d": Pointed(
        "sports2d_demo/demo.mp4",
        2,
        {
            0.63: {"man": (617, 219)},
            1.9: {"man": (612, 243)},
            2.53: {"man": (632, 265), "woman": (1263, 728)},
            3.17: {"man": (636, 233), "woman": (1083, 704)},
            4.43: {"man": (758, 277), "woman": (704, 695)},
            5.07: {"man": (801, 219), "woman": (505, 695)},
            5.7: {"woman": (311, 729)},
            6.33: {"man": (1054, 680), "woman": (107, 729)},
            6.97: {"man": (1229, 777)},
        },
    ),
    "one_by_one": Pointed(
        "hard_cases/one-by-one-person-detection.mp4",
        6,
        {
            9.2: {"grey coat": (451, 193)},
            18.4: {"grey coat": (510, 205)},
            27.6: {"black coat": (460, 190)},
            36.8: {"black coat": (460, 187)},
            41.4: {"black coat": (463, 187)},
            55.2: {"long hair": (466, 187)},
            64.4: {"long hair": (489, 187)},
            69.0: {"long hair": (617, 202)},
            78.2: {"black shirt": (439, 199)},
            82.8: {"black shirt": (427, 199)},
            96.6: {"grey cardigan": (448, 181)},
            110.4: {"grey cardigan": (454, 178)},
            115.0: {"grey cardigan": (451, 178)},
            124.2: {"grey shirt": (385, 267)},
            128.8: {"grey shirt": (445, 208)},
            133.4: {"grey shirt": (439, 208)},
        },
    ),
}


def bench_crossings(
    video: Path,
    folder: Path,
    *,
    films: int = FILMS,
    points: int = POINTS,
    filmed: Sequence[str] = tuple(POINTED),
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Switches of identity and people found, of the three kinds of films.

    Args:
        video: folder of the data's films.
        folder: where drawn films and keypoints go; a drawn film that is there is not drawn again.
        films, points: of each kind of meeting and clothes.
        filmed: names of ``POINTED``.
        say: told of every film.

    Returns:
        ``identity_switches`` of all films; the same of each kind with the people found and there, and the seconds
        of a core that a picture takes to be searched for everybody (or read); and film by film.

    Raises:
        BioposeError: a film of the data is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, dict[str, Any]]] = {"drawn": {}, "points": {}, "filmed": {}}
    detector = BlazePose() if films or filmed else None

    def add(kind: str, name: str, find: Callable[[], Everybody], frames: int, truth: "Whereabouts") -> None:
        started = time.process_time()  # what else the machine does hardly moves it
        found = find()
        took = (time.process_time() - started) / frames
        rows[kind][name] = row = {**counted(found.people, truth), "cpu_seconds_per_frame": round(took, 4)}
        say(f"{kind} {name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))

    for meeting in meetings(films):
        path = folder / f"{meeting.name}.mp4"
        if not path.is_file():
            draw(meeting, path)
        film, truth = Video.open(path), Whereabouts.of(meeting)
        add("drawn", meeting.name, functools.partial(detect_all, film, detector), film.n_frames, truth)
    for meeting in meetings(points):
        path = folder / f"{meeting.name}.json"
        write_points(meeting, path)
        read = functools.partial(read_everybody, path, size_px=SIZE_PX, rate_hz=RATE_HZ, layout="coco17")
        truth = Whereabouts.of(meeting)
        add("points", meeting.name, read, len(truth.at), truth)
    for name in filmed:
        film = Video.open(video / POINTED[name].file, every=None)
        truth = Whereabouts.pointed(POINTED[name])
        add("filmed", name, functools.partial(detect_all, film, detector), film.n_frames, truth)
    figures: dict[str, Any] = {
        "identity_switches": sum(row["switches"] for kind in rows.values() for row in kind.values())
    }
    for kind, of_kind in rows.items():
        for key in ("switches", "merged", "people", "found"):
            figures[f"crossings_{kind}_{key}"] = sum(row[key] for row in of_kind.values())
        if of_kind:
            for key in ("seen_share", "cpu_seconds_per_frame"):
                values = [row[key] for row in of_kind.values()]
                figures[f"crossings_{kind}_{key}"] = round(float(np.mean(values)), 4)
    return figures | {"crossings_films": rows}


@dataclass(frozen=True)
class Whereabouts:
    """Where people are: by time (s) and name the middle of the body (px) and how large the person is, if known (px)."""

    people: int
    at: dict[float, dict[str, tuple[np.ndarray, float | None]]]

    @classmethod
    def of(cls, meeting: Meeting) -> "Whereabouts":
        """Of a meeting that was drawn."""
        points = meeting.points_px()
        times = meeting.motions[0].time_s
        middles, heights = (points.min(2) + points.max(2)) / 2, np.ptp(points[..., 1], axis=2)
        return cls(
            2,
            {
                float(time): {str(k): (middles[k, frame], float(heights[k, frame])) for k in range(2)}
                for frame, time in enumerate(times)
            },
        )

    @classmethod
    def pointed(cls, film: Pointed) -> "Whereabouts":
        """Of a film of which some frames were looked at."""
        return cls(
            film.people,
            {
                time: {name: (np.array(place, float), None) for name, place in people.items()}
                for time, people in film.at.items()
            },
        )


def counted(found: Sequence[Keypoints], truth: Whereabouts) -> dict[str, Any]:
    """How well tracks and people go together.

    In every frame tracks and people are matched by their nearness; who was matched before stays so as long as the track
    is near enough (CLEAR MOT: Bernardin and Stiefelhagen, 2008). A switch is counted where a person was matched with
    another track before.

    Args:
        found: the tracks.
        truth: where the people are.

    Returns:
        Switches; tracks that hold more than one person (``merged``); people and tracks (``found``); and the share of
        the places where a person is matched.
    """
    last: dict[str, int] = {}
    held: dict[int, set[str]] = {}
    switches = matched = places = 0
    for time_s, people in truth.at.items():
        names = list(people)
        off = np.array([[_off(track, time_s, *people[name]) for track in found] for name in names])
        places += len(names)
        if not len(found):
            continue
        for k, name in enumerate(names):
            if name in last and off[k, last[name]] <= REACH:
                off[k, last[name]] -= KEPT
        for row, column in zip(*linear_sum_assignment(np.minimum(off, 1e3)), strict=True):
            if off[row, column] > REACH:
                continue
            name, track = names[row], int(column)
            switches += last.get(name, track) != track
            last[name] = track
            held.setdefault(track, set()).add(name)
            matched += 1
    return {
        "switches": switches,
        "merged": sum(len(names) > 1 for names in held.values()),
        "people": truth.people,
        "found": len(found),
        "seen_share": round(matched / max(1, places), 3),
    }


def _off(track: Keypoints, time_s: float, middle: np.ndarray, height_px: float | None) -> float:
    """How far a track's body is from a place, in the person's extents; infinite where it is not there."""
    frame = int(np.abs(track.time_s - time_s).argmin())
    seen = (track.confidence[frame] > SURE) & np.isfinite(track.xy[frame]).all(-1)
    names = [k for k, name in enumerate(track.names) if name in COCO_17 and seen[k]]
    if abs(track.time_s[frame] - time_s) > 0.06 or not names:
        return np.inf
    body = track.xy[frame, names]
    extent = height_px or float(np.ptp(body, axis=0).max())
    return float(np.linalg.norm((body.min(0) + body.max(0)) / 2 - middle)) / max(extent, 1.0)


def meetings(count: int) -> Iterator[Meeting]:
    """So many of each kind and clothes; the same for the same number.

    Args:
        count: of each.

    Yields:
        Two people who walk across the picture, one behind the other where they meet.
    """
    for kind in KINDS:
        for wear in CLOTHES:
            for number in range(count):
                yield _meeting(kind, wear, number)


def _meeting(kind: str, wear: str, number: int) -> Meeting:
    rng = seeded(1700 + number, f"{kind} {wear}")
    body, whole = AnnyBody.load([0]), AnnyBody.load()
    apart = rng.uniform(*APART_M)
    motions = []
    for side in (1, -1):
        heading = side * np.pi / 2 + rng.normal(0, 0.15)
        shape = torch.tensor(random_adult(body, rng)).float()
        moved = walk(
            body, shape, seconds=SECONDS, rate_hz=RATE_HZ, speed_m_s=rng.uniform(*SPEED_M_S), heading_rad=heading
        )
        moved.root_position_m += [side * apart / 2, 0.0, 0.0]
        motions.append(_turned_back(moved) if kind == "turn back" else moved)
    colours = [clothes(whole, rng) for _ in motions]
    if wear == "alike":
        colours[1] = colours[0]
    name = f"{kind} {wear} {number}".replace(" ", "_")
    return Meeting(name, (motions[0], motions[1]), (colours[0], colours[1]), WALLS[number % len(WALLS)])


def _turned_back(motion: BodyMotion) -> BodyMotion:
    """As far as the middle, then the same way backwards."""
    count = len(motion.time_s)
    frames = np.minimum(np.arange(count), count - 1 - np.arange(count))
    return replace(motion, rotations=motion.rotations[frames], root_position_m=motion.root_position_m[frames])


def camera() -> Camera:
    """On the X axis, looking level along it: who walks along Z crosses the picture."""
    focal = focal_from_fov(max(SIZE_PX), FOV_DEG)
    center = ((SIZE_PX[0] - 1) / 2, (SIZE_PX[1] - 1) / 2)
    rotation = np.asarray(TO_THE_LENS, float)
    return Camera(focal, center, SIZE_PX, rotation, -rotation @ np.array([DISTANCE_M, LENS_M, 0.0]))


def draw(meeting: Meeting, path: Path) -> None:
    """Write the film of a meeting, with everything that hides what is behind it.

    Args:
        meeting: of two people.
        path: an .mp4.

    Raises:
        BioposeError: this machine cannot draw off-screen.
    """
    body = AnnyBody.load()
    skins = [_skin(body, motion) for motion in meeting.motions]
    faces = body.faces.numpy()
    both = np.concatenate([faces, faces + len(meeting.colours[0])])
    rng = np.random.default_rng(0)
    with Renderer(
        both, camera(), color=np.concatenate(meeting.colours), background=meeting.wall, floor=True
    ) as drawing:

        def pictures() -> Iterator[tuple[float, np.ndarray]]:
            for time_s, one, other in zip(meeting.motions[0].time_s, *skins, strict=True):
                picture = drawing.render(np.concatenate([one, other])).astype(np.float32)
                grain = 4 * rng.standard_normal(picture.shape[:2], np.float32)
                yield float(time_s), (picture + grain[..., None]).clip(0, 255).astype(np.uint8)

        write_video(path, pictures(), SIZE_PX, RATE_HZ)


def _skin(body: AnnyBody, motion: BodyMotion) -> Float[np.ndarray, "frames vertices 3"]:
    with torch.no_grad():
        rest = body.rest(torch.tensor(motion.shape).float())
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
        skin: np.ndarray = body.skin(rest, posed).numpy()
    return skin


def write_points(meeting: Meeting, path: Path) -> None:
    """A meeting as another program sees it: AlphaPose's .json of noisy points, in no order, without who is hidden.

    Args:
        meeting: of two people.
        path: a .json.
    """
    rng = seeded(17, meeting.name)
    points = meeting.points_px()
    away = [-motion.root_position_m[:, 0] for motion in meeting.motions]
    said: list[dict[str, Any]] = []
    for frame in range(points.shape[1]):
        behind = int(away[1][frame] > away[0][frame])
        low, high = points[1 - behind, frame].min(0), points[1 - behind, frame].max(0)
        off = abs(points[behind, frame].mean(0)[0] - (low + high)[0] / 2)
        hidden = off < HIDDEN * max(high[0] - low[0], 0.2 * (high[1] - low[1]))
        for person in rng.permutation([1 - behind] if hidden else [0, 1]):
            noisy = points[person, frame] + rng.normal(0, NOISE_PX, points.shape[2:])
            flat = np.column_stack([noisy, rng.uniform(0.5, 1, len(noisy))]).round(2).ravel().tolist()
            said.append({"image_id": f"{frame:06d}.jpg", "keypoints": flat, "score": 1.0})
    path.write_text(json.dumps(said))

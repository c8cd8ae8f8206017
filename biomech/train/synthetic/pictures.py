"""`biopose train pictures`: the random people of ``make`` before its cameras, kept as pictures, without a detector.

Only the part of each picture around the person is drawn, as finely as the encoder's crop shows it, with room for crops
that are varied. A shard is some people from one seed: a stop loses those under way, the same seeds give the same files.
"""

import contextlib
import functools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from biomech.body.motion import BodyMotion
from biomech.camera import Camera, projected
from biomech.files import whole_file
from biomech.keypoints.detector import Region
from biomech.mesh.mqhmr.bodies import KEYPOINTS, BodyLayer, anny_layer
from biomech.mesh.mqhmr.encoder import CROP_HEIGHT
from biomech.pipeline.claim import check_place, claimed
from biomech.train.mqhmr.datasets import PersonInPicture, region_of_points, unknown
from biomech.train.mqhmr.drawn import PictureLabels, picture_path
from biomech.train.synthetic.clips import SPLITS
from biomech.train.synthetic.drawn_with import check_drawn_with
from biomech.train.synthetic.make import FILMED, SHARE_INSIDE, TRIES, Plan, film_camera, random_camera
from biomech.train.synthetic.motions import Motions
from biomech.train.synthetic.people import random_shape
from biomech.train.synthetic.view import Skin, scene
from biomech.workers import Stop, all_done

MOMENTS, RATE_HZ = 3, 1.5  # of a motion, each before a camera of its own, in clothes of its own
MOTIONS_OF_PERSON = 3
PICTURES = 90  # of a shard
ROOM = 1.5  # side of what is drawn, in sides of the square around the person: crops are shifted, turned and wider
LEAST_SIDE_PX = 48.0  # of that square in the picture: whoever is smaller is not drawn
QUALITY = 92  # of the JPEGs


@dataclass
class Painters:
    """What one process needs to draw; slow to build."""

    motions: Motions
    surface: Skin
    layer: BodyLayer  # for keypoints
    filmed: float  # share of the pictures that are taken as people film

    @classmethod
    def build(cls, plan: Plan) -> "Painters":
        """Load the library and the body.

        Args:
            plan: what the pictures show.

        Returns:
            For this process, where torch works on one thread from now on.

        Raises:
            BioposeError: the library has nothing to give.
        """
        torch.set_num_threads(1)
        filmed = 1.0 if plan.as_filmed else FILMED
        return cls(plan.motions(MOMENTS, RATE_HZ), Skin(), anny_layer(), filmed)


class Drawing(NamedTuple):
    """A picture and its truth."""

    picture: UInt8[np.ndarray, "height width 3"]  # RGB
    person: PersonInPicture  # px of the picture; the file's name is still to be given


def draw_pictures(
    folder: Path,
    pictures: int,
    *,
    plan: Plan | None = None,
    seed: int = 0,
    workers: int = 1,
    stop: Stop | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write shards ``<split>_<seed>_<shard>``, a folder of JPEGs and an .npz each; those that are there are left alone,
    unless they are damaged or have fewer pictures than they should.

    Args:
        folder: is made; may hold both splits and any number of seeds.
        pictures: so many of this seed in the end; the last shard may be smaller.
        plan: what they show; a library takes part where it names one.
        seed: of people, motions, cameras and scenes.
        workers: processes at once.
        stop: asked to stop, no shard is begun.
        progress: called with the shards done and expected.

    Returns:
        How many shards were drawn now.

    Raises:
        BioposeError: the library has nothing to give, the folder cannot be written to, the disk fails, or another
            process draws the same shard, or the seed was drawn there with other options.
    """
    plan = plan or Plan()
    check_place(folder)
    plan.motions(MOMENTS, RATE_HZ)
    check_drawn_with(folder, plan.split, seed, plan.options())
    folder.mkdir(parents=True, exist_ok=True)
    shards = {shard: min(PICTURES, pictures - first) for shard, first in enumerate(range(0, pictures, PICTURES))}
    missing = [task for task in shards.items() if _there(shard_path(folder, plan.split, seed, task[0])) < task[1]]
    work = functools.partial(_draw_task, folder, plan, seed)

    def done(made: int) -> None:
        if progress:
            progress(len(shards) - len(missing) + made, len(shards))

    return all_done(work, missing, workers=workers, stop=stop or Stop(), done=done)


def _draw_task(folder: Path, plan: Plan, seed: int, task: tuple[int, int]) -> int:
    return draw_shard(folder, plan, seed, *task)


def draw_shard(folder: Path, plan: Plan, seed: int, shard: int, pictures: int = PICTURES) -> int:
    """One shard; its labels are written last.

    Args:
        folder: where it goes; is made.
        plan: what the pictures show.
        seed: with the split and the shard's number it says all that is drawn.
        shard: its number.
        pictures: how many.

    Returns:
        How many were drawn: none where another process has drawn the shard meanwhile.

    Raises:
        BioposeError: the library has nothing to give, or another process draws it.
        RuntimeError: as ``drawn_moment``.
    """
    painters = _painters(plan)
    rng = np.random.default_rng((seed, SPLITS.index(plan.split), shard))
    labels = shard_path(folder, plan.split, seed, shard)
    with claimed(labels.with_suffix("")):
        if _there(labels) >= pictures:  # drawn meanwhile
            return 0
        labels.unlink(missing_ok=True)
        for path in labels.with_suffix("").glob("*.jpg"):  # of a shard that was stopped, or had fewer
            path.unlink()
        people = _drawn(labels, painters, rng, pictures)
        _labels(people).save(labels)
    return len(people)


def _drawn(labels: Path, painters: Painters, rng: np.random.Generator, pictures: int) -> list[PersonInPicture]:
    """The pictures of a shard, written, without their labels."""
    people: list[PersonInPicture] = []
    while len(people) < pictures:
        if len(people) % (MOMENTS * MOTIONS_OF_PERSON) == 0:
            shape = random_shape(painters.surface.body, rng)
        motion = painters.motions.draw(shape, rng)
        for moment in range(min(MOMENTS, pictures - len(people))):
            drawing = drawn_moment(_moment(motion, moment), painters, rng)
            path = picture_path(labels, len(people))
            with whole_file(path) as temporary:
                bytes_of = cv2.imencode(".jpg", drawing.picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
                temporary.write_bytes(bytes_of.tobytes())
            people.append(drawing.person)
    return people


def _there(labels: Path) -> int:
    """How many pictures a shard has; 0 of one that is damaged or not there."""
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with np.load(labels, allow_pickle=False) as file:
            return len(file["size_px"])
    return 0


@functools.lru_cache(maxsize=1)
def _painters(plan: Plan) -> Painters:
    return Painters.build(plan)


def shard_path(folder: Path, split: str, seed: int, shard: int) -> Path:
    """The file of a shard's labels; its pictures lie in the folder of the same name.

    Args:
        folder: of the set.
        split: one of ``SPLITS``.
        seed: of the drawing, up to 999.
        shard: its number.

    Returns:
        Whether it is there or not.
    """
    return folder / f"{split}_{seed:03d}_{shard:06d}.npz"


def _moment(motion: BodyMotion, frame: int) -> BodyMotion:
    """One frame of a motion as a motion."""
    rows = slice(frame, frame + 1)
    return replace(
        motion,
        rotations=motion.rotations[rows],
        root_position_m=motion.root_position_m[rows],
        time_s=motion.time_s[rows],
    )


def drawn_moment(moment: BodyMotion, painters: Painters, rng: np.random.Generator) -> Drawing:
    """Cameras until one sees the person well enough.

    Args:
        moment: a single frame; m, Y up, the floor at 0.
        painters: draw.
        rng: of camera, clothes and scene.

    Returns:
        The part of the picture around the person.

    Raises:
        RuntimeError: no camera sees the person in ``TRIES`` tries.
    """
    for _ in range(TRIES):
        camera = film_camera(moment, rng) if rng.random() < painters.filmed else random_camera(moment, rng)
        drawing = draw(moment, camera, painters, rng)
        if drawing is not None:
            return drawing
    raise RuntimeError("no camera sees the person")


def draw(moment: BodyMotion, camera: Camera, painters: Painters, rng: np.random.Generator) -> Drawing | None:
    """The picture as a camera takes it; None where it does not show enough of the person.

    Args:
        moment: of Anny, a single frame; m, in the camera's world.
        camera: has the picture's size.
        painters: draw.
        rng: of clothes and scene.

    Returns:
        No part of it lies beyond the camera's picture.
    """
    surface, layer = painters.surface, painters.layer
    turn = camera.rotation_camera_from_world
    rotations = moment.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    root = camera.to_camera(moment.root_position_m)
    shape = torch.tensor(moment.shape).float()
    with torch.no_grad():
        known = layer(shape[None], torch.tensor(rotations).float(), torch.tensor(root).float()).keypoints[0]
    points_m = unknown(len(KEYPOINTS), 3)
    points_m[layer.keypoint_rows.numpy()] = known.double().numpy()
    points_px = projected(points_m, camera.focal_px, camera.center_px, nearest_m=1e-3)
    inside = np.all((points_px >= 0) & (points_px <= np.array(camera.size_px) - 1), axis=-1)
    if inside.mean() < SHARE_INSIDE or not np.isfinite(points_px).all():
        return None
    region = region_of_points(points_px[inside])
    if region.size_px < LEAST_SIDE_PX:
        return None
    body = surface.body
    with torch.no_grad():
        rest = surface.dressed(body.rest(shape), rng)
        posed = body.pose(rest, torch.tensor(moment.rotations).float(), torch.tensor(moment.root_position_m).float())
        vertices = camera.to_camera(body.skin(rest, posed).numpy()[0])
    seen = scene(surface.coloured(rng), camera.size_px, points_px[inside], rng)
    scale = min(1.0, CROP_HEIGHT / region.size_px)
    size = int(np.ceil(round(ROOM * region.size_px * scale, 6)))
    around = Region(region.center_px, size / scale, 0.0)
    xy = projected(vertices, camera.focal_px, camera.center_px, nearest_m=1e-3)
    picture = seen.crop(surface, vertices.astype(np.float32), xy, around, rng, size)
    matrix = around.matrix(size)
    low, high = ((np.array(end) * scale + matrix[:, 2]) for end in ((0, 0), np.array(camera.size_px) - 1.0))
    left, top = np.ceil(low).clip(0).astype(int)
    right, bottom = np.floor(high).clip(None, size - 1).astype(int)

    def there(xy: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 2"]:
        return xy * scale + matrix[:, 2] - [left, top]

    x, y = there(np.array(region.center_px))
    person = PersonInPicture(Path(), Region((float(x), float(y)), region.size_px * scale, 0.0), camera.focal_px * scale)
    x, y = there(np.array(camera.center_px))
    person.principal_px = (float(x), float(y))
    person.keypoints_px, person.keypoints_m = there(points_px), points_m
    person.body, person.rotations, person.betas = body.name, rotations[0], moment.shape
    person.root_position_m = root[0]
    part = np.ascontiguousarray(picture[top : bottom + 1, left : right + 1])
    person.size_px = (part.shape[1], part.shape[0])
    return Drawing(part, person)


def _labels(people: list[PersonInPicture]) -> PictureLabels:
    return PictureLabels(
        center_px=np.array([p.region.center_px for p in people]),
        size_px=np.array([p.region.size_px for p in people]),
        focal_px=np.array([p.focal_px for p in people]),
        principal_px=np.array([p.principal_px for p in people]),
        keypoints_px=np.stack([p.keypoints_px for p in people]),
        keypoints_m=np.stack([p.keypoints_m for p in people]),
        body=people[0].body,
        rotations=np.stack([p.rotations for p in people]),
        betas=np.stack([p.betas for p in people]),
        root_position_m=np.stack([p.root_position_m for p in people]),
        picture_px=np.array([p.size_px for p in people]),
    )

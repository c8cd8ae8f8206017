"""Makes the synthetic set: random people before random cameras, and what the real landmark network says of them.

Only the landmark network's crop is drawn. The crop follows the person as ``biopose detect`` has it follow: the first
frame's is the true body's with an error, each later one comes from the network's own answer before it. A shard is a
handful of clips from one seed: a stop loses what is in flight, and the same seeds give the same files.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.motion import BodyMotion
from biomech.camera import TO_THE_LENS, Camera, direction, projected, rotation_looking
from biomech.keypoints.blazepose import CROP_SIZE, MIN_SCORE, POINT_NAMES, REGION_MARGIN, BlazePose
from biomech.keypoints.detector import Detection, Region
from biomech.keypoints.heat_maps import FrameHeatMaps, HeatMaps, scaled
from biomech.keypoints.keypoints import Keypoints
from biomech.labels.shards import Split
from biomech.train.synthetic.clips import SPLITS, Clip
from biomech.train.synthetic.drawn_with import check_drawn_with, library_mark
from biomech.train.synthetic.motions import Motions
from biomech.train.synthetic.people import random_shape
from biomech.train.synthetic.view import Skin, scene
from biomech.workers import Stop, all_done

FRAMES, RATE_HZ = 10, 15.0  # of a clip, where nothing else is said
CLIPS = 24  # of a shard
CLIPS_OF_PERSON = 3
SIZES_PX = ((1920, 1080), (1080, 1920), (1280, 720), (720, 1280), (960, 720))
SHARE_INSIDE = 0.4  # of the joints that a picture shows at least
TRIES = 200
FILMED = 0.75  # share of the clips that are seen as people film; the others from anywhere


class RendererAndDetector(Protocol):
    """What draws a person, and what looks at the drawing."""

    surface: Skin
    detector: BlazePose


@dataclass(frozen=True)
class Plan:
    """What a set shows.

    Args:
        split: held_out shows other people, motions and subjects' recordings.
        library: whose recordings take part beside what is drawn by code.
        as_filmed: only what people film, as they film it: no poses of any kind, no cameras from anywhere.
    """

    split: str = SPLITS[0]
    library: Path | None = None
    as_filmed: bool = False

    def options(self) -> dict[str, object]:
        """What is kept beside a set, for a later call to be held to (``drawn_with``)."""
        return {"library": library_mark(self.library), "as_filmed": self.as_filmed}

    def motions(self, frames: int, rate_hz: float) -> Motions:
        """What the people do.

        Args:
            frames: of a clip.
            rate_hz: of a clip.

        Returns:
            Of training subjects, or of test subjects where the plan is for held-out clips.

        Raises:
            BioposeError: the library has nothing to give.
        """
        split: Split = "train" if self.split == SPLITS[0] else "test"
        return Motions(frames, rate_hz, self.library, split=split, posed=not self.as_filmed)


@dataclass
class Makers:
    """What one process needs to make clips; slow to build."""

    motions: Motions
    surface: Skin
    detector: BlazePose
    filmed: float = FILMED  # share of the clips that are seen as people film

    @classmethod
    def build(cls, frames: int = FRAMES, rate_hz: float = RATE_HZ, plan: Plan | None = None) -> "Makers":
        """Load the library, the body's surface and the detector.

        Args:
            frames: of a clip.
            rate_hz: of a clip.
            plan: what the clips show; training clips without a library where not given.

        Returns:
            For this process, where torch works on one thread from now on.

        Raises:
            BioposeError: the library has nothing to give.
        """
        torch.set_num_threads(1)
        plan = plan or Plan()
        return cls(plan.motions(frames, rate_hz), Skin(), BlazePose(threads=1), 1.0 if plan.as_filmed else FILMED)


def make(
    folder: Path,
    frames: int,
    *,
    plan: Plan | None = None,
    clip_frames: int = FRAMES,
    seed: int = 0,
    workers: int = 1,
    stop: Stop | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write shards of clips, ``<split>_<seed>_<shard>_<clip>.npz``; those that are there are left alone.

    Args:
        frames: at least so many in the folder in the end.
        clip_frames: of each clip; few for more people, poses and cameras in the same time.
        plan: what the clips show.
        progress: called with the shards done and expected.

    Returns:
        How many shards were made now.

    Raises:
        BioposeError: a shard fails, the library has nothing to give, or the seed was drawn there with other options.
    """
    plan = plan or Plan()
    plan.motions(clip_frames, RATE_HZ)
    check_drawn_with(folder, plan.split, seed, {**plan.options(), "clip_frames": clip_frames})
    folder.mkdir(parents=True, exist_ok=True)
    shards = range(-(-frames // (clip_frames * CLIPS)))
    missing = [shard for shard in shards if not _path(folder, plan.split, seed, shard, CLIPS - 1).exists()]
    work = functools.partial(make_shard, folder, plan, clip_frames, seed)

    def done(made: int) -> None:
        if progress:
            progress(len(shards) - len(missing) + made, len(shards))

    return all_done(work, missing, workers=workers, stop=stop or Stop(), done=done)


def make_shard(folder: Path, plan: Plan, clip_frames: int, seed: int, shard: int, clips: int | None = None) -> int:
    """One shard; its last clip is written last.

    Args:
        folder: where the clips go; is made.
        plan: what the clips show.
        clip_frames: of each clip.
        seed: with the split and the shard's number it says all that is drawn.
        shard: its number.
        clips: how many; ``CLIPS`` where not given.

    Returns:
        How many frames it has.

    Raises:
        BioposeError: the library has nothing to give.
        RuntimeError: as ``random_clip``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    makers = _makers(clip_frames, plan)
    rng = np.random.default_rng((seed, SPLITS.index(plan.split), shard))
    frames = 0
    for number in range(clips or CLIPS):
        if number % CLIPS_OF_PERSON == 0:  # people take longer to draw than a second of their motion
            shape = random_shape(makers.surface.body, rng)
        clip = random_clip(makers, shape, rng)
        clip.save(_path(folder, plan.split, seed, shard, number))
        frames += len(clip.xy)
    return frames


@functools.lru_cache(maxsize=1)
def _makers(clip_frames: int, plan: Plan) -> Makers:
    return Makers.build(clip_frames, plan=plan)


def _path(folder: Path, split: str, seed: int, shard: int, clip: int) -> Path:
    return folder / f"{split}_{seed:03d}_{shard:06d}_{clip:02d}.npz"


def random_clip(makers: Makers, shape: Float[np.ndarray, " shape"], rng: np.random.Generator) -> Clip:
    """Motions of a person and cameras until one is seen throughout.

    Args:
        makers: draw, look, and say what people do.
        shape: of the person.
        rng: of motions, cameras, clothes and scenes.

    Returns:
        Somebody seen in every frame.

    Raises:
        RuntimeError: the detector saw nobody in ``TRIES`` tries.
    """
    for _ in range(TRIES):
        motion = makers.motions.draw(shape, rng)
        camera = film_camera(motion, rng) if rng.random() < makers.filmed else random_camera(motion, rng)
        clip = see(motion, camera, makers, rng)
        if clip is not None:
            return clip
    raise RuntimeError("the detector sees nobody")


def film_camera(motion: BodyMotion, rng: np.random.Generator) -> Camera:
    """As people film for a motion: a phone or a camera held level, the whole person in the picture.

    Args:
        motion: m, the floor at Y = 0.
        rng: of picture size, lens, place and aim.

    Returns:
        Still; 0.2 to 2.2 m above the floor.
    """
    width, height = SIZES_PX[rng.integers(len(SIZES_PX))]
    focal = max(width, height) / 2 / np.tan(np.radians(rng.uniform(45, 80)) / 2)
    target = motion.root_position_m.mean(0)
    share = rng.uniform(0.35, 0.85)  # of the picture's height that somebody of 1.7 m takes
    distance = max(1.7 * focal / (share * height), 1.6)
    azimuth = rng.uniform(0, 2 * np.pi)
    place = np.array([target[0] + distance * np.cos(azimuth), 0.0, target[2] + distance * np.sin(azimuth)])
    place[1] = float(np.clip(rng.normal(1.15, 0.3), 0.2, 2.2))
    away = np.array([0.0, 0.85, 0.0]) + target * [1, 0, 1] - place
    pitch = np.arctan2(-away[1], np.hypot(away[0], away[2])) + rng.normal(0, 0.05)
    level = np.arctan2(away[2], away[0]) + rng.normal(0, 0.04)
    roll = Rotation.from_euler("z", rng.normal(0, 2), degrees=True).as_matrix()
    rotation = roll @ rotation_looking(direction(pitch, level))
    return Camera(float(focal), ((width - 1) / 2, (height - 1) / 2), (width, height), rotation, -rotation @ place)


def random_camera(motion: BodyMotion, rng: np.random.Generator) -> Camera:
    """From 0.8 to 10 m away, any height, side and focal length, aimed at some part of the person.

    Args:
        motion: m, the floor at Y = 0.
        rng: of picture size, lens, place and aim.

    Returns:
        Still; above the floor. The person may be out of the picture.
    """
    width, height = SIZES_PX[rng.integers(len(SIZES_PX))]
    focal = max(width, height) / 2 / np.tan(np.radians(rng.uniform(28, 95)) / 2)
    target = motion.root_position_m.mean(0)
    distance = np.exp(rng.uniform(np.log(0.8), np.log(10.0)))
    elevation = rng.uniform(-0.35, 0.9) if rng.random() < 0.3 else rng.normal(0.05, 0.15)
    azimuth = rng.uniform(0, 2 * np.pi)
    level = distance * np.cos(elevation)
    place = target + np.array([level * np.cos(azimuth), distance * np.sin(elevation), level * np.sin(azimuth)])
    place[1] = max(place[1], 0.05)
    # Anywhere within the picture, mostly about its middle.
    away = target - place
    away /= np.linalg.norm(away)
    reach = np.array([width, height]) / 2 / focal * rng.normal(0, 0.35, 2).clip(-1, 1)
    aim = Rotation.from_euler("yx", [np.arctan(reach[0]), -np.arctan(reach[1])])
    rotation = (Rotation.from_euler("z", rng.normal(0, 4), degrees=True) * aim).as_matrix() @ rotation_looking(away)
    center = ((width - 1) / 2, (height - 1) / 2)
    return Camera(float(focal), center, (width, height), rotation, -rotation @ place)


def see(motion: BodyMotion, camera: Camera, makers: RendererAndDetector, rng: np.random.Generator) -> Clip | None:
    """The clip as the landmark network sees it; None where it does not see a person throughout.

    Args:
        motion: of Anny; m, in the camera's world, Y up.
        camera: has the picture's size.
        makers: draw and look.
        rng: of clothes, scene and the first region's error.

    Returns:
        The truth in camera axes; as many frames as the motion has.
    """
    body, shape = makers.surface.body, torch.tensor(motion.shape).float()
    with torch.no_grad():
        rest = makers.surface.dressed(body.rest(shape), rng)
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
        joints = camera.project(posed.joints.double().numpy())
        inside = np.all((joints >= 0) & (joints <= np.array(camera.size_px) - 1), axis=-1)  # NaN is not
        if inside.mean(1).min() < SHARE_INSIDE:
            return None
        skin = body.skin(rest, posed).numpy()
    drawn = scene(makers.surface.coloured(rng), camera.size_px, joints[0][inside[0]], rng)
    turn = camera.rotation_camera_from_world
    region = _first_region(joints[0], body.bone_names, rng)
    found: list[Detection] = []
    for vertices in skin:
        points = camera.to_camera(vertices)
        xy = projected(points, camera.focal_px, camera.center_px, nearest_m=1e-3)
        crop = drawn.crop(makers.surface, points.astype(np.float32), xy, region, rng)
        detection = makers.detector.look(crop, region)
        if detection.presence <= MIN_SCORE:
            return None
        found.append(detection)
        region = detection.next_region
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    return Clip(
        heat=np.stack([scaled(d.maps.heat) for d in found if d.maps]),
        mask=np.stack([scaled(d.maps.mask) for d in found if d.maps]),
        xy=np.stack([d.xy for d in found]),
        confidence=np.stack([d.confidence for d in found]),
        world_m=np.stack([d.world_m for d in found if d.world_m is not None]),
        center_px=np.array([d.region.center_px for d in found]),
        size_px=np.array([d.region.size_px for d in found]),
        angle_rad=np.array([d.region.angle_rad for d in found]),
        focal_px=camera.focal_px,
        principal_px=np.array(camera.center_px),
        body=body.name,
        rotations=rotations,
        betas=motion.shape,
        root_position_m=camera.to_camera(motion.root_position_m),
        up=turn[:, 1],
        floor_m=float(turn[:, 1] @ camera.position_in_camera_m),
    )


def keypoints_of(clip: Clip, rate_hz: float = RATE_HZ) -> Keypoints:
    """What ``biomech.mesh.recover`` takes, of a clip: pairs of true and recovered motion come from it.

    Args:
        clip: whose principal point is taken for the picture's middle, which says its size.
        rate_hz: of the clip, which does not say it.

    Returns:
        BlazePose's points with its own 3D and the clip's maps, time from 0.
    """
    width, height = (round(2 * float(c) + 1) for c in clip.principal_px)
    return Keypoints(
        list(POINT_NAMES),
        clip.xy.astype(float),
        clip.confidence.astype(float),
        np.arange(len(clip.xy)) / rate_hz,
        (width, height),
        float(clip.focal_px),
        "synthetic",
        clip.world_m.astype(float),
        heat_maps=HeatMaps.gathered(
            [
                FrameHeatMaps.of(heat, mask, Region(tuple(center.tolist()), float(size), float(angle)))
                for heat, mask, center, size, angle in zip(
                    clip.heat, clip.mask, clip.center_px, clip.size_px, clip.angle_rad, strict=True
                )
            ]
        ),
    )


def motion_of(clip: Clip, bone_names: list[str], shape_names: list[str], rate_hz: float = RATE_HZ) -> BodyMotion:
    """The truth of a clip in the camera's axes turned upright: X towards the lens, Y up, Z right; no floor.

    Args:
        clip: its truth is used.
        bone_names, shape_names: of the clip's body, in the order of its numbers.
        rate_hz: of the clip, which does not say it.

    Returns:
        m, the lens at the origin, time from 0; with the camera.
    """
    world_from_camera = TO_THE_LENS.T
    rotations = clip.rotations.astype(float)
    rotations[:, 0] = world_from_camera @ rotations[:, 0]
    camera = replace(_camera_of(clip), rotation_camera_from_world=world_from_camera.T)
    return BodyMotion(
        body=clip.body,
        bone_names=bone_names,
        rotations=rotations,
        root_position_m=clip.root_position_m.astype(float) @ world_from_camera.T,
        shape=clip.betas.astype(float),
        shape_names=shape_names,
        time_s=np.arange(len(clip.xy)) / rate_hz,
        camera=camera,
    )


def _camera_of(clip: Clip) -> Camera:
    x, y = (float(c) for c in clip.principal_px)
    size = (round(2 * x + 1), round(2 * y + 1))
    return Camera(float(clip.focal_px), (x, y), size, np.eye(3), np.zeros(3))


def _first_region(joints: Float[np.ndarray, "bones 2"], bone_names: list[str], rng: np.random.Generator) -> Region:
    """As the person detector has it: the circle about the hips around the body, up along the trunk; with its error."""
    place = dict(zip(bone_names, joints, strict=True))
    hips = (place["LeftUpLeg"] + place["RightUpLeg"]) / 2
    up = (place["LeftArm"] + place["RightArm"]) / 2 - hips
    reach = 1.1 * float(np.nanmax(np.linalg.norm(joints - hips, axis=1)))
    size = 2 * REGION_MARGIN * reach * float(np.exp(rng.normal(0, 0.08)))
    center = hips + rng.normal(0, 0.03 * size, 2)
    angle = float(np.arctan2(up[0], -up[1]) + rng.normal(0, 0.08))
    return Region((float(center[0]), float(center[1])), max(size, CROP_SIZE / 16), angle)

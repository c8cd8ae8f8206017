"""Bodies whose truth is known, as the detector sees them: random people and cameras, rendered, detected, written down.

Its answers on these pictures have the errors that it makes on film (skew, shortened depth, swaps, drift), and the truth
is exact: `calibrate` and `lifter` learn from them.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.cmu import HELD_OUT_SUBJECTS, cmu_names, read_cmu, replay
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.files import whole_file
from biomech.keypoints.blazepose import BlazePose
from biomech.report.render import Renderer

CLIP_FRAMES = 9
RATE_HZ = 12.0
CLIPS_PER_MOTION = 12
PICTURE_PX = 384  # longer side; the network's own crop has 256
# How far each bone is turned away from the recorded motion, rad, one turn for a clip: poses that CMU does not hold.
VARIED = {"UpLeg": 0.15, "Arm": 0.25, "Foot": 0.1, "Shoulder": 0.05, "LowerBack": 0.1, "Spine": 0.05, "Neck": 0.1}
DEEPER_KNEE_RAD = 0.5


@dataclass
class RenderedClip:
    """A clip of truth and what the detector said of it; camera axes (x right, y down, z away), m and px."""

    xy: Float[np.ndarray, "frames points 2"]
    confidence: Float[np.ndarray, "frames points"]
    world_m: Float[np.ndarray, "frames points 3"]
    joints: Float[np.ndarray, "frames bones 3"]
    turned: Float[np.ndarray, "frames bones 3 3"]  # camera from rest
    stature_m: float
    focal_px: float
    center_px: Float[np.ndarray, "2"]


def random_shape(body: AnnyBody, rng: np.random.Generator) -> Float[torch.Tensor, " shape"]:
    """A random person; four of five are adults."""
    shape = body.default_shape().numpy()
    bounds = body.shape_bounds.numpy()
    local = bounds[:, 0] < 0
    shape[local] = rng.normal(0, 0.25, local.sum())
    for name, low, high in (
        ("gender", 0, 1),
        ("muscle", 0.2, 0.8),
        ("weight", 0.2, 0.85),
        ("height", 0.2, 0.6),
        ("proportions", 0.2, 0.9),
    ):
        shape[body.shape_names.index(name)] = rng.uniform(low, high)
    shape[body.shape_names.index("age")] = rng.uniform(0.6, 0.95) if rng.random() < 0.8 else rng.uniform(0.3, 0.6)
    return torch.tensor(np.clip(shape, bounds[:, 0], bounds[:, 1]))


def random_camera(target: Float[np.ndarray, "3"], rng: np.random.Generator) -> Camera:
    """A camera that looks at the target from any side, 1.8 to 7 m away, 0.2 to 2.4 m high, held nearly upright."""
    focal = PICTURE_PX / 2 / np.tan(np.radians(rng.uniform(42, 80)) / 2)
    distance = np.exp(rng.uniform(np.log(1.8), np.log(7.0)))
    azimuth = rng.uniform(0, 2 * np.pi)
    place = np.array([distance * np.cos(azimuth), rng.uniform(0.2, 2.4), distance * np.sin(azimuth)])
    place[[0, 2]] += target[[0, 2]]
    away = target + rng.normal(0, [0.3, 0.15, 0.3]) - place
    away /= np.linalg.norm(away)
    right = np.cross(away, [0, 1, 0])
    right /= np.linalg.norm(right)
    upright = np.stack((right, np.cross(away, right), away))
    rotation = Rotation.from_euler("z", rng.normal(0, 3), degrees=True).as_matrix() @ upright
    middle = (PICTURE_PX - 1) / 2
    return Camera(float(focal), (middle, middle), (PICTURE_PX, PICTURE_PX), rotation, -rotation @ place)


def closer(camera: Camera, points: Float[np.ndarray, "*n 3"]) -> Camera | None:
    """The part of a (sharper) picture around the points: the same view, no pixels wasted; None if any is behind."""
    pixels = camera.project(points).reshape(-1, 2)
    if np.isnan(pixels).any():
        return None
    low, high = pixels.min(0), pixels.max(0)
    margin = 0.12 * (high - low).max()
    low, size = low - margin, high - low + 2 * margin
    scale = PICTURE_PX / size.max()
    width, height = np.maximum(np.round(size * scale), 64).astype(int)
    center = (np.array(camera.center_px) - low) * scale
    return Camera(
        camera.focal_px * scale,
        (float(center[0]), float(center[1])),
        (int(width), int(height)),
        camera.rotation_camera_from_world,
        camera.position_in_camera_m,
    )


def varied(
    rotations: Float[np.ndarray, "frames bones 3 3"], bone_names: list[str], rng: np.random.Generator
) -> Float[np.ndarray, "frames bones 3 3"]:
    """The motion in another style: joints turned a little, by choice knees bent deeper."""
    rotations = rotations.copy()
    for bone, name in enumerate(bone_names):
        amount = next((a for part, a in VARIED.items() if name.endswith(part)), None)
        if amount:
            rotations[:, bone] = rotations[:, bone] @ Rotation.from_rotvec(rng.normal(0, amount, 3)).as_matrix()
    if rng.random() < 0.4:
        for name in ("LeftLeg", "RightLeg"):
            bone = bone_names.index(name)
            bend = Rotation.from_rotvec([0, 0, -abs(rng.normal(0, DEEPER_KNEE_RAD))]).as_matrix()
            rotations[:, bone] = rotations[:, bone] @ bend
    return rotations


def clothes(body: AnnyBody, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
    """Colours of skin, shirt, trousers and shoes, by the bone that moves each vertex most."""
    skin = np.array([0.95, 0.78, 0.66]) * rng.uniform(0.35, 1.0)
    shirt, trousers, shoes, hair = rng.uniform(0.05, 0.95, (4, 3))
    bare_arms, bare_legs = rng.random(2) < 0.5
    colour = np.empty((len(body.bone_names), 3))
    for bone, name in enumerate(body.bone_names):
        if "Toe" in name or name.endswith("Foot"):
            colour[bone] = shoes
        elif name in ("LeftLeg", "RightLeg"):
            colour[bone] = skin if bare_legs else trousers
        elif "UpLeg" in name or "HipJoint" in name or name == "Hips":
            colour[bone] = trousers
        elif "ForeArm" in name:
            colour[bone] = skin if bare_arms else shirt
        elif any(part in name for part in ("Hand", "Finger", "Thumb", "Neck1", "Head")):
            colour[bone] = skin
        else:
            colour[bone] = shirt
    owner = body.skin_weights.argmax(1).numpy()
    vertices = colour[owner]
    with torch.no_grad():
        rest = body.rest(body.default_shape())
    head = rest.joints[body.bone_names.index("Head")]
    scalp = (owner == body.bone_names.index("Head")) & ((rest.vertices[:, 0] - head[0]) < 0.06).numpy()
    vertices[scalp & ((rest.vertices[:, 1] - head[1]) > 0.07).numpy()] = hair * 0.6
    return np.clip(vertices + rng.normal(0, 0.02, vertices.shape), 0, 1)


def see(
    motion: BodyMotion, camera: Camera, body: AnnyBody, detector: BlazePose, rng: np.random.Generator
) -> RenderedClip | None:
    """Render the motion through the camera and detect it; None where the detector does not see a person throughout."""
    shape = torch.tensor(motion.shape)
    with torch.no_grad():
        rest = body.rest(shape)
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
        skin = body.skin(rest, posed).numpy()
    window = closer(camera, skin[:, ::7])
    if window is None:
        return None
    detector.reset()
    rows = []
    with Renderer(
        body.faces.numpy(),
        window,
        color=clothes(body, rng),
        background=tuple(rng.uniform(0.1, 0.95, 3)),
        floor=bool(rng.random() < 0.5),
        ambient=rng.uniform(0.15, 0.5),
        light_from=tuple(rng.normal([0, 1, -0.5], 1, 3)),
    ) as renderer:
        for vertices in skin:
            found = detector.track(renderer.render(vertices))
            if found is None:
                return None
            rows.append((found.xy, found.confidence, found.world_m))
    xy, confidence, world_m = (np.stack(column) for column in zip(*rows, strict=True))
    turn = camera.rotation_camera_from_world
    return RenderedClip(
        xy=xy,
        confidence=confidence,
        world_m=world_m,
        joints=camera.to_camera(posed.joints.double().numpy()),
        turned=turn @ posed.rotations.double().numpy(),
        stature_m=float(body.stature(shape)),
        focal_px=window.focal_px,
        center_px=np.array(window.center_px),
    )


def rendered_clips(
    archive: Path, names: list[str], seed: int, mirror: bool = False, threads: int = 1
) -> Iterator[RenderedClip]:
    """Clips without end: motions of the CMU archive on random people through random cameras."""
    rng = np.random.default_rng(seed)
    body, detector = AnnyBody.load(), BlazePose(threads=threads, mirror=mirror)
    while True:
        source = read_cmu(archive, names[rng.integers(len(names))])
        motion = replay(source, body, random_shape(body, rng), every=round(source.rate_hz / RATE_HZ))
        assert motion.quality is not None
        for _ in range(CLIPS_PER_MOTION):
            if len(motion.time_s) < CLIP_FRAMES:
                break
            first = rng.integers(len(motion.time_s) - CLIP_FRAMES + 1)
            part = slice(first, first + CLIP_FRAMES)
            if (motion.quality[part] == 0).any():
                continue
            clip = replace(
                motion,
                rotations=varied(motion.rotations[part], motion.bone_names, rng),
                root_position_m=motion.root_position_m[part],
                time_s=motion.time_s[part],
                quality=None,
            )
            camera = random_camera(clip.root_position_m.mean(0), rng)
            seen = see(clip, camera, body, detector, rng)
            if seen is not None:
                yield seen


def write_shards(
    archive: Path,
    folder: Path,
    shards: int,
    clips: int,
    *,
    held_out: bool = False,
    first_seed: int = 0,
    mirror: bool = False,
) -> None:
    """Write shards of clips, one seed each; those that are there are left alone: a stop loses one at most."""
    names = [n for n in cmu_names(archive) if (n.split("_")[0] in HELD_OUT_SUBJECTS) == held_out]
    for seed in range(first_seed, first_seed + shards):
        path = folder / f"{'held_out' if held_out else 'train'}_{seed:05d}.npz"
        if path.exists():
            continue
        kept = [clip for clip, _ in zip(rendered_clips(archive, names, seed, mirror), range(clips), strict=False)]
        with whole_file(path) as temporary, open(temporary, "wb") as file:
            columns = {key: np.stack([getattr(clip, key) for clip in kept]) for key in kept[0].__dict__}
            np.savez_compressed(
                file,
                **{k: v.astype(np.float32) for k, v in columns.items()},  # type: ignore[arg-type]
            )


def main() -> None:
    """`python -m biomech.mesh.rendered CMU_ZIP FOLDER --shards 40`."""
    parser = argparse.ArgumentParser(description="Render random people and write down what the detector sees.")
    parser.add_argument("archive", type=Path, help="zip of CMU's .bvh motions")
    parser.add_argument("folder", type=Path, help="where the shards go")
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--clips", type=int, default=36, help="of 9 frames, in each shard")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--held-out", action="store_true", help="of the subjects kept for figures")
    said = parser.parse_args()
    write_shards(said.archive, said.folder, said.shards, said.clips, held_out=said.held_out, first_seed=said.first_seed)


if __name__ == "__main__":
    main()

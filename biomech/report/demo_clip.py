"""The film of `biopose demo`: a body walks past a phone's camera, and every joint's place is known."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.gait import walk
from biomech.body.motion import BodyMotion
from biomech.camera import TO_THE_LENS, Camera
from biomech.report.overlay import write_video
from biomech.report.render import Renderer
from biomech.video import DEFAULT_FOV_DEG

SIZE_PX = (960, 540)
RATE_HZ = 30.0
# A phone at chest height, tilted down and not quite level.
DISTANCE_M, HEIGHT_M, PITCH_RAD, ROLL_RAD = 3.6, 1.15, np.radians(4), np.radians(1.5)
HEADING_RAD = np.radians(60)  # between from the side (90°) and towards the camera (0°)
SPEED_M_S = 1.2
PASSES_LATE_M = 0.4  # the middle of the walk lies so far before the middle of the picture: nearer, one needs more room
PERSON = {"gender": 0.15, "age": 0.62, "muscle": 0.55, "weight": 0.5, "height": 0.36, "thigh_length": 0.2}
SKIN, SHIRT, TROUSERS, SHOES, HAIR = (
    (0.80, 0.60, 0.48),
    (0.68, 0.16, 0.16),
    (0.16, 0.2, 0.32),
    (0.9,) * 3,
    (0.2, 0.14, 0.1),
)
WALL = (0.78, 0.77, 0.72)


def demo_truth(seconds: float) -> BodyMotion:
    """The walk, and the camera that films it."""
    body = AnnyBody.load([0])
    shape = body.default_shape()
    for name, value in PERSON.items():
        shape[body.shape_names.index(name)] = value
    motion = walk(body, shape, seconds=seconds, rate_hz=RATE_HZ, speed_m_s=SPEED_M_S, heading_rad=HEADING_RAD)
    motion.root_position_m -= PASSES_LATE_M * np.array([np.cos(HEADING_RAD), 0.0, -np.sin(HEADING_RAD)])
    motion.camera = _phone()
    return motion


def render_demo(path: Path, *, seconds: float = 3.0, progress: Callable[[int, int], None] | None = None) -> BodyMotion:
    """Write the film as an .mp4 and return the truth.

    Args:
        path: where to.
        seconds: of walking, at 30 frames a second.
        progress: called with frames done and frames in all.

    Returns:
        The Anny body's motion (m, Y up) and the camera that filmed it.

    Raises:
        BioposeError: this machine cannot draw off-screen.
    """
    body, motion = AnnyBody.load(), demo_truth(seconds)
    assert motion.camera is not None
    with torch.no_grad():
        rest = body.rest(torch.tensor(motion.shape).float())
        posed = body.pose(rest, torch.tensor(motion.rotations).float(), torch.tensor(motion.root_position_m).float())
        skin = body.skin(rest, posed).numpy()
    renderer = Renderer(
        body.faces.numpy(), motion.camera, color=_clothes(body), background=WALL, floor=True, smooth=True
    )
    with renderer:

        def pictures() -> Iterator[tuple[float, UInt8[np.ndarray, "height width 3"]]]:
            for done, (time_s, vertices) in enumerate(zip(motion.time_s, skin, strict=True), start=1):
                yield float(time_s), renderer.render(vertices)
                if progress:
                    progress(done, len(skin))

        write_video(path, pictures(), SIZE_PX, RATE_HZ)
    return motion


def _phone() -> Camera:
    """On the X axis, looking along it; the angle of view is the one that `biopose` assumes of a phone."""
    focal = max(SIZE_PX) / 2 / np.tan(np.radians(DEFAULT_FOV_DEG) / 2)
    tilted = Rotation.from_euler("x", PITCH_RAD).as_matrix() @ TO_THE_LENS
    rotation = Rotation.from_euler("z", ROLL_RAD).as_matrix() @ tilted
    place = np.array([DISTANCE_M, HEIGHT_M, 0.0])
    center = ((SIZE_PX[0] - 1) / 2, (SIZE_PX[1] - 1) / 2)
    return Camera(float(focal), center, SIZE_PX, rotation, -rotation @ place)


def _clothes(body: AnnyBody) -> Float[np.ndarray, "vertices 3"]:
    """Colours by the bone that moves each vertex most, and hair."""
    colors = {bone: SHIRT for bone in body.bone_names}
    for bone in body.bone_names:
        if any(part in bone for part in ("ForeArm", "Hand", "Finger", "Thumb", "Neck", "Head")):
            colors[bone] = SKIN
        elif any(part in bone for part in ("Hips", "HipJoint", "Leg")):
            colors[bone] = TROUSERS
        elif any(part in bone for part in ("Foot", "Toe")):
            colors[bone] = SHOES
    owner = body.skin_weights.argmax(1).numpy()
    painted = np.array([colors[bone] for bone in body.bone_names])[owner]
    with torch.no_grad():
        rest = body.rest(body.default_shape())
    head = body.bone_names.index("Head")
    forward, up, _ = (rest.vertices - rest.joints[head]).numpy().T
    painted[(owner == head) & (up > 0.06 + 0.55 * forward)] = HAIR
    return painted

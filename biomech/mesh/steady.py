"""A camera that turns: its keypoints as a camera would have seen them that stands where it stood and does not turn.

The points' rays are turned into the axes of one frame, on a picture large enough for all of them; the body is then
fitted as ever, with one gravity and one floor. A camera that also changes its place is not told from one that turns.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from biomech.body.motion import BodyMotion
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.rays import towards

if TYPE_CHECKING:
    from biomech.mesh.mqhmr.predict import Frames

WIDEST = np.cos(np.radians(65.0))  # off the middle frame's axis: beyond, one flat picture does not hold the film
UNSURE_QUALITY = 0.4  # at best, where the camera's turn is not known
MOST_UNSURE = 0.5  # of the frames; of fewer the keypoints are left out
LEVEL_PATH = ("pelvis_tx", "pelvis_tz")  # are off by the way of a camera that is carried along
LEAST_TO_TELL = 0.01  # of the frames, out of the flat picture


def steadied(keypoints: Keypoints) -> Keypoints:
    """The keypoints of a camera that does not turn; those of one that stands as they are.

    Args:
        keypoints: with a focal length; left as they are.

    Returns:
        On a larger picture with the same middle; points outside the film's own picture have no confidence. Without
        masks and heat maps, which are of the film's pictures.
    """
    turns = keypoints.camera_turns
    if turns is None or keypoints.focal_px is None:
        return keypoints
    size = np.array(keypoints.size_px)
    center, focal = (size - 1) / 2, keypoints.focal_px
    inside = ((keypoints.xy > 0) & (keypoints.xy < size - 1)).all(-1)
    confidence = np.where(inside, keypoints.confidence, 0.0)
    unsure = keypoints.camera_unsure
    if unsure is not None and unsure.mean() < MOST_UNSURE:  # they would pull the floor and the others' frames away
        confidence = np.where(unsure[:, None], 0.0, confidence)
    rays = np.concatenate([(keypoints.xy - center) / focal, np.ones((*keypoints.xy.shape[:2], 1))], -1)
    turned = rays @ turns
    ahead = turned[..., 2] > WIDEST * np.linalg.norm(turned, axis=-1)
    confidence = np.where(ahead, confidence, 0.0)
    xy = np.where(ahead[..., None], focal * turned[..., :2] / np.where(ahead, turned[..., 2], 1.0)[..., None], np.nan)
    reach = np.abs(xy[confidence > 0]).max(0) if (confidence > 0).any() else np.zeros(2)
    margin = np.maximum(np.ceil(reach - center), 0).astype(int) + 2
    world_m = keypoints.world_m
    if world_m is not None:  # as seen along the ray through the person, which is the same; but not turned about it
        before = towards(np.nan_to_num(keypoints.xy), np.where(ahead, keypoints.confidence, 0), center, focal)
        after = towards(np.nan_to_num(xy), np.where(ahead, keypoints.confidence, 0), np.zeros(2), focal)
        world_m = world_m @ (np.swapaxes(before, 1, 2) @ turns @ after)
    return replace(
        keypoints,
        xy=xy + center + margin,
        confidence=confidence,
        size_px=(int(size[0] + 2 * margin[0]), int(size[1] + 2 * margin[1])),
        world_m=world_m,
        mask_bits=None,
        mask_from_image=None,
        heat_maps=None,
        camera_turns=None,
        camera_unsure=None,
    )


def recover_steadied(keypoints: Keypoints, recover: Callable[[Keypoints], BodyMotion]) -> BodyMotion:
    """The moving body before a camera that may turn.

    Args:
        keypoints: of one camera.
        recover: makes the motion of keypoints of a camera that stands.

    Returns:
        Its motion, with the camera of the film's own pictures; the frames' turns are beside it.
    """
    steady = steadied(keypoints)
    motion = recover(steady)
    if steady is keypoints or motion.camera is None:
        return motion
    width, height = keypoints.size_px
    camera = replace(motion.camera, size_px=keypoints.size_px, center_px=((width - 1) / 2, (height - 1) / 2))
    notes = ["the camera's turning was taken out; had it also changed its place, that was not"]
    unsure = keypoints.camera_unsure if keypoints.camera_unsure is not None else np.zeros(len(keypoints.found), bool)
    lost = keypoints.found & ~steady.found & ~unsure
    if lost.mean() > LEAST_TO_TELL:
        notes.append(
            f"the camera turned too far for one picture: {lost.mean():.0%} of the frames are left out; take the film "
            "in parts (`start_s`, `end_s`)"
        )
    return replace(
        motion,
        camera=camera,
        camera_turns=keypoints.camera_turns,
        quality=_doubted(motion.quality, keypoints),
        left_open=LEVEL_PATH if keypoints.camera_carried else (),
        notes=[*motion.notes, *notes],
    )


def frames_steadied(frames: "Frames", turns: Float[np.ndarray, "frames 3 3"] | None) -> "Frames":
    """MQ-HMR's bodies in the axes of the camera that does not turn.

    Args:
        frames: in each frame's own axes; left as they are.
        turns: of the camera; None for one that stands.

    Returns:
        The same bodies.
    """
    if turns is None:
        return frames
    rotations = frames.rotations.copy()
    rotations[:, 0] = np.swapaxes(turns, 1, 2) @ rotations[:, 0]
    return replace(
        frames,
        rotations=rotations,
        root_position_m=np.einsum("fi,fij->fj", frames.root_position_m, turns),
        keypoints_m=frames.keypoints_m @ turns,
    )


def _doubted(quality: Float[np.ndarray, " frames"] | None, keypoints: Keypoints) -> Float[np.ndarray, " frames"] | None:
    if quality is None or keypoints.camera_unsure is None:
        return quality
    return np.where(keypoints.camera_unsure, np.minimum(quality, UNSURE_QUALITY), quality)

"""What a detector without bias would say of a body whose motion and camera are known."""

import numpy as np

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh.chain import Chain
from biomech.mesh.correspondence import Correspondence
from biomech.mesh.rays import towards
from biomech.mesh.subject import Subject

CONFIDENCE = 0.95


def ideally_detected(
    motion: BodyMotion,
    camera: Camera,
    *,
    picture_noise_px: float = 0.0,
    landmark_noise_m: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Keypoints:
    """The calibrated points of a moving body, in the picture and, as seen along the ray through the person, in space.

    Args:
        motion: of Anny; m, in the camera's world.
        camera: has the picture's size.
        picture_noise_px, landmark_noise_m: standard deviations of what is added to either; ``rng`` draws it.
        rng: of the noise; None for a fixed seed.

    Returns:
        BlazePose's points, px and hip-centred m, all of confidence ``CONFIDENCE``; NaN in the picture for what is
        behind the lens.
    """
    body, rng = AnnyBody.load([0]), rng or np.random.default_rng(0)
    points = Correspondence.load(body.bone_names).points
    subject = Subject.start(body, None, None).with_shape(motion.shape)
    world = Chain(body.parents, body.bone_names).positions(
        points, subject.shaped, motion.rotations, motion.root_position_m
    )
    xy, space = camera.project(world), camera.to_camera(world)
    if picture_noise_px:
        xy = xy + rng.normal(0, picture_noise_px, xy.shape)
    confidence = np.full(xy.shape[:2], CONFIDENCE)
    hips = [points.names.index(f"{side}_hip") for side in ("left", "right")]
    turn = towards(xy, confidence, np.array(camera.center_px), camera.focal_px)
    landmarks = np.einsum("fji,fpj->fpi", turn, space - space[:, hips].mean(1, keepdims=True))
    if landmark_noise_m:
        landmarks = landmarks + rng.normal(0, landmark_noise_m, landmarks.shape)
    return Keypoints(
        names=list(points.names),
        xy=xy,
        confidence=confidence,
        time_s=motion.time_s,
        size_px=camera.size_px,
        focal_px=camera.focal_px,
        focal_source="given",
        world_m=landmarks,
    )

"""MediaPipe's own answer on a few frames of pose2sim_demo, written once to compare with.

Needs an environment with mediapipe (1.2 or later) and OpenCV, nothing of biopose:
    python tests/keypoints/mediapipe_reference.py pose_landmarker_heavy.task cam01.mp4
"""

import sys
from pathlib import Path

import numpy as np

FRAMES = (0, 20, 40, 60, 80)
REFERENCE = Path(__file__).parents[1] / "data" / "mediapipe_cam01.csv"


def mediapipe_answer(task: Path, frames: list[np.ndarray]) -> np.ndarray:
    """x px, y px, confidence, and world x, y, z m of 33 points a frame; each frame by itself, nothing smoothed."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.PoseLandmarkerOptions(BaseOptions(str(task)), running_mode=vision.RunningMode.IMAGE)
    rows = []
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        for frame in frames:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
            answer = landmarker.detect(image)
            height, width = frame.shape[:2]
            for point, world in zip(answer.pose_landmarks[0], answer.pose_world_landmarks[0], strict=True):
                confidence = point.visibility * point.presence
                rows.append([point.x * width, point.y * height, confidence, world.x, world.y, world.z])
    return np.array(rows).reshape(len(frames), 33, 6)


def main() -> None:
    import cv2

    task, clip = sys.argv[1:]
    capture, frames = cv2.VideoCapture(clip), []
    while True:
        read, frame = capture.read()
        if not read:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    answer = mediapipe_answer(Path(task), [frames[index] for index in FRAMES])
    np.savetxt(
        REFERENCE, answer.reshape(-1, 6), "%.4f", ",", header="x_px,y_px,confidence,world_x_m,world_y_m,world_z_m"
    )


if __name__ == "__main__":
    main()

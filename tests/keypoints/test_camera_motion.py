"""A camera that turns is found on drawn rooms turned by known rotations; one that stands is never called moving."""

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.errors import BioposeError
from biomech.keypoints.camera_motion import CameraMotion, CameraWatch, check_way
from biomech.keypoints.detector import Detection, Region

FOCAL, SIZE, RATE_HZ = 300.0, (320, 240), 15.0
WIDE = (1200, 700)


def matrix(size: tuple[int, int], focal: float = FOCAL) -> np.ndarray:
    return np.array([[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]])


@pytest.fixture(scope="module")
def room() -> np.ndarray:
    """Blotches of all sizes on a wall far away."""
    rng = np.random.default_rng(0)
    found = np.zeros((WIDE[1], WIDE[0]))
    for side in (6, 12, 30):
        patches = rng.normal(size=(WIDE[1] // side + 1, WIDE[0] // side + 1))
        found += np.kron(patches, np.ones((side, side)))[: WIDE[1], : WIDE[0]]
    found = 128 + 40 * cv2.GaussianBlur(found, (0, 0), 1.0)
    return np.repeat(found.clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def turned(room: np.ndarray, turn: np.ndarray, zoom: float = 1.0) -> np.ndarray:
    warp = matrix(SIZE, zoom * FOCAL) @ turn @ np.linalg.inv(matrix(WIDE))
    return cv2.warpPerspective(room, warp, SIZE, borderMode=cv2.BORDER_REFLECT)


def person(x: float, y: float = 70, wide: float = 50, high: float = 140) -> Detection:
    corners = np.array([[x, y], [x + wide, y + high]], dtype=float)
    region = Region((x, y), high, 0.0)
    return Detection(corners, np.ones(2), None, 1.0, region, region, None, np.ones(1))


def walked(frame: np.ndarray, x: int, wide: int = 50, high: int = 140, seed: int = 1) -> np.ndarray:
    """With somebody in a patterned shirt in front."""
    shirt = np.kron(np.random.default_rng(seed).integers(0, 255, (high // 7, wide // 5)), np.ones((7, 5)))
    frame = frame.copy()
    part = frame[70 : 70 + len(shirt), x : x + shirt.shape[1]]
    part[:] = shirt[: len(part), : part.shape[1], None].astype(np.uint8)
    return frame


def look(frames: list[np.ndarray], people: list[Detection | None] | None = None) -> CameraMotion:
    watch = CameraWatch(FOCAL, SIZE)
    rng = np.random.default_rng(3)
    for frame, one in zip(frames, people or [None] * len(frames), strict=True):
        noisy = frame.astype(int) + rng.normal(0, 3, frame.shape).astype(int)
        watch.add(noisy.clip(0, 255).astype(np.uint8), [one])
    return watch.motion(RATE_HZ)


def path(count: int, pan_deg: float, tilt_deg: float = 0.0, roll_deg: float = 0.0) -> np.ndarray:
    """There and back again."""
    phase = np.sin(np.linspace(0, 2 * np.pi, count))
    angles = np.radians(np.outer(phase, [pan_deg, tilt_deg, roll_deg]))
    return Rotation.from_euler("YXZ", angles).as_matrix()


def degrees_off(found: CameraMotion, true: np.ndarray) -> np.ndarray:
    """Between the turns and the true ones, both from the frame in which the found ones begin."""
    assert found.turns is not None
    zero = int(np.argmin(Rotation.from_matrix(found.turns).magnitude()))
    return np.degrees(Rotation.from_matrix(found.turns @ np.swapaxes(true @ true[zero].T, 1, 2)).magnitude())


@pytest.mark.parametrize("angles", [(3.0, 1.0, 1.0), (35.0, 4.0, 2.0)])
def test_a_turning_camera_is_followed_without_drift(room: np.ndarray, angles: tuple[float, float, float]) -> None:
    true = path(90, *angles)
    frames = [walked(turned(room, turn), 100 + k) for k, turn in enumerate(true)]
    found = look(frames, [person(100 + k) for k in range(90)])
    assert degrees_off(found, true).max() < 0.3  # 0.18 at 35° from where the last key picture began
    assert degrees_off(found, true)[-1] < 0.02
    assert not found.unsure.any()
    (note,) = found.notes
    assert "the camera moved" in note and f"{2 * angles[0]:.0f}" in note.replace(".0°", "").split(" sideways")[0]


def test_a_camera_that_stands_does_not_move(room: np.ndarray) -> None:
    still = turned(room, np.eye(3))
    empty = [still] * 20
    strolling = [walked(still, 6 * k) for k in range(40)]  # somebody whom nobody follows
    crowd = [walked(walked(walked(still, 5 * k), 5 * k + 55), 5 * k + 110) for k in range(25)]
    shaken = [turned(room, turn) for turn in path(30, 0.25, 0.2, 0.2)]
    bumped = [turned(room, np.eye(3) if k != 15 else path(5, 3.0)[1]) for k in range(40)]
    assert look(crowd).turns is None  # half of the picture goes one way: it may say that it cannot tell
    for frames in (empty, strolling, shaken, bumped):
        found = look(frames)
        assert found.turns is None and not found.notes and not found.unsure.any()


def test_lights_that_go_out_and_a_person_before_the_lens_are_no_movement(room: np.ndarray) -> None:
    still = turned(room, np.eye(3))
    dark = [still] * 15 + [(still * 0.4).astype(np.uint8)] * 15
    assert look(dark).turns is None
    near = [person(0, 0, 320, 240) if 10 <= k < 16 else None for k in range(30)]
    assert look([still] * 30, near).turns is None


def test_where_nothing_is_to_be_seen_it_says_so(room: np.ndarray) -> None:
    bare = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
    found = look(
        [cv2.GaussianBlur(walked(bare, 4 * k), (0, 0), 1) for k in range(30)], [person(4 * k) for k in range(30)]
    )
    assert found.turns is None and "cannot be told" in found.notes[0]
    filled = look([turned(room, np.eye(3))] * 20, [person(0, 0, 320, 240)] * 20)
    assert filled.turns is None and "too little is seen beside the person" in filled.notes[0]
    assert look([bare]).notes == []


def test_a_zoom_is_told_and_not_trusted(room: np.ndarray) -> None:
    frames = [turned(room, np.eye(3), zoom) for zoom in np.linspace(1.0, 1.4, 40)]
    found = look(frames)
    assert found.turns is not None and 0.3 < found.unsure.mean() < 0.95
    assert np.degrees(Rotation.from_matrix(found.turns).magnitude()).max() < 0.3
    assert any("zoomed or went nearer" in note for note in found.notes)


def test_frames_in_which_the_turn_is_lost_are_told(room: np.ndarray) -> None:
    true = path(60, 6.0)
    frames = [turned(room, turn) for turn in true]
    frames[20:26] = [np.random.default_rng(5).integers(0, 255, frames[0].shape).astype(np.uint8)] * 6
    found = look(frames)
    assert found.unsure[20:26].all() and not found.unsure[30:].any()
    assert degrees_off(found, true)[30:].max() < 0.15
    assert any("10% of the frames" in note for note in found.notes)


def test_a_key_picture_is_met_again_where_the_way_back_was_not_seen(room: np.ndarray) -> None:
    """The lens is covered while the camera turns on; it comes back to what it saw at first."""
    away = [turned(room, Rotation.from_euler("y", degrees, degrees=True).as_matrix()) for degrees in range(8)]
    covered = [np.random.default_rng(5).integers(0, 255, away[0].shape).astype(np.uint8)] * 6
    found = look([*away, *covered, *away[:3], *away[2::-1]] + [away[0]] * 10)
    assert found.unsure[8:14].all() and not found.unsure[14:].any()
    pan = Rotation.from_matrix(found.turns).as_euler("yxz", degrees=True)[:, 0]
    assert np.abs(pan[[14, 16, 20]] - pan[0] - [0, pan[2] - pan[0], 0]).max() < 0.15


def test_a_camera_that_plainly_turned_is_not_taken_to_stand_where_most_is_lost(room: np.ndarray) -> None:
    frames = [turned(room, turn) for turn in path(20, 6.0)]
    covered = [np.random.default_rng(5).integers(0, 255, frames[0].shape).astype(np.uint8)] * 30
    found = look(frames + covered)
    assert found.turns is not None and 0.5 < found.unsure.mean() < 0.7
    assert any("are not trusted" in note for note in found.notes)


def before_each_other(room: np.ndarray, at: np.ndarray, near: float) -> list[np.ndarray]:
    """Every second stripe of the wall goes ``near`` times as far as the others: it is nearer to a lens that moves."""
    upper = (np.arange(SIZE[1]) // 40 % 2 == 1)[:, None, None]
    go = [[[1, 0, shift - 300], [0, 1, -200]] for shift in np.stack([at, near * at]).T.ravel()]
    seen = [cv2.warpAffine(room, np.array(one, float), SIZE, borderMode=cv2.BORDER_REFLECT) for one in go]
    return [np.where(upper, other, one) for one, other in zip(seen[::2], seen[1::2], strict=True)]


def test_a_camera_that_is_carried_along_is_told(room: np.ndarray) -> None:
    at = np.linspace(0, 60, 40)
    carried = look(before_each_other(room, at, 1.4))
    assert carried.turns is not None and any("probably changed its place" in note for note in carried.notes)
    assert carried.carried and not look([turned(room, turn) for turn in path(20, 6.0)]).carried
    assert look(before_each_other(room, 0 * at, 1.4)).notes == []


def test_other_words_are_refused() -> None:
    with pytest.raises(BioposeError, match="camera_motion"):
        check_way("pan")

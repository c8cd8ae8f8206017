"""A camera in a drawn room: what is drawn lies where it projects, and figures are those of the ways given."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from biomech.bench import rendered_room
from biomech.bench.rendered_camera import camera_figures, path_off_mm
from biomech.bench.rendered_room import DOLLY_M_S, HAND_DEG, HAND_M, PAN_DEG, WAYS, Actor, camera_way, moved, room
from biomech.bench.sources import PARTS
from biomech.camera import Camera
from biomech.keypoints.keypoints import Keypoints
from biomech.report.render import Renderer

TIME_S = np.arange(60) / 20
WALK_M = np.stack([np.linspace(-1, 1, 60), np.zeros(60), np.full(60, 4.5)], 1)  # across the view, camera axes
SIZE = (160, 90)


def degrees(turns: np.ndarray) -> np.ndarray:
    return np.degrees(Rotation.from_matrix(turns).magnitude())


def test_the_ways_are_as_wide_as_they_are_said_to_be() -> None:
    turns, shifts = zip(*(camera_way(way, TIME_S, WALK_M) for way in WAYS), strict=True)
    turn, shift = dict(zip(WAYS, turns, strict=True)), dict(zip(WAYS, shifts, strict=True))
    assert degrees(turn["panned"][0].T @ turn["panned"][-1]) == pytest.approx(PAN_DEG)
    hand = np.degrees(np.abs(Rotation.from_matrix(turn["handheld"]).as_euler("YXZ")).max(0))
    assert (hand >= HAND_DEG[0] - 1e-6).all() and (hand <= HAND_DEG[1] + 1e-6).all()
    widest = np.abs(shift["handheld"]).max(0)
    assert (widest >= HAND_M[0] - 1e-9).all() and (widest <= HAND_M[1] + 1e-9).all()
    followed = np.einsum("fij,fj->fi", turn["followed"], WALK_M)
    np.testing.assert_allclose(followed[:, 0], 0, atol=1e-9)
    for way, axis in (("carried", 0), ("nearer", 2)):
        speed = np.diff(shift[way][:, axis]) * 20
        np.testing.assert_allclose(speed, DOLLY_M_S)
    assert not shift["panned"].any() and not shift["followed"].any() and not shift["standing"].any()
    assert not degrees(turn["carried"]).any() and not degrees(turn["standing"]).any()


def test_a_camera_that_moved_sees_a_picture_on_a_wall_where_it_projects() -> None:
    rotation = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
    still = Camera(120.0, ((SIZE[0] - 1) / 2, (SIZE[1] - 1) / 2), SIZE, rotation, -rotation @ [0, 1, 4])
    other = moved(still, Rotation.from_euler("YXZ", [0.08, -0.05, 0.1]).as_matrix(), np.array([0.2, -0.1, 0.3]))
    np.testing.assert_allclose(other.to_world(np.zeros(3)), [0.2, 1.1, 3.7])
    corners = np.array([[-1, 1.6, 0], [1, 1.6, 0], [1, 0.4, 0], [-1, 0.4, 0.0]])
    wall = np.zeros((60, 100, 3), np.uint8)
    wall[:30, :50] = 200, 0, 0  # its upper left is red, its lower right blue
    wall[30:, 50:] = 0, 0, 200
    nothing = np.array([[0, -9, 9], [0.01, -9, 9], [0, -9.01, 9]])  # behind the lens
    with Renderer(np.array([[0, 1, 2]]), still, background=(0, 1, 0)) as drawing:
        drawing.furnish(corners, wall)
        for camera in (still, other):
            drawing.look(camera)
            seen = drawing.render(nothing)
            for channel, middle in ((0, [-0.5, 1.3, 0]), (2, [0.5, 0.7, 0])):
                half = np.array([0.5, 0.3, 0])
                ends = camera.project(middle + np.array([[-1, 1, 0], [1, 1, 0], [1, -1, 0], [-1, -1, 0]]) * half)
                drawn = np.argwhere(seen[..., channel] > 100)[:, ::-1]
                np.testing.assert_allclose(drawn.min(0), ends.min(0), atol=1.5)
                np.testing.assert_allclose(drawn.max(0), ends.max(0), atol=1.5)


def test_the_room_has_depth_behind_and_stands_clear_of_the_person() -> None:
    camera = Actor("squat", 0, 0.6).camera()
    corners = np.concatenate([sheet for sheet, _, _ in room(camera, np.random.default_rng(0))])
    away = camera.to_camera(corners)[:, 2] - rendered_room.DISTANCE_M
    assert away.max() == pytest.approx(rendered_room.BACK_M) and corners[:, 1].min() == 0
    boxes = np.array([behind for (_, behind, _), _ in rendered_room.BOXES])
    assert boxes.min() == 1.0 and boxes.max() > 3.0


def test_small_pictures_of_somebody_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered_room, "SIZE_PX", SIZE)
    monkeypatch.setattr(rendered_room, "SECONDS", 0.1)
    actor = Actor("squat", 0, 0.6)
    frames = list(rendered_room.pictures(actor, "carried"))
    assert [time_s for time_s, _ in frames] == pytest.approx([0.0, 0.05])
    assert frames[0][1].shape == (SIZE[1], SIZE[0], 3) and (frames[0][1] != frames[1][1]).any()


def test_figures_are_those_of_the_ways() -> None:
    true = Rotation.from_euler("y", np.linspace(-5, 5, 11)[:, None], degrees=True).as_matrix()
    points = np.zeros((11, 1, 2))
    seen = Keypoints(["nose"], points, np.ones((11, 1)), np.arange(11) / 20, SIZE)
    assert camera_figures(true, seen) == {
        "turned_through_deg": 10.0,
        "known_share": 1.0,
        "turn_deg": pytest.approx(30 / 11, abs=1e-3),
    }
    seen.camera_turns = true @ true[5].T
    seen.camera_unsure = np.arange(11) > 8
    found = camera_figures(true, seen)
    assert found == {"turned_through_deg": 10.0, "known_share": 0.818, "turn_deg": pytest.approx(0, abs=1e-3)}


def test_a_path_is_judged_after_one_turn_and_one_shift() -> None:
    actor = Actor("squat", 0, 0.6)
    motion = actor.motion(actor.truth())
    place = np.random.default_rng(0).normal(size=motion.root_position_m.shape)
    one = replace(motion, root_position_m=place)
    turned = Rotation.from_euler("y", 1.0).apply(place) + 3
    assert path_off_mm(one, replace(motion, root_position_m=turned)) == pytest.approx(0, abs=1e-6)
    assert path_off_mm(one, replace(motion, root_position_m=place * [1, 0, 1])) > 100


def test_it_can_be_run_without_the_films(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr("biomech.bench.sources.bench_rendered_camera", lambda folder, say: {"folder": str(folder)})
    found = PARTS["moving"](tmp_path, tmp_path, ("rendered",), lambda _: None)
    assert found == {"folder": str(tmp_path / "moving" / "rendered")}

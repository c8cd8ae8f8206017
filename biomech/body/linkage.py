"""The Anny body on the joints of our OpenSim skeleton: its coordinates pose the bones, and the bones give them back.

A link is what one joint moves: a ball, with a rotation of its own, or a hinge, with an angle. Links turn as the bodies
of the skeleton do (axes from ``biomech.osim_models.figures``) about the joints of the Anny body, so that they fit any
shape; in the neutral pose the body is where both agree (``biomech.body.neutral``). Anny's spine bends at its lowest
joint, as the skeleton's does, the forearm goes with the ulna, and the hand with radius and wrist.
"""

import functools
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy.polynomial import polynomial
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.neutral import NEUTRAL_POSTURE, neutral_pose
from biomech.osim_models import figures

EULER_AXES = np.array([figures.Z, figures.X, figures.Y])  # in the order in which the skeleton turns about them

Angles = Float[np.ndarray, " frames"]
Turns = Float[np.ndarray, "frames 3 3"]
Hinged = tuple[Float[np.ndarray, "frames hinges 3 3"], Float[np.ndarray, "frames hinges 3"]]


class Ball(NamedTuple):
    """A joint that turns any way; its coordinates are angles about EULER_AXES, as seen on its side."""

    link: str
    parent: str
    bone: str  # of Anny, about whose joint it turns
    coordinates: tuple[str, str, str]


class Hinge(NamedTuple):
    """A joint with one coordinate, about an axis that stands still in its parent; the knee's wanders as it bends."""

    link: str
    parent: str
    bone: str
    coordinate: str
    axis: Float[np.ndarray, "3"] | None  # None: the knee


Joint = Ball | Hinge


def _mirrored(axis, side: str) -> Float[np.ndarray, "3"]:
    """A rotation's axis, or angles about X, Y, Z, seen in the sagittal plane's mirror."""
    return np.array(axis, float) * ([1, 1, 1] if side == "r" else [-1, -1, 1])


def _joints() -> list[Joint]:
    pins = {pin.name: pin for pin in figures.SIDE_JOINTS if isinstance(pin, figures.PinFigures)}
    joints: list[Joint] = [
        Ball("pelvis", "", "Hips", ("pelvis_tilt", "pelvis_list", "pelvis_rotation")),
        Ball("torso", "pelvis", "LowerBack", ("lumbar_extension", "lumbar_bending", "lumbar_rotation")),
        Ball("head", "torso", "Neck", ("neck_extension", "neck_bending", "neck_rotation")),
    ]
    for s, side in (("r", "Right"), ("l", "Left")):

        def pin(name: str, link: str, parent: str, bone: str, s: str = s, side: str = side) -> Hinge:
            turn = Rotation.from_euler("XYZ", _mirrored(pins[name].orientation_rad, s)).as_matrix()
            return Hinge(f"{link}_{s}", f"{parent}_{s}", side + bone, f"{pins[name].coordinate}_{s}", turn[:, 2])

        hip, arm = (
            (f"hip_flexion_{s}", f"hip_adduction_{s}", f"hip_rotation_{s}"),
            tuple(f"arm_{way}_{s}" for way in ("flex", "add", "rot")),
        )
        joints += [
            Ball(f"femur_{s}", "pelvis", f"{side}UpLeg", hip),
            Hinge(f"tibia_{s}", f"femur_{s}", f"{side}Leg", f"knee_angle_{s}", None),
            pin("ankle", "talus", "tibia", "Foot"),
            pin("subtalar", "calcn", "talus", "Foot"),
            pin("mtp", "toes", "calcn", "ToeBase"),
            Ball(f"humerus_{s}", "torso", f"{side}Arm", arm),  # type: ignore[arg-type]
            pin("elbow", "ulna", "humerus", "ForeArm"),
            pin("radioulnar", "radius", "ulna", "Hand"),  # the wrist stays on the forearm's line
            Hinge(f"wrist_{s}", f"radius_{s}", f"{side}Hand", f"wrist_flex_{s}", _mirrored(EULER_AXES[0], s)),
            Hinge(f"hand_{s}", f"wrist_{s}", f"{side}Hand", f"wrist_dev_{s}", _mirrored(EULER_AXES[1], s)),
        ]
    return joints


JOINTS = tuple(_joints())
BALLS = tuple(joint for joint in JOINTS if isinstance(joint, Ball))
HINGES = tuple(joint for joint in JOINTS if isinstance(joint, Hinge))
LINKS = tuple(joint.link for joint in JOINTS)
PARENTS = tuple(LINKS.index(joint.parent) if joint.parent else -1 for joint in JOINTS)
# Bones that go with a link; every other bone goes with the one that it hangs on.
CARRIED = {"Hips": "pelvis", "LowerBack": "torso", "Neck": "head"} | {
    side + bone: f"{link}_{s}"
    for s, side in (("r", "Right"), ("l", "Left"))
    for bone, link in {
        **{"UpLeg": "femur", "Leg": "tibia", "Foot": "calcn", "ToeBase": "toes"},
        **{"Arm": "humerus", "ForeArm": "ulna", "Hand": "hand"},
    }.items()
}


@dataclass(frozen=True)
class Pose:
    """How the links turn: each ball against its parent (the pelvis in the world), each hinge's angle in rad."""

    balls: Float[np.ndarray, "frames balls 3 3"]
    hinges: Float[np.ndarray, "frames hinges"]

    def __len__(self) -> int:
        return len(self.hinges)

    def __getitem__(self, frames) -> "Pose":
        return Pose(self.balls[frames], self.hinges[frames])


def pose_of(names: list[str], values: Float[np.ndarray, "frames coordinates"]) -> Pose:
    """From coordinates (rad); those not named are as in the neutral posture.

    Args:
        names: coordinates of our skeleton; translations are not looked at.
        values: a column for each name.

    Returns:
        The pose of all links.
    """
    column = dict(zip(names, values.T, strict=True))

    def angle(name: str) -> Angles:
        return column.get(name, np.full(len(values), NEUTRAL_POSTURE[name]))

    balls = np.stack(
        [_euler([angle(name) for name in ball.coordinates], _side(ball.coordinates[0])).as_matrix() for ball in BALLS],
        1,
    )
    return Pose(balls, np.stack([angle(hinge.coordinate) for hinge in HINGES], 1))


def coordinates_of(pose: Pose) -> dict[str, Angles]:
    """Coordinates (rad) by name; an arm's are continuous in time."""
    found = {hinge.coordinate: pose.hinges[:, k] for k, hinge in enumerate(HINGES)}
    for k, ball in enumerate(BALLS):
        sign = np.where(_side(ball.coordinates[0]) == "l", [1, -1, -1], 1)
        with warnings.catch_warnings():
            # Of an arm straight out at its side: any share of turns will do.
            warnings.simplefilter("ignore", UserWarning)
            turns = Rotation.from_matrix(pose.balls[:, k]).as_euler("ZXY")
        angles = np.unwrap(turns, axis=0) * sign
        found |= dict(zip(ball.coordinates, angles.T, strict=True))
    return found


def world(pose: Pose, hinged: Hinged | None = None) -> Float[np.ndarray, "frames links 3 3"]:
    """Orientation of every link.

    Args:
        pose: of the links.
        hinged: by ``hinges_of`` the pose, where that is known already.

    Returns:
        World from link.
    """
    turned = np.empty((len(pose), len(LINKS), 3, 3))
    own, ball, hinge = hinged or hinges_of(pose), 0, 0
    for k, (joint, parent) in enumerate(zip(JOINTS, PARENTS, strict=True)):
        if isinstance(joint, Ball):
            turn, ball = pose.balls[:, ball], ball + 1
        else:
            turn, hinge = own[0][:, hinge], hinge + 1
        turned[:, k] = turn if parent < 0 else turned[:, parent] @ turn
    return turned


def hinges_of(pose: Pose) -> Hinged:
    """Of every hinge its rotation against the parent, and the axis (in the parent) of a small change of its angle.

    Args:
        pose: of the links.

    Returns:
        Rotations, and axes, of unit length but the knees'; in the order of ``HINGES``.
    """
    turns = np.empty((len(pose), len(HINGES), 3, 3))
    about = np.empty((len(pose), len(HINGES), 3))
    turns[:, _PINS], about[:, _PINS] = rotations(_PIN_AXES, pose.hinges[:, _PINS]), _PIN_AXES
    for k in _KNEES:
        turns[:, k], about[:, k] = _hinged(HINGES[k], pose.hinges[:, k])
    return turns, about


def axes(
    pose: Pose, turned: Float[np.ndarray, "frames links 3 3"], hinged: Hinged | None = None
) -> Float[np.ndarray, "frames turns 3"]:
    """World axes of all small turns, link by link: three of a ball (its own axes), one of a hinge.

    Args:
        pose: of the links.
        turned: their orientations, by ``world``.
        hinged: by ``hinges_of`` the pose, where that is known already.

    Returns:
        Rows in the order of ``TURNING``; all of unit length but the knees', which turn about several axes at once.
    """
    found = np.empty((len(pose), len(TURNING), 3))
    found[:, BALL_TURNS] = np.swapaxes(turned[:, _BALL_LINKS], 2, 3)
    about = (hinged or hinges_of(pose))[1]
    found[:, HINGE_TURNS] = (turned[:, _HINGE_PARENTS] @ about[..., None])[..., 0]
    return found


# For each small turn, in the order of ``axes``: its link.
TURNING: Int[np.ndarray, " turns"] = np.array(
    [k for k, joint in enumerate(JOINTS) for _ in range(3 if isinstance(joint, Ball) else 1)]
)
BALL_TURNS: Int[np.ndarray, "balls 3"] = np.array([np.flatnonzero(TURNING == LINKS.index(b.link)) for b in BALLS])
HINGE_TURNS: Int[np.ndarray, " hinges"] = np.array([np.flatnonzero(TURNING == LINKS.index(h.link))[0] for h in HINGES])
_BALL_LINKS = np.array([LINKS.index(ball.link) for ball in BALLS])
_HINGE_PARENTS = np.array([LINKS.index(hinge.parent) for hinge in HINGES])
_PINS = np.array([k for k, hinge in enumerate(HINGES) if hinge.axis is not None])
_KNEES = [k for k, hinge in enumerate(HINGES) if hinge.axis is None]
_PIN_AXES = np.array([hinge.axis for hinge in HINGES if hinge.axis is not None])


def turned_by(pose: Pose, step: Float[np.ndarray, "frames turns"]) -> Pose:
    """After small turns (rad), in the order of ``axes``.

    Args:
        pose: of the links.
        step: a ball's three as a rotation vector about its own axes, a hinge's as an angle (rad).

    Returns:
        The pose after them.
    """
    small = Rotation.from_rotvec(step[:, BALL_TURNS].reshape(-1, 3)).as_matrix().reshape(len(step), -1, 3, 3)
    return Pose(pose.balls @ small, pose.hinges + step[:, HINGE_TURNS])


@functools.cache
def _neutral_links() -> Float[np.ndarray, "links 3 3"]:
    return world(pose_of([], np.zeros((1, 0))))[0]


def bone_links(bone_names: list[str], parents: list[int]) -> Int[np.ndarray, " bones"]:
    """The link that carries each bone.

    Args:
        bone_names: Anny's.
        parents: of each bone, −1 for the root; parents come first.

    Returns:
        Index into ``LINKS`` for each bone.
    """
    links: list[int] = []
    for name, parent in zip(bone_names, parents, strict=True):
        links.append(LINKS.index(CARRIED[name]) if name in CARRIED else links[parent])
    return np.array(links)


def bones_in_links(body: AnnyBody, shape: Float[np.ndarray, " shape"]) -> Float[np.ndarray, "bones 3 3"]:
    """Rotation of each bone's rest axes against its link's.

    Args:
        body: Anny's, any vertices.
        shape: of the person, on which the neutral pose depends.

    Returns:
        Link from bone, constant over any motion.
    """
    links = bone_links(body.bone_names, body.parents)
    return np.swapaxes(_neutral_links()[links], 1, 2) @ neutral_pose(shape)


def bone_rotations(
    body: AnnyBody, shape: Float[np.ndarray, " shape"], pose: Pose
) -> Float[np.ndarray, "frames bones 3 3"]:
    """Of every bone against the one before it, as a ``BodyMotion`` has them.

    Args:
        body: Anny's, any vertices.
        shape: of the person.
        pose: of the links.

    Returns:
        Parent from bone; of the root, world from bone.
    """
    links = bone_links(body.bone_names, body.parents)
    turned = world(pose)[:, links] @ bones_in_links(body, shape)
    parents = np.array(body.parents)
    local = np.swapaxes(turned[:, parents], -1, -2) @ turned
    local[:, parents < 0] = turned[:, parents < 0]
    return local


def pose_of_bones(
    body: AnnyBody, shape: Float[np.ndarray, " shape"], rotations: Float[np.ndarray, "frames bones 3 3"]
) -> Pose:
    """The nearest pose of the links to bones turned any way; what hinges cannot follow is left out.

    Args:
        body: Anny's, any vertices.
        shape: of the person.
        rotations: of each bone against its parent, as a ``BodyMotion`` has them.

    Returns:
        The pose of the links.
    """
    turned = np.empty_like(rotations)
    for bone, parent in enumerate(body.parents):
        turned[:, bone] = rotations[:, bone] if parent < 0 else turned[:, parent] @ rotations[:, bone]
    into = np.swapaxes(bones_in_links(body, shape), 1, 2)
    # The trunk and the neck of other bodies bend all along: what counts is where the chest and the head are.
    carriers = {link: bone for bone, link in CARRIED.items()} | {"torso": "Spine1", "head": "Head"}
    places = {link: body.bone_names.index(bone) for link, bone in carriers.items()}
    wanted = {link: turned[:, place] @ into[place] for link, place in places.items()}
    balls, hinges = [], []
    reached: list[Turns] = []
    for joint, parent in zip(JOINTS, PARENTS, strict=True):
        before = np.broadcast_to(np.eye(3), (len(rotations), 3, 3)) if parent < 0 else reached[parent]
        goal = next((wanted[link] for link in _onwards(joint.link) if link in wanted), before)
        relative = np.swapaxes(before, 1, 2) @ goal
        if isinstance(joint, Ball):
            balls.append(relative)
            reached.append(before @ relative)
        else:
            angle = _nearest_angle(joint, relative)
            hinges.append(angle)
            reached.append(before @ _hinged(joint, angle)[0])
    return Pose(np.stack(balls, 1), np.stack(hinges, 1))


def _onwards(link: str) -> list[str]:
    """The link and, of hinges in a row without a bone of their own, those after it."""
    name, _, side = link.partition("_")
    after = {"talus": ["calcn"], "radius": ["hand"], "wrist": ["hand"]}.get(name, [])
    return [link, *(f"{n}_{side}" for n in after)]


def _nearest_angle(hinge: Hinge, relative: Turns) -> Angles:
    """The angle that leaves the least rotation over; of the knee by its own axis at that angle."""
    angle = np.zeros(len(relative))
    for _ in range(1 if hinge.axis is not None else 4):
        turn, axis = _hinged(hinge, angle)
        left = np.swapaxes(turn, 1, 2) @ relative
        own = (np.swapaxes(turn, 1, 2) @ axis[..., None])[..., 0]
        quaternion = Rotation.from_matrix(left).as_quat()
        more = 2 * np.arctan2((quaternion[:, :3] * own).sum(1), quaternion[:, 3])
        angle = angle + (more + np.pi) % (2 * np.pi) - np.pi
    return angle


def _side(coordinate: str) -> str:
    return "l" if coordinate.endswith("_l") else "r"


def _euler(angles: list[Angles], side: str) -> Rotation:
    turn = Rotation.identity(len(angles[0]))
    for angle, axis in zip(angles, EULER_AXES, strict=True):
        turn = turn * Rotation.from_rotvec(angle[:, None] * _mirrored(axis, side))
    return turn


def _hinged(hinge: Hinge, angle: Angles) -> tuple[Turns, Float[np.ndarray, "frames 3"]]:
    """Rotation against the parent, and the axis (in the parent, not of unit length) of a small change of the angle."""
    if hinge.axis is not None:
        return rotations(hinge.axis, angle), np.broadcast_to(hinge.axis, (len(angle), 3))
    return _knee(_side(hinge.coordinate), angle)


def rotations(axis: Float[np.ndarray, "*#n 3"], angle: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 3 3"]:
    """About fixed axes (Rodrigues): a third of what rotation vectors take.

    Args:
        axis: of unit length.
        angle: rad.

    Returns:
        Rotation matrices.
    """
    x, y, z = np.moveaxis(np.asarray(axis, float), -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    sine, rest = np.sin(angle)[..., None, None], (1 - np.cos(angle))[..., None, None]
    return np.asarray(np.eye(3) + sine * cross + rest * (cross @ cross))


@functools.cache
def _knee_offset(side: str) -> Float[np.ndarray, "3 3"]:
    return Rotation.from_euler("XYZ", _mirrored(figures.KNEE_ORIENTATION_RAD, side)).as_matrix()


def _knee(side: str, angle: Angles) -> tuple[Turns, Float[np.ndarray, "frames 3"]]:
    offset = _knee_offset(side)
    turn, axis = np.broadcast_to(offset, (len(angle), 3, 3)), np.zeros((len(angle), 3))
    for about, highest_first in (
        (figures.X, (1.0, 0.0)),
        (figures.Z, figures.KNEE_ROTATION_Z),
        (figures.Y, figures.KNEE_ROTATION_Y),
    ):
        powers, own = np.array(highest_first[::-1]), _mirrored(about, side)
        by_angle = polynomial.polyval(angle, polynomial.polyder(powers))
        axis = axis + by_angle[:, None] * (turn @ own)
        turn = turn @ rotations(own, polynomial.polyval(angle, powers))
    return turn @ offset.T, axis

"""People whose body the model does not have: infants, the very heavy, the pregnant, who stoops, who lacks a limb.

Each is an adult of measured proportions, changed: in the numbers of the shape, in the skin at rest, in bones that turn
more. What stays as it was is a control of the same motion, clothes and scene. Walking is an adult's in all of them.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.body import Rest
from biomech.body.motion import BodyMotion
from biomech.train.synthetic.view import Skin

Shape = Float[np.ndarray, " shape"]
Vertices = Float[np.ndarray, "vertices 3"]

ADULT_LOCAL = 0.2  # standard deviation of the local changes, as among the adults
TODDLER = 0.03, 0.12  # Anny's age: some 0.73 to 0.94 m
HEAVY_INDEX, HEAVY_MUSCLE, HEAVIEST = (37.0, 46.0), 0.3, 5.0  # kg/m², by Anny's weight beyond its bound of 1
BELLY_M, BELLY_HIGH_M, BELLY_WIDE_M = (0.10, 0.16), 0.095, 0.12  # how far the third trimester stands out; its spread
BELLY_UP = 0.45  # of the way from the hips' to the chest's lowest joint
STOOP_DEG, LOOKS_UP = (30.0, 50.0), 0.7  # a hyperkyphosis added to the ordinary one; what share of it the neck undoes
STUMP = 0.3  # of the forearm's and the shank's length that is left
POLE, FLAT = 0.22, 0.25  # of the shank's width that a prosthesis has, and of the foot's height
WHEEL_M, WHEEL_APART_M, SEAT_BELOW_M, FOOTREST_M = 0.30, 0.29, 0.09, 0.08
SPOKES = 24
WHEEL_VERTICES = 4 * SPOKES
STEEL = 0.12  # how bright wheels, seat and prosthesis are


@dataclass(frozen=True)
class Kind:
    """What is changed of an ordinary adult.

    Args:
        lacks: coordinates that the drawn body does not have or whose truth is another joint's.
        motion: a generator's name.
        age: Anny's, of a child.
        heavy, belly, stoop: whether that.
        missing: the right bone of which a stump is left, with all beyond it.
        prosthesis: instead, a thin pole and a flat foot without a heel, stiff.
        chair: wheels, a seat and a back go with the pelvis.
    """

    motion: str = "plain_walk"
    lacks: tuple[str, ...] = ()
    age: tuple[float, float] | None = None
    heavy: bool = False
    belly: bool = False
    stoop: bool = False
    missing: str = ""
    prosthesis: bool = False
    chair: bool = False


FOOT = ("ankle_angle_r", "subtalar_angle_r", "mtp_angle_r")
FOREARM = ("pro_sup_r", "wrist_flex_r", "wrist_dev_r")
KINDS = {
    "ordinary": Kind(),
    "toddler": Kind(age=TODDLER),
    "very heavy": Kind(heavy=True),
    "pregnant": Kind(belly=True),
    "stoops": Kind(stoop=True),
    "no forearm": Kind(missing="ForeArm", lacks=FOREARM),
    "no lower leg, stands": Kind(motion="standing", missing="Leg", lacks=FOOT),
    "prosthesis of the leg": Kind(missing="Leg", prosthesis=True, lacks=FOOT),
    "wheelchair": Kind(motion="standing", chair=True),
}


def shape_of(kind: Kind, adult: Shape, rng: np.random.Generator) -> Shape:
    """The person's numbers.

    Args:
        kind: what is changed.
        adult: of measured proportions.
        rng: of what is changed; drawn alike for every kind.

    Returns:
        As ``adult``, for what is no matter of the shape.
    """
    body = AnnyBody.load([0])
    shape, at = adult.copy(), body.shape_names.index
    share, other = rng.random(2)
    if kind.age:
        shape = body.default_shape().double().numpy()
        local = body.shape_bounds.numpy()[:, 0] < 0
        shape[local] = rng.normal(0, ADULT_LOCAL, int(local.sum()))
        low, high = kind.age
        shape[at("gender")], shape[at("age")] = adult[at("gender")], low + share * (high - low)
        shape[at("weight")] = 0.3 + 0.5 * other
    if kind.heavy:
        wanted = HEAVY_INDEX[0] + share * (HEAVY_INDEX[1] - HEAVY_INDEX[0])
        shape[at("muscle")] = HEAVY_MUSCLE
        least, most = 0.0, HEAVIEST
        for _ in range(12):
            shape[at("weight")] = (least + most) / 2
            numbers = torch.tensor(shape).float()
            if float(body.mass(numbers) / body.stature(numbers) ** 2) < wanted:
                least = shape[at("weight")]
            else:
                most = shape[at("weight")]
    return shape


def posed(kind: Kind, motion: BodyMotion, rng: np.random.Generator) -> BodyMotion:
    """The motion of the changed person.

    Args:
        kind: what is changed.
        motion: of the body, driven by an ordinary person's coordinates.
        rng: of how far.

    Returns:
        A copy where the back is bent: the thoracic bones forwards, each by a half, the neck back by a share of that.
    """
    share = rng.random()
    if not kind.stoop:
        return motion
    bend = np.radians(STOOP_DEG[0] + share * (STOOP_DEG[1] - STOOP_DEG[0]))
    rotations = motion.rotations.copy()
    for bone, turn in (("Spine", -bend / 2), ("Spine1", -bend / 2), ("Neck", LOOKS_UP * bend)):
        place = motion.bone_names.index(bone)
        rotations[:, place] = rotations[:, place] @ Rotation.from_rotvec([0.0, 0.0, turn]).as_matrix()
    return replace(motion, rotations=rotations)


class ChangedBody(AnnyBody):
    """Anny with its skin changed at rest, and rigid things that go with its bones.

    Args:
        base: with the vertices that are drawn.
        kind: what is changed.
        rng: of how far.
    """

    def __init__(self, base: AnnyBody, kind: Kind, rng: np.random.Generator):
        self.__dict__.update(base.__dict__)
        self._base, self._kind = base, kind
        self._belly_m = BELLY_M[0] + rng.random() * (BELLY_M[1] - BELLY_M[0])
        self.things = _chair() if kind.chair else (np.zeros((0, 3)), np.zeros((0, 3), int))
        self.rigid = torch.zeros(len(base.vertices) + len(self.things[0]), dtype=torch.bool)
        self.rigid[len(base.vertices) :] = True
        weights = torch.zeros(len(self.rigid), len(base.parents))
        weights[: len(base.vertices)] = base.skin_weights
        weights[len(base.vertices) :, base.bone_names.index("Hips")] = 1.0
        if kind.missing:
            stump = base.bone_names.index(f"Right{kind.missing}")
            self._beyond = self._past_the_stump(base.rest(base.default_shape()))
            weights[: len(base.vertices)][self._beyond] = torch.eye(len(base.parents))[stump]
            self.rigid[: len(base.vertices)] |= self._beyond & kind.prosthesis
        self.skin_weights = weights
        self.vertices = torch.arange(len(weights))

    def rest(self, shape: torch.Tensor) -> Rest:
        """Joints as they are; vertices changed, and after them those of things."""
        rest = self._base.rest(shape)
        vertices = rest.vertices.clone()
        if self._kind.belly:
            vertices += self._belly(rest)
        if self._kind.missing:
            vertices[self._beyond] = self._replaced(rest)[self._beyond]
        return rest._replace(vertices=torch.cat([vertices, self._placed(rest)]))

    def _placed(self, rest: Rest) -> torch.Tensor:
        """The things under who sits: the hips a shank and a footrest above the floor."""
        hips, knee = (rest.joints[self.bone_names.index(bone)] for bone in ("Hips", "RightLeg"))
        things = torch.from_numpy(self.things[0]).float() + hips
        wheels = slice(0, WHEEL_VERTICES)
        things[wheels, 1] -= knee[1] - rest.vertices[:, 1].min() + FOOTREST_M - WHEEL_M
        return things

    def _ends(self, rest: Rest) -> tuple[torch.Tensor, torch.Tensor]:
        after = {"ForeArm": "Hand", "Leg": "Foot"}[self._kind.missing]
        return tuple(rest.joints[self.bone_names.index(f"Right{bone}")] for bone in (self._kind.missing, after))  # type: ignore[return-value]

    def _past_the_stump(self, rest: Rest) -> torch.Tensor:
        begin, end = self._ends(rest)
        along = ((rest.vertices - begin) @ (end - begin)) / (end - begin).square().sum()
        limb = torch.tensor([self._is_of_limb(bone) for bone in range(len(self.bone_names))])
        return limb[self._base.skin_weights.argmax(1)] & (along > STUMP)

    def _is_of_limb(self, bone: int) -> bool:
        while bone >= 0:
            if self.bone_names[bone] == f"Right{self._kind.missing}":
                return True
            bone = self.parents[bone]
        return False

    def _replaced(self, rest: Rest) -> torch.Tensor:
        """What is beyond the stump: all in its end, or a pole and a flat foot in place of the leg."""
        begin, end = self._ends(rest)
        if not self._kind.prosthesis:
            return (begin + STUMP * (end - begin)).expand_as(rest.vertices)
        along = ((rest.vertices - begin) @ (end - begin)) / (end - begin).square().sum()
        axis = begin + along.clamp(0, 1)[:, None] * (end - begin)
        pole = axis + POLE * (rest.vertices - axis)
        sole = rest.vertices[self._beyond][:, 1].min()
        foot = rest.vertices.clone()
        foot[:, 1] = sole + FLAT * (foot[:, 1] - sole)
        foot[:, 2] = end[2] + 0.6 * (foot[:, 2] - end[2])
        forefoot = (along > 0.9) & (rest.vertices[:, 0] > end[0])
        pole[(along > 1) & ~forefoot] = torch.stack([end[0], sole, end[2]])
        return torch.where(forefoot[:, None], foot, pole)

    def _belly(self, rest: Rest) -> torch.Tensor:
        """Outwards from the lower trunk's axis, most in the middle of its front."""
        hips, chest = (rest.joints[self.bone_names.index(bone)] for bone in ("Hips", "Spine1"))
        middle = hips + BELLY_UP * (chest - hips)
        apart = rest.vertices - middle
        owner = self._base.skin_weights.argmax(1)
        trunk = torch.tensor(
            [name in ("Hips", "LHipJoint", "RHipJoint", "LowerBack", "Spine", "Spine1") for name in self.bone_names]
        )
        size = self._belly_m * torch.exp(
            -(apart[:, 1] / BELLY_HIGH_M).square() / 2 - (apart[:, 2] / BELLY_WIDE_M).square() / 2
        )
        size = size * (trunk[owner] & (apart[:, 0] > 0)) * (apart[:, 0] / 0.08).clamp(0, 1)
        return torch.stack([size, 0 * size, 0.6 * size * apart[:, 2] / BELLY_WIDE_M], 1)


class ChangedSkin(Skin):
    """The skin of a changed body; things have no clothes and are of steel.

    Args:
        base: an ordinary one's, slow to make.
        kind: what is changed.
        rng: of how far.
    """

    body: ChangedBody

    def __init__(self, base: Skin, kind: Kind, rng: np.random.Generator):
        self.body = ChangedBody(base.body, kind, rng)
        self.meshed(np.concatenate([base.corners, self.body.things[1].T + len(base.body.vertices)], 1))

    def dressed(self, rest: Rest, rng: np.random.Generator) -> Rest:
        """As ``Skin.dressed``, but for what is rigid.

        Args:
            rest: of the bare body and its things; m.
            rng: of what is worn.

        Returns:
            Things, and a prosthesis, as they are.
        """
        bare, worn = rest.vertices, super().dressed(rest, rng).vertices
        return rest._replace(vertices=torch.where(self.body.rigid[:, None], bare, worn))

    def coloured(self, rng: np.random.Generator) -> Float[np.ndarray, "vertices 3"]:
        """As ``Skin.coloured``, steel where it is rigid."""
        colours = super().coloured(rng)
        colours[self.body.rigid.numpy()] = STEEL
        return colours


def _chair() -> tuple[Vertices, np.ndarray]:
    """Vertices (m, rest axes, from the hips' joint) and triangles, seen from either side."""
    vertices, faces = list[list[float]](), list[list[int]]()
    turn = np.linspace(0, 2 * np.pi, SPOKES, endpoint=False)
    for side in (-1, 1):
        first = len(vertices)
        for radius in (WHEEL_M, WHEEL_M - 0.03):
            vertices += [[radius * np.cos(a) - 0.05, radius * np.sin(a), side * WHEEL_APART_M] for a in turn]
        for k in range(SPOKES):
            a, b = first + k, first + (k + 1) % SPOKES
            faces += [[a, b, a + SPOKES], [b, b + SPOKES, a + SPOKES]]
    for corners in (
        [
            [-0.15, -SEAT_BELOW_M, -0.22],
            [0.38, -SEAT_BELOW_M, -0.22],
            [0.38, -SEAT_BELOW_M, 0.22],
            [-0.15, -SEAT_BELOW_M, 0.22],
        ],
        [[-0.17, -SEAT_BELOW_M, -0.21], [-0.20, 0.38, -0.21], [-0.20, 0.38, 0.21], [-0.17, -SEAT_BELOW_M, 0.21]],
    ):
        first = len(vertices)
        vertices += corners
        faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    return np.array(vertices), np.concatenate([faces, np.array(faces)[:, ::-1]])

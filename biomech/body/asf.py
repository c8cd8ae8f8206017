"""Reads .asf skeletons and .amc motions, and replays them on a body with the ``cmu_mb`` bones.

Format: J. Lander, "Working with Motion Capture File Formats" (Game Developer, January 1998), and the figures of CMU's
own files: Y up, facing Z, X to the left; degrees; lengths in inches divided by the ``length`` of :units; 120 Hz. A
bone's rotation is C M C⁻¹ with C its ``axis`` and M the turns of its ``dof``, about the fixed axes in the order in
which they are named; the zero pose is that of ``direction``. CMU's bones are ours under other names.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.body.retarget import SIDES, Limbs, RecordedMotion, retarget
from biomech.errors import BioposeError

RATE_HZ = 120.0  # the files do not say it
METRES_PER_INCH = 0.0254
LARGEST = 1e5  # of a number in these files
DEGREES_OF_FREEDOM = {"rx", "ry", "rz", "tx", "ty", "tz", "l"}
BODY_FROM_ASF = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
TRUNK = {"LowerBack": "lowerback", "Spine": "upperback", "Spine1": "thorax"}
TRUNK |= {"Neck": "lowerneck", "Neck1": "upperneck", "Head": "head"}
LIMBS = {"UpLeg": "femur", "Leg": "tibia", "Foot": "foot", "Arm": "humerus", "ForeArm": "radius", "Hand": "hand"}


@dataclass(frozen=True)
class Asf:
    """A skeleton in its zero pose, body axes (X forward, Y up, Z right), m; the root is its first bone."""

    names: list[str]
    parents: list[int]
    directions: Float[np.ndarray, "bones 3"]
    lengths_m: Float[np.ndarray, " bones"]
    axes: Float[np.ndarray, "bones 3 3"]  # columns: the axes that the dof turn about
    dofs: list[list[str]]  # "rx", "ry", "rz", "tx", …
    metres_per_unit: float


@dataclass(frozen=True)
class Amc:
    """A motion: world rotations from the zero pose, and where each bone begins, m."""

    skeleton: Asf
    rotations: Float[np.ndarray, "frames bones 3 3"]
    starts_m: Float[np.ndarray, "frames bones 3"]
    rate_hz: float


def parse_asf(text: str, where: str) -> Asf:
    """Read the text of an .asf file.

    Args:
        text: of the whole file.
        where: the file, for the message.

    Returns:
        The skeleton in body axes (X forward, Y up, Z right) and metres.

    Raises:
        BioposeError: the text is not a whole .asf file, or its angles are not in degrees.
    """
    try:
        sections = _sections(text)
        units = dict(line.split()[:2] for line in sections["units"])
        root = {line.split()[0]: line.split()[1:] for line in sections["root"]}
        bones = [_bone(lines) for lines in _blocks(sections["bonedata"])]
        tree = [line.split() for line in _blocks(sections["hierarchy"])[0]]
        above = {child: line[0] for line in tree for child in line[1:]}
        names = ["root", *(bone["name"][0] for bone in bones)]
        parents = [-1, *(names.index(above[name]) for name in names[1:])]
        directions = np.array([[0.0, 0.0, 0.0], *([float(v) for v in bone["direction"]] for bone in bones)])
        scale = METRES_PER_INCH / float(units["length"])
        lengths = np.array([0.0, *(float(bone["length"][0]) * scale for bone in bones)])
        axes = np.array([np.eye(3), *(_euler(bone["axis"][3], [float(v) for v in bone["axis"][:3]]) for bone in bones)])
        dofs = [[word.lower() for word in root["order"]], *(bone.get("dof", []) for bone in bones)]
        whole = _plausible(directions) and _plausible(lengths) and _plausible(axes) and 0 < scale < 1e3
        whole &= all(set(dof) <= DEGREES_OF_FREEDOM and len(set(dof)) == len(dof) for dof in dofs)
        whole &= {"tx", "ty", "tz"} <= set(dofs[0]) and all(parent < bone for bone, parent in enumerate(parents))
    except (KeyError, IndexError, ValueError, ZeroDivisionError, TypeError) as error:
        raise BioposeError("not a whole .asf file (a word is missing, or is no number)", where=where) from error
    if not whole:
        raise BioposeError("not a whole .asf file (what it says is no skeleton)", where=where)
    if units.get("angle", "deg") != "deg":
        raise BioposeError(f"angles are in {units['angle']}; only deg is known", where=where)
    return Asf(names, parents, directions @ BODY_FROM_ASF.T, lengths, BODY_FROM_ASF @ axes, dofs, scale)


def parse_amc(text: str, skeleton: Asf, where: str) -> Amc:
    """Read the text of an .amc file, a motion of the skeleton.

    Args:
        text: of the whole file, angles in degrees.
        skeleton: of the subject, by ``parse_asf``.
        where: the file, for the message.

    Returns:
        The motion in body axes and metres, at 120 Hz: the file does not say its rate.

    Raises:
        BioposeError: the text is not a whole .amc file of this skeleton.
    """
    frames: list[dict[str, list[float]]] = []
    try:
        for line in text.splitlines():
            words = line.split()
            if len(words) == 1 and words[0].isdigit():
                frames.append({})
            elif words and not line.startswith(("#", ":")):
                frames[-1][words[0]] = [float(word) for word in words[1:]]
        channels = {name: np.array([frame[name] for frame in frames]) for name in frames[0]}
        plausible = bool(channels) and all(_plausible(values) and values.ndim == 2 for values in channels.values())
    except (KeyError, IndexError, ValueError) as error:
        said = "not a whole .amc file (a bone is missing in a frame, or what follows it is no number)"
        raise BioposeError(said, where=where) from error
    if not plausible:
        raise BioposeError("not a whole .amc file (numbers that cannot be a body's)", where=where)
    count = len(frames)
    turns, starts = np.empty((count, len(skeleton.names), 3, 3)), np.zeros((count, len(skeleton.names), 3))
    for bone, (name, parent, dof) in enumerate(zip(skeleton.names, skeleton.parents, skeleton.dofs, strict=True)):
        values = channels.get(name, np.zeros((count, len(dof))))
        if values.shape[1] != len(dof):
            raise BioposeError(f"{name} has {values.shape[1]} numbers for {len(dof)} degrees of freedom", where=where)
        columns = [i for i, channel in enumerate(dof) if channel[0] == "r"]
        # The parser of channels works in the file's axes, and so do C and the turns; our axes come in with C.
        axes = skeleton.axes[bone]
        local = axes @ _euler("".join(dof[i][1] for i in columns), values[:, columns]) @ axes.T
        if parent < 0:
            moved = values[:, [dof.index("tx"), dof.index("ty"), dof.index("tz")]]
            turns[:, bone], starts[:, bone] = local, moved * skeleton.metres_per_unit @ BODY_FROM_ASF.T
            continue
        turns[:, bone] = turns[:, parent] @ local
        along = skeleton.directions[parent] * skeleton.lengths_m[parent]
        starts[:, bone] = starts[:, parent] + turns[:, parent] @ along
    return Amc(skeleton, turns, starts, RATE_HZ)


def replay_amc(
    clip: Amc, body: AnnyBody, shape: Float[torch.Tensor, " shape"] | None = None, every: int = 1
) -> BodyMotion:
    """The motion on a body of the given shape, every so many frames (see ``retarget``).

    Args:
        clip: of one of CMU's skeletons.
        body: Anny's, any vertices.
        shape: of the person to move; the default shape where not given.
        every: keep every Nth frame.

    Returns:
        The motion (m; Y up), all its frames of quality 1.

    Raises:
        BioposeError: the skeleton is not one of CMU's.
    """
    skeleton = clip.skeleton
    limbs = (*LIMBS.values(), "toes", "fingers", "thumb")
    wanted = [*TRUNK.values(), *(side + bone for side in "rl" for bone in limbs)]
    missing = [name for name in wanted if name not in skeleton.names]
    if missing:
        raise BioposeError(f"the .asf is not one of CMU's skeletons: no bone {', '.join(missing)}")
    bone = {name: i for i, name in enumerate(skeleton.names)}
    turned, starts = clip.rotations[::every], clip.starts_m[::every]
    above = {name: skeleton.parents[bone[name]] for name in TRUNK.values()}
    recording = RecordedMotion(
        trunk={"Hips": turned[:, 0]}
        | {ours: np.swapaxes(turned[:, above[name]], -1, -2) @ turned[:, bone[name]] for ours, name in TRUNK.items()},
        limbs={
            side + ours: turned[:, bone[side[0].lower() + name]] for ours, name in LIMBS.items() for side, _ in SIDES
        },
        zero={side: _limbs(skeleton, side[0].lower()) for side, _ in SIDES},
        hips_m=(starts[:, bone["lfemur"]] + starts[:, bone["rfemur"]]) / 2,
        leg_m=float(skeleton.lengths_m[bone["rfemur"]] + skeleton.lengths_m[bone["rtibia"]]),
        rate_hz=clip.rate_hz / every,
        trusted=np.ones(len(turned)),
    )
    return retarget(recording, body, body.default_shape() if shape is None else shape)


def _plausible(values: Float[np.ndarray, "*n"]) -> bool:
    return bool((np.abs(values) <= LARGEST).all())


def _limbs(skeleton: Asf, side: str) -> Limbs:
    def along(name: str) -> Float[np.ndarray, "3"]:
        return skeleton.directions[skeleton.names.index(side + name)]

    def first_axis(name: str) -> Float[np.ndarray, "3"]:
        return skeleton.axes[skeleton.names.index(side + name)][:, 0]

    return Limbs(
        thigh=along("femur"),
        shank=along("tibia"),
        knee_axis=first_axis("tibia"),
        toes=along("toes"),
        sole_up=-along("tibia"),
        upper_arm=along("humerus"),
        forearm=along("radius"),
        elbow_axis=first_axis("radius"),
        fingers=along("fingers"),
        thumb=along("thumb"),
    )


def _euler(order: str, degrees: Float[np.ndarray, "*n axes"] | list[float]) -> Float[np.ndarray, "*n 3 3"]:
    values = np.asarray(degrees, float)
    if not order:
        return np.tile(np.eye(3), (*values.shape[:-1], 1, 1))
    return Rotation.from_euler(order.lower(), values, degrees=True).as_matrix()  # lower case: about the fixed axes


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if line.startswith(":"):
            name, _, rest = line[1:].partition(" ")
            lines = sections.setdefault(name.lower(), [rest] if rest else [])
        elif line:
            lines.append(line)
    return sections


def _blocks(lines: list[str]) -> list[list[str]]:
    blocks: list[list[str]] = []
    for line in lines:
        if line == "begin":
            blocks.append([])
        elif line != "end":
            blocks[-1].append(line)
    return blocks


def _bone(lines: list[str]) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in map(str.split, lines)}

"""Any file of a body that another program recovered or recorded → MeshMotion: which family it is, who, when, where."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from biomech.array_files import PICKLES, SUFFIXES, as_json, load
from biomech.body.sources import amass, gvhmr, phalp, pictures, plain, prompthmr, sam3d, soma, wham
from biomech.body.sources.mesh_motion import TOPOLOGIES, MeshMotion, in_metres, regular, upright, with_gaps
from biomech.body.sources.people import BareSurface, Parameters, Person
from biomech.body.sources.surface import surface_of
from biomech.camera import focal_from_fov
from biomech.errors import BioposeError
from biomech.files import check_file, names_in_npz, read_json

USUAL_RATE_HZ = 30.0
SLOWEST_HZ, FASTEST_HZ = 0.1, 100_000.0
USUAL_FOV_DEG = 65.0  # across the longer side, of a telephone
CAMERAS = ("world", "camera", "weak")
ANNY_VERTICES = 13718
MOST_NUMBERS = 1 << 29


class Family(NamedTuple):
    """A family of sources."""

    name: str
    recognises: Callable[[Any], bool]
    people: Callable[[Any, str | None], list[Person]]


# The first one that recognises a file reads it.
FAMILIES = [
    Family(each.NAME, each.recognises, each.people)
    for each in (soma, amass, gvhmr, prompthmr, wham, phalp, pictures, sam3d, plain)
]


@dataclass(frozen=True)
class HowRead:
    """What the user says of a file.

    Attributes:
        body_models: folder of SMPL's model files.
        allow_pickle: whether a pickle is read, by the reader that knows arrays alone.
        person: number of the person in the file's order; None: who is seen longest.
        camera: world, camera or weak; None: as the source has it.
        focal_px: of the camera, where the source has another than the true one, or none.
        rate_hz: frames a second, where the file says none, or a wrong one.
        up: the world's axis that points up, where it is not the source's.
        every: every so manieth frame.
        start_s, end_s: part that is read.
    """

    body_models: Path | None = None
    allow_pickle: bool = False
    person: int | None = None
    camera: str | None = None
    focal_px: float | None = None
    rate_hz: float | None = None
    up: str | None = None
    every: int | None = None
    start_s: float | None = None
    end_s: float | None = None


def is_mesh_file(path: Path) -> bool:
    """Whether a file, by name and content, holds a body and no keypoints."""
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix in SUFFIXES and suffix not in (".npz", ".json"):
        return True
    if not path.is_file():
        return False
    if suffix == ".npz":
        names = names_in_npz(path)
        return "xy" not in names and plain._known(dict.fromkeys(names))
    if suffix == ".json":
        try:
            return any(family.recognises(read_json(path, what="a mesh")) for family in FAMILIES)
        except BioposeError:
            return False
    return False


def read_meshes(path: Path, how: HowRead | None = None) -> MeshMotion:
    """Read one person's surface through time.

    Args:
        path: .npz, .npy, .pt, .pth, .json, or a pickle where that is allowed.
        how: what the user says of it; nothing where None.

    Returns:
        m, s; ``notes`` say what was assumed.

    Raises:
        BioposeError: the file, or what is said of it, cannot be used.
    """
    path, how = check_file(path, missing="no such file", mend="Check the path."), how or HowRead()
    tree, family = _tree(path, how)
    try:
        person, notes = _chosen(family.people(tree, how.camera), how)
        return _mesh(person, how, [f"read as {family.name}", *notes, *person.notes], str(path))
    except BioposeError as error:
        raise BioposeError(error.what, where=error.where or str(path), mend=error.mend) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _not_as(family, path, error) from error


def how_many(path: Path, how: HowRead | None = None) -> int:
    """People in a file of bodies.

    Args:
        path: as of ``read_meshes``.
        how: what the user says of it.

    Returns:
        Their number; ``HowRead.person`` counts them from 0.

    Raises:
        BioposeError: the file cannot be used.
    """
    path, how = check_file(path, missing="no such file", mend="Check the path."), how or HowRead()
    tree, family = _tree(path, how)
    try:
        return len(family.people(tree, how.camera))
    except BioposeError as error:
        raise BioposeError(error.what, where=error.where or str(path), mend=error.mend) from error
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _not_as(family, path, error) from error


def _not_as(family: Family, path: Path, error: Exception) -> BioposeError:
    return BioposeError(
        f"not as {family.name} writes it ({error})", where=str(path), mend="Make it again with that program."
    )


def _tree(path: Path, how: HowRead) -> tuple[Any, Family]:
    """What a file holds, and which family knows it."""
    if how.camera is not None and how.camera not in CAMERAS:
        raise BioposeError(
            f"there is no camera '{how.camera}'", where=str(path), mend=f"Give `camera` {', '.join(CAMERAS)}."
        )
    tree = load(path, allow_pickle=how.allow_pickle)
    family = next((family for family in FAMILIES if _knows(family, tree)), None)
    if family is None:
        raise BioposeError(
            f"no body is recognised in it; it holds {as_json(tree)}",
            where=str(path),
            mend="Read are AMASS, WHAM, GVHMR, PromptHMR, 4D-Humans, TokenHMR, CameraHMR, SAM 3D Body, parameters of "
            "SMPL (global_orient, body_pose, betas, transl) and vertices (vertices: frames × vertices × 3).",
        )
    return tree, family


def _knows(family: Family, tree: Any) -> bool:
    try:
        return family.recognises(tree)
    except (TypeError, ValueError, AttributeError, KeyError):
        return False


def _chosen(people: list[Person], how: HowRead) -> tuple[Person, list[str]]:
    if not people:
        raise BioposeError("nobody is in the file")
    if how.person is not None:
        if not 0 <= how.person < len(people):
            raise BioposeError(
                f"there is no person {how.person}; the file holds {len(people)}, numbered from 0",
                mend=f"Give `person` 0 to {len(people) - 1}.",
            )
        return people[how.person], []
    best = max(range(len(people)), key=lambda k: people[k].count)
    if len(people) == 1:
        return people[0], []
    counts = ", ".join(f"{k} ({one.count} frames)" for k, one in enumerate(people))
    return people[best], [f"several people in the file: {counts}; taken is {best}, who is seen longest (`person`)"]


def _mesh(person: Person, how: HowRead, notes: list[str], where: str) -> MeshMotion:
    rate, said = _rate(person, how)
    rows, frames = (np.arange(person.count), person.count) if person.frames is None else regular(person.frames, where)
    if not person.count:
        raise BioposeError("nobody is in the file")
    if len(rows) != person.count:
        raise BioposeError(f"{len(rows)} numbers of frames for {person.count} frames")
    if frames > person.count:
        said.append(f"the person is missing in {frames - person.count} of {frames} frames")
    time_s = np.arange(frames) / rate
    first = 0.0
    if person.time_s is not None and how.rate_hz is None:
        first = float(person.time_s[0])
    elif person.frames is not None:
        first = float(np.min(person.frames)) / rate
    time_s += first
    kept = np.ones(frames, bool)
    if how.start_s is not None:
        kept &= time_s >= how.start_s
    if how.end_s is not None:
        kept &= time_s < how.end_s
    every = how.every or 1
    taken = np.flatnonzero(kept)[::every]
    if not len(taken):
        raise BioposeError("no frame lies between `start_s` and `end_s`")
    place_of = np.full(frames, -1)
    place_of[rows] = np.arange(person.count)
    present = place_of[taken] >= 0
    if not present.any():
        raise BioposeError("the person is in none of the frames that are looked at")
    mesh = _surfaced(person, place_of[taken[present]], np.flatnonzero(present), len(taken), how)
    mesh = replace(mesh, time_s=time_s[taken], notes=[*notes, *said, *mesh.notes])
    return _turned(mesh, person, how, where)


def _rate(person: Person, how: HowRead) -> tuple[float, list[str]]:
    rate, notes = how.rate_hz or person.rate_hz, list[str]()
    if rate is None and person.time_s is not None and len(person.time_s) > 1:
        steps = np.diff(person.time_s)
        if not (steps > 0).all() or steps.max() > 1.5 * steps.min():
            raise BioposeError(
                "the times of the frames do not increase evenly", mend="Give `rate_hz`, or frames equally far apart."
            )
        rate = float(1 / np.median(steps))
    if rate is None:
        rate = USUAL_RATE_HZ
        notes.append(f"the file names no rate: {rate:g} Hz is assumed (`rate_hz`)")
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise BioposeError(f"{rate:g} frames a second cannot be", mend="Give `rate_hz`.")
    return float(rate), notes


def _surfaced(person: Person, chosen: np.ndarray, rows: np.ndarray, frames: int, how: HowRead) -> MeshMotion:
    """Vertices of the chosen frames in their rows; in the source's own axes."""
    body = person.body
    template = landmarks = None
    if isinstance(body, Parameters):
        part = replace(body, rotations=body.rotations[chosen], trans_m=body.trans_m[chosen])
        _check_memory(len(chosen) * (10475 if body.body == "smplx" else 6890) * 3)
        vertices, template, model = surface_of(part, how.body_models, allow_pickle=how.allow_pickle)
        topology, notes = ("smplx" if body.body == "smplx" else "smpl"), [f"posed with {model.name}"]
    else:
        assert isinstance(body, BareSurface)
        vertices = np.asarray(body.vertices)[chosen]
        factor, notes = in_metres(vertices)
        vertices = (vertices * factor).astype(np.float32)
        if body.landmarks is not None:
            landmarks = with_gaps(body.landmarks[chosen] * factor, rows, frames)
        count = vertices.shape[1]
        topology = "anny" if count == ANNY_VERTICES else TOPOLOGIES.get(count, "other")
    _check_memory(frames * vertices.shape[1] * 3)
    return MeshMotion(
        with_gaps(vertices, rows, frames),
        np.zeros(frames),
        topology,
        None,
        person.place,
        template_m=template,
        focal_px=person.focal_px,
        size_px=person.size_px,
        landmarks_m=landmarks,
        landmark_names=body.landmark_names if isinstance(body, BareSurface) else [],
        notes=notes,
    )


def _check_memory(numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise BioposeError(
            f"{4e-9 * numbers:.0f} GB of vertices at once", mend="Give `every`, or `start_s` and `end_s`."
        )


def _turned(mesh: MeshMotion, person: Person, how: HowRead, where: str) -> MeshMotion:
    """Into a world whose Y is up or a camera's axes, as far as source or user say which."""
    frame = {"world": "world", "camera": "camera", "weak": "camera", None: person.frame}[how.camera]
    if how.camera == "weak":
        mesh = replace(mesh, place="weak")
    if frame == "camera":
        if how.up is not None:
            raise BioposeError("`up` is for bodies in a world; these are before a camera", mend="Leave it away.")
        mesh = replace(mesh, frame="camera")
        mesh.check(where)
        return _focused(mesh, how)
    mesh.check(where)
    up = how.up or person.up
    if up is None:
        return replace(mesh, frame="world" if frame == "world" else None)  # which way is up is found later
    return replace(upright(mesh, up), notes=[*mesh.notes, f"a world whose {up.upper()} axis points up"])


def _focused(mesh: MeshMotion, how: HowRead) -> MeshMotion:
    """As far away as another focal length has the same picture, where the source's stands for a weak perspective."""
    notes = [*mesh.notes, "before a camera that stands (x right, y down, z away); gravity and floor are found"]
    if mesh.place != "weak":
        return replace(mesh, focal_px=how.focal_px or mesh.focal_px, notes=notes)
    notes.append("only its scale in the picture says how far away the person is: their way there is unsure")
    focal_px = how.focal_px
    if focal_px is None and mesh.size_px is not None:
        focal_px = focal_from_fov(max(mesh.size_px), USUAL_FOV_DEG)
        notes.append(f"focal length {focal_px:.0f} px: assumed, an angle of view of {USUAL_FOV_DEG:g}° (`focal_px`)")
    if focal_px is None or mesh.focal_px is None:
        return replace(mesh, focal_px=None, notes=notes)
    middle = np.nanmean(mesh.vertices_m, axis=1, keepdims=True)
    shift = np.zeros_like(middle)
    shift[..., 2] = middle[..., 2] * (focal_px / mesh.focal_px - 1)
    return replace(mesh, vertices_m=mesh.vertices_m + shift, focal_px=focal_px, notes=notes)


__all__ = ["CAMERAS", "FAMILIES", "PICKLES", "Family", "HowRead", "is_mesh_file", "read_meshes"]

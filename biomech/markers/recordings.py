"""Recordings of real markers as labels take them: under the model's names, of a person's size, Y up."""

import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import content_hash
from biomech.markers.checks import agree_with_model
from biomech.markers.marker_map import MarkerMap, read_marker_map
from biomech.markers.markers import Markers
from biomech.markers.read import read_markers
from biomech.markers.same_person import SAME, apart, check_same_person
from biomech.markers.v3d import read_v3d
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

FRAMES_OF_EACH = 300  # of each recording of a subject, to find frames in for the model: as many as show its poses


@dataclass(frozen=True)
class MarkerRecording:
    """Where markers are recorded."""

    path: Path
    member: str = ""  # the motion within a V3D .mat
    up: str | None = None  # the file's axis that points up; found out where not given
    subject: str | None = None  # whose markers, where the file holds several people's

    def read(self) -> Markers:
        """The markers under the file's names.

        Raises:
            BioposeError: the file cannot be used.
        """
        if self.member:
            return read_v3d(self.path, self.member).markers
        return read_markers(self.path, up=self.up, subject=self.subject)

    def on_model(self, markers: Markers, known: MarkerMap) -> Markers:
        """What ``read`` gave under the model's names; a body that stands along X or Z is turned up, and that told.

        Args:
            markers: by ``read``.
            known: the map of these markers.

        Returns:
            The markers that the map knows (m; Y up).

        Raises:
            BioposeError: too few of the map's markers are there, or they are not of a person's size.
        """
        mapped = known.apply(markers, str(self.path))
        row = [known.names.index(name) for name in mapped.names]
        bodies = [known.bodies[k] for k in row]
        return agree_with_model(mapped, _default_places(known)[row], bodies, where=self.path, up=self.up)


@dataclass(frozen=True)
class Together:
    """The recordings of one subject, which thousands of trials share: compared by a key that changes with the files."""

    recordings: tuple[MarkerRecording, ...] = field(default=(), compare=False, repr=False)
    key: str = ""

    @classmethod
    def of(cls, recordings: Sequence[MarkerRecording]) -> "Together":
        """Look at the files once."""
        said = [[one.member, one.up, content_hash(one.path)] for one in recordings]
        return cls(tuple(recordings), hashlib.sha256(json.dumps(said).encode()).hexdigest())

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[MarkerRecording]:
        return iter(self.recordings)


def frames_of_subject(recordings: Together, marker_map: str, own: MarkerRecording) -> tuple[list[Markers], list[str]]:
    """Frames of all recordings of the subject who is seen in one of them, and why another is left out.

    Args:
        recordings: of a folder; several people may be in them.
        marker_map: name of a map of the package, or the path of one's own.
        own: one of the recordings.

    Returns:
        300 frames at most of each recording of the person in ``own`` (m; Y up), under the model's names; none where
        that one cannot be used. Then notes on those left out.
    """
    people, notes = _people(recordings, marker_map)
    theirs = next((group for group in people if (own.path, own.member) in group), {})
    if strangers := sum(map(len, people)) - len(theirs):
        notes = [
            *notes,
            f"{strangers} recordings of the folder are of somebody else, by the lengths of pelvis and legs: "
            "left out of the model",
        ]
    return list(theirs.values()), notes


@functools.lru_cache(maxsize=2)  # the recordings of one subject come one after the other
def _people(recordings: Together, marker_map: str) -> tuple[list[dict[tuple[Path, str], Markers]], list[str]]:
    """Frames of all recordings by where they are from, those of one person together, and why one is left out.

    Each is held against the first one of everybody before, so that thousands take no longer than they must.
    """
    known = read_marker_map(marker_map)
    people: list[dict[tuple[Path, str], Markers]] = []
    notes: list[str] = []
    for recording in recordings:
        try:
            markers = recording.on_model(recording.read(), known)
        except BioposeError as error:
            name = recording.member or recording.path.name
            notes.append(f"{name} says nothing for the model: {error.what}")
        else:
            frames = thinned(markers, -(-len(markers.time_s) // FRAMES_OF_EACH))
            first = (next(iter(group.values())) for group in people)
            alike = (k for k, one in enumerate(first) if (apart(one, frames, known.bony) or 0) <= SAME)
            if (who := next(alike, None)) is None:
                people.append({})
                who = -1
            people[who][recording.path, recording.member] = frames
    return people, notes


def static_of(statics: Sequence[MarkerRecording], known: MarkerMap, motion: Markers) -> tuple[Markers, list[str]]:
    """The static trial of the person who moves: of several the one whose lengths are nearest; and what is to be told.

    Args:
        statics: where static trials are recorded.
        known: the map of their markers.
        motion: under the model's names.

    Returns:
        The static trial under the model's names (m; Y up), and a note where there was a choice.

    Raises:
        BioposeError: none of them can be used, or all are of somebody else.
    """
    found: list[tuple[float, str, Markers]] = []
    failed: list[BioposeError] = []
    for recording in statics:
        try:
            standing = recording.on_model(recording.read(), known)
            differ = check_same_person(standing, motion, known.bony, recording.path)
        except BioposeError as error:
            failed.append(error)
        else:
            found.append((SAME if differ is None else differ, recording.path.name, standing))
    if not found:
        raise failed[0]
    _, name, standing = min(found, key=lambda one: one[0])
    return standing, [f"of {len(statics)} static trials in the folder {name} is taken"] if len(statics) > 1 else []


def thinned(markers: Markers, every: int) -> Markers:
    """Every n-th frame.

    Args:
        markers: of a trial.
        every: n; 1 keeps all.

    Returns:
        Those frames, the first included, at their own times.
    """
    return Markers(markers.names, markers.positions_m[::every], markers.time_s[::every], markers.notes)


def _default_places(known: MarkerMap) -> Float[np.ndarray, "markers 3"]:
    """Where the map's markers are on the generic model in its default pose (m, Y up)."""
    skeleton = _generic()
    with torch.no_grad():
        pose = skeleton(torch.as_tensor(skeleton.defaults)[None])
    bodies = [skeleton.body_names.index(body) for body in known.bodies]
    turned = np.einsum("mij,mj->mi", pose.rotations[0, bodies].numpy(), known.locations_m)
    return pose.positions[0, bodies].numpy() + turned


@functools.cache
def _generic() -> Skeleton:
    return Skeleton.from_osim(DEFAULT_PATH)

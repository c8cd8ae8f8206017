"""What the stages say of themselves: the figures of ``biopose.json``, a type for each stage.

Programs read them by these names, so that none is renamed or taken away (``tests/pipeline/test_figures.py``).
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from biomech.inverse_kinematics.solved import SolverFigures
from biomech.scaling.figures import PersonalFigures, ScaleFigures


class StageRecord(TypedDict, total=False):
    """What the record holds of any stage; of these, what a stage itself says are the last two.

    Attributes:
        key: of all that made the stage's files; another one makes it run again.
        options: that it depends on.
        code: hash of the modules that it runs.
        inputs: hashes by role.
        outputs: hashes by file name.
        seconds: that it took.
        peak_memory_mb: of the process so far; None where the system does not tell.
        sum: of what is said here.
        notes: what the user should know, in sentences.
        also: names of more files of the folder that it wrote.
    """

    key: str
    options: Mapping[str, Any]  # JSON
    code: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    seconds: float
    peak_memory_mb: int | None
    sum: str
    notes: list[str]
    also: list[str]


class DetectFigures(StageRecord):
    """Of `detect`."""

    frames: int
    frames_with_person: int
    frames_looked_at: int | None  # by the network, the others told from their neighbours; None of old keypoints
    focal_px: float | None
    focal_source: str


class PersonSeen(TypedDict):
    """One of several people in a recording."""

    keypoints: str  # file of the folder
    from_s: float
    to_s: float
    frames: int
    frames_with_person: int
    notes: list[str]


class PeopleFigures(StageRecord):
    """Of `people`, where everybody is wanted."""

    people: list[PersonSeen]


class ReadKeypointsFigures(StageRecord):
    """Of `read`, where keypoints are given."""

    frames: int
    frames_with_person: int


class ReadMarkersFigures(StageRecord):
    """Of `read`, where recorded markers are given."""

    frames: int
    rate_hz: float
    markers: int


class ReadKnownFigures(ReadMarkersFigures):
    """The same, where a marker map knows them."""

    marker_map: str  # its name


class CamerasFigures(StageRecord):
    """Of `cameras`, where several filmed; in the films' order."""

    cameras: list[str]  # their names
    offsets_s: list[float]  # how much later than the first each film began
    off_px: list[float]  # median distance of each one's keypoints from where the cameras meet


class AssumedFigures(TypedDict, total=False):
    """Of `recover`, where one camera saw a person whose height nobody gave."""

    assumed_height_m: float


class RecoverFigures(StageRecord, AssumedFigures):
    """Of `recover`."""

    mean_quality: float  # 0 to 1


class MeshRecoverFigures(RecoverFigures):
    """Of `recover`, where a body of another program is given."""

    frames: int
    mesh_marker_rms_mm: float  # of our body's markers from the mesh's
    trembling_mm: float  # of the mesh from frame to frame


class ExtractFigures(StageRecord):
    """Of `extract`."""

    markers: int


class ToolScaleFigures(StageRecord, ScaleFigures):
    """Of `scale` by OpenSim's tool."""


class PersonalScaleFigures(StageRecord, PersonalFigures):
    """Of `scale` by the motion itself."""


class NetworkScaleFigures(StageRecord):
    """Of `scale` by the network."""

    mass_kg: float
    stature_m: float
    factors: dict[str, list[float]]  # by body, along its own X, Y, Z


class SolveFigures(StageRecord, SolverFigures):
    """Of `solve`, by any solver."""

    frames: int
    frames_left_out: int
    marker_rms_mm: float
    marker_max_mm: float
    frames_within_thresholds: int
    frames_trusted: int


class DifferenceFigures(StageRecord):
    """Of `difference`."""

    reference: str  # the first solver's motion
    motions: dict[str, dict[str, float]]  # mean absolute errors by motion and part of the body, with its unit


class EventsFigures(StageRecord):
    """Of `events`."""

    found: dict[str, int]  # strides and repetitions by activity
    summary: dict[str, float]  # means, by name with the unit


class AnglesFigures(StageRecord):
    """Of `angles`."""

    coordinates: int
    values_trusted: int  # of the first solver's, over all frames and coordinates


class ReportFigures(StageRecord):
    """Of `report`."""

    megabytes: float


class FrameFigures(StageRecord):
    """Of `overlay`, `glb` and the demo's `film`."""

    frames: int


class ObjFigures(StageRecord):
    """Of `obj`."""

    meshes: int


class RunFigures(TypedDict, total=False):
    """The stages of a run by name, as far as it has them.

    ``scale`` of a model that is taken as scaled already has notes alone.
    """

    detect: DetectFigures
    read: ReadKeypointsFigures | ReadMarkersFigures | ReadKnownFigures
    cameras: CamerasFigures
    people: PeopleFigures
    recover: RecoverFigures | MeshRecoverFigures
    extract: ExtractFigures
    scale: ToolScaleFigures | PersonalScaleFigures | NetworkScaleFigures | StageRecord
    solve: SolveFigures
    solve_neural: SolveFigures
    solve_fast: SolveFigures
    solve_classical: SolveFigures
    difference: DifferenceFigures
    events: EventsFigures
    overlay: FrameFigures
    angles: AnglesFigures
    report: ReportFigures
    glb: FrameFigures
    obj: ObjFigures


class RecordedSource(TypedDict, total=False):
    """The recording of a run; hashes of a folder's pictures, in their order."""

    name: str
    sha256: list[str]


class Record(TypedDict, total=False):
    """``biopose.json``.

    Attributes:
        biopose: the version that ran last.
        versions: of the libraries.
        stages: what each stage says, by name; ``Result.figures`` knows which figures are whose.
        source: the recording.
        label: of a folder of `biopose label`: its options and report.
        removed: files of an earlier run that did not go with this one; told of this run, not kept.
    """

    biopose: str
    versions: dict[str, str]
    stages: dict[str, StageRecord]
    source: RecordedSource
    label: dict[str, object]
    removed: list[str]


def tool_scaled(figures: ScaleFigures, notes: list[str]) -> ToolScaleFigures:
    """What the stage `scale` says of a model that OpenSim's tool scaled."""
    return {
        "mass_kg": figures["mass_kg"],
        "factors": figures["factors"],
        "static_marker_rms_mm": figures["static_marker_rms_mm"],
        "notes": notes,
    }


def personally_scaled(figures: PersonalFigures, notes: list[str]) -> PersonalScaleFigures:
    """What it says of one that was personalised."""
    return {
        "mass_kg": figures["mass_kg"],
        "stature_m": figures["stature_m"],
        "factors": figures["factors"],
        "personal_marker_rms_mm": figures["personal_marker_rms_mm"],
        "notes": notes,
    }

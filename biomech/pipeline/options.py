"""What a run is told: one table of options.

A row of ``Options`` is all that an option needs: its type and default, what its help says, at which entrances it has a
meaning (it is refused at the others), and of which stages it is a key, so that another value makes them run again.
The flags of `biopose ik` are made of the rows (``biomech.cli.flags``), and ``biomech.ik`` takes them as keywords. What
still has to be written is what the option does, in the stage that it is for.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from biomech.errors import BioposeError
from biomech.files import check_file
from biomech.keypoints.detectors import DEFAULT_DETECTOR, DETECTORS
from biomech.names import DEFAULT_RECOVERER, DEFAULT_SOLVER, SOLVERS
from biomech.pipeline.parsing import parse_names, parse_neutral, parse_offsets, parse_person, parse_size

# points: keypoints that another program found; keypoints: our own, which know their film.
Entrance = Literal["film", "keypoints", "points", "markers", "meshes"]
Stages = tuple[str, ...]


class LeftOut(str):
    """In the place of a neutral film that cannot be used, the sentence that says why; a batch goes on so."""


OF_A_BODY: Stages = ("recover", "scale")
OF_THE_CLIP: Stages = ("detect", "overlay")
# Stages that look at the film: an option of these alone has no meaning where keypoints are given.
LOOKING = set(OF_THE_CLIP)
HERE = {
    **{"film": "a video", "keypoints": "keypoints of our own", "points": "other programs' keypoints"},
    **{"markers": "recorded markers", "meshes": "bodies of another program"},
}
FOLDERS = ("option body_models",)
# What has a meaning where a body of another program is given, and the stages of which it is a key.
OF_MESHES: dict[str, Stages] = {
    **dict.fromkeys(("height_m", "mass_kg"), OF_A_BODY),
    **dict.fromkeys(
        ("sex", "start_s", "end_s", "up", "person", "rate_hz", "every", "focal_px", "camera"), ("recover",)
    ),
    **dict.fromkeys(("model", "marker_set", "scaling"), ("scale",)),
    "fill": ("extract", "solve"),
    **dict.fromkeys(("solvers", "polish", "smooth_mm", "workers", "overlay", "report"), ()),
    **dict.fromkeys(("body_models", "marker_vertices", "allow_pickle"), ()),
}
NOISIEST_MM = 1000.0  # of markers' noise


@dataclass(frozen=True)
class About:
    """What there is to know of an option besides its type and default.

    Attributes:
        help: what the command line says of it; other options stand in it as in messages, by name in backticks.
        film: the stages from a film (or keypoints) on of which it is a key; None: it has no meaning there.
        markers: the same from recorded markers on.
        points: the same from other programs' keypoints on, where that is not as from a film on.
        solver: the only solver of whose stage it is a key too.
        flag: of the command line, where it is not the name without its unit; ``no-…`` turns off what is on by default.
        metavar: what the help shows in place of a value.
        least: the smallest number that is taken.
        meshes: as ``film``, from a body of another program on; ``OF_MESHES`` has it.
        parse: makes the value of a text (of a list of texts for several values), where its type does not say how.
    """

    help: str
    film: Stages | None = None
    markers: Stages | None = None
    points: Stages | None = None
    solver: str | None = None
    flag: str | None = None
    metavar: str | None = None
    least: int | None = None
    parse: Callable[[Any], Any] | None = None
    meshes: Stages | None = None

    def stages(self, entrance: Entrance) -> Stages | None:
        """Of which it is a key; None where it has no meaning at this entrance."""
        if entrance == "meshes":
            return self.meshes
        if entrance == "points" and self.points is not None:
            return self.points
        if entrance in ("keypoints", "points") and self.film and LOOKING.issuperset(self.film):
            return None
        return self.markers if entrance == "markers" else self.film


@dataclass(frozen=True)
class Options:
    """What the user may say; the defaults are those of `biopose ik`, and the order is that of its help."""

    height_m: Annotated[
        float | None, About("Of the person, m. Sizes and distances hang on it.", film=OF_A_BODY, markers=("scale",))
    ] = None
    mass_kg: Annotated[float | None, About("Of the person, kg.", film=OF_A_BODY, markers=("scale",))] = None
    sex: Annotated[
        str | None,
        About("Of the person, female or male: their proportions differ.", film=("recover",), markers=("scale",)),
    ] = None
    # The first one's motion is the result; where None, see ``choose_solvers``.
    solvers: Annotated[
        tuple[str, ...] | None,
        About(
            "neural (the network), fast (our inverse kinematics) or opensim (OpenSim's own, slower); several for "
            f"comparison: neural,fast. [default: {DEFAULT_SOLVER}]",
            film=(),
            markers=(),
            flag="solver",
            parse=parse_names,
        ),
    ] = None
    polish: Annotated[
        bool,
        About(
            "Move the network's answer towards the markers, where it is unsure.", film=(), markers=(), solver="neural"
        ),
    ] = False
    smooth_mm: Annotated[
        float | None,
        About(
            "Smooth the motion against this much noise of the markers, mm, such as 10 (fast solver).",
            film=(),
            markers=(),
            solver="fast",
        ),
    ] = None
    start_s: Annotated[float | None, About("Begin at this time, s.", film=OF_THE_CLIP, markers=("read",))] = None
    end_s: Annotated[float | None, About("Stop before this time, s.", film=OF_THE_CLIP, markers=("read",))] = None
    model: Annotated[
        Path | None, About("Another .osim; for a video give its `marker_set` too.", film=("scale",), markers=("scale",))
    ] = None
    marker_set: Annotated[
        Path | None,
        About(
            "Marker set (.xml) for that model; for a video the virtual markers on it. Or, for recorded markers on our "
            "skeleton, a marker map (.csv); one of the package is found by the names.",
            film=("scale",),
            markers=("scale",),
            flag="markers",
        ),
    ] = None
    scaling: Annotated[
        Path | None,
        About("Scale setup (.xml) whose measurements fit that model.", film=("scale",), markers=("scale", "solve")),
    ] = None
    static: Annotated[
        Path | None, About("Static trial of the same person to scale the model by.", markers=("scale",))
    ] = None  # without it or ``personalise`` a model counts as scaled
    personalise: Annotated[
        bool, About("Scale the model and place its markers by the motion itself.", markers=("scale",))
    ] = False
    tasks: Annotated[
        Path | None, About("IK or scale setup (.xml) with their weights. [default: `scaling`'s]", markers=("solve",))
    ] = None
    up: Annotated[
        str | None, About("The axis of the file that points up, x, y, z, -x, -y or -z.", markers=("read", "scale"))
    ] = None
    subject: Annotated[
        str | None, About("Whose, where the file has several people's (A of A:C7).", markers=("read", "scale"))
    ] = None
    recovered: Annotated[
        bool, About("Of a body recovered from film; the network is less sure of them.", markers=(), solver="neural")
    ] = False
    detector: Annotated[
        str, About(f"What finds the keypoints in a picture: {' or '.join(DETECTORS)}.", film=("detect",))
    ] = DEFAULT_DETECTOR
    detector_weights: Annotated[
        Path | None,
        About(
            "Its weights: the network of onnx (.onnx), the checkpoint of mmpose (.pth); of blazepose another .task.",
            film=("detect",),
        ),
    ] = None
    detector_config: Annotated[
        Path | None, About("mmpose's config (.py) of the network, which mmpose runs.", film=("detect",))
    ] = None
    layout: Annotated[
        str | None,
        About(
            "Of the detector's points, such as halpe26; found from their number otherwise.",
            film=("detect",),
            points=("read",),
        ),
    ] = None
    video: Annotated[
        Path | None, About("The film of other programs' keypoints: its size, rate and lens.", points=("read",))
    ] = None
    size_px: Annotated[
        tuple[int, int] | None,
        About(
            "Of its upright pictures, where it is not there; `rate_hz` says the rest.",
            points=("read",),
            metavar="WxH",
            parse=parse_size,
        ),
    ] = None
    person: Annotated[
        int | tuple[float, float] | Literal["all"] | None,
        About(
            "Who; 0, 1 … from left to right, a pixel x,y, or all: a folder each and one table.",
            film=("detect",),
            points=("read",),
            parse=parse_person,
        ),
    ] = None
    mirror: Annotated[bool, About("Average with the mirrored picture: better, slower.", film=("detect",))] = False
    fewer_looks: Annotated[
        bool,
        About(
            "Faster: frames that slow motion lets be told from their neighbours are not looked at.", film=("detect",)
        ),
    ] = True
    neutral: Annotated[
        tuple[float, float] | Path | None,
        About(
            "From when to when (s) the person stands upright and straight, or another film of the same person who "
            "does so: settles the lengths of the legs.",
            film=("recover",),
            metavar="T0 T1|FILM",
            parse=parse_neutral,
        ),
    ] = None
    recover: Annotated[
        str, About("fit (the body to the keypoints) or mqhmr (MQ-HMR, through time).", film=("recover",))
    ] = DEFAULT_RECOVERER
    # Before it is put through time.
    refine: Annotated[bool, About("Move MQ-HMR's answer onto the picture.", film=("recover",))] = True
    mqhmr_weights: Annotated[
        Path | None, About("MQ-HMR's mqhmr.safetensors, with its spread.json beside it.", film=())
    ] = None
    rate_hz: Annotated[
        float | None,
        About(
            "Pictures a second: of a folder of them [30], of a film the rate that it was filmed at.",
            film=OF_THE_CLIP,
            points=("read",),
        ),
    ] = None
    every: Annotated[
        int | None,
        About("Look at every Nth frame. [default: so that 30 a second are left]", film=OF_THE_CLIP, least=1),
    ] = None
    focal_px: Annotated[
        float | None, About("Focal length in pixels, picture upright.", film=("detect",), points=("read",))
    ] = None
    fov_deg: Annotated[
        float | None, About("Angle of view across the longer side, degrees.", film=("detect",), points=("read",))
    ] = None
    camera_motion: Annotated[
        str, About("auto (a camera that turns is found, its turning taken out) or still (it stands).", film=("detect",))
    ] = "auto"
    calibration: Annotated[
        Path | None,
        About(
            "Of several films: their cameras' calibration, Pose2Sim's .toml, Qualisys' .qca.txt, or OpenCap's .pickle "
            "or .json of each camera in one folder. Without it the cameras are found from the person.",
            film=("cameras",),
        ),
    ] = None
    offsets_s: Annotated[
        tuple[float, ...] | None,
        About(
            "Of several films: how much later than the first each of the others began, s: 0.25,-1.2. [default: found "
            "from the motion]",
            film=("cameras",),
            flag="offsets",
            parse=parse_offsets,
        ),
    ] = None
    body_models: Annotated[Path | None, About("Folder of your own SMPL, SMPL-H or SMPL-X model files.")] = None
    marker_vertices: Annotated[Path | None, About("Table (.csv) marker → vertex of a mesh of another kind.")] = None
    camera: Annotated[
        str | None,
        About(
            "Whose axes bodies are in: world, camera (one that stands), or weak (one of which only a scale is known). "
            "[default: as the source has it]"
        ),
    ] = None
    allow_pickle: Annotated[
        bool, About("Read a pickle (.pkl): arrays and plain values alone, nothing in it is run.")
    ] = False
    overlay: Annotated[
        bool, About("Video: leave the one with the skeleton away.", film=(), markers=(), flag="no-overlay")
    ] = True
    report: Annotated[bool, About("Leave the report away.", film=(), markers=(), flag="no-report")] = True
    fill: Annotated[
        bool,
        About(
            "Interpolate frames in which too little is seen; they are left out otherwise.",
            film=("extract", "solve"),
            markers=("solve",),
        ),
    ] = False
    workers: Annotated[
        int | None, About("Processes of OpenSim's solver. [default: all cores]", film=(), markers=(), least=1)
    ] = None

    def absolute(self) -> "Options":
        """The same with paths that hold in another working folder too."""
        given = {option.name: getattr(self, option.name) for option in fields(self)}
        paths: dict[str, Any] = {name: value.absolute() for name, value in given.items() if isinstance(value, Path)}
        return replace(self, **paths)

    def files(self) -> dict[str, Path]:
        """The files among them, by what they are to a stage.

        Raises:
            BioposeError: one is not there, or no file.
        """
        named = {f"option {option.name}": getattr(self, option.name) for option in fields(self)}
        paths = {name: value for name, value in named.items() if isinstance(value, Path) and name not in FOLDERS}
        if self.calibration is not None and self.calibration.is_dir():
            from biomech.calibration.readers import calibration_files  # OpenCV is not for a command's help

            del paths["option calibration"]
            paths |= {f"option calibration {k}": path for k, path in enumerate(calibration_files(self.calibration))}
        for path in paths.values():
            check_file(path, missing="no such file", mend="Check the path.")
        return paths

    def key(self, entrance: Entrance, stage: str, solver: str | None = None) -> dict[str, object]:
        """What makes a stage run again when it changes.

        Args:
            entrance: where the run began.
            stage: its name; for all solvers ``solve``.
            solver: the one that a stage ``solve`` is for.

        Returns:
            Values by the options' names.
        """
        return {
            name: getattr(self, name)
            for name, about in table().items()
            if stage in (about.stages(entrance) or ()) or (solver is not None and about.solver == solver)
        }

    @property
    def neutral_left_out(self) -> str:
        """Why the neutral film was left out; empty where none was."""
        given: object = self.neutral
        return given if isinstance(given, LeftOut) else ""

    def one_person(self) -> int | tuple[float, float] | None:
        """Who, where one is looked at.

        Raises:
            BioposeError: everybody is wanted.
        """
        if self.person == "all":
            raise BioposeError("`person=all` is for `biopose ik` and one recording", mend="Give `person=0`.")
        return self.person

    def check_entrance(self, entrance: Entrance) -> None:
        """What has no meaning at an entrance is refused there, rather than ignored.

        Raises:
            BioposeError: such an option was given.
        """
        for name, about in table().items():
            if about.stages(entrance) is None:
                nouns = {"film": about.film, "markers": about.markers, "points": about.points, "meshes": about.meshes}
                there = next(HERE[noun] for noun, stages in nouns.items() if stages is not None)
                there += " (.trc, .c3d)" if there == HERE["markers"] else ""
                here = HERE[entrance]
                whose = ", which are somebody's already" if about.film and entrance == "keypoints" else ""
                self.refuse((name,), f"is for {there}, not for {here}{whose}")

    def refuse(self, names: tuple[str, ...], why: str) -> None:
        """Refuse what makes no sense together with other options.

        Args:
            names: of options; one is given if it differs from its default.
            why: what the message says after the option's name.

        Raises:
            BioposeError: one of ``names`` was given.
        """
        for option in fields(self):
            if option.name in names and getattr(self, option.name) != option.default:
                raise BioposeError(f"`{option.name}` {why}", mend="Leave it away.")


@functools.cache
def table() -> dict[str, About]:
    """What there is to know of each option, by name, in the order of the help."""
    hints = get_type_hints(Options, include_extras=True)
    rows = {option.name: get_args(hints[option.name])[1] for option in fields(Options)}
    return {name: replace(about, meshes=OF_MESHES.get(name)) for name, about in rows.items()}


def keys_of(entrance: Entrance, *stages: str) -> tuple[str, ...]:
    """Names of the options that are keys of some stages.

    Args:
        entrance: where the run began.
        stages: their names.

    Returns:
        In the order of the help.
    """
    return tuple(name for name, about in table().items() if set(about.stages(entrance) or ()) & set(stages))


def check_solvers(solvers: Sequence[str], smooth_mm: float | None = None, polish: bool = False) -> None:
    """Refuse solvers that there are not, or that cannot do what they are asked.

    Args:
        solvers: in the order in which they are to run.
        smooth_mm: above 0 and below 1000; for ``fast`` alone.
        polish: for ``neural`` alone.

    Raises:
        BioposeError: one is not of ``names.SOLVERS`` or named twice, or none can smooth or polish that is to.
    """
    for solver in solvers:
        if solver not in SOLVERS:
            known = ", ".join(SOLVERS)
            raise BioposeError(f"there is no solver '{solver}'", mend=f"Give `solvers` with one or more of {known}.")
        if solvers.count(solver) > 1:
            raise BioposeError(f"the solver {solver} is named twice", mend="Name each once.")
    if smooth_mm is not None and "fast" not in solvers:
        raise BioposeError("`smooth_mm` is for our own solver", mend="Leave it away, or give `solvers=fast`.")
    if smooth_mm is not None and not 0 < smooth_mm < NOISIEST_MM:
        raise BioposeError(
            f"`smooth_mm` takes the markers' noise in mm, not {smooth_mm:g}", mend="Give `smooth_mm=10`."
        )
    if polish and "neural" not in solvers:
        raise BioposeError("`polish` starts from the network's answer", mend="Leave it away, or give `solvers=neural`.")

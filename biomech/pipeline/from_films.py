"""The entrance with films or keypoints of several cameras: detect each, put them together, recover; then as of one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from biomech.body.motion import BodyMotion
from biomech.calibration.cameras import Calibration
from biomech.calibration.readers import calibration_files, read_calibration
from biomech.calibration.together import together
from biomech.calibration.written import write_calibration
from biomech.errors import BioposeError
from biomech.keypoints.detectors import known
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.markers import is_marker_file
from biomech.mesh.cameras_from_person import cameras_from_person
from biomech.mesh.expected import view_note
from biomech.mesh.recover import recover as recover_views
from biomech.mesh.signatures import signed
from biomech.pipeline import from_video, recovering
from biomech.pipeline.detecting import detector_files, reading_stage
from biomech.pipeline.figures import CamerasFigures, DetectFigures, RecoverFigures
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Bar, Progress, Result, Stage, is_keypoint_file, recorded
from biomech.video import Video

HERE = Path(__file__)
ONE_AT_A_TIME = 'Give one at a time; all of them in turn: for film in *.mp4; do biopose ik "$film"; done'


def check(sources: Sequence[Path], options: Options) -> None:
    """Refuse what is not of several cameras, before anything is looked at.

    Args:
        sources: films, folders of pictures or keypoints; nothing else.
        options: what the user said.

    Raises:
        BioposeError: a film is named twice, is of another kind than the others, or an option is for one film alone.
    """
    names = [str(path) for path in sources]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BioposeError("the same film twice", where=", ".join(twice), mend="Give a film of each camera.")
    if any(is_marker_file(path) for path in sources):
        raise BioposeError(
            f"{len(sources)} recordings given, of which one is of markers", where=", ".join(names), mend=ONE_AT_A_TIME
        )
    if len({is_keypoint_file(path) for path in sources}) > 1:
        raise BioposeError(
            "films and keypoints mixed", where=", ".join(names), mend="Give films alone, or keypoints alone."
        )
    options.check_entrance("keypoints" if is_keypoint_file(sources[0]) else "film")
    if options.recover != "fit":
        raise BioposeError(f"`recover={options.recover}` knows one camera", mend="Leave it away, or give one film.")
    if options.calibration is not None:
        options.refuse(("focal_px", "fov_deg"), "is what the calibration says")


def stages(sources: Sequence[Path], files: Result, options: Options, bar: Bar) -> list[Stage]:
    """The stages of the main job on films of the same by several cameras.

    Args:
        sources: of each camera a film, a folder of pictures, or its keypoints (.npz).
        files: the run's; says which solvers there are.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        ``detect`` (``read``) of each camera, ``cameras``, and from ``recover`` on those of one film; the overlay is on
        the first.

    Raises:
        BioposeError: a film or the options cannot be used.
    """
    check(sources, options)
    from_video.check_own_model(options)
    recovering.check_recovering(options)
    clips: list[Video] = []
    detecting: list[Stage] = []
    seen = [files.keypoints.with_name(f"{_stem(files)}_camera{k}_keypoints.npz") for k in range(1, len(sources) + 1)]
    for number, (source, target) in enumerate(zip(sources, seen, strict=True), 1):
        one = replace(files, keypoints=target)
        if is_keypoint_file(source):
            detecting.append(replace(reading_stage(source, one, options), name=f"read camera {number}"))
            continue
        clips.append(from_video.opened(source, options))
        detecting.append(_detecting(source, clips[-1], number, one, options, bar))
    cameras = files.keypoints.with_name(f"{_stem(files)}_cameras.toml")
    matched = [files.keypoints, *(path.with_name(path.name.replace("_keypoints", "_matched")) for path in seen[1:])]
    found_by = {} if options.calibration else {name: getattr(options, name) for name in ("height_m", "mass_kg", "sex")}
    calibrated = calibration_files(options.calibration) if options.calibration else []
    joining = Stage(
        "cameras",
        inputs={
            **{f"keypoints {k}": path for k, path in enumerate(seen, 1)},
            **{f"option calibration {k}": path for k, path in enumerate(calibrated, 1)},
        },
        outputs=[cameras, *matched],
        options=options.key("film", "cameras") | found_by | {"films": [path.name for path in sources]},
        work=lambda: _join(sources, seen, matched, cameras, options),
        code=("biomech.calibration.together", "biomech.calibration.readers", "biomech.mesh.cameras_from_person", HERE),
    )
    recover = recovering.recovering_stage(files, options, bar)
    recover = replace(
        recover,
        inputs={**recover.inputs, "cameras": cameras, **{f"keypoints {k}": p for k, p in enumerate(matched, 1)}},
        work=lambda: _recover(matched, cameras, files, options, bar),
        code=(*recover.code, HERE),
    )
    street = [*detecting, joining, recover, *from_video.solving_stages(files, options, bar)]
    if options.overlay and clips:
        street.append(from_video.overlay_stage(sources[0], clips[0], files, options, bar))
    return street


def _stem(files: Result) -> str:
    return files.keypoints.name.removesuffix("_keypoints.npz")


def _detecting(source: Path, clip: Video, number: int, files: Result, options: Options, bar: Bar) -> Stage:
    return Stage(
        f"detect camera {number}",
        inputs={**recorded(source), **detector_files(options)},
        outputs=[files.keypoints],
        options=options.key("film", "detect")
        | {"keep_heat_maps": False, "detector_version": known(options.detector).version()},
        work=lambda: _of_film(source, lambda: from_video.detected(clip, files, options, bar, f"Detecting, {number}")),
        code=("biomech.keypoints.detect", from_video.HERE),
    )


def _of_film(source: Path, work: Callable[[], DetectFigures]) -> DetectFigures:
    """Whatever a film's stage says, it says of that film."""
    try:
        figures = work()
    except BioposeError as error:
        raise BioposeError(error.what, where=error.where or str(source), mend=error.mend) from error
    notes = figures.get("notes", [])
    figures["notes"] = [f"{source.name}: {note}" for note in notes if not note.startswith("focal length")]
    return figures


def _join(
    sources: Sequence[Path], seen: list[Path], matched: list[Path], cameras: Path, options: Options
) -> CamerasFigures:
    films = [Keypoints.load(path) for path in seen]
    names = [path.name for path in sources]
    if len(set(names)) < len(names):
        names = [str(Path(*path.parts[-2:])) for path in sources]
    calibration = None
    if options.calibration is not None:
        calibration = read_calibration(options.calibration).for_films(sources, [film.size_px for film in films])
    found = together(
        films,
        names,
        calibration,
        find=lambda same, whose: cameras_from_person(
            same, whose, height_m=options.height_m, mass_kg=options.mass_kg, sex=options.sex
        ),
        offsets_s=options.offsets_s,
    )
    for keypoints, target in zip(found.keypoints, matched, strict=True):
        keypoints.save(target)
    write_calibration(found.calibration, cameras)
    return {
        "cameras": found.calibration.names,
        "offsets_s": [round(one, 4) for one in found.offsets_s],
        "off_px": [round(one, 2) for one in found.off_px],
        "notes": found.notes,
    }


def _recover(matched: list[Path], cameras: Path, files: Result, options: Options, bar: Bar) -> RecoverFigures:
    keypoints = [Keypoints.load(path) for path in matched]
    keypoints = [replace(film, notes=[]) for film in keypoints]  # each film's own were told where it was detected
    calibration: Calibration = read_calibration(cameras)

    def recover(shape: recovering.Shape, neutral_s: tuple[float, float] | None, progress: Progress) -> BodyMotion:
        motion: BodyMotion = recover_views(
            keypoints,
            height_m=options.height_m,
            mass_kg=options.mass_kg,
            sex=options.sex,
            neutral_s=neutral_s,
            shape=shape,
            calibration=calibration,
            progress=progress,
        )
        return signed(motion, height_m=options.height_m, mass_kg=options.mass_kg)

    return recovering.recovered(files, options, bar, recover, view_note)

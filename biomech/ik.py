"""The main job: a video in, a folder out that the OpenSim GUI opens. The stages in turn, and nothing else."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from biomech.body.anny import AnnyBody
from biomech.body.motion import BodyMotion
from biomech.classical.inverse_kinematics import ACCURACY, solve_ik
from biomech.classical.marker_errors import MarkerErrors
from biomech.classical.measurements import VIRTUAL_MARKER_MEASUREMENTS, read_measurements
from biomech.classical.scaling import scale_model
from biomech.errors import BioposeError
from biomech.files import sha256, whole_file
from biomech.keypoints.detect import detect
from biomech.keypoints.keypoints import Keypoints
from biomech.markers.trc import read_trc, write_trc
from biomech.markers.virtual import extract, load_virtual_markers, marker_body, neutral_static
from biomech.mesh.recover import check_person, recover
from biomech.osim_models.build import DEFAULT_PATH
from biomech.report.overlay import skeleton_of, write_overlay
from biomech.run import Run
from biomech.skeleton.model import coordinate_is_rotational, coordinate_names, joint_centres, load_model
from biomech.skeleton.mot import read_mot
from biomech.video import Video

Progress = Callable[[int, int], None] | None
Bar = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Options:
    """What the user may say; the defaults are those of `biopose ik`."""

    height_m: float | None = None
    mass_kg: float | None = None
    person: int | tuple[float, float] | None = None
    mirror: bool = False
    start_s: float | None = None
    end_s: float | None = None
    rate_hz: float = 30.0  # of a folder of pictures
    focal_px: float | None = None
    fov_deg: float | None = None
    model: Path | None = None  # another .osim, with …
    marker_set: Path | None = None  # … the virtual markers on its bodies, and …
    scaling: Path | None = None  # … a scale setup whose measurements fit it
    overlay: bool = True
    workers: int | None = None


@dataclass(frozen=True)
class Result:
    """The files of a run; all lie in one folder."""

    folder: Path
    keypoints: Path
    motion: Path
    markers: Path
    model: Path
    kinematics: Path
    quality: Path
    scale_setup: Path
    ik_setup: Path
    overlay: Path
    record: dict[str, Any]

    @classmethod
    def of(cls, folder: Path, name: str, record: dict[str, Any]) -> "Result":
        """The names that every run uses."""
        return cls(
            folder=folder,
            keypoints=folder / f"{name}_keypoints.npz",
            motion=folder / f"{name}_motion.npz",
            markers=folder / f"{name}.trc",
            model=folder / f"{name}_scaled.osim",
            kinematics=folder / f"{name}_classical.mot",
            quality=folder / f"{name}_quality.csv",
            scale_setup=folder / f"{name}_scaled_scale_setup.xml",
            ik_setup=folder / f"{name}_ik_setup.xml",
            overlay=folder / "overlay.mp4",
            record=record,
        )

    @property
    def notes(self) -> list[str]:
        """What the user should know, of all stages, in order."""
        said = [note for stage in self.record["stages"].values() for note in stage.get("notes", [])]
        return list(dict.fromkeys(said))


def _no_bar(_: str) -> AbstractContextManager[Progress]:
    return nullcontext(None)


def run_ik(
    video: Path,
    folder: Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
    bar: Bar = _no_bar,
    on_stage: Callable[[str, bool], None] | None = None,
) -> Result:
    """Run the stages of the main job that are not up to date.

    Args:
        video: a media file or a folder of pictures.
        folder: where the results go; may hold an earlier run of the same video.
        overwrite: run every stage, whatever is there.
        bar: makes a progress bar from a label.
        on_stage: called with each stage's name and whether it is skipped.

    Raises:
        BioposeError: what the user can mend, of any stage.
    """
    options = options or Options()
    own = [path for path in (options.model, options.marker_set, options.scaling) if path]
    _check(options, own)
    clip = Video.open(video, options.start_s, options.end_s, options.rate_hz)
    pictures = sorted(p for p in Path(video).iterdir() if p.is_file()) if Path(video).is_dir() else [Path(video)]
    run = Run.open(folder, overwrite=overwrite, on_stage=on_stage)
    _claim(run, Path(video), pictures, overwrite)
    files = Result.of(Path(folder), Path(video).stem, run.record)
    said = asdict(options)

    def chosen(*names: str) -> dict[str, Any]:
        return {name: said[name] for name in names}

    run.stage(
        "detect",
        inputs=pictures,
        outputs=[files.keypoints],
        options=chosen("person", "mirror", "start_s", "end_s", "rate_hz", "focal_px", "fov_deg"),
        work=lambda: _detect(clip, files, options, bar),
    )
    run.stage(
        "recover",
        inputs=[files.keypoints],
        outputs=[files.motion],
        options=chosen("height_m", "mass_kg"),
        work=lambda: _recover(files, options, bar),
    )
    run.stage("extract", inputs=[files.motion], outputs=[files.markers], options={}, work=lambda: _extract(files))
    run.stage(
        "scale",
        inputs=[files.motion, DEFAULT_PATH, *own],
        outputs=[files.model, files.scale_setup],
        options=chosen("height_m", "mass_kg", "model", "marker_set", "scaling"),
        work=lambda: _scale(files, options),
    )
    run.stage(
        "solve",
        inputs=[files.motion, files.markers, files.model],
        outputs=[files.kinematics, files.ik_setup, files.quality],
        options={"accuracy": ACCURACY},
        work=lambda: _solve(files, options, bar),
    )
    if options.overlay:
        run.stage(
            "overlay",
            inputs=[*pictures, files.motion, files.markers, files.model, files.kinematics],
            outputs=[files.overlay],
            options=chosen("start_s", "end_s", "rate_hz"),
            work=lambda: _overlay(clip, files, bar),
        )
    return files


def _check(options: Options, own: list[Path]) -> None:
    """What would fail after minutes of detection is told at once."""
    check_person(options.height_m, options.mass_kg)
    for path in own:
        if not path.is_file():
            raise BioposeError("no such file", where=str(path), mend="Check the path of the model's files.")


def _claim(run: Run, video: Path, pictures: list[Path], overwrite: bool) -> None:
    """One folder, one video: another video's results are not written over."""
    claim = {"name": video.name, "sha256": [sha256(path) for path in pictures]}
    earlier = run.record.get("video")
    if earlier is not None and earlier != claim and not overwrite:
        raise BioposeError(
            f"the folder holds the results of another video ({earlier['name']})",
            where=str(run.folder),
            mend="Name another folder with -o, or give --overwrite.",
        )
    run.record["video"] = claim


def _detect(clip: Video, files: Result, options: Options, bar: Bar) -> dict[str, Any]:
    with bar("Detecting") as progress:
        keypoints = detect(
            clip,
            person=options.person,
            mirror=options.mirror,
            focal_px=options.focal_px,
            fov_deg=options.fov_deg,
            progress=progress,
        )
    keypoints.save(files.keypoints)
    notes = list(keypoints.notes)
    if "assumed" in keypoints.focal_source or "default" in keypoints.focal_source:
        notes.append(f"focal length {keypoints.focal_px:.0f} px: {keypoints.focal_source}")
    return {
        "frames": len(keypoints.time_s),
        "frames_with_person": int(keypoints.found.sum()),
        "focal_px": keypoints.focal_px,
        "focal_source": keypoints.focal_source,
        "notes": notes,
    }


def _recover(files: Result, options: Options, bar: Bar) -> dict[str, Any]:
    keypoints = Keypoints.load(files.keypoints)
    with bar("Recovering") as progress:
        motion = recover(keypoints, height_m=options.height_m, mass_kg=options.mass_kg, progress=progress)
    motion.save(files.motion)
    assert motion.quality is not None
    return {
        "mean_quality": round(float(motion.quality.mean()), 3),
        "frames_not_trusted": int((motion.quality < 0.5).sum()),
        "notes": motion.notes,
    }


def _extract(files: Result) -> dict[str, Any]:
    markers = extract(marker_body(), BodyMotion.load(files.motion))
    write_trc(markers, files.markers)
    return {"markers": len(markers.names)}


def _scale(files: Result, options: Options) -> dict[str, Any]:
    motion = BodyMotion.load(files.motion)
    body = AnnyBody.load([0])
    mass_kg = options.mass_kg
    if mass_kg is None:
        mass_kg = float(body.mass(torch.as_tensor(motion.shape, dtype=torch.float32)))
    scaled = scale_model(
        options.model or DEFAULT_PATH,
        neutral_static(marker_body(), motion.shape),
        mass_kg=mass_kg,
        height_m=options.height_m,
        measurements=read_measurements(options.scaling) if options.scaling else VIRTUAL_MARKER_MEASUREMENTS,
        tasks=load_virtual_markers().weights_by_name(),
        marker_set=options.marker_set,
        out_osim=files.model,
    )
    return {
        "mass_kg": round(scaled.mass_kg, 2),
        "factors": {body: np.round(f, 4).tolist() for body, f in sorted(scaled.factors.items())},
        "static_marker_rms_mm": round(scaled.static_errors.clip_rms_m * 1000, 2),
        "notes": scaled.notes,
    }


def _solve(files: Result, options: Options, bar: Bar) -> dict[str, Any]:
    trial = read_trc(files.markers)
    motion = BodyMotion.load(files.motion)
    with bar("Solving") as progress:
        kinematics, errors = solve_ik(
            files.model,
            trial,
            load_virtual_markers().weights_by_name(),
            markers_trc=files.markers,
            out_mot=files.kinematics,
            out_setup=files.ik_setup,
            workers=options.workers,
            progress=progress,
        )
    _write_quality(files.quality, motion, errors)
    return {
        "frames": len(kinematics.time_s),
        "marker_rms_mm": round(errors.clip_rms_m * 1000, 2),
        "marker_max_mm": round(float(np.nanmax(errors.max_m)) * 1000, 2),
        "frames_within_thresholds": int(errors.good.sum()),
        "notes": errors.flags(),
    }


def _write_quality(path: Path, motion: BodyMotion, errors: MarkerErrors) -> None:
    assert motion.quality is not None
    table = pd.DataFrame(
        {
            "time": errors.time_s,
            "quality": motion.quality.round(3),
            "marker_rms_mm": (errors.rms_m * 1000).round(2),
            "marker_max_mm": (errors.max_m * 1000).round(2),
            "trusted": ((motion.quality >= 0.5) & errors.good).astype(int),
        }
    )
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)


def _overlay(clip: Video, files: Result, bar: Bar) -> dict[str, Any]:
    motion = BodyMotion.load(files.motion)
    assert motion.camera is not None
    model = load_model(files.model)
    rotational = dict(zip(coordinate_names(model), coordinate_is_rotational(model).tolist(), strict=True))
    kinematics = read_mot(files.kinematics, rotational=rotational)
    with bar("Drawing") as progress:
        frames = write_overlay(
            clip,
            read_trc(files.markers),
            joint_centres(model, kinematics),
            skeleton_of(model),
            motion.camera,
            files.overlay,
            quality=motion.quality,
            progress=progress,
        )
    return {"frames": frames}

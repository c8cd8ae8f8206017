"""The main job judged on every film that has a reference.

The beam (``beam``): four cameras one at a time against their triangulation. OpenCap's samples: a squat and a walk on a
phone against optical markers (``rotations18``), with what OpenCap Monocular made of the same films beside it. CMBBE
2024: three motions by two phones against two-camera OpenCap, itself good to 4 to 5°, with and without the true size.
Nothing is known but the file, and nothing was tuned on them.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from biomech.bench.beam import CAMERAS, REFERENCE, bench_beam
from biomech.bench.films import FILMS, FilmRuns, chosen, frames, run_film, seconds
from biomech.bench.rotations18 import RotationFigures, rotations18
from biomech.errors import BioposeError

BEAM = {f"beam_{camera}": camera for camera in CAMERAS}
JUDGED = [name for name, film in FILMS.items() if film.reference]


class FilmFigures(RotationFigures):
    """Of one run of the main job."""

    ik_marker_rms_mm: float
    frames: int
    seconds: float
    notes: list[str]


def bench_real_video(data: Path, runs: FilmRuns) -> dict[str, object]:
    """Run the main job on every film and compare.

    Args:
        data: the folder ``video`` of the data, or ``pose2sim_demo`` of it for the beam alone.
        runs: which films, and how.

    Returns:
        The figures of each kind of film (degrees, mm, s) and, under ``films`` and ``cameras``, each one's own.

    Raises:
        BioposeError: the data is not there, or a run fails.
    """
    if (data / REFERENCE).exists():
        beam, names = data, chosen(list(BEAM), runs.only)
    else:
        beam, names = data / "pose2sim_demo", chosen([*BEAM, *JUDGED], runs.only)
    figures: dict[str, object] = {}
    cameras = tuple(BEAM[name] for name in names if name in BEAM)
    films = [name for name in names if name not in BEAM]
    if not beam.is_dir() and not (data / FILMS[JUDGED[0]].file).exists():
        raise BioposeError("none of the films is here", where=str(data), mend="Name the folder video with `data`.")
    if cameras:
        figures |= bench_beam(beam, runs, cameras)
    if films:
        rows = bench_films(films, data, replace(runs, options=replace(runs.options, overlay=False, report=False)))
        figures = {**summary(rows), **figures, "films": rows}
    return figures


def bench_films(names: list[str], video: Path, runs: FilmRuns) -> dict[str, RotationFigures]:
    """The rows of the films whose reference is a .mot; where the size is known, another one with it told.

    Args:
        names: of ``FILMS`` that have a reference.
        video: the folder video of the data.
        runs: how.

    Returns:
        By film: ``rotations18``'s figures, marker RMS (mm), frames, seconds and notes; another program's motion of the
        film has a row, too.
    """
    rows: dict[str, RotationFigures] = {}
    for name in names:
        film = FILMS[name]
        assert film.reference is not None
        for with_size in (False, True) if film.size_known else (False,):
            key = f"{name}, size told" if with_size else name
            result = run_film(film, video, runs, with_size=with_size)
            row: FilmFigures = {
                **rotations18(video / film.reference, result.kinematics),
                "ik_marker_rms_mm": float(result.figures["solve"]["marker_rms_mm"]),
                "frames": frames(result),
                "seconds": round(seconds(result), 1),
                "notes": result.notes,
            }
            runs.say(f"{key}: {row['mae18_deg']}°, knee r {row['knee_r_min']}, {row['seconds']} s")
            rows[key] = row
        if film.rival:
            rows[f"{name}, OpenCap Monocular"] = rotations18(video / film.reference, video / film.rival)
    return rows


def summary(rows: Mapping[str, RotationFigures]) -> dict[str, float]:
    """The figures that are asked for, of the films that were run."""
    figures: dict[str, float] = {}
    own = {name: row for name, row in rows.items() if "," not in name}
    for name, row in own.items():
        if name.startswith("opencap_"):
            rival = rows[f"{name}, OpenCap Monocular"]
            figures |= {f"{name}_{key}": row[key] for key in ("mae18_deg", "mae18_without_mean_deg", "zero_mae18_deg")}
            motion = name.removeprefix("opencap_")
            figures |= {
                f"opencap_monocular_{motion}_{key}": rival[key] for key in ("mae18_deg", "mae18_without_mean_deg")
            }
    opencap = [row for name, row in own.items() if name.startswith("opencap_")]
    if opencap:
        figures["opencap_knee_r_min"] = min(row["knee_r_min"] for row in opencap)
        shares = [row["knee_range_share"] for row in opencap]
        figures["opencap_knee_range_share_min"], figures["opencap_knee_range_share_max"] = min(shares), max(shares)
    for key, told in (("cmbbe", False), ("cmbbe_size_told", True)):
        found = [row for name, row in rows.items() if name.startswith("cmbbe_") and ("," in name) == told]
        if found:
            figures[f"{key}_mae18_deg"] = round(float(np.mean([row["mae18_deg"] for row in found])), 3)
            figures[f"{key}_zero_mae18_deg"] = round(float(np.mean([row["zero_mae18_deg"] for row in found])), 3)
    costs = [
        row["mae18_deg"] - own[name.split(",")[0]]["mae18_deg"] for name, row in rows.items() if "size told" in name
    ]
    if costs:
        figures["size_told_cost_deg"] = round(max(costs), 3)
    return figures

"""What a batch leaves beside its runs: tables of all recordings, a figure of means, a page to begin from.

Values that a run does not trust are in none of them. Each recording's tables are read once and let go of, so that a
batch may hold any number.
"""

import contextlib
import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from biomech.files import whole_file, write_csv
from biomech.inverse_kinematics.tidy import believed_values
from biomech.inverse_kinematics.trusted import share_of_frames
from biomech.measures.found import KINDS, MEASURE_COLUMNS
from biomech.report.batch_figure import MOTION, BatchCourse, BatchMeans
from biomech.report.batch_index import IndexRow, index_page

NOT_RUN = "not run yet: the batch was stopped"
WHO = ("recording", "subject", "group")
RANGE_COLUMNS = (*WHO, "coordinate", "unit", "min", "max", "range")


class BatchTrial(NamedTuple):
    """A recording of a batch, as far as tables know it."""

    name: str
    subject: str
    group: str
    folder: Path
    seconds: float
    frames: int | None
    marker_rms_mm: float | None
    files: Mapping[str, Path]  # of its run, by name
    notes: int
    error: str | None
    left_out: str = ""  # what it was told to use and was run without

    @property
    def state(self) -> str:
        """In a word or two."""
        return "done" if not self.error else "not run" if self.error == NOT_RUN else "failed"

    @property
    def who(self) -> dict[str, str]:
        """The columns that every table begins with."""
        return {"recording": self.name, "subject": self.subject, "group": self.group}


def write_tables(trials: Sequence[BatchTrial], out: Path) -> list[Path]:
    """Write summary.csv, index.html and, where there is a motion, ranges.csv, measures.csv and figures (mean_sd….png).

    Args:
        trials: all of the batch.
        out: its folder.

    Returns:
        What was written.
    """
    summary, ranges, measures, page = (
        out / name for name in ("summary.csv", "ranges.csv", "measures.csv", "index.html")
    )
    moving = [trial for trial in trials if "angles" in trial.files]
    means = BatchMeans((trial.group, trial.subject) for trial in moving)
    rows: list[dict[str, Any]] = []
    shown: list[IndexRow] = []
    with contextlib.ExitStack() as whole:
        range_rows = _writer(whole, ranges, RANGE_COLUMNS) if moving else None
        measure_rows = _writer(whole, measures, (*WHO, *MEASURE_COLUMNS)) if moving else None
        for trial in trials:
            share, found = None, pd.DataFrame(columns=MEASURE_COLUMNS)
            if "measures" in trial.files:
                found = pd.read_csv(trial.files["measures"])
                _add_measures(measure_rows, trial)
            if range_rows is not None and "angles" in trial.files:
                angles = believed_values(trial.files["angles"])
                share = round(share_of_frames(angles.notna().to_numpy()), 3)
                range_rows.writerows({**trial.who, **row} for row in _ranges(angles))
                means.add(BatchCourse(trial.subject, trial.group, angles, found))
            rows.append(_summary(trial, share, out))
            shown.append(_shown(trial, share, _doings(found), out))
    write_csv(pd.DataFrame(rows), summary)
    pictures = _write_pictures(means, out)
    with whole_file(page) as temporary:
        temporary.write_text(index_page(out.resolve().name, shown, [one.name for one in pictures]), encoding="utf-8")
    return [summary, *([ranges, measures] if moving else []), *pictures, page]


def _write_pictures(means: BatchMeans, out: Path) -> list[Path]:
    pictures = []
    for activity, figure in means.figures().items():
        pictures.append(out / f"mean_sd_{activity}.png" if activity != MOTION else out / "mean_sd.png")
        with whole_file(pictures[-1]) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    of_earlier = {out / "mean_sd.png", *(out / f"mean_sd_{kind}.png" for kind in KINDS)}
    for old in of_earlier - {*pictures}:
        old.unlink(missing_ok=True)
    return pictures


def _writer(whole: contextlib.ExitStack, path: Path, columns: Sequence[str]) -> "csv.DictWriter[str]":
    """Of a table that is there when the stack has ended without an error."""
    file = whole.enter_context(open(whole.enter_context(whole_file(path)), "w", encoding="utf-8", newline=""))
    rows = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    return rows


def _add_measures(rows: "csv.DictWriter[str] | None", trial: BatchTrial) -> None:
    """Of all strides, repetitions and jumps: the rows of the recording's own table as they stand there."""
    if rows is None:
        return
    with open(trial.files["measures"], encoding="utf-8", newline="") as own:
        rows.writerows({**trial.who, **row} for row in csv.DictReader(own))


def _summary(trial: BatchTrial, share: float | None, out: Path) -> dict[str, Any]:
    return {
        **trial.who,
        **{"state": trial.state, "frames": trial.frames, "trusted_share": share, "marker_rms_mm": trial.marker_rms_mm},
        **{"notes": trial.notes, "took_s": round(trial.seconds, 1), "folder": os.path.relpath(trial.folder, out)},
        **{"left_out": trial.left_out.replace("\n", " "), "error": (trial.error or "").replace("\n", " ")},
    }


def _shown(trial: BatchTrial, share: float | None, doings: str, out: Path) -> IndexRow:
    report = trial.files.get("report")  # the report where there is one
    folder = f"{_way(trial.folder, out)}/" if trial.folder.is_dir() else ""
    links = [(name, trial.files[name]) for name in ("overlay", "angles", "measures") if name in trial.files]
    return IndexRow(
        **trial.who,
        state=trial.state,
        frames=str(trial.frames or ""),
        trusted="" if share is None else f"{share:.0%}",
        marker_rms="" if trial.marker_rms_mm is None else f"{trial.marker_rms_mm:.1f}",
        found=doings,
        notes="; ".join(
            [f"{trial.notes} note{'s' * (trial.notes != 1)}", *([trial.left_out] if trial.left_out else [])]
        ),
        error=trial.error or "",
        link=_way(report, out) if report else folder,
        files=[(name, _way(path, out)) for name, path in links] + ([("folder", folder)] if folder else []),
    )


def _way(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()


def _ranges(angles: pd.DataFrame) -> list[dict[str, Any]]:
    values, units = angles.to_numpy(float), angles.attrs["units"]
    there = np.isfinite(values)
    lows = np.where(there, values, np.inf).min(0)
    highs = np.where(there, values, -np.inf).max(0)
    rows = []
    for name, low, high, any_there in zip(angles.columns, lows.tolist(), highs.tolist(), there.any(0), strict=True):
        figures: dict[str, Any] = {"min": "", "max": "", "range": ""}
        if any_there:
            figures = {"min": round(low, 4), "max": round(high, 4), "range": round(high - low, 4)}
        rows.append({"coordinate": name, "unit": units[name], **figures})
    return rows


def _doings(measures: pd.DataFrame) -> str:
    """What a recording holds, in words: `walking: 4, squat: 3`."""
    if not len(measures):
        return ""
    counted = measures[(measures["activity"] != MOTION) & measures["number"].notna()]
    counted = counted.drop_duplicates(["activity", "number", "side"])
    return ", ".join(
        f"{str(activity).replace('_', ' ')}: {count}" for activity, count in counted["activity"].value_counts().items()
    )

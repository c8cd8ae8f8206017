"""What a batch leaves beside its runs: tables of all recordings, a figure of means, a page to begin from.

Values that a run does not trust are in none of them.
"""

import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd

from biomech.files import whole_file, write_csv
from biomech.inverse_kinematics.tidy import believed_values
from biomech.measures.found import KINDS, MEASURE_COLUMNS
from biomech.report.batch_figure import MOTION, BatchCourse, figures_of

STYLE = (
    "body{font:16px sans-serif;margin:2em;max-width:70em}td,th{padding:.3em .7em;text-align:left;vertical-align:top}"
)
STYLE += "tr:nth-child(even){background:#f3f3f3}.failed{color:#a00}img{max-width:100%}"


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
    angles = {trial.name: believed_values(trial.files["angles"]) for trial in trials if "angles" in trial.files}
    rows = [
        {
            **{"recording": t.name, "subject": t.subject, "group": t.group, "state": "failed" if t.error else "done"},
            **{"frames": t.frames, "trusted_share": _share(angles.get(t.name)), "marker_rms_mm": t.marker_rms_mm},
            **{"notes": t.notes, "took_s": round(t.seconds, 1), "folder": os.path.relpath(t.folder, out)},
            "error": (t.error or "").replace("\n", " "),
        }
        for t in trials
    ]
    write_csv(pd.DataFrame(rows), summary)
    written = [summary]
    found = _measures(trials)
    if angles:
        write_csv(_ranges(trials, angles), ranges)
        write_csv(found, measures)
        written += [ranges, measures]
    pictures = []
    for activity, figure in figures_of(_measured(trials, angles, found)).items():
        pictures.append(out / f"mean_sd_{activity}.png" if activity != MOTION else out / "mean_sd.png")
        with whole_file(pictures[-1]) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
    of_earlier = {out / "mean_sd.png", *(out / f"mean_sd_{kind}.png" for kind in KINDS)}
    for old in of_earlier - {*pictures}:
        old.unlink(missing_ok=True)
    with whole_file(page) as temporary:
        temporary.write_text(_page(trials, out, angles, found, pictures), encoding="utf-8")
    return [*written, *pictures, page]


def _measured(
    trials: Sequence[BatchTrial], angles: Mapping[str, pd.DataFrame], measures: pd.DataFrame
) -> list[BatchCourse]:
    return [
        BatchCourse(t.subject, t.group, angles[t.name], measures[measures["recording"] == t.name])
        for t in trials
        if t.name in angles
    ]


def _share(angles: pd.DataFrame | None) -> float | None:
    """Of the values that are trusted."""
    return None if angles is None else round(float(angles.notna().to_numpy().mean()), 3)


def _ranges(trials: Sequence[BatchTrial], angles: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for trial in trials:
        if (table := angles.get(trial.name)) is None:
            continue
        for name in table.columns:
            low, high = float(table[name].min()), float(table[name].max())
            who = {"recording": trial.name, "subject": trial.subject, "group": trial.group}
            figures = {"min": round(low, 4), "max": round(high, 4), "range": round(high - low, 4)}
            rows.append({**who, "coordinate": name, "unit": table.attrs["units"][name], **figures})
    return pd.DataFrame(rows)


def _measures(trials: Sequence[BatchTrial]) -> pd.DataFrame:
    """Of all strides, repetitions and jumps of all recordings: the rows of their own tables."""
    tables = []
    for trial in trials:
        if "measures" in trial.files:
            own = pd.read_csv(trial.files["measures"])
            who = {"recording": trial.name, "subject": trial.subject, "group": trial.group}
            for place, (name, value) in enumerate(who.items()):
                own.insert(place, name, value)
            tables.append(own)
    full = [table for table in tables if len(table)] or tables[:1]
    if not full:
        return pd.DataFrame(columns=["recording", "subject", "group", *MEASURE_COLUMNS])
    return pd.concat(full, ignore_index=True)


def _doings(measures: pd.DataFrame) -> str:
    """What a recording holds, in words: `walking: 4, squat: 3`."""
    counted = measures[(measures["activity"] != MOTION) & measures["number"].notna()]
    counted = counted.drop_duplicates(["activity", "number", "side"])
    return ", ".join(f"{activity}: {count}" for activity, count in counted["activity"].value_counts().items())


def _page(
    trials: Sequence[BatchTrial],
    out: Path,
    angles: Mapping[str, pd.DataFrame],
    found: pd.DataFrame,
    pictures: Sequence[Path],
) -> str:
    failed = sum(trial.error is not None for trial in trials)
    head = f"<h1>{html.escape(out.resolve().name)}</h1><p>{len(trials)} recordings, {failed} failed.</p>"
    shown_pictures = "".join(
        f'<p><img src="{picture.name}" alt="mean and SD of the angles over the trials"></p>' for picture in pictures
    )
    names = "recording subject group frames trusted marker&nbsp;RMS&nbsp;(mm) found notes files".split()
    rows = ["<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"]
    for t in trials:
        shown = t.files.get("report", t.folder)  # the report where there is one
        rms, share = "" if t.marker_rms_mm is None else f"{t.marker_rms_mm:.1f}", _share(angles.get(t.name))
        there = [name for name in ("overlay", "angles", "measures") if name in t.files]
        links = " ".join(_link(t.files[name], out, name) for name in there)
        cells = [_link(shown, out, t.name), html.escape(t.subject), html.escape(t.group), str(t.frames or "")]
        cells += [
            "" if share is None else f"{share:.0%}",
            rms,
            _doings(found[found["recording"] == t.name]),
            str(t.notes),
        ]
        cells += [f"{links} {_link(t.folder, out, 'folder')}"]
        if t.error:
            cells[3:] = [f'<span class="failed">failed: {html.escape(t.error)}</span>', *[""] * 5]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    style = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Batch</title><style>{STYLE}</style>'
    return f"{style}{head}<table>{''.join(rows)}</table>{shown_pictures}</html>"


def _link(path: Path, out: Path, text: str) -> str:
    way = quote(Path(os.path.relpath(path, out)).as_posix())
    return f'<a href="{way}{"/" if path.is_dir() else ""}">{html.escape(text)}</a>'

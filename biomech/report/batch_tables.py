"""What a batch leaves beside its runs: a summary table, ranges of angles, a figure of means, a page to begin from."""

import html
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from biomech.files import whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import read_mot

POINTS = 101  # of a trial's course, 0 to 100 %
SHOWN = (
    *("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle", "ankle_angle", "subtalar_angle"),
    *("arm_flex", "arm_add", "elbow_flex", "lumbar_extension", "lumbar_bending", "pelvis_tilt"),
)
COLUMNS = 4
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
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
    motion: Path | None
    notes: int
    error: str | None


def write_tables(trials: Sequence[BatchTrial], out: Path) -> list[Path]:
    """Write summary.csv, ranges.csv, mean_sd.png (where there is a motion) and index.html.

    Args:
        trials: all of the batch.
        out: its folder.

    Returns:
        What was written.
    """
    summary, ranges, picture, page = (out / n for n in ("summary.csv", "ranges.csv", "mean_sd.png", "index.html"))
    motions = {trial.name: read_mot(trial.motion) for trial in trials if trial.motion is not None}
    rows = [
        {
            **{"recording": t.name, "subject": t.subject, "group": t.group, "state": "failed" if t.error else "done"},
            **{"frames": t.frames, "marker_rms_mm": t.marker_rms_mm, "notes": t.notes, "took_s": round(t.seconds, 1)},
            **{"folder": os.path.relpath(t.folder, out), "error": (t.error or "").replace("\n", " ")},
        }
        for t in trials
    ]
    _csv(pd.DataFrame(rows), summary)
    written = [summary]
    if motions:
        _csv(_ranges(trials, motions), ranges)
        figure = mean_sd_figure(trials, motions)
        with whole_file(picture) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
        written += [ranges, picture]
    with whole_file(page) as temporary:
        temporary.write_text(_page(trials, out, bool(motions)), encoding="utf-8")
    return [*written, page]


def mean_sd_figure(trials: Sequence[BatchTrial], motions: dict[str, Kinematics]) -> Figure:
    """Mean ± SD over each subject's trials; of a group with several subjects over these subjects' means.

    Trials are laid over each other from their begin (0 %) to their end (100 %).

    Args:
        trials: of the batch.
        motions: by the trials' names.

    Returns:
        A panel for each angle; the right side is drawn solid, the left one dashed.
    """
    lines = _lines(trials, motions)
    rows = -(-len(SHOWN) // COLUMNS)
    figure = Figure(figsize=(13, 2.6 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharex=True)
    percent = np.linspace(0, 100, POINTS)
    for panel, name in zip(panels.flat, SHOWN, strict=True):
        for k, (label, of_line) in enumerate(lines.items()):
            for end, dash in (("", "-"), ("_r", "-"), ("_l", "--")):
                curves = [one[name + end] for one in of_line if name + end in one]
                if not curves:
                    continue
                mean, sd = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1 if len(curves) > 1 else 0)
                colour = COLOURS[k % len(COLOURS)]
                said = f"{label} (n = {len(of_line)})" if end in ("", "_r") else None
                panel.plot(percent, mean, dash, color=colour, lw=1.4, label=said)
                panel.fill_between(percent, mean - sd, mean + sd, color=colour, alpha=0.18, lw=0)
        panel.set_title(name, fontsize=10)
        panel.set_ylabel("°")
        panel.grid(alpha=0.3)
    for panel in np.atleast_2d(panels)[-1]:
        panel.set_xlabel("% of the trial")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=9, title="solid: right; dashed: left")
    return figure


Curves = dict[str, Float[np.ndarray, " points"]]


def _lines(trials: Sequence[BatchTrial], motions: dict[str, Kinematics]) -> dict[str, list[Curves]]:
    """What each line is the mean of: trials of a subject, or subjects of a group."""
    by_subject: dict[tuple[str, str], list[Curves]] = {}
    for trial in trials:
        if trial.name in motions:
            by_subject.setdefault((trial.group, trial.subject), []).append(_course(motions[trial.name]))
    groups: dict[str, list[list[Curves]]] = {}
    for (group, _), curves in by_subject.items():
        groups.setdefault(group, []).append(curves)
    lines: dict[str, list[Curves]] = {}
    for (_, subject), curves in by_subject.items():
        if len(by_subject) <= len(COLOURS):
            lines[subject] = curves
    for group, members in groups.items():
        if group and len(members) > 1:
            shared = [{name: np.mean([c[name] for c in own], axis=0) for name in own[0]} for own in members]
            lines[f"group {group}"] = shared
    return lines or {subject: curves for (_, subject), curves in by_subject.items()}


def _course(motion: Kinematics) -> Curves:
    """Angles in degrees at equal shares of the trial."""
    at = np.linspace(motion.time_s[0], motion.time_s[-1], POINTS)
    return {
        name: np.rad2deg(np.interp(at, motion.time_s, np.unwrap(motion.column(name))))
        for name, angle in zip(motion.names, motion.rotational, strict=True)
        if angle
    }


def _ranges(trials: Sequence[BatchTrial], motions: dict[str, Kinematics]) -> pd.DataFrame:
    rows = []
    for trial in trials:
        if (motion := motions.get(trial.name)) is None:
            continue
        for name, turns in zip(motion.names, motion.rotational, strict=True):
            values = np.rad2deg(motion.column(name)) if turns else motion.column(name)
            low, high = float(values.min()), float(values.max())
            who = {"recording": trial.name, "subject": trial.subject, "group": trial.group}
            figures = {"min": round(low, 4), "max": round(high, 4), "range": round(high - low, 4)}
            rows.append({**who, "coordinate": name, "unit": "deg" if turns else "m", **figures})
    return pd.DataFrame(rows)


def _csv(table: pd.DataFrame, path: Path) -> None:
    with whole_file(path) as temporary:
        table.to_csv(temporary, index=False)


def _page(trials: Sequence[BatchTrial], out: Path, drawn: bool) -> str:
    failed = sum(trial.error is not None for trial in trials)
    head = f"<h1>{html.escape(out.resolve().name)}</h1><p>{len(trials)} recordings, {failed} failed.</p>"
    picture = '<p><img src="mean_sd.png" alt="mean and SD of the angles over the trials"></p>' if drawn else ""
    names = "recording subject group frames marker&nbsp;RMS&nbsp;(mm) notes".split()
    rows = ["<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"]
    for t in trials:
        link = f'<a href="{html.escape(os.path.relpath(t.folder, out))}/">{html.escape(t.name)}</a>'
        rms = "" if t.marker_rms_mm is None else f"{t.marker_rms_mm:.1f}"
        cells = [link, html.escape(t.subject), html.escape(t.group), str(t.frames or ""), rms, str(t.notes)]
        if t.error:
            cells[3:] = [f'<span class="failed">failed: {html.escape(t.error)}</span>', "", ""]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    style = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Batch</title><style>{STYLE}</style>'
    return f"{style}{head}{picture}<table>{''.join(rows)}</table></html>"

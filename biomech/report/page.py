"""One run as one page: an HTML file that holds all that it shows, and asks nobody for anything."""

import base64
import gzip
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from biomech.arrays import spans
from biomech.files import whole_file
from biomech.inverse_kinematics.marker_errors import MAX_ERROR_M, RMS_ERROR_M, MarkerErrors
from biomech.inverse_kinematics.trusted import share_of_frames
from biomech.report.courses import Courses, in_pairs, side
from biomech.report.film import SmallFilm
from biomech.report.measured import Activity
from biomech.report.words import ORDER, SOLVERS, assumed, meaning_of, section_of, title_of

HERE = Path(__file__).parent
MOST_POINTS = 1500  # of a curve: three for every pixel that it has on a screen
WORST = 12  # markers that are named
FRAMES_TRUSTED, WELL = 0.9, 0.7  # shares from which the summary is at ease, and below which it warns


@dataclass(frozen=True)
class Shown:
    """All that a report shows.

    Attributes:
        name: of the recording, as the files bear it.
        source: the recording's own name.
        motions: of each solver; the first is the result.
        errors: of the first one's markers.
        scene: of ``scene_of``.
        film: with the skeleton on it, and its first frame's time (s).
        stages: of the run's record.
        versions: of the package and the libraries.
        notes: what the user should know.
        files: names of the run's files by what they are.
        measured: events and measures, by activity.
        flags: what options are called where they are typed, by name; of others the name is shown.
    """

    name: str
    source: str
    motions: list[Courses]
    errors: MarkerErrors
    scene: dict[str, object]
    film: tuple[SmallFilm, float] | None
    stages: Mapping[str, Any]
    versions: Mapping[str, str]
    notes: list[str]
    files: Mapping[str, str]
    measured: Sequence[Activity] = ()
    flags: Mapping[str, str] = field(default_factory=dict)

    @property
    def virtual(self) -> bool:
        """Whether the markers are read off a body that was fitted or given, instead of recorded."""
        return "extract" in self.stages


def write_report(shown: Shown, path: Path) -> int:
    """Write the page, whole or not at all.

    Args:
        shown: what it shows.
        path: of the .html.

    Returns:
        Its size in bytes.
    """
    text = report_of(shown)
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return len(text.encode())


def report_of(shown: Shown) -> str:
    """The page itself.

    Args:
        shown: what it shows.

    Returns:
        HTML that needs no other file.
    """
    film = shown.film[0] if shown.film else None
    parts = {
        "title": _text(shown.name),
        "style": (HERE / "report.css").read_text(encoding="utf-8"),
        "script": (HERE / "report.js").read_text(encoding="utf-8"),
        "subtitle": _text(_subtitle(shown)),
        "verdicts": _verdicts(shown),
        "pictures": _pictures(film, shown.film[1] if shown.film else 0.0),
        "film": base64.b64encode(film.content).decode() if film else "",
        "film_kind": film.kind if film else "",
        "data": base64.b64encode(gzip.compress(_data(shown).encode(), 6, mtime=0)).decode(),
        "activities": _activities(shown.measured),
        "warnings": _warnings(shown.notes),
        "assumed": _assumed(shown.stages),
        "markers": _markers(shown.errors),
        "factors": _factors(shown.stages),
        "files": _files(shown),
        "options": _options(shown.stages, shown.flags),
        "beside": _beside(shown.files),
        "versions": _rows([(name, version) for name, version in shown.versions.items()]),
    }
    page = (HERE / "report.html").read_text(encoding="utf-8")
    # In one go: what was put in is not looked at for names again.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found.group(1)], page)


def _data(shown: Shown) -> str:
    """What the script draws."""
    first = shown.motions[0]
    rows = np.arange(0, len(first.time_s), max(1, -(-len(first.time_s) // MOST_POINTS)))
    panels = []
    for plain, names in in_pairs(first.shown).items():
        title, sign = title_of(plain)
        doubted = ~np.all([first.believed[:, first.names.index(name)] for name in names], axis=0)
        panels.append(
            {
                "title": title,
                "sign": sign,
                "unit": "°" if first.unit(names[0]) == "deg" else "m",
                "section": section_of(plain),
                "doubted": [[round(a, 3), round(b, 3)] for a, b in spans(doubted, first.time_s)],
                "curves": [
                    _curve(name, motion, k, rows)
                    for k, motion in enumerate(shown.motions)
                    for name in names
                    if name in motion.names
                ],
            }
        )
    panels.sort(key=lambda panel: ORDER.index(str(panel["section"])))
    errors = shown.errors
    data = {
        "time_s": first.time_s[rows].round(4).tolist(),
        # Of a long film the curves have fewer points than it has frames, which the player goes through one by one.
        "frames_s": first.time_s.round(4).tolist() if len(rows) < len(first.time_s) else None,
        "solvers": [
            {"name": motion.solver, "words": SOLVERS.get(motion.solver, motion.solver)} for motion in shown.motions
        ],
        "panels": panels,
        "errors": {
            "rms": _numbers(1000 * errors.rms_m[rows], 1),
            "max": _numbers(1000 * errors.max_m[rows], 1),
            "limits": [1000 * RMS_ERROR_M, 1000 * MAX_ERROR_M],
        },
        "doubts": _doubts(first),
        "scene": shown.scene,
        "film_start_s": shown.film[1] if shown.film else None,
        "cycles": _cycle_panels(shown.measured),
        "events": [event for one in shown.measured for event in one.events],
    }
    return json.dumps(data, separators=(",", ":"))


def _curve(name: str, motion: Courses, number: int, rows: np.ndarray) -> dict[str, object]:
    column = motion.names.index(name)
    decimals = 2 if motion.rotational[column] else 4
    half = motion.half_widths[rows, column]
    known = number == 0 and bool(np.isfinite(half).any())
    return {
        "side": side(name),
        "solver": number,
        "values": _numbers(motion.values[rows, column], decimals),
        "half": _numbers(half, decimals) if known else None,
    }


def _numbers(values: np.ndarray, decimals: int) -> list[float | None]:
    return [None if np.isnan(value) else value for value in np.round(values, decimals).tolist()]


def _doubts(first: Courses) -> list[list[object]]:
    """From when to when the frames are not trusted, and why."""
    found: list[list[object]] = []
    for begin, end in spans(np.array([bool(why) for why in first.reasons]), first.time_s):
        inside = [why for why, t in zip(first.reasons, first.time_s, strict=True) if why and begin <= t <= end]
        whys = list(dict.fromkeys(one for why in inside for one in why.split("; ")))
        found.append([round(begin, 3), round(end, 3), ", ".join(whys)])
    return found


def _cycle_panels(measured: Sequence[Activity]) -> list[dict[str, object]]:
    panels: list[dict[str, object]] = []
    for number, one in enumerate(measured):
        for cycle in one.cycles:
            title, sign = title_of(cycle.name)
            sides = {
                side: [_numbers(np.asarray(mean), 2), _numbers(np.asarray(sd), 2)]
                for side, (mean, sd) in cycle.sides.items()
            }
            normal = None if cycle.normal is None else [_numbers(np.asarray(part), 2) for part in cycle.normal]
            about = {"of": number, "axis": one.axis, "title": title, "sign": sign, "unit": "°"}
            panels.append({**about, "sides": sides, "normal": normal})
    return panels


def _subtitle(shown: Shown) -> str:
    times = shown.motions[0].time_s
    rate = f", {1 / float(np.median(np.diff(times))):.3g} a second" if len(times) > 1 else ""
    seconds = float(times[-1] - times[0])
    solver = SOLVERS.get(shown.motions[0].solver, shown.motions[0].solver)
    return f"{shown.source} · {len(times)} frames{rate} · {seconds:.1f} s · solved by {solver}"


def _verdicts(shown: Shown) -> str:
    """The four things that are asked first."""
    first, errors = shown.motions[0], shown.errors
    share, frames = share_of_frames(first.believed), len(first.reasons)
    cards = [
        _card("Frames to be trusted", f"{100 * share:.0f} %", f"{round(share * frames)} of {frames}", _mood(share))
    ]
    rms, worst = 1000 * errors.clip_rms_m, 1000 * float(np.nanmax(errors.max_m))
    good = float(errors.good.mean())
    limits = f"RMS under {1000 * RMS_ERROR_M:.0f}, largest under {1000 * MAX_ERROR_M:.0f} mm"
    said = f"RMS; largest {worst:.0f} mm. OpenSim's rule, {limits}, is kept in {100 * good:.0f}\u00a0% of the frames"
    if shown.virtual:  # good by itself: the markers are read off the body that was fitted
        said += ". The markers are the fitted body's own: this says nothing of how true the angles are"
    cards.append(
        _card(
            "Skeleton to markers", f"{rms:.1f} mm", said, "" if shown.virtual and _mood(good) == "good" else _mood(good)
        )
    )
    turning = first.half_widths[:, first.rotational]
    if np.isfinite(turning).any():
        legs = {
            title: _typical(first, plain)
            for plain, title in (("hip_flexion", "hip"), ("knee_angle", "knee"), ("ankle_angle", "ankle"))
        }
        told = ", ".join(f"{title} flexion ±{value:.0f}°" for title, value in legs.items() if np.isfinite(value))
        within = WITHIN if "recover" in shown.stages else "two of three values lie within"
        cards.append(
            _card(
                "How far off angles may be",
                f"±{np.nanmean(turning):.0f}°",
                "; ".join(part for part in (within, told) if part),
                "",
            )
        )
    else:
        cards.append(
            _card("How far off angles may be", "not known", "recorded markers do not say it; see the marker errors", "")
        )
    guesses = [one.what.lower() for one in assumed(shown.stages) if one.guessed]
    cards.append(
        _card(
            "Assumed, not measured",
            f"{len(guesses)} of {len(assumed(shown.stages))}" if guesses else "nothing",
            ", ".join(guesses) or "height, mass and lens were given or do not matter",
            "fair" if guesses else "good",
        )
    )
    return "".join(cards)


def _typical(motion: Courses, plain: str) -> float:
    columns = [motion.names.index(name) for name in in_pairs(motion.shown).get(plain, [])]
    values = motion.half_widths[:, columns]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _mood(share: float) -> str:
    return "good" if share >= FRAMES_TRUSTED else "fair" if share >= WELL else "poor"


def _card(what: str, value: str, more: str, mood: str) -> str:
    sign = {"good": "✓", "fair": "!", "poor": "✗"}.get(mood, "")
    head = f'<h3>{_text(what)}</h3><p class="big">{_text(value)} <span>{sign}</span></p>'
    return f'<div class="card {mood}">{head}<p>{_text(more)}</p></div>'


def _pictures(film: SmallFilm | None, begin_s: float) -> str:
    """Pictures under their times in the recording; the script seeks by the film's, which begins at ``begin_s``."""
    if film is None:
        return ""
    return "".join(
        f'<figure data-time="{time:g}"><button aria-label="Go to {begin_s + time:.1f} s"><img alt="" '
        f'src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"></button>'
        f"<figcaption>{begin_s + time:.1f} s</figcaption></figure>"
        for time, jpeg in film.pictures
    )


def _warnings(notes: list[str]) -> str:
    if not notes:
        return "<p>None.</p>"
    by_meaning: dict[str, list[str]] = {}
    for note in notes:
        meaning = meaning_of(note)
        by_meaning.setdefault(meaning or note, []).append(note if meaning else "")
    items = []
    for said, these in by_meaning.items():
        own = "<br>".join(map(_code, these))
        items.append(f"<li><b>{_text(said)}</b> <span>{own}</span></li>" if these[0] else f"<li>{_code(said)}</li>")
    return f'<ul class="notes">{"".join(items)}</ul>'


def _assumed(stages: Mapping[str, Any]) -> str:
    rows = [
        (
            one.what,
            one.value,
            ("assumed: " if one.guessed and not one.how.startswith(("not", "default")) else "") + one.how,
        )
        for one in assumed(stages)
    ]
    return _table(("What", "Value", "Where from"), rows) if rows else "<p>Nothing.</p>"


def _markers(errors: MarkerErrors) -> str:
    by_marker = sorted(errors.rms_by_marker_m.items(), key=lambda one: -np.nan_to_num(one[1], nan=-1))
    rows = [(name, "never seen" if np.isnan(rms) else f"{1000 * rms:.1f}") for name, rms in by_marker]
    head = ("Marker", "RMS (mm)")
    worst = f"<h3>The {min(WORST, len(rows))} farthest off</h3>{_table(head, rows[:WORST])}"
    rest = (
        f"<details><summary>All {len(rows)} markers</summary>{_table(head, rows)}</details>"
        if len(rows) > WORST
        else ""
    )
    return worst + rest


def _factors(stages: Mapping[str, Any]) -> str:
    factors = stages.get("scale", {}).get("factors")
    if not factors:
        return "<p>The model was taken as it was; nothing was scaled by this run.</p>"
    rows = [(body, *(f"{100 * value:.1f}" for value in values)) for body, values in factors.items()]
    return _table(("Segment", "depth X (%)", "length Y (%)", "width Z (%)"), rows)


def _files(shown: Shown) -> str:
    files = {what: f"<code>{_text(name)}</code>" for what, name in shown.files.items()}
    steps = []
    if "model" in files:
        steps.append(f"<b>File ▸ Open Model…</b> {files['model']}: the skeleton in this person's size.")
    if "motion" in files:
        steps.append(f"<b>File ▸ Load Motion…</b> {files['motion']}: plays the movement; the plotter draws its angles.")
    if "markers" in files:
        steps.append(f"<b>File ▸ Preview Experimental Data…</b> {files['markers']}: the markers that were followed.")
    if "setup" in files:
        steps.append(
            f"<b>Tools ▸ Inverse Kinematics… ▸ Load…</b> {files['setup']}, <b>Run</b>: OpenSim solves it again."
        )
    rows = "".join(f"<tr><th>{_text(what)}</th><td>{name}</td></tr>" for what, name in files.items())
    told = "".join(f"<li>{step}</li>" for step in steps)
    return f'<h3>In the OpenSim GUI</h3><ol>{told}</ol><h3>All of them</h3><table class="wide">{rows}</table>'


def _beside(files: Mapping[str, str]) -> str:
    """What shows the angles where the page's script is not run."""
    found = [f"<code>{_text(files[what])}</code>" for what in ("plot of angles", "table of angles") if what in files]
    return f" The angles are also in {' and '.join(found)} beside this page." if found else ""


def _options(stages: Mapping[str, Any], flags: Mapping[str, str]) -> str:
    found: dict[str, object] = {}
    for stage in stages.values():
        found |= {
            k: v
            for k, v in stage.get("options", {}).items()
            if v not in (None, False, [], "")
            and k not in ("folder", "stages", "detector_version", "accuracy", "solver")
        }
    if found.get("recover") == "fit":  # `refine` is of the network's answer alone
        found.pop("refine", None)
    rows = [(flags.get(name, name), _said(value)) for name, value in found.items()]
    return _rows(rows) if found else "<p>All as they come.</p>"


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    if value is True:
        return "on"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


WITHIN = "two of three values lie within, as measured on drawn people; of real film somewhat fewer"


def _means(measures: Sequence[tuple[str, str]]) -> str:
    """What the words beside the means are; of half widths only where there is one."""
    told = "Means. Spread: one SD from one to the next, which says nothing of how true they are."
    if any("half width" in value for _, value in measures):
        told += " Half width: how far off they may be, where that is known; two of three true values lie within."
    else:
        told += " How far off they may be is not known; what the angles' half widths say holds for angles here, too."
    return f'<p class="source">{told}</p>'


def _activities(measured: Sequence[Activity]) -> str:
    """What was done, each activity under its own heading."""
    found = []
    for number, one in enumerate(measured):
        curves = f'<div class="grid" id="cycles-{number}"></div>' if one.cycles else ""
        spread = "; lines: means, bands: ± one SD between cycles" if len(one.each) > 1 else ""
        key = f"Orange: right, blue: left, black: pelvis and trunk{spread}."
        source = f" Grey with a dashed edge: {_text(one.source)}." if one.source else ""
        told = f'<p class="source">{key}{source}</p>' if one.cycles else ""
        means = f'<div class="means">{_rows(one.measures)}</div>{_means(one.measures)}' if one.measures else ""
        each = f"<details><summary>Each one</summary>{_table(one.head, one.each)}</details>" if one.each else ""
        notes = f'<p class="source">{_text("; ".join(one.notes))}.</p>' if one.notes else ""
        title = f"<h2>{_text(one.title)}</h2>"
        doubt = f'<p class="doubt">{_text(one.doubt)}</p>' if one.doubt else ""
        found.append(f'<section class="activity">{title}{doubt}{curves}{told}{means}{each}{notes}</section>')
    return "".join(found)


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    return "<table>" + "".join(f"<tr><th>{_text(a)}</th><td>{_text(b)}</td></tr>" for a, b in rows) + "</table>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{_text(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{_code(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _text(said: object) -> str:
    return html.escape(str(said))


def _code(said: str) -> str:
    """Names of options, which stand in backticks, as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(said))

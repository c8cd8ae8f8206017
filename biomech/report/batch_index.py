"""The page that a batch begins from: every recording in one table, shown in part where they are many.

All rows are in the page itself, which needs no network; the first ones stand in its table, and a script sorts them and
shows others, by page and by what is sought.
"""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

HERE = Path(__file__).parent
AT_ONCE = 100  # rows in the table
HEADS = "recording subject group frames trusted marker&nbsp;RMS&nbsp;(mm) found notes files".split()


class IndexRow(NamedTuple):
    """A recording, in words.

    Attributes:
        recording, subject, group, state, frames, trusted, marker_rms, found, notes: texts.
        error: empty where there is none.
        link: of the report or the folder, from the page's own; empty where there is neither.
        files: more links, by name.
    """

    recording: str
    subject: str
    group: str
    state: str
    frames: str
    trusted: str
    marker_rms: str
    found: str
    notes: str
    error: str
    link: str
    files: Sequence[tuple[str, str]]


def index_page(name: str, rows: Sequence[IndexRow], pictures: Sequence[str]) -> str:
    """The page, as one text.

    Args:
        name: of the batch.
        rows: of all recordings, in order.
        pictures: names of files beside the page.

    Returns:
        HTML with all rows as JSON and the script that sorts them, seeks in them and shows ``AT_ONCE`` of them; without
        the script the first ones stand there.
    """
    cells = [_cells(row) for row in rows]
    failed, waiting = (sum(row.state == state for row in rows) for state in ("failed", "not run"))
    said = f"{len(rows)} recordings, {failed} failed" + (f", {waiting} not run yet" if waiting else "")
    body = "".join(f"<tr>{one}</tr>" for one in cells[:AT_ONCE])
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    title = html.escape(name)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – BioPose batch</title><style>{_read('batch_index.css')}</style></head>"
        f'<body><h1>{title}</h1><p class="said">{said}.</p>'
        + (_more(rows, cells) if len(rows) > 1 else "")
        + f'<div class="wide" role="region" aria-label="Recordings" tabindex="0">{table}</div>'
        + "".join(_picture(one) for one in pictures)
        + (f"<script>{_read('batch_index.js')}</script>" if len(rows) > 1 else "")
        + "</body></html>"
    )


def _more(rows: Sequence[IndexRow], cells: Sequence[str]) -> str:
    """What the script works with: fields to seek by, and a list for each row: its words, its state, its cells."""
    listed = [
        [" ".join((row.recording, row.subject, row.group, row.found, row.error)).lower(), row.state, one]
        for row, one in zip(rows, cells, strict=True)
    ]
    data = json.dumps(listed, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    all_of_them = 'in <a href="summary.csv">summary.csv</a>'
    few = f"The first {AT_ONCE} of them; all are {all_of_them}." if len(rows) > AT_ONCE else f"The same {all_of_them}."
    return (
        f"<noscript><p>{few}</p></noscript>"
        f'<div id="seek" role="search" data-at-once="{AT_ONCE}" hidden>'
        '<input type="search" aria-label="Search" placeholder="name, subject, activity, error">'
        '<label><input type="checkbox"> only failed</label><span>'
        '<button type="button" aria-label="Page before">‹</button> <output></output> '
        '<button type="button" aria-label="Next page">›</button></span></div>'
        f'<script type="application/json" id="rows">{data}</script>'
    )


def _picture(name: str) -> str:
    activity = name.removeprefix("mean_sd").removesuffix(".png").strip("_").replace("_", " ")
    told = (
        f"Mean and SD of the angles: {html.escape(activity)}"
        if activity
        else "Mean and SD of the angles over the trials"
    )
    image = f'<a href="{quote(name)}"><img src="{quote(name)}" alt="{told}"></a>'
    return f"<figure>{image}<figcaption>{told}</figcaption></figure>"


def _cells(row: IndexRow) -> str:
    name = _link(row.link, row.recording) if row.link else html.escape(row.recording)
    told = "".join(f"<td>{cell}</td>" for cell in (name, *map(html.escape, (row.subject, row.group))))
    if row.error:
        error = html.escape(row.error).replace("\n", "<br>")
        said = error if row.state == "not run" else f"<b>failed</b>: {error}"
        told += f'<td class="failed" colspan="5">{said}</td>'
    else:
        values = (row.frames, row.trusted, row.marker_rms, row.found, row.notes)
        told += "".join(f"<td>{html.escape(value)}</td>" for value in values)
    return f"{told}<td>{' '.join(_link(way, name) for name, way in row.files)}</td>"


def _link(way: str, text: str) -> str:
    return f'<a href="{quote(way)}">{html.escape(text)}</a>'


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")

"""The page that a batch begins from: every recording in one table, shown in part where they are many.

All rows are in the page itself, which needs no network; the first ones stand in its table, and of many a script shows
others, by page and by what is sought.
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
        link: of the report or the folder, from the page's own.
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
        HTML; of more than ``AT_ONCE`` recordings with all rows as JSON and the script that shows them.
    """
    cells = [_cells(row) for row in rows]
    failed, waiting = (sum(row.state == state for row in rows) for state in ("failed", "not run"))
    said = f"{len(rows)} recordings, {failed} failed" + (f", {waiting} not run yet" if waiting else "")
    body = "".join(f"<tr>{one}</tr>" for one in cells[:AT_ONCE])
    table = (
        f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in HEADS)}</tr></thead><tbody>{body}</tbody></table>"
    )
    shown = "".join(f'<p><img src="{one}" alt="mean and SD of the angles over the trials"></p>' for one in pictures)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Batch</title>'
        f"<style>{_read('batch_index.css')}</style><h1>{html.escape(name)}</h1><p>{said}.</p>"
        + (_more(rows, cells) if len(rows) > AT_ONCE else "")
        + f"{table}{shown}"
        + (f"<script>{_read('batch_index.js')}</script>" if len(rows) > AT_ONCE else "")
        + "</html>"
    )


def _more(rows: Sequence[IndexRow], cells: Sequence[str]) -> str:
    """What the script works with: fields to seek by, and a list for each row: its words, its state, its cells."""
    listed = [
        [" ".join((row.recording, row.subject, row.group, row.found, row.error)).lower(), row.state, one]
        for row, one in zip(rows, cells, strict=True)
    ]
    data = json.dumps(listed, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<noscript><p>The first {AT_ONCE} of them; all are in <a href="summary.csv">summary.csv</a>.</p></noscript>'
        f'<p id="seek" data-at-once="{AT_ONCE}" hidden>'
        '<input type="search" placeholder="name, subject, activity, error">'
        ' <label><input type="checkbox"> only failed</label>'
        ' <button type="button">‹</button> <span></span> <button type="button">›</button></p>'
        f'<script type="application/json" id="rows">{data}</script>'
    )


def _cells(row: IndexRow) -> str:
    cells = [_link(row.link, row.recording), *map(html.escape, (row.subject, row.group))]
    if row.error:
        said = row.error if row.state == "not run" else f"failed: {row.error}"
        cells += [f'<span class="failed">{html.escape(said)}</span>', *[""] * 4]
    else:
        cells += map(html.escape, (row.frames, row.trusted, row.marker_rms, row.found, row.notes))
    cells.append(" ".join(_link(way, name) for name, way in row.files))
    return "".join(f"<td>{cell}</td>" for cell in cells)


def _link(way: str, text: str) -> str:
    return f'<a href="{quote(way)}">{html.escape(text)}</a>'


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")

"""The tables as files: NAME_events.csv, NAME_measures.csv, and NAME_course.csv where it is asked for."""

import contextlib
from pathlib import Path

from biomech.files import whole_file
from biomech.measures.found import EVENT_COLUMNS, MEASURE_COLUMNS, Found

EVENTS, MEASURES, COURSE = "events", "measures", "course"


def tables_beside(folder: Path, name: str) -> dict[str, Path]:
    """The paths of a motion's tables; the files need not be there.

    Args:
        folder: that they go to.
        name: of the motion, without its solver.

    Returns:
        By table.
    """
    return {table: folder / f"{name}_{table}.csv" for table in (EVENTS, MEASURES, COURSE)}


def write_empty(files: dict[str, Path]) -> None:
    """Tables of a motion in which nothing could be looked for: their heads alone.

    Args:
        files: of events and measures, by table.
    """
    for table, path in files.items():
        columns = EVENT_COLUMNS if table == EVENTS else MEASURE_COLUMNS
        with whole_file(path) as temporary:
            temporary.write_text(",".join(columns) + "\n", encoding="utf-8")


def write_tables(found: Found, files: dict[str, Path]) -> list[Path]:
    """Write tables, all of them or none.

    Args:
        found: what was found.
        files: by table, those of ``tables_beside`` that are wanted.

    Returns:
        The files.
    """
    make = {EVENTS: found.events_table, MEASURES: found.measures_table, COURSE: found.course_table}
    with contextlib.ExitStack() as all_or_none:
        for table, path in files.items():
            temporary = all_or_none.enter_context(whole_file(path))
            make[table]().to_csv(temporary, index=False)
    return list(files.values())

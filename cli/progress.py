"""What is told while a command works: of each stage a line, and in a terminal a progress bar."""

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(label: str, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function to call with (done, expected), or None where nobody looks at a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=expected)


def tell_stage(quiet: bool = False) -> Callable[[str, bool], None]:
    """A function to call with each stage's name and whether it is skipped: a line each, at once, in a log too."""

    def tell(name: str, skipped: bool) -> None:
        if not quiet:
            print(f"{name}: unchanged" if skipped else name, file=sys.stderr, flush=True)

    return tell

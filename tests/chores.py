"""Work of no weight for worker processes, except for some numbers."""

import os
import time
from pathlib import Path


def square(number: int) -> int:
    """Negative numbers fail, 13 takes the process down, large ones last."""
    if number < 0:
        raise ValueError("negative")
    if number == 13:
        os.abort()
    if number > 100:
        time.sleep(60)
    return number * number


def pid_after(seconds: float) -> int:
    """Whose process it was."""
    time.sleep(seconds)
    return os.getpid()


def begun_and_long(file: str) -> None:
    """Says whose process it is, and stays."""
    Path(file).write_text(str(os.getpid()))
    time.sleep(60)


def deadly_among_slow(number: int) -> int:
    """13 takes the process down; the others give it time to."""
    if number == 13:
        os.abort()
    time.sleep(0.5)
    return number

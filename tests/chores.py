"""Work of no weight for worker processes, except for some numbers."""

import os
import time


def square(number: int) -> int:
    """Negative numbers fail, 13 takes the process down, large ones last."""
    if number < 0:
        raise ValueError("negative")
    if number == 13:
        os.abort()
    if number > 100:
        time.sleep(60)
    return number * number

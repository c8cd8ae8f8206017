"""Work ahead: items are made in a thread of their own while earlier ones are in use."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
ITEMS_AHEAD = 3


def prefetch(items: Iterable[Item], ahead: int = ITEMS_AHEAD) -> Iterator[Item]:
    """The same items, made in a thread of their own a few ahead of their use.

    Args:
        items: made one after the other.
        ahead: so many wait, at most.

    Returns:
        They, in their order; what making one raised is raised.
    """
    ready: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(ahead)
    stopped = threading.Event()

    def hand_over(more: bool, item: Item | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put((more, item), timeout=0.1)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                hand_over(True, item)
                if stopped.is_set():
                    return
            hand_over(False, None)
        except BaseException as error:  # raised again in the thread that uses the items
            hand_over(False, error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if isinstance(item, BaseException):
                raise item
            if not more:
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()

"""A window with a picture in it, by Tk, which comes with Python; the package's OpenCV has no windows."""

from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from biomech.errors import BioposeError

MOST_PX = (1200, 800)  # width and height on the screen
SHARE = 0.88  # of a smaller screen, whose bars need the rest
ENDS = ("<Escape>", "q")


class LiveWindow:
    """Open until it is closed, or Escape or q is pressed in it.

    Args:
        title: of the window.

    Raises:
        BioposeError: there is no display, or this Python has no Tk.
    """

    def __init__(self, title: str):
        try:
            import tkinter

            self._root: Any = tkinter.Tk()
        except Exception as error:  # ImportError, or Tk's own of no display
            raise BioposeError(
                f"no window can be opened here ({error})", mend="Give `no_window`, and `out` to keep what is seen."
            ) from error
        screen = self._root.winfo_screenwidth(), self._root.winfo_screenheight()
        self._most_px = tuple(min(most, SHARE * side) for most, side in zip(MOST_PX, screen, strict=True))
        self._photo_of = tkinter.PhotoImage
        self._root.title(title)
        self._label: Any = tkinter.Label(self._root)
        self._label.pack()
        self._open = True
        self._root.protocol("WM_DELETE_WINDOW", self._end)
        for key in ENDS:
            self._root.bind(key, self._end)

    def show(self, picture: UInt8[np.ndarray, "height width 3"]) -> bool:
        """Show a picture (RGB); whether the window is still open."""
        if self._open:
            height, width = picture.shape[:2]
            scale = min(1.0, self._most_px[0] / width, self._most_px[1] / height)
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = picture if scale == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            photo = self._photo_of(data=b"P6 %d %d 255 " % size + small.tobytes(), format="PPM")
            self._label.configure(image=photo)
            self._label.image = photo  # Tk keeps no hold of it
            self._root.update()
        return self._open

    def close(self) -> None:
        """Take it away."""
        if self._root is not None:
            self._root.destroy()
            self._root = None

    def _end(self, _: object = None) -> None:
        self._open = False

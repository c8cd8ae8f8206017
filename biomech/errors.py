"""The errors that a user can mend."""

import json
import zipfile
import zlib


class BioposeError(Exception):
    """Something the user can put right: says what is wrong, where, and how to mend it.

    The CLI prints it without a traceback and exits with code 2.
    """

    def __init__(self, what: str, *, where: str | None = None, mend: str | None = None):
        self.what, self.where, self.mend = what, where, mend
        super().__init__(self.text())

    def text(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.mend:
            lines.append(self.mend)
        return "\n".join(lines)

    def renamed(self, old: str, new: str) -> "BioposeError":
        """The same of a file under another name: of what it is to the user, instead of a temporary one.

        Args:
            old: as it stands in the texts; every place of it is changed.
            new: what stands there instead.

        Returns:
            A new error of the same kind.
        """
        what, where, mend = (
            None if text is None else text.replace(old, new) for text in (self.what, self.where, self.mend)
        )
        return type(self)(what or "", where=where, mend=mend)


class MachineError(BioposeError):
    """The machine failed, not what it was given: no room, no permission, no memory. It would fail on the next too."""


def plainly(error: BaseException) -> str:
    """What a library's or the system's exception means to who gave the file: no word of Python's."""
    if isinstance(error, BioposeError):
        return error.what
    if isinstance(error, json.JSONDecodeError):
        return f"no whole JSON at line {error.lineno}"
    if isinstance(error, UnicodeError):
        return "no text"
    if isinstance(error, zipfile.BadZipFile | zlib.error | EOFError):
        return "damaged, or not whole"
    if isinstance(error, OSError):
        return error.strerror or "it cannot be read"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"it has no {error.args[0][:60]}"
    return "it holds something else than it should"

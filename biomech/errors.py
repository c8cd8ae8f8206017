"""The errors that a user can mend."""


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


class MachineError(BioposeError):
    """The machine failed, not what it was given: no room, no permission, no memory. It would fail on the next too."""

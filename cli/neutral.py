"""`--neutral T0 T1` and `--neutral FILM`: one option that takes two numbers or a path."""

from pathlib import Path

from typer.core import TyperCommand

FLAG = "--neutral"


def together(arguments: list[str]) -> list[str]:
    """The two numbers after the flag as one argument."""
    joined = list(arguments)
    for k, argument in enumerate(arguments):
        if argument == FLAG and len(pair := arguments[k + 1 : k + 3]) == 2 and all(map(_is_number, pair)):
            return [*joined[: k + 1], " ".join(pair), *joined[k + 3 :]]
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class Command(TyperCommand):
    """A command whose ``--neutral`` may be followed by two numbers."""

    def parse_args(self, ctx, args):  # as click's
        """Arguments as click takes them."""
        return super().parse_args(ctx, together(args))


def parse_neutral(text: str | None) -> tuple[float, float] | Path | None:
    """Seconds from and to, or a film.

    Raises:
        BioposeError: one number alone.
    """
    from biomech.errors import BioposeError

    if text is None:
        return None
    parts = text.replace(",", " ").replace(":", " ").split()
    if len(parts) == 2 and all(map(_is_number, parts)):
        return float(parts[0]), float(parts[1])
    if _is_number(text):
        raise BioposeError(
            f"--neutral {text} says no stretch", mend="Give its beginning and its end in seconds, or another film."
        )
    return Path(text)

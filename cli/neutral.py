"""`--neutral T0 T1` and `--neutral FILM`: one option that takes two numbers or a path."""

from typer.core import TyperCommand

from biomech.pipeline.parsing import is_number

FLAG = "--neutral"


def together(arguments: list[str]) -> list[str]:
    """The two numbers after the flag as one argument."""
    joined = list(arguments)
    for k, argument in enumerate(arguments):
        if argument == FLAG and len(pair := arguments[k + 1 : k + 3]) == 2 and all(map(is_number, pair)):
            return [*joined[: k + 1], " ".join(pair), *joined[k + 3 :]]
    return joined


class Command(TyperCommand):
    """A command whose ``--neutral`` may be followed by two numbers."""

    def parse_args(self, ctx, args):  # as click's
        """Arguments as click takes them."""
        return super().parse_args(ctx, together(args))

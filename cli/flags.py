"""The table of options (``biomech.pipeline.options``) on the command line: a command's flags, and its notes in them."""

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from biomech.pipeline.flags import DEFAULTS, flag_of, in_flags
from biomech.pipeline.options import About, Options, table

PLAIN = (bool, int, float, str, Path)


def say_notes(notes: Iterable[str]) -> None:
    """What the user should know, a line each."""
    for note in notes:
        typer.echo(f"note: {in_flags(note)}")


def taking(*names: str, say_where: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes flags of options for a command that takes them all as its one parameter ``options``.

    Typer reads a command's flags off its signature. So the command is given a signature in which a parameter for each
    option stands where ``options`` does, and is called with the ``Options`` that those were told.

    Args:
        names: of the options, in the order of the help; without any all of them.
        say_where: the help says which are of a video or of markers only.
    """
    chosen = names or tuple(table())

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def told(**given: Any) -> None:
            said = {name: _value(name, given.pop(name)) for name in chosen}
            command(options=Options(**said), **given)

        told.__signature__ = _signature(command, chosen, say_where)  # type: ignore[attr-defined]
        return told

    return decorate


def _signature(command: Callable[..., None], names: Iterable[str], say_where: bool) -> inspect.Signature:
    flags = [_parameter(name, say_where) for name in names]
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        parameters += flags if parameter.name == "options" else [parameter.replace(kind=parameter.KEYWORD_ONLY)]
    return inspect.Signature(parameters)


def _parameter(name: str, say_where: bool) -> inspect.Parameter:
    """As it would stand in a command's signature: ``name: Annotated[type, typer.Option(…)] = default``."""
    about, default, flag = table()[name], getattr(DEFAULTS, name), flag_of(name)
    kind = _kind(name, about)
    if default is True and not about.flag:
        flag = f"{flag.replace('--no-', '--')}/{flag}"
    elif default is True:
        default = False  # the flag is not given
    said = _help(about) if say_where else about.help
    option = typer.Option(flag, help=in_flags(said), metavar=about.metavar, min=about.least)
    hint = kind if default is not None else kind | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option])


def _kind(name: str, about: About) -> Any:
    """What typer makes of the command line: the option's own type, or text that is parsed then."""
    hint = get_type_hints(Options)[name]
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    if about.parse is None:
        (kind,) = kinds
        assert kind in PLAIN, f"{name} needs a parser"
        return kind
    return list[str] if get_origin(kinds[0]) is tuple and kinds[0].__args__[-1] is ... else str


def _help(about: About) -> str:
    where = "Markers: " if about.film is None else "Video: " if about.markers is None else ""
    text = about.help
    return where + text[0].lower() + text[1:] if where and text[1].islower() else where + text


def _value(name: str, given: Any) -> Any:
    """An option's value, of what typer gave for its parameter."""
    about = table()[name]
    if given is None or given == []:
        return getattr(DEFAULTS, name)
    if about.parse is not None:
        return about.parse(given)
    return not given if (about.flag or "").startswith("no-") else given

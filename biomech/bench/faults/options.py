"""Options of every command with values that they cannot have, read off the commands themselves."""

import importlib
import inspect
import os
import typing
from collections.abc import Iterator
from pathlib import Path

import typer.models

from biomech.pipeline.options import Options

NUMBERS = ("nan", "inf", "-inf", "-1", "0", "1e308", "1e-308", "abc", "", "1,78", "9" * 30)
PATHS = ("nowhere", ".", "walk.trc", "a.mot", "pipe", "loop", "", "x" * 300, "$HOME/x", "new\nline.xml", "/dev/zero")
OUTPUTS = ("walk.trc", "walk.trc/under", "locked/out", "/proc/nowhere", "", "x" * 300, "$(x)", "ü ñ/*+?", "/dev/full")
WORDS = ("nothing", "", "é" * 1000, "$HOME", "a,b,,", "-1", "nan,nan", "1e400,0", "../x")
# What the command is tried with: quick, and a success as it stands.
BASES = {
    "ik": "ik walk.trc --model small.osim --solver fast",
    "solve": "solve walk.trc --model small.osim --solver fast",
    "compare": "compare a.mot b.mot",
    "extract": "extract motion.npz",
    "scale": "scale motion.npz -o m.osim",
    "recover": "recover keypoints.npz --height 1.75",
    "detect": "detect film.mp4",
    "mesh": "mesh film.mp4",
    "refine": "refine run",
    "label": "label opencap.trc --workers 1 -o out",
    "export": "export run -o out",
    "check": "check walk.trc --model small.osim",
    "events": "events squat.mot --model person.osim -o out",
    "report": "report run",
    "open": "open run --no-start",
    "batch": "batch trials --config batch.toml -o out",
}
FILES = (
    *("walk.trc", "small.osim", "a.mot", "b.mot", "motion.npz", "keypoints.npz", "film.mp4", "run", "opencap.trc"),
    *("openpose", "set.xml", "static.trc", "squat.mot", "person.osim", "batch.toml", "trials"),
)
OWN = typing.get_type_hints(Options)
FLAGS_LEFT = ("--json", "--help", "--overwrite")
HEAVY = ("--scheduler",)  # waits for an answer from elsewhere


def surroundings(folder: Path) -> None:
    """What stands in the way: a pipe, a link to itself, a folder that is locked."""
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0o555)


def wrong_options() -> Iterator[tuple[str, list[str]]]:
    """(what is wrong, arguments) for every option and argument of the commands in ``BASES``."""
    for verb, base in BASES.items():
        command = getattr(importlib.import_module(f"biomech.cli.{verb}"), verb)
        for name, parameter in inspect.signature(command).parameters.items():  # also of those with the table's flags
            kind, info = typing.get_args(parameter.annotation)[:2]
            said = [one for one in (info.default, *(info.param_decls or ())) if str(one).startswith("--")]
            flag = said[0] if said else f"--{name.replace('_', '-')}"  # of Annotated the first name is the "default"
            if isinstance(info, typer.models.ArgumentInfo):
                for value in PATHS:
                    yield f"{verb} {name} = {value[:20]!r}", _argument(base.split(), value)
            elif kind is bool:
                if flag not in FLAGS_LEFT:
                    yield f"{verb} {flag}", [*base.split(), flag.split("/")[0]]
            elif flag not in HEAVY:
                # What the command takes as text and parses is tried as what it means, too.
                own = str(OWN.get(name, kind)) if "str" in str(kind) else ""
                for value in dict.fromkeys((*_values(flag, str(kind)), *_values(flag, own))):
                    yield f"{verb} {flag} {value[:20]!r}", _option(base.split(), flag, value)


def _values(flag: str, kind: str) -> tuple[str, ...]:
    if flag in ("--out", "--figure"):
        return OUTPUTS
    if "int" in kind or "float" in kind:
        return NUMBERS
    return PATHS if "Path" in kind else WORDS


def _argument(words: list[str], value: str) -> list[str]:
    if words[0] == "compare":
        return [words[0], words[1], value]
    return [words[0], value, *words[2:]]


def _option(words: list[str], flag: str, value: str) -> list[str]:
    flags = {flag, "-o"} if flag == "--out" else {flag}
    for known in flags & set(words):
        at = words.index(known)
        words = [*words[:at], *words[at + 2 :]]
    return [*words, flag, value]

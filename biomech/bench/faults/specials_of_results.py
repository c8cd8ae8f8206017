"""Inputs found by hand of the commands that read what others left: runs, models with motions, lists of recordings."""

import functools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from biomech.bench.faults.forks import ResourceLimits

Build = Callable[[Path, Path], None]
Special = tuple[str, list[str], Build, ResourceLimits]
Change = Callable[[Path], object]
FULL = ResourceLimits(file_bytes=1000)
NOBODY = ResourceLimits(unprivileged=True)
FILES = "small.osim a.mot"
READERS = (
    *("export run -o out", "export run --to csv -o out/t.csv", "events run -o out", "report run"),
    *("open run --no-start", "check run", "check run --fix", "refine run", "compare run run"),
)
ODD = ("a $HOME b", "a'b\"c", "*", "ü☃", "-x", "%s%n", "new\nline", "{x}", "x" * 240)


def special_cases() -> Iterator[Special]:
    """(name, arguments, what builds the folder, limits) of each."""
    for about, change in RUNS.items():
        for command in READERS:
            yield f"{command.split()[0]} of a run {about}", command.split(), _run(change), NOBODY
    for out, what, limits in (("locked", _lock, NOBODY), ("taken", _take, ResourceLimits()), ("out", _none, FULL)):
        for command, names in WRITERS.items():
            arguments = command.format(out=out).split()
            yield f"{command} where {what.__name__}", arguments, _copies(names, what), limits
    for about, moved in MOTIONS.items():
        for command in MOVING:
            yield f"{command.split()[0]} of {about}", command.split(), _motion(moved), ResourceLimits()
    for name in ODD:
        yield from _named(name)
    for about, (text, names) in LISTS.items():
        yield (
            f"batch: {about}",
            "batch --config batch.toml -o out".split(),
            functools.partial(_list, text=text, names=names),
            ResourceLimits(),
        )
    for about, (command, names) in OVER.items():
        yield f"over what is read: {about}", command.split(), _copies(names, _none), ResourceLimits()


def _none(folder: Path) -> None:
    """Nothing else."""


def _lock(folder: Path) -> None:
    (folder / "locked").mkdir()
    (folder / "locked").chmod(0o555)


def _take(folder: Path) -> None:
    (folder / "taken").write_text("here is a file")


def _copies(names: str, change: Change) -> Build:
    def build(folder: Path, seeds: Path) -> None:
        for name in names.split():
            if (seeds / name).is_dir():
                shutil.copytree(seeds / name, folder / name)
            else:
                shutil.copyfile(seeds / name, folder / name)
        change(folder)

    return build


def _run(change: Change) -> Build:
    return _copies("run", lambda folder: change(folder / "run"))


def _record(change: Callable[[dict], object]) -> Change:
    """The run's record, changed."""

    def make(run: Path) -> None:
        record = json.loads((run / "biopose.json").read_text())
        change(record)
        (run / "biopose.json").write_text(json.dumps(record))

    return make


def _older(record: dict) -> None:
    """As a version before sums and keys wrote it."""
    record["biopose"] = "0.0.1"
    record.pop("versions", None)
    for stage in record["stages"].values():
        for name in ("key", "sum", "code", "also"):
            stage.pop(name, None)


def _lock_run(run: Path) -> None:
    for path in run.iterdir():
        path.chmod(0o444)
    run.chmod(0o555)


def _linked(run: Path) -> None:
    """All files are links to where they really lie."""
    (run.parent / "store").mkdir()
    for path in list(run.iterdir()):
        path.rename(run.parent / "store" / path.name)
        path.symlink_to(run.parent / "store" / path.name)


def _emptied(run: Path) -> None:
    shutil.rmtree(run)
    run.mkdir()


def _a_file(run: Path) -> None:
    shutil.rmtree(run)
    run.write_text("no run")


RUNS: dict[str, Change] = {
    "that may not be written to": _lock_run,
    "of an older version": _record(_older),
    "without its solve stage": _record(lambda record: record["stages"].pop("solve")),
    "without stages": _record(lambda record: record["stages"].clear()),
    "without a record": lambda run: (run / "biopose.json").unlink(),
    "without its model": lambda run: (run / "walk_scaled.osim").unlink(),
    "without its motion": lambda run: (run / "walk_fast.mot").unlink(),
    "without its quality": lambda run: (run / "walk_quality.csv").unlink(),
    "without its markers": lambda run: (run / "walk.trc").unlink(),
    "with an edited motion": lambda run: (run / "walk_fast.mot").write_text(
        (run / "walk_fast.mot").read_text().replace("2.02", "2.03")
    ),
    "whose motion is empty": lambda run: (run / "walk_fast.mot").write_text(""),
    "of links": _linked,
    "with two models": lambda run: shutil.copyfile(run / "walk_scaled.osim", run / "other_scaled.osim"),
    "with two motions": lambda run: shutil.copyfile(run / "walk_fast.mot", run / "walk_neural.mot"),
    "with nothing in it": _emptied,
    "that is a file": _a_file,
}
WRITERS = {
    f"export {FILES} -o {{out}}": FILES,
    f"export {FILES} --to csv -o {{out}}/t.csv": FILES,
    f"export {FILES} --to glb -o {{out}}/t.glb": FILES,
    "events squat.mot --model person.osim -o {out}": "squat.mot person.osim",
    "batch --config batch.toml -o {out}": "batch.toml walk.trc small.osim",
    "batch trials --model small.osim --solver fast -o {out}": "trials small.osim",
}


def _row(text: str, change: Callable[[list[str]], list[str]]) -> str:
    head, body = text.split("endheader\n")
    names, *rows = body.splitlines()
    return "\n".join([f"{head}endheader", names, *change(rows)]) + "\n"


def _later(rows: list[str]) -> list[str]:
    """From 1e6 s on."""
    split = [row.split("\t") for row in rows]
    return ["\t".join([f"{1e6 + float(time):.8f}", *cells]) for time, *cells in split]


MOTIONS: dict[str, Callable[[list[str]], list[str]]] = {
    "a motion of no frame": lambda rows: [],
    "a motion of one frame": lambda rows: rows[:1],
    "a motion of two frames": lambda rows: rows[:2],
    "a motion from 1e6 s": _later,
    "a motion of NaN": lambda rows: ["\t".join([row.split("\t")[0], *["nan"] * row.count("\t")]) for row in rows],
    "a motion with one NaN": lambda rows: [rows[0].replace(rows[0].split("\t")[-1], "nan"), *rows[1:]],
    "a motion that stands": lambda rows: ["\t".join([row.split("\t")[0], *rows[0].split("\t")[1:]]) for row in rows],
    "a motion with a long gap": lambda rows: [*rows[:3], *rows[-3:]],
}
MOVING = (
    "export person.osim squat.mot -o out",
    "export person.osim squat.mot --to c3d -o out/t.c3d",
    "events squat.mot --model person.osim -o out",
    "check squat.mot --model person.osim --fix",
    "check squat.mot person.osim --json",
)


def _motion(change: Callable[[list[str]], list[str]]) -> Build:
    def altered(folder: Path) -> None:
        path = folder / "squat.mot"
        path.write_text(_row(path.read_text(), change))

    return _copies("person.osim squat.mot", altered)


def _named(name: str) -> Iterator[Special]:
    """Files, folders and runs of odd names."""

    def files(folder: Path) -> None:
        for old in ("small.osim", "a.mot", "walk.trc", "squat.mot"):
            (folder / old).rename(
                folder / f"{name}{Path(old).suffix}" if old != "squat.mot" else folder / f"{name}_.mot"
            )
        (folder / "run").rename(folder / name)
        (folder / "trials").rename(folder / f"{name} t")
        (folder / f"{name} t/walk.trc").rename(folder / f"{name} t/{name}.trc")

    build = _copies("small.osim a.mot walk.trc squat.mot person.osim run trials", files)
    for arguments in (
        ["export", f"./{name}.osim", f"./{name}.mot", f"./{name}.trc", "-o", f"./{name}_out"],
        ["export", f"./{name}"],
        ["events", f"./{name}_.mot", "--model", "person.osim", "-o", f"./{name}_out"],
        ["report", f"./{name}"],
        ["open", f"./{name}", "--no-start", "--json"],
        ["check", f"./{name}.trc", f"./{name}.osim", f"./{name}.mot", "--fix", "--json"],
        ["batch", f"./{name} t", "--model", f"./{name}.osim", "--solver", "fast", "-o", f"./{name}_out", "--json"],
    ):
        yield f"{arguments[0]} of {name[:10]!r}", arguments, build, ResourceLimits()


def _list(folder: Path, seeds: Path, text: str, names: str) -> None:
    _copies(names, _none)(folder, seeds)
    (folder / "batch.toml").write_text(text)


OWN = 'solver = "fast"\nmodel = "small.osim"\n'
LISTS = {
    "a film that is not there": (
        f'[defaults]\n{OWN}[[files]]\npath = "no.mp4"\n[[files]]\npath = "walk.trc"',
        "walk.trc small.osim",
    ),
    "nothing but a film of three frames": ('[[files]]\npath = "film.mp4"', "film.mp4"),
    "a height of text": (f'[defaults]\n{OWN}height = "tall"\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a mass of text": (f'[defaults]\n{OWN}mass = "70"\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a truth as a number": (f'[defaults]\n{OWN}smooth = true\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a number as a truth": (f'[defaults]\n{OWN}fill = 1\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a word as a truth": (f'[defaults]\n{OWN}fill = "no"\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a unit that is another": (
        f'[defaults]\n{OWN}height_cm = 178\n[[files]]\npath = "walk.trc"',
        "walk.trc small.osim",
    ),
    "a height in cm": (f'[defaults]\n{OWN}height = 178\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a model that is a number": ('[defaults]\nmodel = 5\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a model that is not there": ('[defaults]\nmodel = "no.osim"\n[[files]]\npath = "walk.trc"', "walk.trc"),
    "everybody": (f'[defaults]\n{OWN}person = "all"\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "files that are a table": (f'[defaults]\n{OWN}[files]\npath = "walk.trc"', "walk.trc small.osim"),
    "files that are a text": ('files = "walk.trc"', "walk.trc small.osim"),
    "files that are none": ("files = []", "walk.trc small.osim"),
    "a path that is a list": ('[[files]]\npath = ["walk.trc"]', "walk.trc small.osim"),
    "a path that is a folder": (f'[defaults]\n{OWN}[[files]]\npath = "."', "walk.trc small.osim"),
    "one file twice": (
        f'[defaults]\n{OWN}[[files]]\npath = "walk.trc"\n[[files]]\npath = "./walk.trc"',
        "walk.trc small.osim",
    ),
    "a subject that is none": (f'[defaults]\n{OWN}[[files]]\npath = "walk.trc"\nsubject = "x"', "walk.trc small.osim"),
    "a group of tables": (f'[defaults]\n{OWN}[[files]]\npath = "walk.trc"\ngroup = {{a = 1}}', "walk.trc small.osim"),
    "subjects that are a list": ('subjects = [1]\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a key that is said twice": (f"[defaults]\n{OWN}{OWN}", "walk.trc small.osim"),
    "two names of one option": (
        f'[defaults]\n{OWN}height = 1.7\nheight_m = 1.8\n[[files]]\npath = "walk.trc"',
        "walk.trc small.osim",
    ),
    "an option of films": (f'[defaults]\n{OWN}fov = 60\n[[files]]\npath = "walk.trc"', "walk.trc small.osim"),
    "a solver list": (
        '[defaults]\nmodel = "small.osim"\nsolver = ["fast", "opensim"]\n[[files]]\npath = "walk.trc"',
        "walk.trc small.osim",
    ),
    "a solver that is a number": (
        '[defaults]\nmodel = "small.osim"\nsolver = 3\n[[files]]\npath = "walk.trc"',
        "walk.trc small.osim",
    ),
}
OVER = {
    "the run's own markers": ("export run --to c3d -o run/walk.c3d --overwrite", "run"),
    "the model": (f"export {FILES} --to csv -o small.osim --overwrite", FILES),
    "the motion": ("export small.osim b.mot --to csv -o b.csv", "small.osim b.mot b.csv"),
    "the markers": ("export small.osim a.mot walk.c3d --to c3d -o walk.c3d --overwrite", "small.osim a.mot walk.c3d"),
    "the run's table of angles": ("export run --to csv -o run --overwrite", "run"),
    "a run, by events": ("events squat.mot --model person.osim -o squat.mot", "squat.mot person.osim"),
    "the recordings' folder": ("batch trials --model small.osim --solver fast -o trials", "trials small.osim"),
    "a table of the user's": ("batch trials --model small.osim --solver fast -o .", "trials small.osim people.csv"),
}

"""Inputs that were found by hand: each stands for a kind, and each went wrong once."""

import functools
import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from biomech.bench.faults.forks import ResourceLimits

Build = Callable[[Path, Path], None]
Special = tuple[str, list[str], Build, ResourceLimits]
FULL = ResourceLimits(file_bytes=1000)  # a disk with a kilobyte left
NOBODY = ResourceLimits(unprivileged=True)
SMALL = "--model small.osim --solver fast"


def special_cases() -> Iterator[Special]:
    """(name, arguments, what builds the folder, limits) of each."""

    def case(name: str, command: str, build: Build, limits: ResourceLimits | None = None) -> Special:
        return name, command.split(), build, limits or ResourceLimits()

    walk = ("walk.trc", "small.osim")
    yield case("OpenPose's numbers 0 and 5e7", "recover openpose --video film.mp4 -o out/m.npz", _far_apart)
    yield case("OpenPose's number of 200 digits", "recover openpose --video film.mp4 -o out/m.npz", _long_number)
    yield case("2 GB of .bvh in a zip", "label walks.zip -o out --workers 1", _bomb)
    yield case("3 million columns of a name", f"solve walk.trc {SMALL} -o out", functools.partial(_columns, trc=True))
    yield case("3 million columns of a .mot", "compare a.mot b.mot", functools.partial(_columns, trc=False))
    yield case("1e8 bodies", "label 07_01.bvh -o out --workers 1 --bodies 100000000", _copy("07_01.bvh"))
    yield case("a film of 2 x 540", "detect film.mp4 -o out/k.npz", functools.partial(_film, size=(2, 540)))
    yield case("a film of 16 x 16", "detect film.mp4 -o out/k.npz", functools.partial(_film, size=(16, 16)))
    yield case("a seed below 0", "label 07_01.bvh -o out --workers 1 --seed -1", _copy("07_01.bvh"))
    yield case("an empty .mat among others", "label . -o out --workers 1", _empty_among("x.mat"))
    yield case("an empty .zip among others", "label . -o out --workers 1", _empty_among("x.zip"))
    yield case("an empty .npz among others", "label . -o out --workers 1", _empty_among("x.npz"))
    yield case("a pipe among others", "label . -o out --workers 1", _pipe_among)
    yield case("a folder that is in itself", "label . -o out --workers 1", _loop)
    for name in ("a $HOME b", "a'b\"c", "*", "+", "ü☃", "-x", "a b", "%s%n", "{x}"):
        yield (
            f"recorded markers named {name!r}",
            ["ik", f"./{name}.trc", *SMALL.split(), "-o", f"./{name}"],
            functools.partial(_named, name=name),
            ResourceLimits(),
        )
        yield (
            f"a static trial named {name!r}",
            [*f"ik walk.trc {SMALL} --scaling scaling.xml --mass 70 -o out --static".split(), f"./{name}.trc"],
            functools.partial(_named, name=name, seed="static.trc"),
            ResourceLimits(),
        )
    for command, names in (
        (f"ik walk.trc {SMALL} -o {{out}}", walk),
        (f"solve walk.trc {SMALL} -o {{out}}", walk),
        (
            f"ik walk.trc {SMALL} --static static.trc --scaling scaling.xml --mass 70 -o {{out}}",
            (*walk, "static.trc", "scaling.xml"),
        ),
        ("extract motion.npz -o {out}/m.trc", ("motion.npz",)),
        ("recover keypoints.npz --height 1.75 -o {out}/m.npz", ("keypoints.npz",)),
        ("compare a.mot b.mot --figure {out}/c.png", ("a.mot", "b.mot")),
        ("compare a.mot b.mot --figure {out}/c.html", ("a.mot", "b.mot")),
        ("label opencap.trc --workers 1 -o {out}", ("opencap.trc",)),
        ("detect film.mp4 -o {out}/k.npz", ("film.mp4",)),
    ):
        verb = command.split()[0]
        yield case(f"{verb} on a full disk: {command[-30:]}", command.format(out="out"), _copy(*names), FULL)
        yield case(
            f"{verb} into a locked folder: {command[-30:]}", command.format(out="locked"), _locked(*names), NOBODY
        )
        yield case(f"{verb} under a file: {command[-30:]}", command.format(out="taken"), _taken(*names))
        yield case(f"{verb} where a folder is: {command[-30:]}", command.format(out="out"), _folders_in_out(*names))
    yield case("solve walk.trc of 1 frame", f"solve walk.trc {SMALL} -o out", _one_frame)
    yield case("compare with itself", "compare a.mot a.mot", _copy("a.mot"))
    yield case("compare without time in common", "compare a.mot b.mot", _apart)
    yield case(
        "a memory of 300 MB",
        "recover keypoints.npz -o out/m.npz",
        _copy("keypoints.npz"),
        ResourceLimits(memory_bytes=300 << 20),
    )


def _copy(*names: str) -> Build:
    def build(folder: Path, seeds: Path) -> None:
        for name in names:
            shutil.copyfile(seeds / name, folder / name)

    return build


def _locked(*names: str) -> Build:
    def build(folder: Path, seeds: Path) -> None:
        _copy(*names)(folder, seeds)
        (folder / "locked").mkdir()
        (folder / "locked").chmod(0o555)

    return build


def _taken(*names: str) -> Build:
    def build(folder: Path, seeds: Path) -> None:
        _copy(*names)(folder, seeds)
        (folder / "taken").write_text("here is a file")

    return build


def _folders_in_out(*names: str) -> Build:
    """Folders where the results should lie."""

    def build(folder: Path, seeds: Path) -> None:
        _copy(*names)(folder, seeds)
        for name in ("walk_fast.mot", "walk.trc", "m.trc", "m.npz", "c.png", "c.html", "shards/index.json", "k.npz"):
            (folder / "out" / name).mkdir(parents=True)

    return build


def _far_apart(folder: Path, seeds: Path) -> None:
    shutil.copytree(seeds / "openpose", folder / "openpose")
    _copy("film.mp4")(folder, seeds)
    last = sorted((folder / "openpose").iterdir())[-1]
    last.rename(last.with_name("film_000050000000_keypoints.json"))


def _long_number(folder: Path, seeds: Path) -> None:
    _far_apart(folder, seeds)
    last = sorted((folder / "openpose").iterdir())[-1]
    last.rename(last.with_name(f"film_{'9' * 200}_keypoints.json"))


def _bomb(folder: Path, seeds: Path) -> None:
    with zipfile.ZipFile(folder / "walks.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("07/07_01.bvh", "w", force_zip64=True) as out:
            for _ in range(2048):
                out.write(b" " * (1 << 20))


def _columns(folder: Path, seeds: Path, trc: bool) -> None:
    _copy("small.osim", "a.mot")(folder, seeds)
    if trc:
        lines = (seeds / "walk.trc").read_text().splitlines()
        lines[3] = "Frame#\tTime\t" + "P_front\t\t\t" * 3_000_000
        (folder / "walk.trc").write_text("\n".join(lines))
    else:
        head = (seeds / "a.mot").read_text().split("endheader\n")[0]
        wide = "time" + "\thip_flexion_r" * 3_000_000
        (folder / "b.mot").write_text(f"{head}endheader\n{wide}\n0\t1\n0.1\t2\n")


def _film(folder: Path, seeds: Path, size: tuple[int, int]) -> None:
    with av.open(str(folder / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(2):
            picture = np.full((size[1], size[0], 3), 128, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _empty_among(name: str) -> Build:
    def build(folder: Path, seeds: Path) -> None:
        _copy("07_01.bvh")(folder, seeds)
        (folder / name).touch()

    return build


def _pipe_among(folder: Path, seeds: Path) -> None:
    import os

    _copy("07_01.bvh")(folder, seeds)
    os.mkfifo(folder / "x.trc")
    os.mkfifo(folder / "x.mat")


def _loop(folder: Path, seeds: Path) -> None:
    _copy("07_01.bvh")(folder, seeds)
    (folder / "again").symlink_to(".")


def _named(folder: Path, seeds: Path, name: str, seed: str = "walk.trc") -> None:
    _copy("walk.trc", "small.osim", "scaling.xml")(folder, seeds)
    shutil.copyfile(seeds / seed, folder / f"{name}.trc")


def _one_frame(folder: Path, seeds: Path) -> None:
    _copy("small.osim")(folder, seeds)
    lines = (seeds / "walk.trc").read_text().splitlines()
    (folder / "walk.trc").write_text("\n".join(lines[:7]) + "\n")


def _apart(folder: Path, seeds: Path) -> None:
    _copy("a.mot")(folder, seeds)
    head, body = (seeds / "b.mot").read_text().split("endheader\n")
    names, *rows = body.splitlines()
    table = np.loadtxt(io.StringIO("\n".join(rows)))
    table[:, 0] += 1000
    out = io.StringIO()
    np.savetxt(out, table, fmt="%.6f", delimiter="\t")
    (folder / "b.mot").write_text(f"{head}endheader\n{names}\n{out.getvalue()}")

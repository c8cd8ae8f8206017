"""What can be wrong with a file: cut, flipped bits, other numbers, swapped columns, other types, no file at all.

Each mutation is drawn from a seed. One that takes away what the result hangs on is ``loud``: a command may refuse it,
come to the same result, or say something that it does not say of the whole file; it may not just give another result.
"""

import functools
import io
import json
import os
import pickle
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from biomech.bench.faults.mutation import Mutation, written_content

DEEP = 200_000  # nested elements
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?(?![\w.])")
BAD_NUMBERS = ("nan", "inf", "-inf", "1e300", "-1e9", "abc", "1,78", "", "0", "-1", "99999999999999999999", "1e-300")
BAD_NAMES = ("", " ", "$HOME", "$(id)", "a/b", "../x", "*", "é☃", "x" * 100_000, '"', "<b>", "a\x00b", "time")
BAD_VALUES: tuple[Any, ...] = (None, True, "x", -1, 0, 1e300, 10**400, [], {}, [[]], {"a": 1}, float("nan"), "1")


def of_any_path(others: list[Path]) -> Iterator[Mutation]:
    """No file, or something else in its place; ``others``: files of other kinds."""
    yield Mutation("missing", lambda path: path.unlink())
    yield Mutation("a folder", _instead(lambda path: path.mkdir()))
    yield Mutation("a pipe", _instead(os.mkfifo))
    yield Mutation("not readable", lambda path: path.chmod(0), unprivileged=True)
    yield Mutation("a link to nothing", _instead(lambda path: path.symlink_to("nothing")))
    yield Mutation("a link to itself", _instead(lambda path: path.symlink_to(path.name)))
    yield Mutation("a link to /dev/zero", _instead(lambda path: path.symlink_to("/dev/zero")))
    for other in others:
        yield Mutation(f"{other.name} under its name", functools.partial(_copied, other=other))


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else under the file's name."""

    def change(path: Path) -> None:
        path.unlink()
        make(path)

    return change


def _copied(path: Path, other: Path) -> None:
    path.unlink()
    shutil.copyfile(other, path)


def of_bytes(data: bytes, rng: np.random.Generator, text: bool) -> Iterator[Mutation]:
    """Of any file's bytes.

    Args:
        data: the whole file.
        rng: draws places and lengths.
        text: also what can be wrong with a text only.

    Yields:
        Changes that can be made to the file at its path.
    """
    yield written_content("empty", b"")
    for share in (0.02, 0.2, 0.5, 0.8, 0.95):
        yield written_content(f"cut at {share:.0%}", data[: int(share * len(data))], loud=True)
    yield written_content("without its last byte", data[:-1])
    for bits in (1, 1, 1, 1, 3, 10, 100):
        flipped = bytearray(data)
        for at in rng.integers(0, len(data), bits):
            flipped[at] ^= 1 << int(rng.integers(8))
        yield written_content(f"{bits} bits flipped", bytes(flipped))
    for _ in range(3):
        at, length = int(rng.integers(len(data))), int(rng.integers(1, 1 + len(data) // 4))
        yield written_content(f"{length} bytes of 0", data[:at] + bytes(length) + data[at + length :])
        yield written_content(f"{length} random bytes", data[:at] + rng.bytes(length) + data[at + length :])
        yield written_content(f"{length} bytes missing", data[:at] + data[at + length :])
    yield written_content("twice in a row", data + data)
    yield written_content("all 0xff", b"\xff" * len(data))
    yield written_content("random", rng.bytes(len(data)))
    if text:
        yield written_content("UTF-16", data.decode(errors="replace").encode("utf-16"), loud=True)
        yield written_content("a byte order mark", b"\xef\xbb\xbf" + data, loud=True)
        yield written_content("line ends of Windows", data.replace(b"\n", b"\r\n"), loud=True)
        yield written_content("line ends of old Macs", data.replace(b"\n", b"\r"), loud=True)
        yield written_content("no line ends", data.replace(b"\n", b" "))
        yield written_content("no UTF-8", data.replace(b"a", b"\xe4"))
        yield written_content("a NUL", data[: len(data) // 2] + b"\0" + data[len(data) // 2 :])


def of_numbers(data: bytes, rng: np.random.Generator, count: int = 24) -> Iterator[Mutation]:
    """One number in a text is another, or none.

    Args:
        data: the whole file; UTF-8, with at least one number.
        rng: draws the numbers.
        count: of changed numbers; four more change all of them.

    Yields:
        Changes that can be made to the file at its path.
    """
    text = data.decode()
    found = list(NUMBER.finditer(text))
    for k in range(count):
        one, bad = found[int(rng.integers(len(found)))], BAD_NUMBERS[k % len(BAD_NUMBERS)]
        yield written_content(f"{one[0]} at {one.start()} is {bad!r}", text[: one.start()] + bad + text[one.end() :])
    for bad in ("nan", "inf", "1e300", "0"):
        yield written_content(f"every number is {bad}", NUMBER.sub(bad, text))


def of_table(
    data: bytes, rng: np.random.Generator, *, header_rows: int, names_row: int, time_column: int, places: bool
) -> Iterator[Mutation]:
    """Of rows and columns under names; as .trc (five rows of header), .mot and .csv have them.

    Args:
        data: the whole file; cells parted by tabs or commas, all of them numbers.
        rng: draws columns and rows.
        header_rows: lines before the first row of numbers.
        names_row: which of them names the columns, from 0.
        time_column: from 0; what stands after it are values.
        places: the values are those of points of one body, so that exchanged or scaled ones contradict the others.

    Yields:
        Changes that can be made to the file at its path.
    """
    lines = data.decode().splitlines()
    comma = "," if "\t" not in lines[header_rows] else "\t"
    head, rows = lines[:header_rows], [line.split(comma) for line in lines[header_rows:]]
    first = time_column + 1
    numbers = np.array([[float(cell or "nan") for cell in row] for row in rows])

    def written(name: str, cells: list[list[str]], loud: bool = False, top: list[str] | None = None) -> Mutation:
        body = [comma.join(row) for row in cells]
        return written_content(name, "\n".join([*(head if top is None else top), *body]) + "\n", loud)

    def valued(name: str, change: Callable[[np.ndarray], None], loud: bool = True) -> Mutation:
        changed = numbers.copy()
        change(changed)
        same = (changed == numbers) | (np.isnan(changed) & np.isnan(numbers))
        cells = [
            [old if same[k, i] else f"{changed[k, i]:.8g}" for i, old in enumerate(row)] for k, row in enumerate(rows)
        ]
        return written(name, cells, loud)

    def at_time(name: str, change: Callable[[np.ndarray], np.ndarray], loud: bool = True) -> Mutation:
        def put(table: np.ndarray) -> None:
            table[:, time_column] = change(table[:, time_column])

        return valued(name, put, loud)

    columns = numbers.shape[1]
    for _ in range(3):
        a, b = rng.choice(np.arange(first, columns), 2, replace=False)
        order = list(range(columns))
        order[a], order[b] = order[b], order[a]
        yield written(f"columns {a} and {b} swapped", [[row[k] for k in order] for row in rows], loud=places)
        yield written(f"no column {a}", [[x for k, x in enumerate(row) if k != a] for row in rows], loud=True)
        yield written(f"column {a} twice", [[*row[:a], row[a], *row[a:]] for row in rows], loud=True)
        yield valued(f"column {a} is huge", _assign((slice(None), a), 1e9))
        yield valued(f"one huge value in column {a}", _assign((3, a), 1e9))
        yield valued(f"column {a} is nan", _assign((slice(None), a), np.nan), False)
        yield valued(f"column {a} is inf", _assign((slice(None), a), np.inf), False)
    yield written("two rows swapped", [rows[1], rows[0], *rows[2:]], loud=True)
    yield written("a row twice", [rows[0], *rows], loud=True)
    yield written("rows backwards", rows[::-1], loud=True)
    yield written("no row", [], loud=True)
    yield written("one row", rows[:1])
    yield written("two rows", rows[:2])
    yield written("short last row", [*rows[:-1], rows[-1][:3]])
    yield written("a lost cell", [*rows[:3], [*rows[3][:first], *rows[3][first + 1 :]], *rows[4:]], loud=True)
    yield written_content("cut in the last row", data.rstrip()[: -len(lines[-1]) // 2], True)
    yield written("decimal commas", [[x.replace(".", ",") for x in row] for row in rows], loud=True)
    yield written("blanks between", [[" ".join(row)] for row in rows], loud=True)
    yield written("semicolons between", [[";".join(row)] for row in rows], loud=True)
    for factor in (1000.0, 0.001, 100.0):
        yield valued(f"values times {factor:g}", functools.partial(_scale, first=first, factor=factor), places)
    yield valued("y and z exchanged", lambda t: _exchange(t, first), places)
    yield at_time("time in ms", lambda t: 1000 * t)
    yield at_time("time of two decimals", lambda t: t.round(1))
    yield at_time("time backwards", lambda t: t[::-1])
    yield at_time("time stands still", lambda t: 0 * t)
    yield at_time("time nan", lambda t: np.nan * t)
    yield at_time("time inf", lambda t: np.where(np.arange(len(t)) > 4, np.inf, t))
    yield at_time("time from 1e12", lambda t: 1e12 + t)
    yield at_time("time negative", lambda t: t - 100, False)
    yield at_time("time a gap of years", lambda t: np.where(np.arange(len(t)) > 4, t + 1e8, t))
    for bad in BAD_NAMES:
        names = head[names_row].split(comma)
        named = [k for k in range(first, len(names)) if names[k].strip()]
        names[int(rng.choice(named))] = bad
        yield written(
            f"a column named {bad[:8]!r}", rows, top=[*head[:names_row], comma.join(names), *head[names_row + 1 :]]
        )
    names = head[names_row].split(comma)
    named = [k for k in range(first, len(names)) if names[k].strip()]
    names[named[0]] = names[named[1]]
    yield written("two columns of a name", rows, True, [*head[:names_row], comma.join(names), *head[names_row + 1 :]])
    for k in range(header_rows):
        yield written(f"no header row {k}", rows, False, [*head[:k], *head[k + 1 :]])


def _assign(place: Any, value: float) -> Callable[[np.ndarray], None]:
    def change(table: np.ndarray) -> None:
        table[place] = value

    return change


def _scale(table: np.ndarray, first: int, factor: float) -> None:
    table[:, first:] *= factor


def _exchange(table: np.ndarray, first: int) -> None:
    for k in range(first, table.shape[1] - 2, 3):
        table[:, [k + 1, k + 2]] = table[:, [k + 2, k + 1]]


def of_xml(data: bytes, rng: np.random.Generator, count: int = 14) -> Iterator[Mutation]:
    """Elements missing, twice, of other names, without end, or a thousand deep.

    Args:
        data: the whole file, an OpenSim document.
        rng: draws the elements.
        count: of elements that are changed, in four ways each.

    Yields:
        Changes that can be made to the file at its path.
    """
    text = data.decode()
    tags = [m for m in re.finditer(r"<([A-Za-z_]\w*)[^<>]*>([^<>]*)</\1>", text)]
    for k in range(count):
        one = tags[int(rng.integers(len(tags)))]
        before, after = text[: one.start()], text[one.end() :]
        yield written_content(f"no {one[1]} at {one.start()}", before + after)
        yield written_content(f"{one[1]} at {one.start()} twice", before + one[0] + one[0] + after)
        yield written_content(
            f"{one[1]} at {one.start()} renamed", before + one[0].replace(one[1], f"x{one[1]}") + after
        )
        bad = BAD_NUMBERS[k % len(BAD_NUMBERS)]
        said = f"<{one[1]}>{bad}</{one[1]}>"
        yield written_content(f"{one[1]} at {one.start()} says {bad!r}", before + said + after)
    attributes = list(re.finditer(r'name="([^"]*)"', text))
    for bad in ("", "$HOME", "a b", "a/b", "x" * 10_000, "é"):
        one = attributes[int(rng.integers(len(attributes)))]
        yield written_content(
            f"{one[1]} is named {bad[:8]!r}", text[: one.start()] + f'name="{bad}"' + text[one.end() :]
        )
    for deep in (1_000, DEEP):
        yield written_content(
            f"{deep} elements deep", "<OpenSimDocument>" + "<a>" * deep + "</a>" * deep + "</OpenSimDocument>"
        )
        inner = "<objects>" * deep + "</objects>" * deep
        yield written_content(f"{deep} deep inside", text.replace("<objects>", "<objects>" + inner, 1))
    bomb = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10 if k else "x" * 10}">' for k in range(10))
    yield written_content("entities of entities", f"<!DOCTYPE b [{bomb}]><OpenSimDocument>&a9;</OpenSimDocument>")
    yield written_content("another's root", "<html><body>no model</body></html>")
    yield written_content("a bare root", '<?xml version="1.0"?><OpenSimDocument Version="40600"></OpenSimDocument>')
    yield written_content("no root", '<?xml version="1.0"?>')
    yield written_content("UTF-16 declared", text.replace("UTF-8", "UTF-16"))
    yield written_content("version 1e9", re.sub(r'Version="\d+"', 'Version="999999999"', text))
    yield written_content("version none", re.sub(r'Version="\d+"', 'Version="x"', text))


def of_json(data: bytes, rng: np.random.Generator, count: int = 36) -> Iterator[Mutation]:
    """Other types anywhere, keys missing, nested without end.

    Args:
        data: the whole file.
        rng: draws the places.
        count: of places that are changed.

    Yields:
        Changes that can be made to the file at its path.
    """
    for k in range(count):
        tree = json.loads(data)
        places = list(_places(tree))
        holder, key = places[int(rng.integers(len(places)))]
        bad = BAD_VALUES[k % len(BAD_VALUES)]
        if k % 4 == 3:
            del holder[key]
            yield written_content(f"no {key}", json.dumps(tree))
        else:
            holder[key] = bad
            yield written_content(f"{key} is {str(bad)[:12]}", json.dumps(tree))
    values: tuple[Any, ...] = (None, 1, "x", [], {}, [1], [[]])
    for value in values:
        yield written_content(f"all of it is {value!r}", json.dumps(value))
    yield written_content("100,000 deep", "[" * 100_000 + "]" * 100_000)
    yield written_content("a comma too many", data.decode().rstrip().removesuffix("}") + ",}")
    yield written_content("a number of 1e999", NUMBER.sub("1e999", data.decode(), count=1))
    yield written_content("a number of 10,000 digits", NUMBER.sub("9" * 10_000, data.decode(), count=1))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(tree) if isinstance(tree, dict) else range(min(len(tree), 20)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


class _Runs:
    """Executed by whoever unpickles it."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


def of_npz(data: bytes, rng: np.random.Generator) -> Iterator[Mutation]:
    """Arrays missing, of other kinds, shapes and values.

    Args:
        data: the whole file.
        rng: draws the values.

    Yields:
        Changes that can be made to the file at its path.
    """
    with np.load(io.BytesIO(data)) as held:
        arrays = {name: held[name] for name in held.files}

    def saved(name: str, changed: dict[str, Any], loud: bool = False) -> Mutation:
        file = io.BytesIO()
        np.savez(file, **changed)
        return written_content(name, file.getvalue(), loud)

    for key, array in arrays.items():
        yield saved(f"no {key}", {k: v for k, v in arrays.items() if k != key})
        for bad in (np.zeros(0), np.array("x"), np.zeros((3, 3, 3), complex), np.array([["a"]]), np.array(-1.0)):
            yield saved(f"{key} is {bad.dtype} {bad.shape}", arrays | {key: bad})
        if array.dtype.kind in "fiu":
            real = array.astype(float)
            for number in (np.nan, np.inf, -1.0, 0.0, 1e30):
                loud = number in (1e30, np.inf)
                yield saved(f"{key} is all {number:g}", arrays | {key: np.full_like(real, number)}, loud)
            if array.size > 4:
                for number in (np.nan, np.inf, 1e30, 180.0):
                    one = real.copy()
                    one.flat[int(rng.integers(one.size))] = number
                    yield saved(f"{number:g} in {key}", arrays | {key: one}, loud=number == 1e30)
        if key == "xy":  # of points in a picture
            for name, factor in (("in shares of the picture", 1e-3), ("in tenths of a pixel", 10.0)):
                yield saved(f"{key} {name}", arrays | {key: factor * array}, loud=True)
        if array.ndim:
            yield saved(f"{key} one shorter", arrays | {key: array[:-1]})
            yield saved(f"{key} backwards", arrays | {key: array[::-1]})
            yield saved(f"{key} of one row", arrays | {key: array[:1]})
        if array.ndim > 1:
            yield saved(f"{key} turned round", arrays | {key: np.moveaxis(array, 0, -1)})
    object_file = io.BytesIO()
    with zipfile.ZipFile(object_file, "w") as archive:
        for key, array in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, array)
            archive.writestr(f"{key}.npy", one.getvalue() if key != "time_s" else pickle.dumps(_Runs()))
    yield written_content("a pickle inside", object_file.getvalue())
    for name, shape in (("a header of 8 TB", (1 << 40,)), ("a header of -1", (-1,)), ("2 GB of zeros", (1 << 28,))):
        yield written_content(name, _with_header(arrays, rng, shape, real=name.startswith("2 GB")))


def _with_header(arrays: dict[str, np.ndarray], rng: np.random.Generator, shape: tuple[int, ...], real: bool) -> bytes:
    """An array that says it is large; ``real``: and is, once it is unpacked."""
    file, keys = io.BytesIO(), [key for key, array in arrays.items() if array.dtype.kind == "f" and array.ndim]
    chosen = keys[int(rng.integers(len(keys)))]
    said = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + said.ljust(117).encode() + b"\n"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for key, array in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, array)
            if key != chosen:
                archive.writestr(f"{key}.npy", one.getvalue())
                continue
            with archive.open(f"{key}.npy", "w", force_zip64=True) as out:
                out.write(header)
                for _ in range(shape[0] * 8 >> 24 if real else 0):
                    out.write(bytes(1 << 24))
    return file.getvalue()


def of_c3d(data: bytes, rng: np.random.Generator, count: int = 24) -> Iterator[Mutation]:
    """Words of the header and bytes of the parameters that cannot be.

    Args:
        data: the whole file, at 50 Hz.
        rng: draws words and bytes.
        count: of words, and of parameter bytes, that are changed.

    Yields:
        Changes that can be made to the file at its path.
    """
    for k in range(count):
        word = 2 * int(rng.integers(0, 12))
        value = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 2)[k % 6]
        yield written_content(
            f"word {word // 2} of the header is {value:#x}", data[:word] + struct.pack("<H", value) + data[word + 2 :]
        )
        at = 512 + int(rng.integers(0, min(len(data) - 512, 1024)))
        yield written_content(
            f"parameter byte {at} is {(0, 255, 128)[k % 3]}", data[:at] + bytes([(0, 255, 128)[k % 3]]) + data[at + 1 :]
        )
    for rate in (0.0, -1.0, np.nan, np.inf, 1e30):
        said = struct.pack("<f", rate)
        yield written_content(
            f"a rate of {rate:g}", data[:20] + said + data[24:].replace(struct.pack("<f", 50.0), said, 1), True
        )
    for processor in (84, 85, 86, 0, 255):
        at = data.find(bytes([84]), 512, 520)
        if at > 0:
            yield written_content(f"processor {processor}", data[:at] + bytes([processor]) + data[at + 1 :])


def of_zip(data: bytes, rng: np.random.Generator) -> Iterator[Mutation]:
    """Members with bad names, none, too many, too large.

    Args:
        data: the whole file; its first member is a good motion.
        rng: draws the bytes of a bad one.

    Yields:
        Changes that can be made to the file at its path.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = archive.namelist()[0]
        text = archive.read(name)

    def packed(title: str, members: list[tuple[str, bytes]]) -> Mutation:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members:
                archive.writestr(member, content)
        return written_content(title, file.getvalue())

    yield packed("no member", [])
    yield packed("a member above", [("../../07_01.bvh", text)])
    yield packed("a member of an absolute path", [("/tmp/07_01.bvh", text)])
    yield packed("an empty member", [(name, b"")])
    yield packed("a member that is no text", [(name, rng.bytes(2000))])
    yield packed("one good, one bad", [(name, text), ("08_01.bvh", b"HIERARCHY")])
    yield packed("an .amc without .asf", [("08/08_01.amc", b"1\nroot 0 0 0 0 0 0\n")])
    yield packed("a zip in it", [("a.zip", data)])
    yield written_content(
        "a password asked", data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    )
    for method in (1, 12, 99):
        at = data.find(b"PK\x01\x02") + 10
        yield written_content(f"packing method {method}", data[:at] + struct.pack("<H", method) + data[at + 2 :])


def of_motion_text(data: bytes, rng: np.random.Generator) -> Iterator[Mutation]:
    """Of .bvh, .asf and .amc: words missing, twice, others.

    Args:
        data: the whole file, UTF-8.
        rng: draws lines and words.

    Yields:
        Changes that can be made to the file at its path.
    """
    lines = data.decode().splitlines()
    for k in range(30):
        at = int(rng.integers(len(lines)))
        words = lines[at].split() or ["x"]
        word = int(rng.integers(len(words)))
        kinds = {
            "line missing": [*lines[:at], *lines[at + 1 :]],
            "line twice": [*lines[: at + 1], *lines[at:]],
            "word missing": [*lines[:at], " ".join(words[:word] + words[word + 1 :]), *lines[at + 1 :]],
            "word is x": [*lines[:at], " ".join([*words[:word], "x", *words[word + 1 :]]), *lines[at + 1 :]],
            "word is nan": [*lines[:at], " ".join([*words[:word], "nan", *words[word + 1 :]]), *lines[at + 1 :]],
            "words twice": [*lines[:at], " ".join(words + words), *lines[at + 1 :]],
        }
        title = list(kinds)[k % len(kinds)]
        yield written_content(f"{title} at {at}", "\n".join(kinds[title]) + "\n")
    text = data.decode()
    for old, new in (("Frame Time: 0.0083333", "Frame Time: 0"), ("Frame Time: 0.0083333", "Frame Time: nan")):
        if old in text:
            yield written_content(new, text.replace(old, new), True)
    yield written_content("100,000 joints deep", "HIERARCHY\nROOT hip\n{\n" + "JOINT a\n{\nOFFSET 0 0 0\n" * 100_000)

"""The rooms of docs/rooms.md: which there are, and that imports go one way between them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
ELSEWHERE = ("cli", "osim_models")
TOP = "biomech"
# The bench of faults drives the command line itself, in children of its own process.
KNOWN = {("biomech.bench.faults.forks", "biomech.cli.main")}


def rooms() -> list[str]:
    """From below, as the table has them."""
    found = re.findall(r"(?m)^\| `([\w.]+)` \|", (CHECKOUT / "docs" / "rooms.md").read_text(encoding="utf-8"))
    return [name if name == TOP else f"{TOP}.{name}" for name in found]


def modules() -> dict[str, Path]:
    found = {}
    for top in (TOP, *ELSEWHERE):
        for path in (CHECKOUT / top).rglob("*.py"):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            parts = parts if top == TOP else (TOP, *parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imported(tree: ast.Module) -> Iterator[str]:
    """The package's modules that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name in MODULES)
            if not all(name in MODULES for name in names):
                yield str(node.module)


def room_of(module: str, order: list[str]) -> str:
    return max((room for room in order if f"{module}.".startswith(f"{room}.")), key=len)


def test_every_folder_is_a_room() -> None:
    order = rooms()
    assert len(order) == len(set(order)) > 15
    assert [room for room in order if room not in MODULES] == []
    folders = {".".join(name.split(".")[:2]) for name, path in MODULES.items() if path.parent != CHECKOUT / TOP}
    assert folders - set(order) == set()


def test_imports_go_one_way() -> None:
    order = rooms()
    up = {
        (module, target)
        for module, tree in TREES.items()
        for target in imported(tree)
        if order.index(room_of(target, order)) > order.index(room_of(module, order))
    }
    assert up == KNOWN


@pytest.mark.parametrize("room", ["biomech.pipeline", "biomech.labels"])
def test_inference_reaches_no_training_and_no_bench(room: str) -> None:
    waiting, reached = [name for name in MODULES if name.startswith(f"{room}.")], set[str]()
    while waiting:
        if (module := waiting.pop()) not in reached:
            reached.add(module)
            waiting += imported(TREES[module])
    assert [name for name in sorted(reached) if re.match(r"biomech\.(train|bench|build|cli)\b", name)] == []


def test_modules_named_in_texts_are_there() -> None:
    """Keys of stages and commands of children name modules; a name of none would stand for no code at all."""
    unknown = []
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for named in re.findall(r"\bbiomech(?:\.[a-z_]\w*)+", node.value):
                    holder, _, name = named.rpartition(".")
                    if named not in MODULES and not (holder in MODULES and name in MODULES[holder].read_text()):
                        unknown.append((module, named))
    assert unknown == []


def test_one_name_one_class() -> None:
    """Who reads a public class' name in a message or a signature knows which one it is."""
    homes: dict[str, list[str]] = {}
    for module, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}

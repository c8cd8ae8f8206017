"""How many public functions say what they take and give, room by room.

Counted is every public function or method (no leading underscore on the way to it, not nested) of two or more
parameters, ``self`` and ``cls`` aside: with one or none, annotated names and a sentence say it all. Commands (`cli`)
are left out, since their help is their documentation, and so is a method that a base class in the same file documents.
One counts as told if its docstring has a section ``Args:`` and, unless it gives ``None``, one of ``Returns:`` or
``Yields:``.

    python tests/test_docstrings.py [ROOM …]      # the numbers; with rooms, also what is missing in them
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from test_rooms import TREES, room_of, rooms

# Per cent. Raised as docstrings are written, never lowered.
FLOOR = 98.0
OTHERS = "others"  # as in "others: as those of `solve`"
SECTION = r"(?m)^ *({}):$"
NAMED = r"^ {{{indent}}}\*{{0,2}}(\w+)(?:, \*{{0,2}}\w+)*:"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Public:
    """A function or method that others may call."""

    module: str
    name: str
    node: Function

    @property
    def parameters(self) -> list[str]:
        """Names without ``self`` and ``cls``, stars left away."""
        arguments = self.node.args
        plain = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list)
        rest = [a.arg for a in (arguments.vararg, *arguments.kwonlyargs, arguments.kwarg) if a is not None]
        return (plain[1:] if "." in self.name and not static else plain) + rest

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def takes(self) -> bool:
        """Whether it says what it takes."""
        return has(self.doc, "Args")

    @property
    def told(self) -> bool:
        """Whether it says what it takes and what it gives."""
        gives = self.node.returns is not None and ast.unparse(self.node.returns) not in ("None", "NoReturn", "Never")
        return self.takes and (not gives or has(self.doc, "Returns|Yields"))


def has(doc: str, sections: str) -> bool:
    return re.search(SECTION.format(sections), doc) is not None


def public(module: str, tree: ast.Module) -> Iterator[Public]:
    """Functions and methods that no underscore marks as the file's own."""
    for node in tree.body:
        if isinstance(node, Function):
            own = node.name.startswith("_") or any(ast.unparse(one) == "overload" for one in node.decorator_list)
            yield from (Public(module, node.name, node) for _ in range(not own))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for method in node.body:
                if isinstance(method, Function) and not method.name.startswith("_"):
                    yield Public(module, f"{node.name}.{method.name}", method)


def is_inherited(one: Public, tree: ast.Module) -> bool:
    """Whether a base class in the same file has the method, with a docstring for all of its kind."""
    holder, _, method = one.name.rpartition(".")
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    bases = [ast.unparse(base) for base in classes[holder].bases] if holder else []
    return any(
        isinstance(node, Function) and node.name == method and ast.get_docstring(node)
        for base in bases
        if base in classes
        for node in classes[base].body
    )


def counted() -> list[Public]:
    return [
        one
        for module, tree in sorted(TREES.items())
        if module.split(".")[1:2] != ["cli"] and not any(part.startswith("_") for part in module.split("."))
        for one in public(module, tree)
        if len(one.parameters) >= 2 and not is_inherited(one, tree)
    ]


def coverage() -> dict[str, tuple[int, int, int]]:
    """By room how many functions have all their sections, how many say what they take, and how many there are."""
    order = rooms()
    told, takes, every = Counter[str](), Counter[str](), Counter[str]()
    for one in counted():
        room = room_of(one.module, order)
        every[room] += 1
        takes[room] += one.takes
        told[room] += one.told
    return {room: (told[room], takes[room], every[room]) for room in order if every[room]}


def share() -> float:
    """Of all rooms, in per cent."""
    told, _, every = (sum(column) for column in zip(*coverage().values(), strict=True))
    return 100 * told / every


def test_functions_say_what_they_take_and_give() -> None:
    assert share() >= FLOOR, "a public function of two or more parameters came without Args: or Returns:"


def test_the_functions_of_the_api_all_do() -> None:
    assert [f"{one.module}.{one.name}" for one in counted() if ".api." in one.module and not one.told] == []


def test_what_is_described_is_there() -> None:
    """A parameter that was renamed leaves its old name in the docstring."""
    strangers = []
    for module, tree in TREES.items():
        for one in public(module, tree):
            lines = one.doc.splitlines()
            if not one.takes:
                continue
            start = next(i for i, line in enumerate(lines) if line.strip() == "Args:")
            indent = len(lines[start]) - len(lines[start].lstrip()) + 4
            for line in lines[start + 1 :]:
                if line.strip() and not line.startswith(" " * indent):
                    break
                if found := re.match(NAMED.format(indent=indent), line):
                    names = re.findall(r"\w+", found[0])
                    strangers += [
                        f"{module}.{one.name}: {name}" for name in names if name not in (*one.parameters, OTHERS)
                    ]
    assert strangers == []


def main(listed: list[str]) -> None:
    """Print the table, and what is missing in the rooms that are listed."""
    order, figures = rooms(), coverage()
    print(f"{'room':20} {'Args+Returns':>12} {'Args':>5} {'of':>5}")
    for room, (told, takes, every) in figures.items():
        print(f"{room.removeprefix('biomech.'):20} {told:12} {takes:5} {every:5} {100 * told / every:6.1f} %")
    told, takes, every = (sum(column) for column in zip(*figures.values(), strict=True))
    print(f"{'all':20} {told:12} {takes:5} {every:5} {share():6.1f} %")
    for one in counted():
        if room_of(one.module, order).removeprefix("biomech.") in listed and not one.told:
            print(f"{one.module}.{one.name}({', '.join(one.parameters)})")


if __name__ == "__main__":
    main(sys.argv[1:])

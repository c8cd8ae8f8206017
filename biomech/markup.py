"""XML at the border: looked at before OpenSim does, whose parser ends the process where elements nest too deeply."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.parsers import expat

from biomech.errors import BioposeError
from biomech.files import check_file

DEEPEST = 200  # OpenSim's own models nest 15 deep; its parser takes some ten thousand
MOST_BYTES = 500_000_000
_TAG = re.compile(rb"<(/?)[A-Za-z_][^<>]*?(/?)>")


def check_xml(path: Path, *, what: str, mend: str | None = None) -> Path:
    """The path of an XML file that may be given to OpenSim.

    What is not well-formed is left to OpenSim, which takes some of it; how deep it nests is told without.

    Args:
        path: of the file.
        what: what it should be, for the message.
        mend: what the message says that the user can do.

    Returns:
        The same path.

    Raises:
        BioposeError: no file, too large a one, one that nests without end, or declares entities.
    """
    path = check_file(path, missing=f"there is no such {what}", mend=mend)
    size = path.stat().st_size
    if not 0 < size <= MOST_BYTES:
        raise BioposeError(f"not a {what} ({'it is empty' if not size else 'too large'})", where=str(path), mend=mend)
    data = path.read_bytes()
    try:
        depth = _depth(data)
    except (expat.ExpatError, LookupError, ValueError):  # also an encoding that there is not
        depth = _depth_of_tags(data)
    if depth > DEEPEST:
        raise BioposeError(f"not a {what} (elements nest {depth} deep)", where=str(path), mend=mend)
    if b"<!ENTITY" in data:
        raise BioposeError(f"not a {what} (it declares entities)", where=str(path), mend=mend)
    return path


def read_xml(path: Path, *, what: str, mend: str | None = None) -> ElementTree.Element:
    """The first element of a file, whole. As for OpenSim, what stands behind it does not count: its own
    gait2354_IK_Tasks.xml ends with the closing tag of an element that was never opened.

    Args:
        path, what, mend: as in ``check_xml``.

    Returns:
        The root element with all that is in it.

    Raises:
        BioposeError: as ``check_xml``; or it is not well-formed.
    """
    check_xml(path, what=what, mend=mend)
    depth = 0
    try:
        with open(path, "rb") as file:
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                depth += 1 if event == "start" else -1
                if not depth:
                    return element
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        at = f" after line {error.position[0]}" if isinstance(error, ElementTree.ParseError) else ""
        raise BioposeError(f"not a {what} (no whole XML{at})", where=str(path), mend=mend) from error
    raise BioposeError(f"not a {what} (it holds no element)", where=str(path), mend=mend)


def _depth(data: bytes) -> int:
    depth = deepest = 0
    parser = expat.ParserCreate()

    def start(_: str, __: dict[str, str]) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        if depth > DEEPEST:
            raise _TooDeep

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except _TooDeep:
        return _depth_of_tags(data)
    return deepest


class _TooDeep(Exception):
    pass


def _depth_of_tags(data: bytes) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(data):
        depth += -1 if tag[1] else 0 if tag[2] else 1
        deepest = max(deepest, depth)
    return deepest

"""Which distances between markers scale which bodies, along which axes.

Pelvis and torso have a factor per axis, every other segment has one; left and right share theirs, as the mean
over both sides' pairs. The pairs lie within one body, or across joints where the static pose is as the model's
default (legs straight, arms down). The table is for the 142 virtual markers; another marker set brings its own
(``read_measurements``).
"""

from dataclasses import dataclass
from pathlib import Path

from biomech.errors import BioposeError
from biomech.inverse_kinematics.marker_tasks import applied
from biomech.markup import read_xml


@dataclass(frozen=True)
class Measurement:
    """The mean ratio of measured to generic distance over ``pairs`` scales ``bodies`` along ``axes``."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    bodies: tuple[str, ...]
    axes: str = "XYZ"


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in "rl")


def _sides(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Right pairs and their mirror images (RKNE ↔ LKNE)."""
    return tuple(("L" + a[1:], "L" + b[1:]) if left else (a, b) for a, b in pairs for left in (False, True))


VIRTUAL_MARKER_MEASUREMENTS = (
    Measurement("pelvis_depth", _sides(("RASI", "RPSI")), ("pelvis",), "X"),
    Measurement("pelvis_height", _sides(("RASI", "RPSI")), ("pelvis",), "Y"),
    Measurement("pelvis_width", (("RASI", "LASI"), ("RPSI", "LPSI")), ("pelvis",), "Z"),
    Measurement("thigh", _sides(("RASI", "RKNE"), ("RASI", "RKNI")), _both("femur", "patella")),
    Measurement("shank", _sides(("RKNE", "RANK"), ("RKNI", "RAKI")), _both("tibia")),
    Measurement("foot", _sides(("RHEE", "RMT1"), ("RHEE", "RMT5"), ("RHEE", "RTOS")), _both("talus", "calcn", "toes")),
    Measurement("torso_depth", (("CLAV", "C7"), ("STRN", "T8"), ("STRN", "T10")), ("torso",), "X"),
    Measurement("torso_height", (("C7", "LUMB"), ("CLAV", "LUMB"), ("C7", "Tracking_L1")), ("torso",), "Y"),
    Measurement("torso_width", (("RSHO", "LSHO"),), ("torso",), "Z"),
    Measurement("head", (("THD", "CHIN"), ("NOSE", "RBHD"), ("NOSE", "LBHD")), ("head",)),
    Measurement("upper_arm", _sides(("RSHO", "RELSO"), ("RSHO", "RELS")), _both("humerus")),
    Measurement("forearm", _sides(("RELSO", "RWRA"), ("RELS", "RWRB"), ("RELB", "RWRB")), _both("ulna", "radius")),
    Measurement("hand", _sides(("RWRA", "RFIN"), ("RWRB", "RHPI")), _both("hand")),
)


def read_measurements(setup_xml: Path) -> tuple[Measurement, ...]:
    """The measurement set of a ScaleTool setup, as OpenSim's GUI saves it.

    Raises:
        BioposeError: the file cannot be read, holds no measurement, or one of them is not whole.
    """
    root = read_xml(setup_xml, what="scale setup")
    found: list[Measurement] = []
    for element in root.iter("Measurement"):
        if not applied(element):
            continue
        name = element.get("name", "")
        pairs = [(m.text or "").split() for m in element.iter("markers")]
        by_axes: dict[str, list[str]] = {}
        for scale in element.iter("BodyScale"):
            by_axes.setdefault("".join((scale.findtext("axes") or "").split()), []).append(scale.get("name", ""))
        if any(len(pair) != 2 for pair in pairs) or any(not axes or set(axes) - set("XYZ") for axes in by_axes):
            raise BioposeError(
                f"the measurement '{name}' is not whole: a pair has two markers, and the axes are of X, Y and Z",
                where=str(setup_xml),
            )
        both = tuple((first, second) for first, second in pairs)
        found += [Measurement(name, both, tuple(bodies), axes) for axes, bodies in by_axes.items()]
    if not found:
        raise BioposeError("there is no measurement in the file", where=str(setup_xml))
    return tuple(found)

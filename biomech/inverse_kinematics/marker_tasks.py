"""Marker tasks of a scale or IK setup: what each marker weighs."""

import math
from pathlib import Path
from xml.etree.ElementTree import Element

from biomech.errors import BioposeError
from biomech.markup import read_xml

HEAVIEST = 1e9  # of an IK task's weight


def read_tasks(setup_xml: Path) -> dict[str, float]:
    """Weights by marker name from the IKTaskSet of a scale or IK setup; tasks that are off weigh 0.

    Raises:
        BioposeError: the file cannot be read, holds no marker task, or a weight that is none.
    """
    weights: dict[str, float] = {}
    for task in read_xml(setup_xml, what="setup").iter("IKMarkerTask"):
        weights[task.get("name", "")] = read_weight(task, setup_xml, default="1")
    if not weights:
        raise BioposeError("there is no IKMarkerTask in the file", where=str(setup_xml))
    return weights


def read_weight(task: Element, setup_xml: Path, *, default: str) -> float:
    """The weight of a task; 0 where it is off.

    Args:
        task: an IKMarkerTask or IKCoordinateTask.
        setup_xml: the file, for the message.
        default: the weight of a task that does not say any.

    Returns:
        A number from 0 on.

    Raises:
        BioposeError: it is none.
    """
    said = (task.findtext("weight") or default).strip() or default
    try:
        weight = float(said)
    except ValueError:
        weight = math.nan
    if not 0 <= weight <= HEAVIEST:
        name = task.get("name", "")
        raise BioposeError(f"the task of {name} weighs {said}; weights are numbers from 0 on", where=str(setup_xml))
    return weight if applied(task) else 0.0


def applied(element: Element) -> bool:
    return (element.findtext("apply") or "true").strip().lower() == "true"

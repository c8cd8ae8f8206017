"""GVHMR's hmr4d_results.pt, and GENMO's and GEM's in its form: SMPL-X rotation vectors of one person, in a world whose
Y is up and in the camera's axes; its demonstration makes every film one of 30 frames a second."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from biomech.body.sources.people import Person, parameters

NAME = "GVHMR"
RATE_HZ = 30.0
STEMS = ("smpl_params", "body_params", "smplx_params")


def _stem(tree: Any) -> str | None:
    if not isinstance(tree, Mapping):
        return None
    return next((stem for stem in STEMS if isinstance(tree.get(f"{stem}_global"), Mapping)), None)


def recognises(tree: Any) -> bool:
    """Parameters in the world, and beside them those in the camera's axes."""
    return _stem(tree) is not None


def people(tree: Any, camera: str | None) -> list[Person]:
    """The one person; in its world unless ``camera`` asks for the camera's axes.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for; None: as the source has it.

    Returns:
        In the file's order.
    """
    stem, in_camera = _stem(tree), camera in ("camera", "weak")
    held = tree[f"{stem}_incam" if in_camera else f"{stem}_global"]
    body, notes = parameters(held, body="smplx", place=("transl", "trans"))
    notes.append(f"the file names no rate: {RATE_HZ:g} Hz, as its demonstration makes every film (`rate_hz`)")
    focal = tree.get("K_fullimg")
    focal_px = None if focal is None else float(np.asarray(focal).reshape(-1, 3, 3)[0, 0, 0])
    frame, up = ("camera", None) if in_camera else ("world", "y")
    return [
        Person("person", body, None, frame, up, "recovered", rate_hz=RATE_HZ, focal_px=focal_px, notes=notes)  # type: ignore[arg-type]
    ]

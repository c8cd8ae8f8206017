"""NVIDIA's SOMA, which GEM-X writes: 77 turned joints of a body that only its own package can pose. It is recognised,
so that nobody takes its joints for SMPL's; what is read are its vertices.

The package (py-soma-x, Apache-2.0) would also turn SMPL's, MHR's and Anny's vertices into its joints. It is not used
for that: its wheel holds code alone, the body is fetched when it is first run, and our fit needs neither.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from biomech.errors import BioposeError

NAME = "SOMA or GEM-X"
SHAPE = "identity_coeffs"
PARTS = ("body_params_global", "body_params_incam")


def recognises(tree: Any) -> bool:
    """A pose with SOMA's numbers of a person, alone or in the world and before the camera."""
    if not isinstance(tree, Mapping):
        return False
    return any(isinstance(held, Mapping) and SHAPE in held for held in (tree, *(tree.get(part) for part in PARTS)))


def people(tree: Any, camera: str | None) -> NoReturn:
    """Nobody: without SOMA's own package there is no body.

    Args:
        tree: what lies in the file, recognised.
        camera: whose axes are asked for.

    Raises:
        BioposeError: always; it says what to give instead.
    """
    raise BioposeError(
        "joints of SOMA's body, which its own package alone can pose",
        mend="Pose it with SOMALayer (pip install py-soma-x), save its vertices (np.savez: vertices, fps), and give "
        "that with `marker_vertices`, a table marker → vertex.",
    )

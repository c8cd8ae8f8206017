"""Which way the pelvis faces, and what that makes of its angles.

OpenSim's pelvis turns first about the ground's Z (tilt), then about its own X (list) and Y (rotation). Tilt is the
forward one for who faces the ground's X. Who faces Z has it in the list, and who faces against X with the other sign.
"""

import numpy as np
from jaxtyping import Float

from biomech.inverse_kinematics.branches import ball_joints
from biomech.skeleton.description import Description

ALONG = 0.9  # cosine: such an axis is taken for the vertical
ACROSS, BACKWARD = np.deg2rad(45), np.deg2rad(135)
UP = np.array([0.0, 1.0, 0.0])


def turned_away(description: Description, values: Float[np.ndarray, "frames coordinates"]) -> list[str]:
    """What a reader of the pelvis' angles should know where the person does not face the ground's X.

    Args:
        description: of the model.
        values: every coordinate in the model's order, rad and m.

    Returns:
        A note for each joint with the ground that turns about a horizontal axis first and about the vertical last, in
        the middle by more than 45°.
    """
    notes = []
    for joint in ball_joints(description):
        tilt, roll, heading = (description.coordinates[k].name for k in joint.coordinates)
        vertical = joint.axes @ UP
        if not _of_ground(description, tilt) or abs(vertical[0]) > 1 - ALONG or abs(vertical[2]) < ALONG:
            continue
        angle = joint.slopes[2] * values[:, joint.coordinates[2]] + joint.constants[2]
        middle = float(np.angle(np.exp(1j * angle).mean()))
        if abs(middle) <= ACROSS:
            continue
        said = f"the person faces {np.rad2deg(middle):.0f}° from the ground's X ({heading}), in the middle: {tilt} "
        said += f"is about the ground's Z, as in OpenSim, so that {tilt} and {roll} "
        said += "have the other sign" if abs(middle) > BACKWARD else "are each other's: forward tilt is in the list"
        notes.append(said + "; a comparison with `align=heading` turns it about the vertical first")
    return notes


def _of_ground(description: Description, coordinate: str) -> bool:
    for joint in description.joints:
        names = {description.coordinates[k].name for _, takes in joint.functions for k in takes}
        if coordinate in names:
            return joint.parent.body == "ground" and bool(np.allclose(joint.parent.rotation, np.eye(3)))
    return False

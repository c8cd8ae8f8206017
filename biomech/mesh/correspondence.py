"""Which points of the body the detector's points are, and how far off it is: measured on rendered bodies."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.mesh.chain import BonePoints
from biomech.mesh.layout_points import OWN_OFFSETS, place_of

FILE = Path(__file__).with_name("correspondence.json")
FEWEST = 8  # points in common
TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")  # the fit begins at it


@dataclass(frozen=True)
class Correspondence:
    """Body points under the detector's names, with the detector's typical error at each.

    ``train.correspondence`` writes the file; its head says from which renders.
    """

    points: BonePoints
    picture_sd: Float[np.ndarray, "points"]  # across the line of sight, in statures, a confident detection
    landmark_sd: Float[np.ndarray, "points 3"]  # right, down, away; in statures

    @classmethod
    def load(cls, bone_names: list[str], path: Path = FILE) -> "Correspondence":
        """Read the calibrated table for a body with these bones.

        Args:
            bone_names: the body's, in its order; they include Anny's.
            path: of a table that ``train.correspondence`` wrote.

        Returns:
            All points of the table, on the rows of ``bone_names``.
        """
        table = json.loads(Path(path).read_text())["points"]
        return cls(
            BonePoints(
                [row["name"] for row in table],
                np.array([bone_names.index(row["bone"]) for row in table]),
                np.array([row["offset"] for row in table]),
                np.array([row["before"] for row in table]),
            ),
            np.array([row["picture_sd"] for row in table]),
            np.array([row["landmark_sd"] for row in table]),
        )

    def match(self, names: list[str]) -> tuple[list[int], "Correspondence"]:
        """Places in ``names`` of the points that both know, and this table cut down to them, as they lie then.

        Args:
            names: of a detector's points, in whatever layout (``layout_points``).

        Raises:
            BioposeError: fewer than eight points in common, or the trunk is not among them.
        """
        found = {i: place for i, name in enumerate(self.points.names) if (place := place_of(name, names)) is not None}
        common, places = list(found), list(found.values())
        if len(common) < FEWEST:
            raise BioposeError(
                f"only {len(common)} keypoint names are known to the fit",
                mend=f"It knows: {', '.join(self.points.names)}.",
            )
        if absent := [name for name in TRUNK if name not in names]:
            raise BioposeError(
                f"the keypoints have no {', '.join(absent)}, and the fit begins at the trunk",
                mend="Give keypoints with both shoulders and both hips.",
            )
        assert self.points.before is not None
        points = BonePoints(
            [self.points.names[i] for i in common],
            self.points.bone[common],
            np.array([OWN_OFFSETS.get(names[place], self.points.offset[i]) for i, place in found.items()]),
            self.points.before[common],
        )
        return places, Correspondence(points, self.picture_sd[common], self.landmark_sd[common])

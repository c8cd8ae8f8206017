"""How the sizes of a person's segments go with stature: a prior for scale factors, from ANSUR II.

A generic model is taken for a random person of its own stature. So its factors for another person are a ratio of two
people: the mean follows the statures, and the spread is twice that among people of one stature. Nothing else has to be
known of the model, and no measure has to be found on it.

The few numbers are in ``anthropometry.json``, made by ``python -m biomech.scaling.anthropometry FOLDER`` from the
public files of ANSUR II (Gordon et al. 2014, "2012 Anthropometric Survey of U.S. Army Personnel", NATICK/TR-15/007;
4,082 men and 1,986 women).
"""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file

TABLE = Path(__file__).with_name("anthropometry.json")

# Measures (columns of ANSUR II; a difference of two heights where two are named), near to the bones.
MEASURES = {
    "pelvis_breadth": ("bicristalbreadth",),
    "pelvis_height": ("iliocristaleheight", "trochanterionheight"),
    "torso_length": ("cervicaleheight", "iliocristaleheight"),
    "torso_depth": ("chestdepth",),
    "shoulder_breadth": ("biacromialbreadth",),
    "head_height": ("tragiontopofhead",),
    "head_length": ("headlength",),
    "head_breadth": ("headbreadth",),
    "thigh_length": ("trochanterionheight", "lateralfemoralepicondyleheight"),
    "shank_length": ("lateralfemoralepicondyleheight", "lateralmalleolusheight"),
    "ankle_breadth": ("bimalleolarbreadth",),
    "foot_length": ("footlength",),
    "foot_height": ("lateralmalleolusheight",),
    "foot_breadth": ("footbreadthhorizontal",),
    "upper_arm_length": ("acromionradialelength",),
    "forearm_length": ("radialestylionlength",),
    "wrist_girth": ("wristcircumference",),
    "hand_length": ("handlength",),
    "hand_breadth": ("handbreadth",),
}
Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Proportions:
    """Logarithms of the measures, linear in the logarithm of stature (m), with a normal remainder."""

    measures: tuple[str, ...]
    intercept: Float[np.ndarray, " measures"]
    slope: Float[np.ndarray, " measures"]
    covariance: Float[np.ndarray, "measures measures"]  # of what stature does not explain
    log_stature: tuple[float, float]  # mean and standard deviation among people

    def at(self, stature_m: float) -> Float[np.ndarray, " measures"]:
        """Mean logarithm of each measure (m) at a stature."""
        return self.intercept + self.slope * np.log(stature_m)


def load_proportions(sex: Sex | None = None) -> Proportions:
    """Of women, of men, or of both in equal parts where the sex is not known."""
    table = json.loads(TABLE.read_text())
    group = table["groups"][sex or "both"]
    return Proportions(
        tuple(table["measures"]),
        np.array(group["intercept"]),
        np.array(group["slope"]),
        np.array(group["covariance"]),
        (group["log_stature_mean"], group["log_stature_sd"]),
    )


def derive(folder: Path) -> dict:
    """The table from the data's files ``ANSUR_II_{FEMALE,MALE}_Public.csv`` (mm).

    Raises:
        BioposeError: a file is missing or lacks a column.
    """
    women, men = (_read(Path(folder) / f"ANSUR_II_{sex}_Public.csv") for sex in ("FEMALE", "MALE"))
    weights = np.concatenate([np.full(len(women), 0.5 / len(women)), np.full(len(men), 0.5 / len(men))])
    groups = {
        "both": _regression(np.concatenate([women, men]), weights),
        "female": _regression(women, np.full(len(women), 1 / len(women))),
        "male": _regression(men, np.full(len(men), 1 / len(men))),
    }
    return {
        "source": "ANSUR II (2012), public data: 1,986 women and 4,082 men; 'both' weighs the sexes equally",
        "model": "log(measure in m) = intercept + slope log(stature in m) + normal remainder",
        "measures": list(MEASURES),
        "columns": {name: " - ".join(columns) for name, columns in MEASURES.items()},
        "groups": groups,
    }


def _read(file: Path) -> Float[np.ndarray, "people measures"]:
    """Logarithms (m), stature last."""
    try:
        with open(file, encoding="latin-1", newline="") as stream:
            people = list(csv.DictReader(stream))
        columns = [*MEASURES.values(), ("stature",)]
        millimetres = [[_measure(person, column) for column in columns] for person in people]
    except (OSError, KeyError, ValueError) as error:
        raise BioposeError(
            f"cannot be read as a file of ANSUR II ({plainly(error)})",
            where=str(file),
            mend="Name the folder with ANSUR_II_FEMALE_Public.csv and ANSUR_II_MALE_Public.csv.",
        ) from error
    return np.log(np.array(millimetres) / 1000)


def _measure(person: dict[str, str], columns: tuple[str, ...]) -> float:
    first, *rest = (float(person[column]) for column in columns)
    return first - sum(rest)


def _regression(logs: Float[np.ndarray, "people measures"], weights: Float[np.ndarray, " people"]) -> dict:
    mean = weights @ logs
    spread = logs - mean
    covariance = (weights * spread.T) @ spread
    slope = covariance[:-1, -1] / covariance[-1, -1]
    rest = covariance[:-1, :-1] - np.outer(slope, covariance[-1, :-1])
    return {
        "log_stature_mean": round(float(mean[-1]), 5),
        "log_stature_sd": round(float(np.sqrt(covariance[-1, -1])), 5),
        "intercept": np.round(mean[:-1] - slope * mean[-1], 5).tolist(),
        "slope": np.round(slope, 4).tolist(),
        "covariance": np.round(rest, 7).tolist(),
    }


def main(folder: str) -> None:
    """Write the table beside this file."""
    with whole_file(TABLE) as file:
        file.write_text(json.dumps(derive(Path(folder)), indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

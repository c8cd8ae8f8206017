"""Make ``proportions.json`` from ANSUR II's public files: ``python -m biomech.build.proportions FEMALE MALE``.

What was measured on the skin becomes what lies between joint centres, with the offsets below (m):

- The trochanterion, the top of the greater trochanter, lies as high as the hip joint, and the lateral epicondyle of the
  femur as high as the knee's axis (so too in the metrics of these measures on the Rajagopal model).
- The lateral malleolus is 0.0114 statures above the ankle's centre, as on our body.
- The hip joints are 0.60 bicristal breadths apart (Rajagopal's pelvis: 0.155 m of 0.26 m).
- The shoulder joint is 0.0285 m below the acromion (Rajagopal's torso), 25 to 28 mm inwards: 0.87 biacromial breadths.
- The elbow's axis is 0.012 m above the radiale (the top of the radius' head), the wrist's centre 0.005 m above the
  stylion: our estimates.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file
from biomech.person import SEXES
from biomech.scaling.proportions import FILE, LENGTHS

MALLEOLUS_ABOVE_ANKLE = 0.0114  # statures
HIPS_OF_BICRISTAL, SHOULDERS_OF_BIACROMIAL = 0.60, 0.87
ACROMION_ABOVE_SHOULDER_M, ELBOW_ABOVE_RADIALE_M, WRIST_ABOVE_STYLION_M = 0.0285, 0.012, 0.005


def lengths_of(path: Path) -> Float[np.ndarray, "people numbers"]:
    """Logarithms of lengths (m), stature (m) and mass (kg) of the people in one file of the survey.

    Raises:
        BioposeError: it cannot be read or lacks a measure.
    """
    try:
        with open(path, encoding="latin-1", newline="") as stream:
            rows = list(csv.DictReader(stream))

        def at(column: str) -> Float[np.ndarray, " people"]:
            return np.array([float(row[column]) for row in rows]) / 1000

        stature, mass = at("stature"), at("weightkg") * 100  # tenths of a kilogram
        hip, knee, malleolus = (
            at(f"{name}height") for name in ("trochanterion", "lateralfemoralepicondyle", "lateralmalleolus")
        )
        ankle, c7 = malleolus - MALLEOLUS_ABOVE_ANKLE * stature, at("cervicaleheight")
        found = {
            "thigh": hip - knee,
            "shank": knee - ankle,
            "ankle_height": ankle,
            "foot": at("footlength"),
            "hip_breadth": HIPS_OF_BICRISTAL * at("bicristalbreadth"),
            "shoulder_height": at("acromialheight") - ACROMION_ABOVE_SHOULDER_M - hip,
            "c7_height": c7 - hip,
            "head_neck": stature - c7,
            "shoulder_breadth": SHOULDERS_OF_BIACROMIAL * at("biacromialbreadth"),
            "upper_arm": at("acromionradialelength") - ACROMION_ABOVE_SHOULDER_M - ELBOW_ABOVE_RADIALE_M,
            "forearm": at("radialestylionlength") + ELBOW_ABOVE_RADIALE_M - WRIST_ABOVE_STYLION_M,
            "hand": at("handlength"),
        }
    except (OSError, KeyError, ValueError) as error:
        raise BioposeError(
            f"cannot be read as a file of ANSUR II ({plainly(error)})",
            where=str(path),
            mend="Name ANSUR_II_FEMALE_Public.csv and ANSUR_II_MALE_Public.csv, in this order.",
        ) from error
    return np.log(np.stack([*(found[name] for name in LENGTHS), stature, mass], 1))


def build(files: dict[str, Path]) -> dict:
    """The content of ``proportions.json``, from the file of each sex."""
    groups = {}
    for sex, path in files.items():
        logs = lengths_of(path)
        groups[sex] = {
            "people": len(logs),
            "mean": np.round(logs.mean(0), 5).tolist(),
            "covariance": np.round(np.cov(logs.T), 8).tolist(),
        }
    return {
        "source": "ANSUR II (2012), public data; made by python -m biomech.build.proportions FEMALE MALE",
        "numbers": [*(f"log {name} (m)" for name in LENGTHS), "log stature (m)", "log mass (kg)"],
        "groups": groups,
    }


if __name__ == "__main__":
    content = build(dict(zip(SEXES, map(Path, sys.argv[1:]), strict=True)))
    with whole_file(FILE) as temporary:
        temporary.write_text(json.dumps(content) + "\n")

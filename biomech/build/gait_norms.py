"""Makes the packaged tables of published gait curves from ../shared/data; run once, the tables are in the package.

python -m biomech.build.gait_norms ../shared/data/motions
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

WALKING = {  # our name: file of the Apache-2.0 copy of Schwartz's table (biomechZoo)
    "pelvis_tilt": "APelvicTilt_AntPost",
    "pelvis_list": "APelvicObliquity_UpDn",
    "pelvis_rotation": "APelvicRotation_IntExt",
    "hip_flexion": "AHip_FlexExt",
    "hip_adduction": "AHip_AddAbd",
    "hip_rotation": "AHip_IntExt",
    "knee_angle": "AKnee_FlexExt",
    "ankle_angle": "AAnkle_DfPf",
    "trunk_list": "ATrunkObliquity_UpDn",
    "trunk_rotation": "ATrunkRotation_IntExt",
}
SPEEDS = ("very_slow", "slow", "free", "fast", "very_fast")
RUNNING = {"hip_flexion": ("Hip_Z", -1), "knee_angle": ("Knee_Z", 1), "ankle_angle": ("Ankle_Z", -1)}  # and the sign


def walking(folder: Path) -> pd.DataFrame:
    """Mean and SD (degrees) of every second of the 51 points, by speed."""
    rows = []
    for name, file in WALKING.items():
        table = np.loadtxt(folder / f"{file}.txt")
        for line in table[:-1:2]:
            below, mean, above = line[1::3], line[2::3], line[3::3]
            row = {"curve": name, "percent": int(line[0])}
            for speed, m, sd in zip(SPEEDS, mean, (above - below) / 2, strict=True):
                row |= {f"{speed}_mean": m, f"{speed}_sd": round(sd, 2)}
            rows.append(row)
    return pd.DataFrame(rows)


def running(archive: Path) -> pd.DataFrame:
    """At 2.5 m/s: mean over runners of each one's median stride, and the SD between runners (degrees)."""
    curves: dict[str, list[np.ndarray]] = {name: [] for name in RUNNING}
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            table = pd.read_csv(io.BytesIO(files.read(name)), sep="\t")
            for ours, (theirs, sign) in RUNNING.items():
                curves[ours].append(sign * table.filter(regex=rf"^{theirs}_\d+$").median(axis=1).to_numpy())
    rows = []
    for name, of_runners in curves.items():
        values = np.array(of_runners)
        for at in range(0, 100, 4):
            mean, sd = values[:, at].mean(), values[:, at].std(ddof=1)
            rows.append({"curve": name, "percent": at, "mean": round(mean, 2), "sd": round(sd, 2)})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    motions, here = Path(sys.argv[1]), Path(__file__).parents[1] / "measures"
    walking(motions / "normative_gait_tables/schwartz2008_biomechZoo").to_csv(here / "walking_norms.csv", index=False)
    running(motions / "bmc_ric_running_angles/angles_46_runners.zip").to_csv(here / "running_norms.csv", index=False)

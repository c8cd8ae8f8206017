"""Makes marker maps for laboratories of ../shared/data that the package's maps do not know.

    python -m biomech.build.marker_maps

In ``laboratories.csv`` landmarks are where the package's virtual markers have them; what is on muscle may be moved and
is roughly placed.
"""

import csv
from pathlib import Path

from biomech.markers.marker_map import COLUMNS
from biomech.markers.virtual import load_virtual_markers

HERE = Path(__file__).parents[1] / "labels" / "library"
# Right side or middle: names in files (the usual one first), the virtual marker at that landmark.
LANDMARKS = {
    "R.ASIS RASI R_ASIS RASIS RxAsis": "RASI",
    "R.PSIS RPSI R_PSIS RPSIS": "RPSI",
    "C7": "C7",
    "CLAV MAN SUP": "CLAV",
    "STRN Sternum STR XIPH": "STRN",
    "T10": "T10",
    "RACR R.Shoulder RSHO RSH R.Acromion RA RxShould": "RSHO",
    "RLEL R.Elbow RELB R.Elbow.Lat RLHE RxElbow": "RELSO",
    "RMEL R.Melb R.Elbow.Med RMHE": "RELS",
    "RFAradius R.Radius RRS RWRA": "RWRA",
    "RFAulna R.Ulna RUS RWRB": "RWRB",
    "R.Knee RLFC RKNE R_Knee_Lat RLEK RFCL RxLatCon RLEPI RLFE R.Knee.Lat": "RKNE",
    "R.Knee.Medial RMFC R_Knee_Med RMEK RFCM R.Mkn RMEPI RMFE R.Knee.Med": "RKNI",
    "R.TT RTUB RATT": "RTIA",
    "R.Ankle RLMAL RANK R_Ankle_Lat RLM RMALL RxLatMal RLLM R.Ankle.Lat": "RANK",
    "R.Ankle.Medial RMMAL R_Ankle_Med RMM RMALM R.Man RMMA R.Ankle.Med RSPH": "RAKI",
    "R.Heel RCAL RHEE R_Heel RHEEL RxHeel R.Heel.Sup": "RHEE",
    "R.MT1 RMT1 RP1MT RP1M RMFH1 R.MTP1": "RMT1",
    "R.MT5 RMT5 RP5MT RP5M RMFH5 RxMeta5 R.MTP5 R_Toe_Lat": "RMT5",
}
# Body, place (m) of what may be moved.
ROUGH = {
    "R.Iliac.Crest": ("pelvis", -0.03, 0.09, 0.14),
    "R.GTR RGT": ("femur_r", -0.02, -0.02, 0.10),
    "RTH1 R.TH1 RTHI RLTHI R_Thigh_Upper RTHU RTHLP RxThigh RTHI1": ("femur_r", 0.02, -0.20, 0.08),
    "RTH2 R.TH2 R_Thigh_Front RTHL RTHAP RTHI2": ("femur_r", 0.05, -0.24, 0.05),
    "RTH3 R.TH3 R_Thigh_Rear RTHD RTHLD RTHI3": ("femur_r", -0.01, -0.28, 0.07),
    "RTH4 R.TH4 RTHC RTHAD": ("femur_r", 0.05, -0.30, 0.03),
    "RPAT": ("tibia_r", 0.05, 0.03, 0.0),
    "R.HF RHFB RxFH": ("tibia_r", -0.03, -0.04, 0.05),
    "RTB1 R.SH1 RTIB RLSHA R_Shank_Upper RTBU RTIAP RxShank RLEG1": ("tibia_r", 0.01, -0.15, 0.05),
    "RTB2 R.SH2 R_Shank_Front RTBC RTIAD RLEG2": ("tibia_r", 0.02, -0.22, 0.03),
    "RTB3 R.SH3 R_Shank_Rear RTBD RTILAT RLEG3": ("tibia_r", -0.01, -0.25, 0.05),
    "RTB4 R.SH4 RTBM RTIB2": ("tibia_r", 0.01, -0.28, 0.03),
    "R.MT2 RMT2 RTOE RTT2 R_Toe_Tip RxToe1": ("calcn_r", 0.19, 0.01, -0.005),
    "R_Toe_Med": ("calcn_r", 0.18, 0.01, -0.04),
    "RMFS": ("calcn_r", 0.10, 0.03, -0.01),
    "RMFL": ("calcn_r", 0.09, 0.01, 0.03),
    "RUA1 R.Bicep RARM RARM1": ("humerus_r", 0.0, -0.13, 0.035),
    "RUA2 RARM2": ("humerus_r", 0.0, -0.18, 0.035),
    "RUA3 RARM3": ("humerus_r", 0.0, -0.22, 0.035),
    "RFAsuperior R.Forearm RFOREARM RFARM1": ("ulna_r", -0.03, -0.10, 0.03),
    "R.Clavicle": ("torso", 0.03, 0.39, 0.05),
    "R.Wrist RWR RxWrist": ("radius_r", -0.02, -0.23, 0.03),
}
MIDDLE = {"SACR S2 Psis": ("pelvis", -0.1568, 0.0269, 0.0)}
NO_MIRROR = ("C7", "CLAV", "STRN", "T10")
WEIGHT, ROUGH_WEIGHT = 10, 2


def rows() -> list[list[object]]:
    """The table, without its head."""
    virtual = load_virtual_markers()
    table: list[list[object]] = []
    for names, marker in LANDMARKS.items():
        at = virtual.names.index(marker)
        place = [round(float(x), 5) for x in virtual.location_m[at]]
        _both(table, names, virtual.body[at], place, WEIGHT, 1, f"virtual marker {marker}", marker not in NO_MIRROR)
    for names, (body, *at_m) in MIDDLE.items():
        _both(table, names, body, at_m, WEIGHT, 1, "between virtual markers RPSI and LPSI", False)
    for names, (body, *at_m) in ROUGH.items():
        _both(table, names, body, at_m, ROUGH_WEIGHT, 0, "roughly", True)
    return table


def _both(table: list, names: str, body: str, at: list[float], weight: int, fixed: int, source: str, two: bool) -> None:
    table.append([names, names.split()[0], body, *at, weight, fixed, source])
    if two:
        left = " ".join(_left(name) for name in names.split())
        other = body[:-2] + "_l" if body.endswith("_r") else body
        table.append([left, left.split()[0], other, at[0], at[1], -at[2], weight, fixed, source])


def _left(name: str) -> str:
    return "L" + name[1:]


def write(name: str, table: list[list[object]]) -> None:
    """A map as the package reads it.

    Args:
        name: of the .csv, beside the motion library's code.
        table: cells in the order of the columns of marker maps; places in m, in their bodies.
    """
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(table)


if __name__ == "__main__":
    write("laboratories.csv", rows())

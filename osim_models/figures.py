"""The figures our skeleton is made of: masses, joint frames, functions, ranges and meshes, each with its source.

Everything is given for the right side and mirrored in the sagittal plane by ``build.py``. Metres, kilograms, kg m²,
radians (ranges in degrees, as the literature prints them); X forward, Y up, Z to the right.

Sources, referred to by name below:
    Rajagopal 2016   Rajagopal, Dembia, DeMers, Delp, Hicks, Delp: Full-body musculoskeletal model for muscle-driven
                     simulation of human gait. IEEE Trans Biomed Eng 63(10).
    Lai 2017         Lai, Arnold, Wakeling: Why are antagonist muscles co-activated in my simulation? A musculoskeletal
                     model for analysing human locomotor tasks. Ann Biomed Eng 45(12).
    Uhlrich 2022     Uhlrich, Jackson, Seth, Kolesar, Delp: Muscle coordination retraining inspired by musculoskeletal
                     simulations reduces knee contact force. Sci Rep 12.
    de Leva 1996     de Leva: Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters. J Biomech 29(9).
    Dumas 2007       Dumas, Chèze, Verriest: Adjustments to McConville et al. and Young et al. body segment inertial
                     parameters. J Biomech 40(3).
    AAOS 1965        American Academy of Orthopaedic Surgeons: Joint motion, method of measuring and recording.
"""

from typing import NamedTuple

Vector = tuple[float, float, float]
ORIGIN: Vector = (0.0, 0.0, 0.0)
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


class BodyFigures(NamedTuple):
    """Mass, mass centre in the body frame, central moments of inertia about the body's axes, meshes."""

    mass_kg: float
    mass_centre_m: Vector
    inertia_kg_m2: Vector
    meshes: tuple[str, ...] = ()


class CoordinateFigures(NamedTuple):
    """Range in degrees (metres for a translation) and value in the default pose."""

    low: float
    high: float
    default: float = 0.0


class PinFigures(NamedTuple):
    """A hinge about Z of an offset frame that has the same orientation in parent and child."""

    name: str
    parent: str
    child: str
    centre_in_parent_m: Vector
    orientation_rad: Vector
    coordinate: str


class EulerFigures(NamedTuple):
    """Two or three coordinates that turn the child about Z, then X, then Y, through one fixed centre."""

    name: str
    parent: str
    child: str
    centre_in_parent_m: Vector
    coordinates: tuple[str, ...]


# Rajagopal 2016: lower limb, arms and head-arms-trunk of a man of 1.70 m and 75 kg.
PELVIS = BodyFigures(11.777, (-0.0707, 0, 0), (0.1028, 0.0871, 0.0579), ("r_pelvis", "l_pelvis", "sacrum"))
TORSO_WITH_HEAD = BodyFigures(26.8266, (-0.03, 0.32, 0), (1.4745, 0.7555, 1.4314), ("hat_spine", "hat_ribs_scap"))

# Meshes of the right side are named r_* or *_r*; `{s}` is the side's letter.
HAND_SCALE = 0.85  # of the hand's bones in Rajagopal 2016
_FINGERS = tuple(f"{finger}_{part}" for finger in ("index", "middle", "ring", "little") for part in
                 ("proximal", "medial", "distal"))  # fmt: skip
HAND_MESHES = tuple(
    f"{bone}_{{s}}vs"
    for bone in (
        *("pisiform", "lunate", "scaphoid", "triquetrum", "hamate", "capitate", "trapezoid", "trapezium"),
        *(f"metacarpal{k}" for k in range(1, 6)),
        *_FINGERS,
        *("thumb_proximal", "thumb_distal"),
    )
)
SIDE_BODIES = {
    "femur": BodyFigures(9.3014, (0, -0.17, 0), (0.1339, 0.0351, 0.1412), ("{s}_femur",)),
    "tibia": BodyFigures(3.7075, (0, -0.1867, 0), (0.0504, 0.0051, 0.0511), ("{s}_tibia", "{s}_fibula")),
    "talus": BodyFigures(0.1, ORIGIN, (0.001, 0.001, 0.001), ("{s}_talus",)),
    "calcn": BodyFigures(1.25, (0.1, 0.03, 0), (0.0014, 0.0039, 0.0041), ("{s}_foot",)),
    "toes": BodyFigures(0.2166, (0.0346, 0.006, -0.0175), (0.0001, 0.0002, 0.001), ("{s}_bofoot",)),
    "humerus": BodyFigures(2.0325, (0, -0.164502, 0), (0.011946, 0.004121, 0.013409), ("humerus_{s}v",)),
    "ulna": BodyFigures(0.6075, (0, -0.120525, 0), (0.002962, 0.000618, 0.003213), ("ulna_{s}v",)),
    "radius": BodyFigures(0.6075, (0, -0.120525, 0), (0.002962, 0.000618, 0.003213), ("radius_{s}v",)),
    "hand": BodyFigures(0.4575, (0, -0.068095, 0), (0.000892, 0.000547, 0.00134), HAND_MESHES),
}
PATELLA = BodyFigures(0.0862, (0.0018, 0.0264, 0), (2.87e-06, 1.311e-05, 1.311e-05), ("{s}_patella",))

# The head with the neck is the head segment of de Leva 1996, table 4, males: 6.94 % of the body's mass; with the
# vertex and cervicale (C7) as end points its mass centre lies 50.02 % of their distance below the vertex, and the radii
# of gyration are 30.3, 31.5 and 26.1 % of it (sagittal, transverse, longitudinal axis). The distance is 242.9 mm in men
# of 1.741 m, scaled here to the 1.70 m of Rajagopal 2016.
BODY_MASS_KG = 75.337  # sum of Rajagopal 2016's bodies; taking the head off the torso leaves it as it is
HEAD_MASS_KG = 0.0694 * BODY_MASS_KG
HEAD_LENGTH_M = 0.2429 * 1.70 / 1.741
HEAD_GYRATION = (0.303, 0.261, 0.315)  # about X, Y, Z
HEAD_MASS_CENTRE = 0.5002  # from the vertex
CERVICALE_IN_TORSO_M = (-0.080, 0.420, 0.0)  # marker C7 of Uhlrich 2022's marker set
HEAD_MESHES = ("hat_skull", "hat_jaw")  # drawn in the torso's frame
# The head balances over the shoulders: its mass centre is put above the shoulder's centre line.
HEAD_MASS_CENTRE_IN_TORSO_M = (0.003, CERVICALE_IN_TORSO_M[1] + (1 - HEAD_MASS_CENTRE) * HEAD_LENGTH_M, 0.0)
# Centre of C7/T1 after Dumas 2007 (men): 55 % of the way from cervicale towards suprasternale, turned up by 8°, with
# suprasternale at (0.045, 0.383, 0), midway between the sternum markers of Uhlrich 2022's marker set.
NECK_IN_TORSO_M = (-0.0092, 0.4095, 0.0)

# Rajagopal 2016.
PELVIS_ROTATIONS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
PELVIS_TRANSLATIONS = ("pelvis_tx", "pelvis_ty", "pelvis_tz")
TRUNK_JOINTS = (
    EulerFigures(
        *("back", "pelvis", "torso", (-0.1007, 0.0815, 0)),
        ("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
    ),
    EulerFigures(
        *("neck", "torso", "head", NECK_IN_TORSO_M),
        ("neck_extension", "neck_bending", "neck_rotation"),
    ),
)
SIDE_JOINTS: tuple[EulerFigures | PinFigures, ...] = (
    EulerFigures(
        *("hip", "pelvis", "femur", (-0.056276, -0.07849, 0.07726)),
        ("hip_flexion", "hip_adduction", "hip_rotation"),
    ),
    PinFigures("ankle", "tibia", "talus", (-0.01, -0.4, 0), (0.175895, -0.105208, 0.0186622), "ankle_angle"),
    PinFigures(
        *("subtalar", "talus", "calcn", (-0.04877, -0.04195, 0.00792), (-1.76819, 0.906223, 1.8196)), "subtalar_angle"
    ),
    PinFigures("mtp", "calcn", "toes", (0.1788, -0.002, 0.00108), (-3.14159, 0.619901, 0), "mtp_angle"),
    EulerFigures(
        *("acromial", "torso", "humerus", (0.003155, 0.3715, 0.17)),
        ("arm_flex", "arm_add", "arm_rot"),
    ),
    PinFigures(
        *("elbow", "humerus", "ulna", (0.013144, -0.286273, -0.009595), (-0.0228627, 0.228018, 0.0051689)), "elbow_flex"
    ),
    PinFigures(
        *("radioulnar", "ulna", "radius", (-0.006727, -0.013007, 0.026083), (-1.56884, 0.056428, 1.53614)), "pro_sup"
    ),
    # Rajagopal 2016 has these two axes and locks them; Uhlrich 2022 welds the hand.
    EulerFigures(*("radius_hand", "radius", "hand", (-0.008797, -0.235841, 0.01361)), ("wrist_flex", "wrist_dev")),
)

# Knee of Lai 2017 / Uhlrich 2022: flexion about X of an offset frame, followed by the coupled rotations about Z and Y
# and the translations along X, Y, Z, polynomials of the flexion in radians, highest power first.
KNEE_IN_FEMUR_M = (-0.0045, -0.4096, -0.00175)
KNEE_IN_TIBIA_M = (-0.00808954, -0.0035348, -0.00148474)
KNEE_ORIENTATION_RAD = (-1.64157, 1.44618, 1.5708)
KNEE_ROTATION_Z = (0.010832094539863, -0.025218325501241, -0.032847810398852, 0.079100011967027, -1.473252350900463e-08)
KNEE_ROTATION_Y = (0.025165762727423, -0.16948005139054, 0.369499348688249, -4.430358308836305e-08)
KNEE_TRANSLATIONS = (
    (0.0001590447878850381, -0.001015149915669, 0.001817510974968, 2.64142664519923e-05, -7.746563532471892e-07),
    (-0.0005796878052338684, 0.005079765745626, -0.011442375726364, 0.003936908668844, -2.516350383213525e-05),
    (0.001208086889206, -0.004453611224706, 0.0006116494072981739, 0.006265429606387, -1.461912533723326e-05),
)

# Patella of Rajagopal 2016 / Lai 2017: rotation about Z and place in the femur as splines of the knee's flexion
# every 10° from 0 to 120°.
PATELLA_IN_FEMUR_M = (-0.00809, -0.40796, -0.00275)
PATELLA_Z_M = 0.00275
PATELLA_KNOTS_RAD = (0.0, 0.174533, 0.349066, 0.523599, 0.698132, 0.872665, 1.0472, 1.22173, 1.39626, 1.5708,
                     1.74533, 1.91986, 2.0944)  # fmt: skip
PATELLA_ROTATION_RAD = (0.00113686, -0.00629212, -0.105582, -0.253683, -0.414245, -0.579047, -0.747244, -0.91799,
                        -1.09044, -1.26379, -1.43763, -1.61186, -1.78634)  # fmt: skip
PATELLA_X_M = (0.0524, 0.0488, 0.0437, 0.0371, 0.0296, 0.0216, 0.0136, 0.0057, -0.0019, -0.0088, -0.0148, -0.0196,
               -0.0227)  # fmt: skip
PATELLA_Y_M = (-0.0108, -0.019, -0.0263, -0.0322, -0.0367, -0.0395, -0.0408, -0.0404, -0.0384, -0.0349, -0.0301,
               -0.0245, -0.0187)  # fmt: skip

# Ranges of healthy joints after AAOS 1965, rounded outwards for athletes and, where several rotations share a joint,
# for what the order of rotations adds (an arm raised sideways is -90° of arm_add before it turns). They inform; no
# coordinate is clamped: with clamps OpenSim's inverse kinematics takes an optimiser that does not converge.
COORDINATES = {
    "pelvis_tilt": CoordinateFigures(-180, 180),
    "pelvis_list": CoordinateFigures(-90, 90),
    "pelvis_rotation": CoordinateFigures(-180, 180),
    "pelvis_tx": CoordinateFigures(-50, 50),
    "pelvis_ty": CoordinateFigures(-50, 50, default=0.94),
    "pelvis_tz": CoordinateFigures(-50, 50),
    "lumbar_extension": CoordinateFigures(-90, 45),
    "lumbar_bending": CoordinateFigures(-60, 60),
    "lumbar_rotation": CoordinateFigures(-60, 60),
    "neck_extension": CoordinateFigures(-70, 80),
    "neck_bending": CoordinateFigures(-50, 50),
    "neck_rotation": CoordinateFigures(-85, 85),
}
SIDE_COORDINATES = {
    "hip_flexion": CoordinateFigures(-40, 140),
    "hip_adduction": CoordinateFigures(-60, 45),
    "hip_rotation": CoordinateFigures(-60, 60),
    "knee_angle": CoordinateFigures(-10, 150),
    "ankle_angle": CoordinateFigures(-60, 50),
    "subtalar_angle": CoordinateFigures(-35, 35),
    "mtp_angle": CoordinateFigures(-75, 45),
    "arm_flex": CoordinateFigures(-90, 180),
    "arm_add": CoordinateFigures(-180, 90),
    "arm_rot": CoordinateFigures(-120, 120),
    "elbow_flex": CoordinateFigures(-10, 160),
    "pro_sup": CoordinateFigures(-10, 170),
    "wrist_flex": CoordinateFigures(-80, 90),
    "wrist_dev": CoordinateFigures(-30, 45),
}

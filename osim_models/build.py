"""Build our full-body skeleton without muscles from the cited figures: ``python -m biomech.osim_models.build``.

Bodies, joints and coordinates are named as in the Rajagopal family (LaiUhlrich2022), so that motions, marker sets and
tasks made for it fit; added are a head on a neck of three coordinates and wrists of two each. The file carries the
142 virtual markers, so run this again when their table changes.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import opensim

from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.markers.virtual import load_virtual_markers
from biomech.osim_models import DEFAULT_PATH, figures
from biomech.osim_models.figures import BodyFigures, EulerFigures, PinFigures, Vector
from biomech.skeleton.model import print_whole, quiet_opensim

EULER_AXES = (figures.Z, figures.X, figures.Y)
Marker = tuple[str, str, Vector]

CREDITS = (
    "Built by the BioPose project from published figures. Bones, joints, masses: Rajagopal et al. (2016); knee: "
    "Lai et al. (2017) and Uhlrich et al. (2022); head: de Leva (1996) and Dumas et al. (2007). No muscles."
)
PUBLICATIONS = (
    "Rajagopal, Dembia, DeMers, Delp, Hicks, Delp (2016), IEEE Trans Biomed Eng 63(10). "
    "Lai, Arnold, Wakeling (2017), Ann Biomed Eng 45(12). "
    "Uhlrich, Jackson, Seth, Kolesar, Delp (2022), Sci Rep 12. "
    "de Leva (1996), J Biomech 29(9). Dumas, Cheze, Verriest (2007), J Biomech 40(3)."
)


class _Mass:
    """A rigid body's mass, mass centre and inertia about its frame's origin, which add and subtract."""

    def __init__(self, mass: float, centre: np.ndarray, inertia_at_origin: np.ndarray):
        self.mass, self.centre, self.inertia_at_origin = mass, centre, inertia_at_origin

    @classmethod
    def of(cls, body: BodyFigures, offset: Vector = figures.ORIGIN) -> "_Mass":
        centre = np.add(body.mass_centre_m, offset)
        return cls(body.mass_kg, centre, np.diag(body.inertia_kg_m2) + _point_inertia(body.mass_kg, centre))

    def plus(self, other: "_Mass", sign: int = 1) -> "_Mass":
        mass = self.mass + sign * other.mass
        centre = (self.mass * self.centre + sign * other.mass * other.centre) / mass
        return _Mass(mass, centre, self.inertia_at_origin + sign * other.inertia_at_origin)

    def central_inertia(self) -> opensim.Inertia:
        i = self.inertia_at_origin - _point_inertia(self.mass, self.centre)
        return opensim.Inertia(*(float(v) for v in (i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2])))


def _point_inertia(mass: float, at: np.ndarray) -> np.ndarray:
    return mass * (at @ at * np.eye(3) - np.outer(at, at))


def _vec3(v: Iterable[float]) -> opensim.Vec3:
    return opensim.Vec3(*(float(x) for x in v))


def _mirrored_point(v: Vector, side: str) -> Vector:
    return v if side == "r" else (v[0], v[1], -v[2])


def _mirrored_rotation(v: Vector, side: str) -> Vector:
    """A rotation's axis, or its angles about X, Y and Z, seen in the sagittal plane's mirror."""
    return v if side == "r" else (-v[0], -v[1], v[2])


class _Builder:
    def __init__(self) -> None:
        self.model = opensim.Model()
        self.bodies: dict[str, opensim.PhysicalFrame] = {"ground": self.model.getGround()}

    def body(self, name: str, mass: _Mass, meshes: Iterable[str] = (), mesh_scale: float = 1.0) -> opensim.Body:
        body = opensim.Body(name, mass.mass, _vec3(mass.centre), mass.central_inertia())
        for mesh in meshes:
            self._mesh(body, mesh, mesh_scale)
        self.model.addBody(body)
        self.bodies[name] = body
        return body

    @staticmethod
    def _mesh(frame: opensim.PhysicalFrame, mesh: str, scale: float = 1.0) -> None:
        geometry = opensim.Mesh(f"{mesh}.vtp")
        geometry.setName(mesh)
        geometry.set_scale_factors(opensim.Vec3(scale))
        frame.attachGeometry(geometry)

    def mesh_drawn_in(self, body: opensim.Body, origin: Vector, meshes: Iterable[str]) -> None:
        """Attach meshes whose own origin lies at ``origin`` of the body's frame."""
        frame = opensim.PhysicalOffsetFrame(f"{body.getName()}_meshes", body, opensim.Transform(_vec3(origin)))
        body.addComponent(frame)
        for mesh in meshes:
            self._mesh(frame, mesh)

    def joint(self, figure: EulerFigures | PinFigures, side: str | None = None) -> None:
        def named(name: str) -> str:
            return f"{name}_{side}" if side and name not in ("pelvis", "torso") else name

        at = side or "r"
        ends = (named(figure.name), self.bodies[named(figure.parent)])
        child = self.bodies[named(figure.child)]
        centre = _vec3(_mirrored_point(figure.centre_in_parent_m, at))
        zero = opensim.Vec3(0)
        if isinstance(figure, PinFigures):
            turn = _vec3(_mirrored_rotation(figure.orientation_rad, at))
            joint = opensim.PinJoint(*ends, centre, turn, child, zero, turn)
            joint.updCoordinate().setName(named(figure.coordinate))
        else:
            transform = opensim.SpatialTransform()
            for k, axis in enumerate(EULER_AXES):
                axis = _mirrored_rotation(axis, at)
                if k < len(figure.coordinates):
                    _set_axis(transform, k, named(figure.coordinates[k]), axis, (1.0, 0.0))
                else:
                    transform.updTransformAxis(k).setAxis(_vec3(axis))
            joint = opensim.CustomJoint(*ends, centre, zero, child, zero, zero, transform)
        self.model.addJoint(joint)

    def pelvis_joint(self) -> None:
        transform = opensim.SpatialTransform()
        for k, coordinate in enumerate(figures.PELVIS_ROTATIONS):
            _set_axis(transform, k, coordinate, EULER_AXES[k], (1.0, 0.0))
        for k, coordinate in enumerate(figures.PELVIS_TRANSLATIONS):
            _set_axis(transform, 3 + k, coordinate, (figures.X, figures.Y, figures.Z)[k], (1.0, 0.0))
        zero = opensim.Vec3(0)
        self.model.addJoint(
            opensim.CustomJoint(
                "ground_pelvis", self.bodies["ground"], zero, zero, self.bodies["pelvis"], zero, zero, transform
            )
        )

    def knee(self, side: str) -> None:
        name = f"knee_angle_{side}"
        transform = opensim.SpatialTransform()
        rotations = ((1.0, 0.0), figures.KNEE_ROTATION_Z, figures.KNEE_ROTATION_Y)
        for k, (axis, polynomial) in enumerate(zip((figures.X, figures.Z, figures.Y), rotations, strict=True)):
            _set_axis(transform, k, name, _mirrored_rotation(axis, side), polynomial)
        axes = (figures.X, figures.Y, figures.Z)
        for k, (axis, polynomial) in enumerate(zip(axes, figures.KNEE_TRANSLATIONS, strict=True)):
            _set_axis(transform, 3 + k, name, _mirrored_point(axis, side), polynomial)
        turn = _vec3(_mirrored_rotation(figures.KNEE_ORIENTATION_RAD, side))
        in_femur = _vec3(_mirrored_point(figures.KNEE_IN_FEMUR_M, side))
        in_tibia = _vec3(_mirrored_point(figures.KNEE_IN_TIBIA_M, side))
        femur, tibia = self.bodies[f"femur_{side}"], self.bodies[f"tibia_{side}"]
        self.model.addJoint(
            opensim.CustomJoint(f"walker_knee_{side}", femur, in_femur, turn, tibia, in_tibia, turn, transform)
        )

    def patella(self, side: str) -> None:
        beta, knee = f"knee_angle_{side}_beta", f"knee_angle_{side}"
        transform = opensim.SpatialTransform()
        knots = figures.PATELLA_KNOTS_RAD
        for k, axis, values in (
            (0, figures.Z, figures.PATELLA_ROTATION_RAD),
            (3, figures.X, figures.PATELLA_X_M),
            (4, figures.Y, figures.PATELLA_Y_M),
        ):
            spline = opensim.SimmSpline()
            for x, y in zip(knots, values, strict=True):
                spline.addPoint(x, y)
            _set_function(transform, k, beta, axis, spline)
        transform.updTransformAxis(1).setAxis(_vec3(figures.X))
        transform.updTransformAxis(2).setAxis(_vec3(figures.Y))
        _set_function(transform, 5, None, _mirrored_point(figures.Z, side), opensim.Constant(figures.PATELLA_Z_M))
        zero = opensim.Vec3(0)
        in_femur = _vec3(_mirrored_point(figures.PATELLA_IN_FEMUR_M, side))
        joint = opensim.CustomJoint(
            *(f"patellofemoral_{side}", self.bodies[f"femur_{side}"], in_femur, zero),
            *(self.bodies[f"patella_{side}"], zero, zero, transform),
        )
        self.model.addJoint(joint)
        coupling = opensim.CoordinateCouplerConstraint()
        coupling.setName(f"patellofemoral_{knee}_con")
        independent = opensim.ArrayStr()
        independent.append(knee)
        coupling.setIndependentCoordinateNames(independent)
        coupling.setDependentCoordinateName(beta)
        coupling.setFunction(opensim.LinearFunction(1.0, 0.0))
        self.model.addConstraint(coupling)

    def ranges(self) -> None:
        sided = {f"{name}_{s}": figure for name, figure in figures.SIDE_COORDINATES.items() for s in "rl"}
        table = figures.COORDINATES | sided
        drawn = (joint.upd_coordinates(k) for joint in self.model.getJointSet() for k in range(joint.numCoordinates()))
        for coordinate in drawn:
            if coordinate.getName().endswith("_beta"):  # follows its knee
                continue
            figure = table[coordinate.getName()]
            unit = 1.0 if coordinate.getName() in figures.PELVIS_TRANSLATIONS else np.pi / 180
            coordinate.setRangeMin(figure.low * unit)
            coordinate.setRangeMax(figure.high * unit)
            coordinate.setDefaultValue(figure.default * unit)
            coordinate.setDefaultClamped(False)


def _set_axis(transform: opensim.SpatialTransform, k: int, coordinate: str, axis: Vector, polynomial: tuple) -> None:
    """Let a coordinate drive axis ``k`` by a polynomial, highest power first."""
    function = (
        opensim.LinearFunction(*polynomial)
        if len(polynomial) == 2
        else opensim.PolynomialFunction(opensim.Vector(list(polynomial)))
    )
    _set_function(transform, k, coordinate, axis, function)


def _set_function(
    transform: opensim.SpatialTransform, k: int, coordinate: str | None, axis: Vector, function: opensim.Function
) -> None:
    target = transform.updTransformAxis(k)
    if coordinate:
        target.setCoordinateNames(opensim.ArrayStr(coordinate, 1))
    target.setAxis(_vec3(axis))
    function._markAdopted()  # the axis frees it; were Python to do so too, the next use would crash
    target.setFunction(function)


def _head_figures() -> BodyFigures:
    """The head of de Leva 1996 in a frame whose origin is the neck's joint centre."""
    centre = np.subtract(figures.HEAD_MASS_CENTRE_IN_TORSO_M, figures.NECK_IN_TORSO_M)
    inertia = figures.HEAD_MASS_KG * (np.array(figures.HEAD_GYRATION) * figures.HEAD_LENGTH_M) ** 2
    return BodyFigures(figures.HEAD_MASS_KG, tuple(centre), tuple(inertia))


def build_model(markers: Iterable[Marker] | None = None, patella: bool = False) -> opensim.Model:
    """Our skeleton as an OpenSim model, not yet initialised.

    Args:
        markers: (name, body, location in the body's frame in m) of each marker to carry; None: no marker.
        patella: with the patellae as bodies of their own, each coupled to its knee by a constraint; without them
            their mass belongs to the femur, and inverse kinematics has no constraint to satisfy.

    Returns:
        The generic model, in metres, kilograms and radians.

    Raises:
        BioposeError: a marker names a body that the skeleton does not have.
    """
    with quiet_opensim():
        b = _Builder()
        b.model.setName("biopose_full_body")
        b.model.set_credits(CREDITS)
        b.model.set_publications(PUBLICATIONS)
        b.model.set_length_units("meters")
        b.model.set_force_units("N")
        b.model.set_gravity(opensim.Vec3(0, -9.80665, 0))

        head = _head_figures()
        torso = _Mass.of(figures.TORSO_WITH_HEAD).plus(_Mass.of(head, figures.NECK_IN_TORSO_M), sign=-1)
        b.body("pelvis", _Mass.of(figures.PELVIS), figures.PELVIS.meshes)
        b.body("torso", torso, figures.TORSO_WITH_HEAD.meshes)
        head_body = b.body("head", _Mass.of(head))
        x, y, z = figures.NECK_IN_TORSO_M
        b.mesh_drawn_in(head_body, (-x, -y, -z), figures.HEAD_MESHES)
        b.pelvis_joint()
        for trunk_joint in figures.TRUNK_JOINTS:
            b.joint(trunk_joint)
        for side in "rl":
            _add_side(b, side, patella)
        b.ranges()
        for name, body, location in markers or ():
            if body not in b.bodies:
                raise BioposeError(f"no body '{body}'", where=f"marker {name}", mend=f"Bodies: {', '.join(b.bodies)}.")
            b.model.addMarker(opensim.Marker(name, b.bodies[body], _vec3(location)))
        b.model.finalizeConnections()
        return b.model


def _add_side(b: _Builder, side: str, patella: bool) -> None:
    for name, figure in figures.SIDE_BODIES.items():
        mass = _Mass.of(_mirrored_body(figure, side))
        if name == "femur" and not patella:
            # where the straight knee holds it
            standing = (figures.PATELLA_X_M[0], figures.PATELLA_Y_M[0], figures.PATELLA_Z_M)
            place = _mirrored_point(tuple(np.add(figures.PATELLA_IN_FEMUR_M, standing)), side)
            mass = mass.plus(_Mass.of(_mirrored_body(figures.PATELLA, side), place))
        scale = figures.HAND_SCALE if name == "hand" else 1.0
        b.body(f"{name}_{side}", mass, (mesh.format(s=side) for mesh in figure.meshes), scale)
    b.joint(figures.SIDE_JOINTS[0], side)
    b.knee(side)
    if patella:
        b.body(
            f"patella_{side}",
            _Mass.of(_mirrored_body(figures.PATELLA, side)),
            (mesh.format(s=side) for mesh in figures.PATELLA.meshes),
        )
        b.patella(side)
    for joint in figures.SIDE_JOINTS[1:]:
        b.joint(joint, side)


def _mirrored_body(figure: BodyFigures, side: str) -> BodyFigures:
    return figure._replace(mass_centre_m=_mirrored_point(figure.mass_centre_m, side))


def write(path: Path = DEFAULT_PATH, markers: Iterable[Marker] | None = None, patella: bool = False) -> None:
    """Build the skeleton and write it as an .osim file.

    Args:
        path: the .osim, by default the packaged one; written whole or not at all.
        markers, patella: as of ``build_model``.
    """
    model = build_model(markers, patella)
    with whole_file(path) as temporary:
        print_whole(model, temporary)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--patella", action="store_true", help="with patellae coupled to the knees by constraints")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_PATH)
    options = parser.parse_args()
    write(options.output, load_virtual_markers().on_model(), options.patella)
    print(options.output)


if __name__ == "__main__":
    main()

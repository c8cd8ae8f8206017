"""What is read of an .osim: of old files, of models in memory without touching them; and what is refused, by name."""

from pathlib import Path

import numpy as np
import opensim
import opensim_parts as parts
import pytest
import torch
from posed_by_opensim import apart, random_coordinates, random_scales, scale, truth

from biomech.errors import BioposeError
from biomech.osim_models import build
from biomech.skeleton.description import Description, describe
from biomech.skeleton.functions import Affine, CoordinateMap, Curve, read_function
from biomech.skeleton.model import load_model, quiet_opensim
from biomech.skeleton.skeleton import Skeleton


def numbers(description: Description) -> list[object]:
    """All that a description holds, fit to compare."""
    return [
        description.bodies,
        description.coordinates,
        [
            (
                j.name,
                j.parent.body,
                j.parent.rotation,
                j.parent.origin,
                j.child.rotation,
                j.child.origin,
                j.axes,
                j.growth,
            )
            for j in description.joints
        ],
        [(c.dependent, c.independent) for c in description.couplers],
        [(m.name, m.body, m.location, m.fixed) for m in description.markers],
    ]


def in_xml(model: opensim.Model, path: Path) -> str:
    with quiet_opensim("Off"):
        model.printToXML(str(path))
    return path.read_text()


@pytest.mark.parametrize("kind", parts.JOINTS)
def test_a_model_in_memory_is_read_and_left_as_it_was(kind, tmp_path):
    model = parts.chain(kind)
    before = in_xml(model, tmp_path / "before.osim")
    described = describe(model)
    assert in_xml(model, tmp_path / "after.osim") == before
    np.testing.assert_equal(numbers(describe(tmp_path / "after.osim")), numbers(described))


def test_reading_leaves_a_loaded_model_s_state(tmp_path):
    model = load_model(build.DEFAULT_PATH)
    state = model.updWorkingState()
    model.getCoordinateSet().get("knee_angle_r").setValue(state, 0.7)
    before = in_xml(model, tmp_path / "before.osim")
    describe(model)
    assert model.getCoordinateSet().get("knee_angle_r").getValue(model.getWorkingState()) == 0.7
    assert in_xml(model, tmp_path / "after.osim") == before


def test_coordinates_say_what_they_are():
    model = parts.chain("Planar")
    for k, name in enumerate(("turn", "along", "up")):
        model.updJointSet().get(0).upd_coordinates(k).setName(name)
    turn, along, up = (model.updCoordinateSet().get(name) for name in ("turn", "along", "up"))
    turn.setDefaultValue(0.3)
    turn.setDefaultClamped(True)
    along.setDefaultLocked(True)
    along.setDefaultValue(-0.2)
    up.setRangeMax(2.5)
    model.finalizeConnections()
    read = {coordinate.name: coordinate for coordinate in describe(model).coordinates}
    assert (read["turn"].rotational, read["turn"].default, read["turn"].clamped) == (True, 0.3, True)
    assert (read["along"].rotational, read["along"].default, read["along"].locked) == (False, -0.2, True)
    assert (read["up"].range, read["up"].clamped, read["up"].locked) == ((-1.0, 2.5), False, False)
    skeleton = Skeleton.from_osim(model)
    free = {skeleton.coordinate_names[k] for k in skeleton.free}
    assert {"turn", "up"} <= free and "along" not in free


def coupled(function: opensim.Function, independent: list[str], factor: float = 1.0) -> opensim.Model:
    """A chain of ball joints whose last coordinate follows others."""
    model = parts.chain("Ball")
    names = opensim.ArrayStr()
    for name in independent:
        names.append(name)
    constraint = opensim.CoordinateCouplerConstraint()
    constraint.setName("coupler")
    constraint.setIndependentCoordinateNames(names)
    constraint.setDependentCoordinateName("lower_joint_2")
    constraint.setFunction(function)
    opensim.PropertyHelper.setValueDouble(factor, constraint.updPropertyByName("scale_factor"))
    model.addConstraint(constraint)
    model.finalizeConnections()
    return model


@pytest.mark.parametrize(
    ("function", "independent", "factor"),
    [
        (parts.linear(0.5, 0.1), ["upper_joint_0"], 1.0),
        (parts.linear(0.5, -0.3, 0.1), ["lower_joint_1", "upper_joint_2"], 1.0),
        (parts.multiplied(parts.spline(parts.KNEE_LIKE), 3.0), ["upper_joint_1"], 1.0),
        (parts.spline(parts.KNEE_LIKE), ["upper_joint_1"], 1.5),
    ],
    ids=["LinearFunction", "LinearFunction of two", "Multiplier of SimmSpline", "scale_factor"],
)
def test_couplers_are_those_that_opensim_enforces(function, independent, factor):
    model = coupled(function, independent, factor)
    skeleton = Skeleton.from_osim(model)
    with quiet_opensim("Off"):
        state = model.initSystem()
    for values in torch.as_tensor(np.random.default_rng(0).uniform(-0.9, 0.9, (5, 6))):
        for name, value in zip(skeleton.coordinate_names, values.tolist(), strict=True):
            if name != "lower_joint_2":
                model.getCoordinateSet().get(name).setValue(state, value, False)
        model.assemble(state)
        assembled = [model.getCoordinateSet().get(name).getValue(state) for name in skeleton.coordinate_names]
        assert skeleton.complete(values).tolist() == pytest.approx(assembled, abs=1e-6)
    assert "lower_joint_2" not in [skeleton.coordinate_names[k] for k in skeleton.free]


def test_a_coupler_that_is_not_enforced_does_not_count():
    model = coupled(parts.linear(0.5, 0.1), ["upper_joint_0"])
    model.updConstraintSet().get(0).set_isEnforced(False)
    assert describe(model).couplers == ()


def test_nested_multipliers_become_one_curve():
    joint = describe(parts.chain("Custom")).joints[0]
    (second, _), (fourth, _) = joint.functions[1], joint.functions[3]
    assert isinstance(second, Curve) and isinstance(fourth, Curve)
    assert second.coefficients == pytest.approx(-3.0 * fourth.coefficients)
    assert joint.functions[0][0] == Affine((1.0,), 0.0)


def test_bodies_stand_after_their_parents_whatever_the_order_in_the_file():
    model = opensim.Model()
    bodies = {
        name: opensim.Body(name, 1, opensim.Vec3(0), opensim.Inertia(1, 1, 1)) for name in ("hand", "arm", "trunk")
    }
    for body in bodies.values():
        model.addBody(body)
    for name, parent, child in (("wrist", "arm", "hand"), ("shoulder", "trunk", "arm"), ("root", None, "trunk")):
        above = bodies[parent] if parent else model.getGround()
        model.addJoint(opensim.BallJoint(name, above, bodies[child]))
    model.finalizeConnections()
    described = describe(model)
    assert described.bodies == ("trunk", "arm", "hand")
    assert [joint.name for joint in described.joints] == ["root", "shoulder", "wrist"]


def pin_of_version_20302(path: Path) -> Path:
    """Joints inside their bodies, locations in parent and child, as OpenSim 2 and 3 wrote them."""
    custom = "".join(
        f"<TransformAxis name='{name}'><coordinates>{'bend' if name in 'rotation1 translation2' else ''}</coordinates>"
        f"<axis>{axis}</axis><function>{function}</function></TransformAxis>"
        for name, axis, function in (
            ("rotation1", "0.6 0 0.8", "<LinearFunction><coefficients>1 0</coefficients></LinearFunction>"),
            ("rotation2", "0 1 0", "<Constant><value>0.1</value></Constant>"),
            ("rotation3", "0.8 0 -0.6", "<Constant><value>0</value></Constant>"),
            ("translation1", "1 0 0", "<Constant><value>0.02</value></Constant>"),
            (
                "translation2",
                "0 1 0",
                "<MultiplierFunction><function><SimmSpline><x>-1 0 1</x><y>0.1 0 0.2</y></SimmSpline></function>"
                "<scale>1.4</scale></MultiplierFunction>",
            ),
            ("translation3", "0 0 1", "<Constant><value>0</value></Constant>"),
        )
    )
    path.write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?><OpenSimDocument Version="20302"><Model name="old"><BodySet><objects>
        <Body name="ground"><mass>0</mass><Joint/></Body>
        <Body name="leg"><mass>1</mass><inertia_xx>1</inertia_xx><inertia_yy>1</inertia_yy><inertia_zz>1</inertia_zz>
        <Joint><CustomJoint name="root"><parent_body>ground</parent_body>
        <location_in_parent>0.1 0.9 0.2</location_in_parent><orientation_in_parent>0.1 0.2 0.3</orientation_in_parent>
        <location>0.01 0.4 -0.02</location><orientation>-0.2 0.1 0.5</orientation>
        <CoordinateSet><objects><Coordinate name="bend"><default_value>0.25</default_value><range>-1 1</range>
        <clamped>true</clamped><locked>false</locked></Coordinate></objects></CoordinateSet>
        <SpatialTransform>{custom}</SpatialTransform></CustomJoint></Joint></Body></objects></BodySet>
        <MarkerSet><objects><Marker name="knee"><body>leg</body><location>0.1 -0.2 0.3</location><fixed>true</fixed>
        </Marker></objects></MarkerSet></Model></OpenSimDocument>"""
    )
    return path


def test_a_file_of_opensim_2_is_read(tmp_path):
    path = pin_of_version_20302(tmp_path / "old.osim")
    model, skeleton = load_model(path), Skeleton.from_osim(path)
    assert skeleton.defaults.tolist() == [0.25] and skeleton.clamped.tolist() == [True]
    assert skeleton.description.markers[0].fixed and skeleton.description.markers[0].body == "leg"
    coordinates, factors = random_coordinates(skeleton, 10), random_scales(skeleton)
    assert max(apart(skeleton(coordinates), truth(model, skeleton, coordinates))) < 1e-13
    assert float(skeleton(coordinates).markers.std()) > 0.01
    scale(model, {"leg": factors[1].numpy()})
    assert max(apart(skeleton(coordinates, factors), truth(model, skeleton, coordinates))) < 1e-13


def with_loop() -> opensim.Model:
    model = parts.chain("Pin")
    lower = model.getBodySet().get("lower")
    model.addJoint(opensim.BallJoint("closing", model.getGround(), lower))
    model.finalizeConnections()
    return model


def with_constraint() -> opensim.Model:
    model = parts.chain("Ball")
    point = opensim.Vec3(0)
    held = opensim.PointConstraint(model.getGround(), point, model.getBodySet().get("lower"), point)
    held.setName("held")
    model.addConstraint(held)
    model.finalizeConnections()
    return model


def with_chained_couplers() -> opensim.Model:
    model = coupled(parts.linear(1.0, 0.0), ["upper_joint_0"])
    names = opensim.ArrayStr()
    names.append("lower_joint_2")
    second = opensim.CoordinateCouplerConstraint()
    second.setName("second")
    second.setIndependentCoordinateNames(names)
    second.setDependentCoordinateName("upper_joint_1")
    second.setFunction(parts.linear(1.0, 0.0))
    model.addConstraint(second)
    model.finalizeConnections()
    return model


def with_locked_follower() -> opensim.Model:
    model = coupled(parts.linear(1.0, 0.0), ["upper_joint_0"])
    model.updCoordinateSet().get("lower_joint_2").setDefaultLocked(True)
    return model


def test_a_leader_stays_within_its_followers_range() -> None:
    model = coupled(parts.linear(-2.0, 0.1), ["upper_joint_0"])
    follower = model.updCoordinateSet().get("lower_joint_2")
    follower.setRangeMin(-0.3)
    follower.setRangeMax(0.5)
    follower.setDefaultClamped(True)
    leader = next(c for c in describe(model).coordinates if c.name == "upper_joint_0")
    assert leader.clamped
    np.testing.assert_allclose(leader.range, (-0.2, 0.2))


def test_a_leader_stays_where_a_spline_keeps_its_follower_in_range() -> None:
    model = coupled(parts.spline(parts.KNEE_LIKE), ["upper_joint_0"])
    free = next(c for c in describe(model).coordinates if c.name == "upper_joint_0").range
    function = read_function(parts.spline(parts.KNEE_LIKE), 1, "here")
    assert isinstance(function, Curve)
    curve = CoordinateMap([(function, (0,))], 1)
    y = curve(torch.linspace(*free, 501, dtype=torch.float64)[None])[0].numpy()
    follower = model.updCoordinateSet().get("lower_joint_2")
    follower.setRangeMin(float(np.quantile(y, 0.3)))
    follower.setRangeMax(float(np.quantile(y, 0.8)))
    follower.setDefaultClamped(True)
    leader = next(c for c in describe(model).coordinates if c.name == "upper_joint_0")
    kept = curve(torch.linspace(*np.clip(leader.range, *free), 101, dtype=torch.float64)[None])[0].numpy()
    assert leader.clamped
    assert kept.min() >= np.quantile(y, 0.3) - 1e-9
    assert kept.max() <= np.quantile(y, 0.8) + 1e-9
    assert np.ptp(kept) > 0.8 * (np.quantile(y, 0.8) - np.quantile(y, 0.3))


def test_a_follower_that_never_leaves_its_range_leaves_its_leader_alone() -> None:
    model = coupled(parts.spline(parts.KNEE_LIKE), ["upper_joint_0"])
    follower = model.updCoordinateSet().get("lower_joint_2")
    follower.setDefaultClamped(False)
    before = describe(model).coordinates
    follower.setRangeMin(-100.0)
    follower.setRangeMax(100.0)
    follower.setDefaultClamped(True)
    after = describe(model).coordinates
    assert [c for c in after if c.name != "lower_joint_2"] == [c for c in before if c.name != "lower_joint_2"]


def with_sine() -> opensim.Model:
    model = parts.chain("Custom")
    custom = opensim.CustomJoint.safeDownCast(model.updJointSet().get(1))
    custom.updSpatialTransform().upd_translation1().set_function(opensim.Sine(1.0, 1.0, 0.0))
    model.finalizeConnections()
    return model


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (with_loop, "closing.*loop"),
        (with_constraint, "constraint held, a PointConstraint"),
        (with_chained_couplers, "lower_joint_2 both follows"),
        (with_locked_follower, "lower_joint_2 is locked and follows upper_joint_0"),
        (with_sine, "joint lower_joint, axis translation1: a Sine"),
    ],
)
def test_what_is_not_supported_is_named(model, named):
    with pytest.raises(BioposeError, match=named) as raised:
        describe(model())
    assert raised.value.where and raised.value.mend


def test_the_scapula_of_the_data_is_refused_by_name(biopose_data):
    with pytest.raises(BioposeError, match="the joint scapulothoracic is a ScapulothoracicJoint"):
        describe(biopose_data / "opensim_core_ik_standard" / "subject1_abdbonepin.osim")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BioposeError, match=r"absent\.osim: there is no such model"):
        describe(tmp_path / "absent.osim")

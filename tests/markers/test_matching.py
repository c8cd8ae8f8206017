"""Marker names against a model's: what is the same name, what is not, and what is nobody's guess."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.markers.markers import Markers
from biomech.markers.matching import match, normalised, of_subject, people, with_model_names


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("rasi", ["RASI", "Subject01:RASI", "r_asi", "R.ASI", "r asi", "Right ASI", "ASI_R", "asi.right", "AsiRight"]),
        ("lknee", ["L_knee", "LKNEE", "LeftKnee", "knee-l", "Knee Left", "a:b:L.Knee"]),
        ("c7", ["C7", "c7", "C_7"]),
        ("kneer", ["KneeR"]),  # a letter that nothing separates is part of the name
        ("cleft", ["Cleft", "CLEFT"]),
        ("wristradius", ["wrist_radius", "Wrist Radius"]),
    ],
)
def test_what_is_the_same_name(key: str, names: list[str]) -> None:
    assert {normalised(name) for name in names} == {key}


def test_sides_and_bones_are_not_mixed_up() -> None:
    names = ["R_HJC", "L_HJC", "r_thigh1", "r_thigh2", "L_thigh1", "RTH1", "R_sh2", "T10", "T1", "LUMB"]
    assert len({normalised(name) for name in names}) == len(names)


def test_exact_then_normalised_then_not_at_all() -> None:
    found = match(["C7", "S1:RASI", "l.asis", "Extra"], ["C7", "RASI", "L_ASIS", "R_HJC"])
    assert found.exact == ["C7"]
    assert found.normalised == {"S1:RASI": "RASI", "l.asis": "L_ASIS"}
    assert found.unknown == ["Extra"] and found.unmeasured == ["R_HJC"] and not found.ambiguous
    assert found.notes() == [
        "matched by normalised names (2): S1:RASI = RASI, l.asis = L_ASIS",
        "measured, and not in the model (1): Extra",
        "of the model, and not measured (1): R_HJC",
    ]


def test_an_ambiguous_name_is_never_guessed() -> None:
    two_people = match(["A:RASI", "B:RASI", "A:C7"], ["RASI", "C7"])
    assert two_people.ambiguous == [(["A:RASI", "B:RASI"], ["RASI"])] and two_people.model_names == {"A:C7": "C7"}
    assert two_people.notes()[1] == "A:RASI, B:RASI could each be the model's RASI; not used"
    two_in_the_model = match(["knee r"], ["R_knee", "r.knee"])
    assert two_in_the_model.ambiguous and not two_in_the_model.model_names
    # The exact name is no guess, whoever else is called alike.
    exact = match(["RASI", "B:RASI"], ["RASI"])
    assert exact.exact == ["RASI"] and exact.unknown == ["B:RASI"] and not exact.ambiguous


def _markers(names: list[str]) -> Markers:
    return Markers(names, np.arange(3.0 * len(names)).reshape(1, -1, 3), np.zeros(1), ["told before"])


def test_markers_take_the_models_names_and_keep_their_places() -> None:
    measured = _markers(["Extra", "S1:rasi", "C7", "L.ASI"])
    known = with_model_names(measured, ["C7", "LASI", "RASI"], where=Path("a.trc"))
    for name, source in (("C7", "C7"), ("RASI", "S1:rasi"), ("LASI", "L.ASI")):
        expected = measured.positions_m[:, measured.names.index(source)]
        np.testing.assert_array_equal(known.positions_m[:, known.names.index(name)], expected)
    assert known.notes[0] == "told before" and len(known.notes) == 3


def test_too_few_in_common_names_both_sides() -> None:
    with pytest.raises(BioposeError) as caught:
        with_model_names(_markers(["C7", "p1", "p2", "p3"]), ["C7", *(f"m{i}" for i in range(20))], where=Path("a.trc"))
    said = str(caught.value)
    assert "share 1 markers" in said and "C7, p1, p2, p3" in said and "m8 …" in said and "`marker_set=SET.xml`" in said
    assert "m12" not in said and caught.value.where == "a.trc"


OWN = ["P_front", "P_back", "P_side"]


def test_a_persons_beginning_is_parted_from_a_markers_own() -> None:
    """All of `A_P_front`, `A_P_back` begin with `A_P_`; the model knows that P is the marker's."""
    markers = _markers([f"A_{name}" for name in OWN])
    known = with_model_names(markers, OWN, where=Path("a.c3d"))
    assert known.names == OWN and "common beginning 'A_' is dropped" in known.notes[1]


@pytest.mark.parametrize("separator", ["_", "-", ".", " ", ":"])
def test_two_people_are_told_whatever_parts_their_names(separator: str) -> None:
    markers = _markers([f"{who}{separator}{name}" for who in ("A", "B 2") for name in OWN])
    with pytest.raises(BioposeError, match="2 people are in the file: A, B 2"):
        with_model_names(markers, OWN, where=Path("a.c3d"))
    second = of_subject(markers, "B 2", "a.c3d")
    assert second.names == OWN
    np.testing.assert_array_equal(second.positions_m, markers.positions_m[:, 3:])
    assert with_model_names(second, OWN, where=Path("a.c3d")).names == OWN


def test_two_sides_are_not_two_people() -> None:
    names = [f"{side}_{name}" for side in "LR" for name in ("ASIS", "PSIS", "KNEE")]
    assert people(names) == []
    assert with_model_names(_markers(names), [n.replace("_", ".") for n in names], where=Path("a.trc")).names
    with pytest.raises(BioposeError, match="share 0 markers"):
        with_model_names(_markers(names), ["C7", "T10", "CLAV"], where=Path("a.trc"))

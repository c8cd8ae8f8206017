"""Real proportions: what the file says of people, the same lengths on the body, and both in the fit's subject."""

import json

import numpy as np
import pytest

from biomech.body.anny import AnnyBody
from biomech.build.proportions import build
from biomech.errors import BioposeError
from biomech.markers.virtual import marker_body, neutral_static
from biomech.mesh.subject import CHILD_BELOW_M, Subject
from biomech.scaling.proportions import FILE, LENGTHS, SEXES, body_lengths, people


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return AnnyBody.load([0])


def test_the_file_is_what_the_script_makes_of_the_survey(biopose_data) -> None:
    folder = biopose_data / "ansur2"
    made = build({sex: folder / f"ANSUR_II_{sex.upper()}_Public.csv" for sex in SEXES})
    assert made == json.loads(FILE.read_text())


def test_a_file_of_something_else_is_refused(tmp_path) -> None:
    (tmp_path / "f.csv").write_text("stature,weightkg\n1700,700\n")
    with pytest.raises(BioposeError, match="ANSUR II"):
        build({"female": tmp_path / "f.csv"})


def test_people_without_a_known_sex_have_the_moments_of_both() -> None:
    both, women, men = people(), people("female"), people("male")
    rng = np.random.default_rng(0)
    drawn = np.concatenate([rng.multivariate_normal(p.mean, p.covariance, 20000) for p in (women, men)])
    np.testing.assert_allclose(both.mean, drawn.mean(0), atol=0.005)
    np.testing.assert_allclose(np.sqrt(np.diag(both.covariance)), drawn.std(0), rtol=0.03)
    with pytest.raises(BioposeError, match="sexes"):
        people("man")


def test_knowing_more_spreads_less() -> None:
    """The sum of the lengths from sole to crown is the stature."""
    for sex in (None, *SEXES):
        unknown, known = people(sex).given(), people(sex).given(75.0)
        assert (np.diag(known.covariance) <= np.diag(unknown.covariance) + 1e-9).all()
        assert known.stature_sd_m < unknown.stature_sd_m
        lengths = dict(zip(LENGTHS, np.exp(unknown.at(unknown.stature_m)), strict=True))
        column = sum(lengths[name] for name in ("thigh", "shank", "ankle_height", "c7_height", "head_neck"))
        assert column == pytest.approx(unknown.stature_m, abs=0.005)


def test_the_body_stands_as_tall_as_its_lengths_and_its_stature(body: AnnyBody) -> None:
    shape = body.default_shape()
    lengths = dict(zip(LENGTHS, np.exp(body_lengths().log(shape.double().numpy()[None])[0]), strict=True))
    column = sum(lengths[name] for name in ("thigh", "shank", "ankle_height", "c7_height", "head_neck"))
    assert column == pytest.approx(float(body.stature(shape)), abs=0.004)
    standing = neutral_static(marker_body(), shape.numpy(), 1)
    assert standing.positions_m[0, standing.names.index("THD"), 1] == pytest.approx(column, abs=0.004)


@pytest.mark.parametrize(
    ("height_m", "mass_kg", "sex"), [(1.77, None, None), (1.62, 55.0, "female"), (None, 80, "male")]
)
def test_the_most_ordinary_person_has_the_expected_lengths(body, height_m, mass_kg, sex) -> None:
    subject = Subject.start(body, height_m, mass_kg, sex)
    expected = people(sex).given(mass_kg)
    assert subject.shaped.stature_m == pytest.approx(height_m or expected.stature_m, abs=0.02)
    assert height_m is None or subject.shaped.stature_m == pytest.approx(height_m, abs=0.002)
    error = body_lengths().log(subject.shape[None])[0] - expected.at(subject.shaped.stature_m)
    assert np.abs(error[:2]).max() < 0.02  # thigh and shank
    assert subject.distance < 2
    assert (subject.shape > subject.bounds[:, 0] - 1e-6).all() and (subject.shape < subject.bounds[:, 1] + 1e-6).all()


def test_slopes_of_the_residual_are_finite_differences(body: AnnyBody) -> None:
    rng = np.random.default_rng(1)
    start = Subject.start(body, 1.7, 70.0, "male")
    subject = start.moved(rng.normal(0, 0.1, start.size))
    slope, step = subject.residual_slope(subject.slopes()), 1e-2
    for k in range(subject.size):
        change = step * np.eye(subject.size)[k]
        there, back = subject.moved(change).residual(), subject.moved(-change).residual()
        np.testing.assert_allclose(slope[:, k], (there - back) / (2 * step), rtol=0.05, atol=0.3)


def test_children_keep_annys_proportions_whatever_the_sex(body: AnnyBody) -> None:
    for height in (0.85, 1.1, CHILD_BELOW_M - 0.01):
        child = Subject.start(body, height, None, "female")
        assert child.lengths is None and child.distance == 0.0
        assert child.shaped.stature_m == pytest.approx(height, abs=0.002)
        local = body.shape_bounds[:, 0].numpy() < 0
        assert not child.shape[local].any() and child.bounds.min() >= -1

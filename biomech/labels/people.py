"""Random people: an Anny shape from a seed, as adults are in measured populations; and a table of real ones."""

import csv
import functools
import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from biomech.body.anny import AnnyBody
from biomech.errors import BioposeError
from biomech.files import read_text
from biomech.mesh.subject import Subject, match
from biomech.person import SEXES
from biomech.scaling.proportions import LENGTHS, Expected, people

# Stature of men and women, mean and standard deviation: ANSUR II (Gordon et al. 2014), 4,082 men and 1,986 women.
STATURE_M = {"male": (1.756, 0.069), "female": (1.629, 0.064)}
AGE_YEARS = (18.0, 80.0)
YOUNG_YEARS, OLD_YEARS = 25.0, 90.0  # of Anny's anchors 2/3 and 1 (MakeHuman's young and old)
PLAUSIBLE = ((0.4, 2.7), (2.0, 400.0))  # m, kg
MEASURED = ("height_m", "mass_kg")  # columns of the table
DRAWN_STEPS = 6
LOCAL_SPREAD = 0.2  # standard deviation of the local changes of single segments, whose range is −1 … 1


def seeded(*key: str | int) -> np.random.Generator:
    """A generator that depends on the key alone: not on order, process or Python's hashing."""
    digest = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))


def random_adult(body: AnnyBody, rng: np.random.Generator) -> Float[np.ndarray, " shape"]:
    """The shape of a random adult, man or woman.

    Sex and age are drawn evenly, build and proportions around the middle; stature is drawn as ANSUR II measured it and
    reached by the height phenotype, and mass is what the body then weighs.

    Args:
        body: says which parameters there are, and their bounds.
        rng: is drawn from; the same state gives the same adult.

    Returns:
        In the order of ``body.shape_names``, within their bounds.
    """
    shape = body.default_shape().double().numpy()
    place = {name: i for i, name in enumerate(body.shape_names)}
    lower, upper = body.shape_bounds.double().numpy().T
    local = lower < 0
    shape[local] = rng.normal(0, LOCAL_SPREAD, local.sum())
    female = bool(rng.random() < 0.5)
    shape[place["gender"]] = rng.uniform(0.85, 1.0) if female else rng.uniform(0.0, 0.15)
    past_youth = max(rng.uniform(*AGE_YEARS) - YOUNG_YEARS, 0.0) / (OLD_YEARS - YOUNG_YEARS)
    shape[place["age"]] = (2 + past_youth) / 3
    # The whole of the weight phenotype: with it Anny reaches a body mass index of 17 … 30, leaner than the measured.
    shape[place["muscle"]] = rng.uniform(0.2, 0.8)
    shape[place["weight"]] = rng.uniform(0.2, 1.0)
    shape[place["proportions"]] = rng.normal(0.5, 0.15)
    shape = np.clip(shape, lower, upper)
    mean, spread = STATURE_M["female" if female else "male"]
    stature = mean + spread * float(np.clip(rng.standard_normal(), -2.5, 2.5))
    low, high = lower[place["height"]], upper[place["height"]]
    for _ in range(20):  # stature grows with the height phenotype
        shape[place["height"]] = (low + high) / 2
        if float(body.stature(torch.tensor(shape, dtype=torch.float32))) < stature:
            low = shape[place["height"]]
        else:
            high = shape[place["height"]]
    return shape


class RandomPerson(NamedTuple):
    """A shape of the Anny body, and what a tape measure and scales would say of it."""

    shape: Float[np.ndarray, " shape"]
    stature_m: float
    mass_kg: float
    sex: str


def random_person(rng: np.random.Generator, sex: str | None = None) -> RandomPerson:
    """A random adult whose segments are as long as measured people's (``scaling.proportions``), either sex by default.

    Stature, mass and lengths are drawn together. The lengths are met within what their definitions leave open, the
    stature to the millimetre, the mass as far as Anny goes (a body mass index of 17 … 30). Age and muscle are
    ``random_adult``'s, and so is the spread of the local changes that no length sees.

    Args:
        rng: is drawn from.
        sex: female or male; None draws it.

    Returns:
        The shape with the stature (m) and mass (kg) that the body really has.

    Raises:
        BioposeError: the sex is none that was measured.
    """
    sex = sex or str(rng.choice(SEXES))
    begun = _ordinary(sex)
    body, lower, upper = begun.body, *begun.bounds.T
    place = {name: i for i, name in enumerate(body.shape_names)}
    group = people(sex)
    drawn = rng.multivariate_normal(group.mean, group.covariance)
    stature, mass = np.exp(drawn[-2:])
    shape = begun.shape.copy()
    others = [i for i, low in enumerate(lower) if low < 0 and i not in begun.free]
    shape[others] = rng.normal(0, LOCAL_SPREAD, len(others))
    past_youth = max(rng.uniform(*AGE_YEARS) - YOUNG_YEARS, 0.0) / (OLD_YEARS - YOUNG_YEARS)
    shape[place["age"]] = (2 + past_youth) / 3
    shape[place["muscle"]] = rng.uniform(0.2, 0.8)
    assert begun.lengths is not None
    count = len(LENGTHS)
    lengths = Expected(drawn[:count], np.zeros(count), np.zeros((count, count)), stature, begun.lengths.stature_sd_m)
    subject = replace(begun, shape=np.clip(shape, lower, upper), height_m=stature, lengths=lengths)
    shape = subject.settled(DRAWN_STEPS).shape.copy()
    shape[place["weight"]] = match(body, torch.from_numpy(shape).float(), place["weight"], body.mass, mass)
    shape = subject.with_shape(shape).settled(2).shape  # who weighs more is a little taller
    tensor = torch.from_numpy(shape).float()
    return RandomPerson(shape, float(body.stature(tensor)), float(body.mass(tensor)), sex)


@functools.cache
def _ordinary(sex: str) -> Subject:
    return Subject.start(AnnyBody.load([0]), None, None, sex)


class MarkerWearer(NamedTuple):
    """What is known of who wore real markers."""

    height_m: float | None = None
    mass_kg: float | None = None


def read_people(path: str | Path) -> dict[str, MarkerWearer]:
    """People by subject, from a .csv with the columns subject, height_m and mass_kg; a cell may be empty.

    Raises:
        BioposeError: the table cannot be read, lacks a column, or holds what is no number.
    """
    mend = f"It has the columns subject, {', '.join(MEASURED)}: metres and kilograms."

    def refuse(why: str) -> BioposeError:
        return BioposeError(f"the table of people cannot be used ({why})", where=str(path), mend=mend)

    try:
        rows = list(csv.DictReader(io.StringIO(read_text(Path(path), mend=mend), newline="")))
    except csv.Error as error:
        raise refuse("it is no .csv") from error
    people: dict[str, MarkerWearer] = {}
    for row in rows:
        said = [row.get(name) for name in ("subject", *MEASURED)]
        if any(cell is None for cell in said):
            raise refuse("a column is missing, or a row is short")
        try:
            numbers = [float(cell) if cell.strip() else None for cell in said[1:] if cell is not None]
        except ValueError:
            raise refuse(f"a height or mass of {row['subject'][:20]} is no number") from None
        for value, (least, most) in zip(numbers, PLAUSIBLE, strict=True):
            if value is not None and not least <= value <= most:
                raise refuse(f"{row['subject'][:20]} has {value:g}, outside {least:g} to {most:g}")
        people[row["subject"]] = MarkerWearer(*numbers)
    return people

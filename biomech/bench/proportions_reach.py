"""How many real people the shape space holds: ``python -m biomech.bench.proportions_reach FEMALE MALE [COUNT]``.

The lengths and stature of people of ANSUR II, half women, are fitted by the numbers that the fit may change, once
within Anny's own bounds and once within the fit's. A person is inside if no number ends at its bound and no length is
further off than 1 cm. Nothing is tuned on it but ``subject.LOCAL_REACH``, on purpose.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares

from biomech.body.anny.model import AnnyBody
from biomech.build.proportions import lengths_of
from biomech.mesh.subject import Subject
from biomech.person import SEXES
from biomech.scaling.proportions import LENGTHS, body_lengths

FITTED_TO_M, NEAR_M = 0.004, 0.01
AT_BOUND = 1e-3


def reached(
    subject: Subject, bounds: Float[np.ndarray, "shape 2"], lengths: Float[np.ndarray, " numbers"]
) -> tuple[Float[np.ndarray, " numbers"], list[str]]:
    """The errors (m) of the nearest shape to lengths and stature (m), and the numbers that end at their bounds.

    Args:
        subject: its shape is where the search begins and is drawn to.
        bounds: lowest and highest value of every number of the shape.
        lengths: of the segments, then the stature (m).

    Returns:
        Errors in the order of ``lengths``, and names of the numbers.
    """
    free, spread = subject.free, subject.spread[subject.free]
    low, high = bounds[free].T

    def measured(numbers: Float[np.ndarray, " free"]) -> Float[np.ndarray, " numbers"]:
        shape = subject.shape.copy()
        shape[free] = numbers
        tensor = torch.from_numpy(shape).float()
        return np.append(
            np.exp(body_lengths().log(tensor.double().numpy()[None])[0]), float(subject.body.stature(tensor))
        )

    def residual(numbers: Float[np.ndarray, " free"]) -> Float[np.ndarray, " rows"]:
        return np.concatenate([(measured(numbers) - lengths) / FITTED_TO_M, (numbers - subject.shape[free]) / spread])

    start = np.clip(subject.shape[free], low + AT_BOUND, high - AT_BOUND)
    found = least_squares(residual, start, bounds=(low, high), diff_step=[0.01], x_scale=spread, max_nfev=12).x
    ended = (found < low + AT_BOUND) | (found > high - AT_BOUND)
    return measured(found) - lengths, [subject.body.shape_names[i] for i in np.array(free)[ended]]


def share_inside(files: dict[str, Path], count: int) -> dict[str, dict]:
    """For either set of bounds: the share inside, and how often each number and length stood in the way.

    Args:
        files: of the survey, by sex.
        count: of people, as many of each sex.

    Returns:
        By set of bounds: shares, 0 to 1, and how many people by number of the shape and by length.
    """
    body, rng = AnnyBody.load([0]), np.random.default_rng(0)
    names: tuple[str, ...] = (*LENGTHS, "stature")
    tables: dict[str, dict] = {}
    subjects = {sex: Subject.start(body, None, None, sex) for sex in files}
    logs = {sex: lengths_of(path)[:, : len(names)] for sex, path in files.items()}
    drawn = [(subjects[sex], np.exp(row)) for sex in files for row in rng.permutation(logs[sex])[: count // len(files)]]
    wide = next(iter(subjects.values())).bounds
    for label, bounds in (("own_bounds", body.shape_bounds.double().numpy()), ("fit_bounds", wide)):
        fits = [reached(subject, bounds, lengths) for subject, lengths in drawn]
        far = np.array([np.abs(errors) > NEAR_M for errors, _ in fits])
        ended = np.array([bool(at) for _, at in fits])
        ankle = names.index("ankle_height")
        tables[label] = {
            "inside": round(float((~ended & ~far.any(1)).mean()), 3),
            "inside_but_for_the_ankle_height": round(float((~ended & ~np.delete(far, ankle, 1).any(1)).mean()), 3),
            "without_a_bound": round(float((~ended).mean()), 3),
            "at_bounds": {n: sum(n in at for _, at in fits) for n in body.shape_names if any(n in a for _, a in fits)},
            "further_off": {n: int(f) for n, f in zip(names, far.sum(0), strict=True) if f},
        }
    return tables


if __name__ == "__main__":
    female, male, *rest = sys.argv[1:]
    files = dict(zip(SEXES, (Path(female), Path(male)), strict=True))
    print(json.dumps(share_inside(files, int(rest[0]) if rest else 500), indent=1))

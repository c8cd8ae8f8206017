"""Trained networks beside each other: the ablations, and the spread between seeds.

Each run is a folder of `biopose train neurik` (weights, and the recipe beside them). All are measured on the same
held-out trials and clips. A row says what differs from the first run's recipe; runs that differ from another by the
seed alone are summed up together.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biomech.bench.neurik_noisy import RecoveredClip, neural_row
from biomech.bench.neurik_oracle import LabelledTrial, outcome, summed_up
from biomech.errors import BioposeError, plainly
from biomech.neurik.predict import load_network, neural_kinematics
from biomech.skeleton.skeleton import Skeleton
from biomech.train.neurik.train import RECIPE, WEIGHTS

FIGURES = ("oracle_mae_deg", "oracle_mpblpe_mm", "oracle_scale_mae", "noisy_mae_deg", "noisy_acceleration_error_rad_s2")
NOT_THE_METHOD = ("seed", "report_every")


@dataclass(frozen=True)
class TrainedRun:
    """What lies in a run's folder."""

    name: str
    weights: Path
    recipe: Mapping[str, Any]  # flat: ``weights.joints`` …
    about: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "TrainedRun":
        """Read the recipe.

        Raises:
            BioposeError: there is none.
        """
        try:
            about = json.loads((folder / RECIPE).read_text())
        except (OSError, ValueError) as error:
            raise BioposeError(
                f"no trained network ({plainly(error)})",
                where=str(folder),
                mend="Name folders of `biopose train neurik`.",
            ) from error
        return cls(str(folder), folder / WEIGHTS, flat(about.get("recipe", {})), about)


def flat(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, object]:
    """Nested settings by dotted names.

    Args:
        recipe: settings, or groups of them.
        prefix: put before every name.

    Returns:
        Values by name, as ``weights.joints``.
    """
    rows: dict[str, object] = {}
    for name, value in recipe.items():
        rows |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return rows


def differs(run: TrainedRun, first: TrainedRun) -> dict[str, object]:
    """The settings in which a run is not like the first, seed and reports aside.

    Args:
        run: the one in question.
        first: what it is compared with.

    Returns:
        The run's own values; None where it lacks a setting that the first has.
    """
    names = sorted({*run.recipe, *first.recipe} - set(NOT_THE_METHOD))
    return {name: run.recipe.get(name) for name in names if run.recipe.get(name) != first.recipe.get(name)}


def runs_figures(
    folders: Sequence[Path], trials: Sequence[LabelledTrial], clips: list[RecoveredClip], skeleton: Skeleton
) -> dict[str, object]:
    """The table, and the seeds' means and spreads.

    Args:
        folders: of trained runs, the first is what the others are compared with.
        trials: markers without error; at least one.
        clips: recovered markers; may be none.
        skeleton: the generic one, in double precision.

    Returns:
        ``runs`` by folder, and ``seeds``, a row for each group of runs that differ by the seed alone.

    Raises:
        BioposeError: a folder holds no trained network.
    """
    runs = [TrainedRun.open(Path(folder)) for folder in folders]
    rows, groups = {}, {}  # type: ignore[var-annotated]
    for run in runs:
        found = _measured(run, trials, clips, skeleton)
        change = differs(run, runs[0])
        rows[run.name] = {
            "differs": change,
            "seed": run.recipe.get("seed"),
            "steps": run.about.get("steps"),
            **found,
            "held_out_in_training": run.about.get("held_out"),
        }
        groups.setdefault(json.dumps(change, sort_keys=True), []).append((run.name, found))
    return {"runs": rows, "seeds": [spread(group) for group in groups.values() if len(group) > 1]}


def _measured(
    run: TrainedRun, trials: Sequence[LabelledTrial], clips: list[RecoveredClip], skeleton: Skeleton
) -> dict[str, float]:
    network = load_network(run.weights)
    oracle = summed_up([outcome(t, neural_kinematics(t.markers, network=network), skeleton) for t in trials], skeleton)
    found: dict[str, float] = {name: value for name in FIGURES if isinstance(value := oracle.get(name), int | float)}
    if clips:
        noisy = neural_row(clips, network)
        found |= {f"noisy_{name}": value for name, value in noisy.items()}
    return found


def spread(group: Sequence[tuple[str, Mapping[str, float]]]) -> dict[str, object]:
    """Mean, standard deviation (of the runs, n − 1), least and most of each figure."""
    figures = {}
    for name in group[0][1]:
        values = np.array([found[name] for _, found in group])
        figures[name] = {
            "mean": round(float(values.mean()), 4),
            "sd": round(float(values.std(ddof=1)), 4),
            "least": float(values.min()),
            "most": float(values.max()),
        }
    return {"runs": [name for name, _ in group], **figures}

"""A data set from end to end: which sequences, each one's answer, its scores kept on disk, and the totals.

OUT/DATASET_SPLIT/SEQUENCE/ holds what `biopose` made of a film and, for every system, scores_SYSTEM.json. A score is
kept as stages are: it is current only if truth, answer, options and the code that scores are those that made it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biomech.errors import BioposeError, MachineError
from biomech.evaluation.angle_judge import angle_judge
from biomech.evaluation.judge import EvalOptions, Judge
from biomech.evaluation.published import PublishedRow, published
from biomech.evaluation.sequence import DataSet, EvalSequence, Figures
from biomech.files import read_json, whole_file
from biomech.pipeline.claim import claimed
from biomech.pipeline.record import Run

Say = Callable[[str], None]


@dataclass(frozen=True)
class SequenceScore:
    """Of one system on one sequence; ``error`` says why there are no figures."""

    sequence: str
    group: str
    system: str
    figures: Figures
    kept: bool = False
    error: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """A data set's scores.

    Attributes:
        dataset: which.
        split: of it.
        scores: sequence by sequence, the judged system first, then what came with the data set.
        totals: of every system, over the sequences that it has.
        groups: the same within each group, by system and group.
        published: what others have published.
    """

    dataset: DataSet
    split: str
    scores: list[SequenceScore]
    totals: dict[str, Figures]
    groups: dict[str, dict[str, Figures]]
    published: list[PublishedRow]

    @property
    def failed(self) -> list[SequenceScore]:
        """Those without figures."""
        return [score for score in self.scores if score.error is not None]


def evaluate(dataset: DataSet, root: Path, options: EvalOptions, say: Say = lambda _: None) -> Evaluation:
    """Score a system on a data set; a sequence that fails is told and the next one goes on.

    Args:
        dataset: of ``sets.DATASETS``.
        root: its folder.
        options: which sequences, whose answers, and where to.
        say: told of every score.

    Returns:
        All scores, those kept from earlier among them, and the totals.

    Raises:
        BioposeError: folder, split, a sequence's name or the predictions are not there, or no sequence at all could be
            scored.
    """
    sequences = dataset.sequences(root, options.how, options.only)
    judge = _judge(dataset, options)
    answers = None if options.predictions is None else _predictions(options.predictions, sequences, judge.suffixes)
    scores: list[SequenceScore] = []
    for sequence in sequences:
        for system, answer in _answers(sequence, options, judge, answers):
            scores.append(_scored(dataset, sequence, system, answer, options, judge))
            say(_line(scores[-1]))
    done = [score for score in scores if score.error is None]
    if not any(score.system == options.name for score in done):
        errors = [score.error for score in scores if score.error and score.system == options.name]
        raise BioposeError(
            f"none of {len(sequences)} sequences could be scored; the first: {errors[0]}",
            where=str(root),
            mend="Mend that and say the command again; what was done is kept.",
        )
    systems = list(dict.fromkeys(score.system for score in done))
    by = {system: [score for score in done if score.system == system] for system in systems}
    groups = {system: _by_group(rows, judge.weighted) for system, rows in by.items()}
    totals = {system: total(rows, judge.weighted) for system, rows in by.items()}
    return Evaluation(dataset, options.how.split, scores, totals, groups, published(dataset.name))


def _judge(dataset: DataSet, options: EvalOptions) -> Judge:
    if dataset.kind == "mesh":
        from biomech.evaluation.mesh_judge import mesh_judge  # needs torch, and may need smplx

        return mesh_judge(dataset, options)
    return angle_judge(options)


def _predictions(folder: Path, sequences: Sequence[EvalSequence], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The file of each sequence that another system has answered.

    Raises:
        BioposeError: no such folder, no file of any sequence, or two of one.
    """
    kinds, some = ", ".join(suffixes), sequences[0].name
    if not folder.is_dir():
        raise BioposeError(
            "there is no such folder of predictions", where=str(folder), mend=f"It has to hold {some}{suffixes[0]} …"
        )
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes and path.is_file()]
    found: dict[str, Path] = {}
    wanted = {sequence.name for sequence in sequences}
    for path in files:
        if path.stem in wanted and path.stem in found:
            raise BioposeError(f"two predictions of {path.stem}", where=str(folder), mend="Leave one of them.")
        if path.stem in wanted:
            found[path.stem] = path
    if not found:
        raise BioposeError(
            "no prediction of any of these sequences is in the folder",
            where=str(folder),
            mend=f"A file a sequence, of its name: {some}{suffixes[0]} (or {kinds}).",
        )
    return found


Answer = Callable[[Path], Path]


def _answers(
    sequence: EvalSequence, options: EvalOptions, judge: Judge, predicted: Mapping[str, Path] | None
) -> list[tuple[str, Answer]]:
    """Each system, and what makes or finds its answer in a sequence's folder."""

    def given(_: Path) -> Path:
        assert predicted is not None
        if sequence.name not in predicted:
            raise BioposeError("there is no prediction of it", where=sequence.name)
        return predicted[sequence.name]

    judged: Answer = given if predicted is not None else (lambda folder: judge.own(sequence, folder))
    rivals = [(name, _there(path)) for name, path in sequence.rivals.items() if name != options.name]
    return [(options.name, judged), *rivals]


def _there(path: Path) -> Answer:
    return lambda _: path


def _scored(
    dataset: DataSet, sequence: EvalSequence, system: str, answer: Answer, options: EvalOptions, judge: Judge
) -> SequenceScore:
    folder = options.out / f"{dataset.name}_{options.how.split}" / sequence.name
    try:
        found = answer(folder)
        figures, kept = _kept(folder, sequence, system, found, options, judge)
        return SequenceScore(sequence.name, sequence.group, system, figures, kept)
    except MachineError:
        raise
    except BioposeError as error:
        return SequenceScore(sequence.name, sequence.group, system, {}, error=error.text().replace("\n", " "))


def _kept(
    folder: Path, sequence: EvalSequence, system: str, answer: Path, options: EvalOptions, judge: Judge
) -> tuple[Figures, bool]:
    """Figures of an answer, from earlier where nothing that they hang on has changed."""
    file = folder / f"scores_{re.sub(r'[^A-Za-z0-9]+', '_', system).strip('_') or 'system'}.json"
    ours = system == options.name and options.predictions is None

    def work() -> Any:
        figures = judge.score(sequence, answer, ours)
        with whole_file(file) as temporary:
            temporary.write_text(json.dumps({k: None if np.isnan(v) else v for k, v in figures.items()}, indent=2))
        return {}

    with claimed(folder):
        run = Run.open(folder, overwrite=options.overwrite)
        ran = run.stage(
            f"scores of {system}",
            inputs={**sequence.truth, "answer": answer, **judge.inputs(sequence)},
            outputs=[file],
            options={**judge.said, "sequence": sequence.name, "ours": ours},
            work=work,
            code=judge.code,
        )
    held = read_json(file, what="scores")
    return {name: float("nan") if value is None else float(value) for name, value in held.items()}, not ran


def total(scores: Sequence[SequenceScore], weighted: bool) -> Figures:
    """Means over sequences.

    Args:
        scores: with figures.
        weighted: each counts by its frames, as in the papers on meshes; else all alike, as trials do.

    Returns:
        Of every figure the mean over those that have it; ``frames`` is their sum, and ``sequences`` their number.
    """
    frames = np.array([score.figures.get("frames", 1.0) for score in scores])
    found: Figures = {"sequences": float(len(scores)), "frames": float(frames.sum())}
    for name in dict.fromkeys(name for score in scores for name in score.figures if name != "frames"):
        values = np.array([score.figures.get(name, np.nan) for score in scores])
        seen = np.isfinite(values)
        weights = frames[seen] if weighted else np.ones(int(seen.sum()))
        found[name] = float(np.average(values[seen], weights=weights)) if seen.any() else float("nan")
    return found


def _by_group(scores: Sequence[SequenceScore], weighted: bool) -> dict[str, Figures]:
    groups = dict.fromkeys(score.group for score in scores)
    return {group: total([score for score in scores if score.group == group], weighted) for group in groups}


def _line(score: SequenceScore) -> str:
    if score.error is not None:
        return f"{score.sequence}, {score.system}: failed: {score.error}"
    heads = {"mae18_deg": "°", "mpjpe_mm": " mm", "pa_mpjpe_mm": " mm PA"}
    told = ", ".join(f"{score.figures[name]:.2f}{unit}" for name, unit in heads.items() if name in score.figures)
    return f"{score.sequence}, {score.system}: {told}" + (" (kept)" if score.kept else "")

"""How answers are made and scored: what all kinds of data sets have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biomech.errors import BioposeError
from biomech.evaluation.sequence import EvalSequence, Figures, HowFound
from biomech.pipeline.options import Options

OURS = "BioPose"


@dataclass(frozen=True)
class EvalOptions:
    """How a data set is judged.

    Attributes:
        out: folder of the runs and scores.
        how: which sequences.
        only: names of some, or beginnings of them.
        predictions: folder of another system's answers, a file a sequence; None: BioPose's own.
        system: that system's name.
        options: of `biopose ik`, for BioPose's own.
        body_models: folder of the user's own body models and joint regressors.
        overwrite: score, and run, again what is current.
    """

    out: Path
    how: HowFound
    only: tuple[str, ...] = ()
    predictions: Path | None = None
    system: str | None = None
    options: Options = field(default_factory=Options)
    body_models: Path | None = None
    overwrite: bool = False

    @property
    def name(self) -> str:
        """Of the system that is judged."""
        return self.system or (OURS if self.predictions is None else self.predictions.resolve().name)


@dataclass(frozen=True)
class Judge:
    """How the answers of a kind of data set are made and scored.

    Attributes:
        suffixes: of the files of other systems' answers.
        own: makes BioPose's answer of a sequence in a folder.
        score: figures of an answer.
        inputs: files besides truth and answer that a score hangs on.
        said: options that a score hangs on.
        code: modules that score.
        weighted: whether totals are over frames, else over sequences.
    """

    suffixes: tuple[str, ...]
    own: Callable[[EvalSequence, Path], Path]
    score: Callable[[EvalSequence, Path, bool], Figures]
    inputs: Callable[[EvalSequence], Mapping[str, Path]]
    said: Mapping[str, object]
    code: tuple[str, ...]
    weighted: bool


def film_of(sequence: EvalSequence) -> Path:
    """The film of a sequence.

    Args:
        sequence: any.

    Returns:
        Its path.

    Raises:
        BioposeError: the data set lacks it here.
    """
    if sequence.film is None:
        raise BioposeError(
            "its film or pictures are not here",
            where=sequence.name,
            mend="Fetch the data set's films too, or give other systems' answers with `predictions`.",
        )
    return sequence.film

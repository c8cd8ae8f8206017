"""The noun ``EvalSequence``: one film or row of pictures of a data set, and where its truth lies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from biomech.errors import BioposeError

Kind = Literal["angles", "mesh"]
Figures = dict[str, float]


@dataclass(frozen=True)
class EvalSequence:
    """One person in one film.

    Attributes:
        name: of the sequence, fit to be a file's; predictions bear it too.
        group: that it is counted with besides: an activity, a scene.
        truth: files that say the truth, by their role.
        film: or the folder of pictures; None where the data set lacks it here.
        known: what `biopose ik` is told of film and person, by the names of its options.
        rivals: other systems' answers that come with the data set, by name.
        place: what the reader needs to find the truth in its files.
    """

    name: str
    group: str
    truth: Mapping[str, Path]
    film: Path | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    rivals: Mapping[str, Path] = field(default_factory=dict)
    place: Any = None


@dataclass(frozen=True)
class HowFound:
    """What the user says of which sequences are read.

    Attributes:
        split: of the data set's ``splits``.
        camera: of those that have several.
        allow_pickle: whether pickles are looked into, by the reader that knows arrays alone.
    """

    split: str
    camera: str | None = None
    allow_pickle: bool = False


@dataclass(frozen=True)
class DataSet:
    """What is known of a data set.

    Attributes:
        name: as the command takes it.
        title: its own.
        kind: what its truth is of.
        splits: the first one is the papers'.
        layout: what lies where under its root, for messages.
        source: where its makers hand it out.
        find: reads which sequences there are.
    """

    name: str
    title: str
    kind: Kind
    splits: tuple[str, ...]
    layout: str
    source: str
    find: Callable[[Path, HowFound], list[EvalSequence]]

    def sequences(self, root: Path, how: HowFound, only: Sequence[str] = ()) -> list[EvalSequence]:
        """Those of a split, in the order of their names.

        Args:
            root: folder of the data set.
            how: what the user says of it.
            only: names, or beginnings of them; all where there are none.

        Returns:
            At least one.

        Raises:
            BioposeError: no such folder, split or sequence, or the folder is laid out otherwise.
        """
        if how.split not in self.splits:
            raise BioposeError(
                f"{self.title} has no split '{how.split}'", mend=f"Give `split` {' or '.join(self.splits)}."
            )
        mend = f"Under it has to lie: {self.layout}. {self.title} is handed out by its makers: {self.source}."
        if not root.is_dir():
            raise BioposeError(f"there is no folder of {self.title}", where=str(root), mend=mend)
        found = sorted(self.find(root, how), key=lambda sequence: sequence.name)
        if not found:
            raise BioposeError(
                f"no sequence of {self.title}, split {how.split}, is in this folder", where=str(root), mend=mend
            )
        for one in only:
            if not any(sequence.name.startswith(one) for sequence in found):
                some = ", ".join(sequence.name for sequence in found[:8]) + (" …" if len(found) > 8 else "")
                raise BioposeError(f"there is no sequence '{one}'", where=str(root), mend=f"There are {some}.")
        return [one for one in found if not only or any(one.name.startswith(name) for name in only)]

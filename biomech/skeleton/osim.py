"""The noun ``Model``: an .osim held as text, which needs no file until a tool asks for one."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from biomech.errors import BioposeError
from biomech.files import read_text, whole_file
from biomech.leftovers import temporary_folder

if TYPE_CHECKING:
    from biomech.skeleton.skeleton import Skeleton


@dataclass(frozen=True)
class Model:
    """An OpenSim model.

    Attributes:
        name: without a suffix; letters, digits and ``-._``, as OpenSim's tools want it.
        osim: the text of its .osim.
        factors: by body, along its own X, Y, Z, where it was scaled here.
        notes: what was noticed while it was scaled.
    """

    name: str
    osim: str = field(repr=False)
    factors: dict[str, Float[np.ndarray, "3"]] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list, repr=False)

    @classmethod
    def load(cls, path: Path | str) -> "Model":
        """Read an .osim.

        Raises:
            BioposeError: there is none, or OpenSim cannot build a model from it.
        """
        from biomech.skeleton.model import load_model  # OpenSim, and below torch: each only where it is needed

        path = Path(path)
        load_model(path)
        return cls(path.stem, read_text(path))

    def save(self, path: Path | str) -> None:
        """Write the .osim, whole or not at all.

        Raises:
            BioposeError: the name does not end in .osim.
        """
        path = Path(path)
        if path.suffix != ".osim":
            raise BioposeError("a model's file ends in .osim", where=str(path), mend=f"Name it {path.stem}.osim.")
        with whole_file(path) as temporary:
            temporary.write_text(self.osim, encoding="utf-8")

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Its .osim in a temporary folder that is gone afterwards, for tools that work on files."""
        with temporary_folder("model") as aside:
            path = aside / f"{self.name}.osim"
            path.write_text(self.osim, encoding="utf-8")
            yield path

    @functools.cached_property
    def skeleton(self) -> "Skeleton":
        """The same as a torch module: forward kinematics with gradients.

        Raises:
            BioposeError: it has a part that is not supported (named).
        """
        from biomech.skeleton.skeleton import Skeleton

        with self.as_file() as path:
            return Skeleton.from_osim(path)

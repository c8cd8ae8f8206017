"""A run's folder: which stages ran on what, with which options, how well; and what need not run again."""

import hashlib
import json
import math
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from biomech import __version__
from biomech.errors import BioposeError
from biomech.files import read_json, sha256, whole_file
from biomech.names import RUN_RECORD
from biomech.pipeline.claim import check_place
from biomech.pipeline.figures import Record, StageRecord
from biomech.pipeline.kept import keeping, told_of_kept
from biomech.pipeline.provenance import code_hash, library_versions

RECORD = RUN_RECORD
OnStage = Callable[[str, bool], None]  # name, whether it is skipped
PARTS = ("inputs", "outputs")
FROM_ELSEWHERE = ("network", "recipe", "generic model", "option ")  # roles of inputs that no stage makes


@dataclass
class Run:
    """The folder of one run and its ``biopose.json``."""

    folder: Path
    overwrite: bool = False
    on_stage: OnStage | None = None
    record: Record = field(default_factory=Record)
    given: frozenset[str] = frozenset()  # real paths of the user's own files, which may lie in the folder
    removed: list[str] = field(default_factory=list)  # files of earlier runs that do not go with this one's
    _writing: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path, *, overwrite: bool = False, on_stage: OnStage | None = None) -> "Run":
        """Look at the folder; the first stage that succeeds makes it, so that a failed run leaves no empty one.

        Args:
            folder: of the run.
            overwrite: run every stage, whatever is there.
            on_stage: called with each stage's name and whether it is skipped.

        Returns:
            With the record of an earlier run, if there is one.

        Raises:
            BioposeError: the place is taken by a file or a damaged record, or may not be written to.
        """
        folder = Path(folder)
        check_place(folder)
        run = cls(folder, overwrite, on_stage)
        path = folder / RECORD
        if os.path.lexists(path):
            run.record = _earlier(path)
        run.record["biopose"] = __version__
        run.record["versions"] = {"python": platform.python_version(), **library_versions()}
        run.record.setdefault("stages", {})
        return run

    def stage(
        self,
        name: str,
        *,
        inputs: Mapping[str, Path],
        outputs: list[Path],
        options: Mapping[str, object],
        work: Callable[[], StageRecord],
        code: Sequence[str | Path] = (),
    ) -> bool:
        """Run ``work`` unless it ran before on the same inputs with the same options and its files are whole.

        Two stages of which neither reads what the other writes may run in a thread each.

        Args:
            name: under which the record keeps it.
            inputs: by their role; two files of one name are two, and one file under another name is the same.
            outputs: the files that it writes.
            options: what it depends on besides; must fit into JSON, or be told apart by its text.
            work: returns the stage's figures and warnings for the record, and under "also" names of more files of the
                folder that it wrote.
            code: the modules that it runs (``code_hash``); another text of theirs or other data make it run again.

        Returns:
            Whether it ran.
        """
        hashes = {role: sha256(path) for role, path in inputs.items()}
        text = code_hash(*code)
        made_by = {"code": text, "libraries": library_versions()}
        key = hashlib.sha256(
            json.dumps([name, made_by, options, sorted(hashes.items())], default=str).encode()
        ).hexdigest()
        earlier = self.record["stages"].get(name, {})
        whole = earlier.get("key") == key and earlier.get("sum") == _sum(earlier)
        left = earlier.get("outputs", {})
        files = [*outputs, *(self.folder / name for name in earlier.get("also", []))]
        whole = whole and all(path.is_file() and left.get(path.name) == sha256(path) for path in files)
        skip = whole and not self.overwrite
        if self.on_stage:
            self.on_stage(name, skip)
        if skip:
            return False
        started = time.perf_counter()
        with keeping([*files, *(self.folder / file for file in left)], left) as kept:
            figures = work()
        if kept:
            figures = {**figures, "notes": [*(told_of_kept(*one) for one in kept), *figures.get("notes", [])]}
        outputs = [*outputs, *(self.folder / name for name in figures.get("also", []))]
        written = {path.name for path in outputs}
        said: StageRecord = {
            "key": key,
            "options": options,
            "code": text,
            "inputs": hashes,
            "outputs": {path.name: sha256(path) for path in outputs},
            "seconds": round(time.perf_counter() - started, 2),
            "peak_memory_mb": None if math.isnan(peak := peak_memory_mb()) else round(peak),
            **figures,
        }
        said["sum"] = _sum(said)
        with self._writing:
            self.remove({file: content for file, content in self._own(name).items() if file not in written})
            self.record["stages"][name] = said
            self.save()
        return True

    def remove(self, outputs: Mapping[str, str]) -> None:
        """Take files of an earlier run away, by name and content; what was changed since stays."""
        for name, content in outputs.items():
            path = self.folder / name
            own = path.name == name and path.is_file() and os.path.realpath(path) not in self.given
            if own and sha256(path) == content:
                path.unlink()
                self.removed.append(name)

    def drop_outdated(self, own: Collection[str]) -> None:
        """Take away what stages of earlier runs made from files that are no longer those of this run's stages.

        Args:
            own: names of this run's stages.
        """
        stages = self.record["stages"]
        current = {str(content) for name in own for part in _parts(stages[name]) for content in part.values()}
        for name in [name for name in stages if name not in own]:
            inputs = stages[name].get("inputs", {})
            if {str(content) for role, content in inputs.items() if not role.startswith(FROM_ELSEWHERE)} <= current:
                current |= {str(content) for content in stages[name].get("outputs", {}).values()}
                continue
            self.remove(self._own(name))
            del stages[name]
            self.save()

    def _own(self, name: str) -> dict[str, str]:
        """Outputs of an earlier stage that no other one has."""
        stages = self.record["stages"]
        others = {file for other, stage in stages.items() if other != name for file in stage.get("outputs", {})}
        said = stages.get(name, {}).get("outputs", {})
        return {file: content for file, content in said.items() if file not in others}

    def save(self) -> None:
        """Write the record."""
        with whole_file(self.folder / RECORD) as temporary:
            temporary.write_text(json.dumps(self.record, indent=2, default=str) + "\n")


def _parts(stage: StageRecord) -> tuple[dict[str, str], dict[str, str]]:
    """Hashes of what a stage read and of what it wrote."""
    return stage["inputs"], stage["outputs"]


def _earlier(path: Path) -> Record:
    """The record of an earlier run.

    Raises:
        BioposeError: it is damaged.
    """
    mend = "Delete it to run everything again."
    record = read_json(path, what="the record of an earlier run", mend=mend)
    parts: list[Any] = [record.get(name, {}) if isinstance(record, dict) else None for name in ("source", "stages")]
    source, stages = parts
    whole = isinstance(source, dict) and isinstance(stages, dict)
    if whole and "source" in record:
        whole = isinstance(source.get("name"), str) and isinstance(source.get("sha256", []), list)
    for stage in stages.values() if whole else ():
        whole &= isinstance(stage, dict) and all(isinstance(stage.get(part, {}), dict) for part in ("options", *PARTS))
        whole = whole and isinstance(stage.get("notes", []), list)
        whole = (
            whole and isinstance(also := stage.get("also", []), list) and all(isinstance(name, str) for name in also)
        )
    if not whole:
        raise BioposeError("the record of the earlier run is damaged", where=str(path), mend=mend)
    # What was changed by hand or by damage has not run.
    record["stages"] = {name: stage for name, stage in stages.items() if stage.get("sum") in (None, _sum(stage))}
    return cast(Record, record)  # as far as it is looked at


def _sum(stage: StageRecord) -> str:
    """Of what a stage's record says, without itself."""
    said = json.loads(json.dumps({name: value for name, value in stage.items() if name != "sum"}, default=str))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far; children that have ended count by the largest of them.

    NaN where the system does not tell (Windows).
    """
    if resource is None:
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(peaks) * unit / 2**20

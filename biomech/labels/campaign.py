"""Labels for many trials: on all cores or a cluster, to be stopped at any time and gone on with, failures listed."""

import contextlib
import errno
import functools
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from biomech.cluster import on_cluster
from biomech.errors import BioposeError, MachineError
from biomech.files import write_csv
from biomech.labels.check import CheckFigures, check_trial, summed_up
from biomech.labels.label import Folders, Labelled, is_labelled, label_trial, made_of, read_skeleton, set_aside
from biomech.labels.models import scaled_model
from biomech.labels.quality import TableFigures
from biomech.labels.shards import IndexedTrial, write_index
from biomech.labels.sources import Trial
from biomech.osim_models import DEFAULT_PATH
from biomech.pipeline.claim import claimed
from biomech.pipeline.record import Run
from biomech.workers import Stop, on_processes

FILES = ("all", "sample", "none")
SAMPLE_SHARE = 0.05  # of the trials that get files with --files sample, and no --check says another
TABLE_COLUMNS = (
    *("name", "subject", "split", "source", "rate_hz", "frames", "marker_rms_mm", "marker_max_mm", "worst_marker"),
    *("frames_trusted", "masked_share", "landmark_share", "out_of_range_share", "jump_share"),
)
# No room, no right to write, a broken disk, no memory: errors that the next trial would meet too.
MACHINES = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EMFILE", "ENOMEM") if hasattr(errno, name)
}

Progress = Callable[[int, int], None] | None


@dataclass(frozen=True)
class LabelOptions:
    """How trials are labelled and by whom."""

    solver: str = "fast"
    files: str = "all"  # which trials get .trc, .osim, .mot and setup: "all", "sample", "none"
    check: float = 0.0  # share of the trials that OpenSim's tool solves too
    seed: int = 0
    workers: int = 1
    scheduler: str | None = None  # a Dask scheduler's address, instead of processes here
    overwrite: bool = False


class TrialTotals(TableFigures):
    """Of all trials in a folder, as the last row of ``quality.csv``; means are over frames."""

    trials: int
    hours: float
    name: str
    subject: str  # how many there are


@dataclass
class Report:
    """What a campaign did; written to ``biopose.json``."""

    trials: int
    labelled: int = 0
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # cause by name
    kept: dict[str, str] = field(default_factory=dict)  # by trial: the folder beside it with files that were edited
    frames: int = 0  # labelled now
    wall_s: float = 0.0
    stage_s: dict[str, float] = field(default_factory=dict)  # summed over the workers
    stopped: bool = False
    totals: TrialTotals | None = None  # of all shards in the folder; None where there is none
    check: CheckFigures | None = None

    @property
    def frames_per_s(self) -> float:
        """Of wall time, all workers together."""
        return self.frames / self.wall_s if self.wall_s else 0.0

    def as_record(self) -> dict[str, object]:
        """What there is to write of it; no totals are empty ones there."""
        return {**vars(self), "totals": self.totals or {}}


def run_campaign(
    trials: Sequence[Trial],
    folder: Path,
    options: LabelOptions,
    *,
    stop: Stop | None = None,
    progress: Callable[[str], Any] | None = None,
) -> Report:
    """Label what is not labelled yet, then write the index, the table and the list of failures.

    Args:
        trials: with names of their own; at least one.
        folder: where the results go; may hold an earlier run's.
        options: the solver, which files, how large a check, and by how many processes or which cluster.
        stop: asked to stop, the campaign finishes or drops what is under way and reports what there is.
        progress: makes, from a label, a context manager that yields a function of trials done and trials in all.

    Returns:
        How many trials were labelled, unchanged and failed (with causes), and figures over all shards of the folder.

    Raises:
        BioposeError: an option is wrong, the folder or the cluster cannot be used, or not one trial could be labelled.
    """
    _check(trials, options)
    folders = Folders(Path(folder))
    with claimed(folders.root, "shards", "models", "check"):
        shutil.rmtree(folders.unfinished, ignore_errors=True)  # of a run that was killed
        return _run(trials, folders, options, stop or Stop(), progress)


def _run(
    trials: Sequence[Trial], folders: Folders, options: LabelOptions, stop: Stop, progress: Callable[[str], Any] | None
) -> Report:
    run = Run.open(folders.root)
    chosen = sample([t.name for t in trials], options.check or SAMPLE_SHARE, options.seed)
    with_files = {t.name for t in trials if options.files == "all" or (options.files == "sample" and t.name in chosen)}
    report, started = Report(len(trials)), time.perf_counter()
    if options.overwrite:
        for trial in trials:
            if kept := set_aside(trial, folders, {}):
                report.kept[trial.name] = kept
            folders.shard(trial).unlink(missing_ok=True)
            (folders.root / "check" / f"{trial.name}.json").unlink(missing_ok=True)
    todo, report.failed = _todo(trials, folders, options, with_files)
    report.unchanged = len(trials) - len(todo) - len(report.failed)
    make = functools.partial(_model_of_subject, folder=folders.root.resolve())
    for _ in _answers(make, _one_of_each_subject(todo), folders, options, stop, progress, "Personalising"):
        pass  # what failed is told by the trials that wanted the model
    work = functools.partial(_label, folder=folders.root.resolve(), solver=options.solver, with_files=with_files)
    machine: MachineError | None = None
    for trial, answer in _answers(work, todo, folders, options, stop, progress, "Labelling"):
        cause = _cause(answer) if isinstance(answer, BaseException) else answer.cause
        if isinstance(answer, Labelled) and answer.machine_failed:
            stop.ask(now=True)  # the next trials would fail by it too
            machine = MachineError(
                f"{answer.cause}; {report.labelled} trials were labelled before",
                mend="Mend it; the same command goes on.",
            )
            continue
        if cause is not None:
            report.failed[trial.name] = cause
            continue
        assert isinstance(answer, Labelled)
        if answer.kept:
            report.kept[trial.name] = answer.kept
        report.labelled += 1
        report.frames += answer.frames
        for stage, seconds in answer.seconds.items():
            report.stage_s[stage] = report.stage_s.get(stage, 0.0) + seconds
    if machine is not None:
        raise machine
    report.wall_s = time.perf_counter() - started
    if options.check and not stop.asked:
        checked = [t for t in trials if t.name in chosen and t.name not in report.failed]
        compare = functools.partial(_checked, folder=folders.root.resolve())
        for trial, answer in _answers(compare, checked, folders, options, stop, progress, "Checking"):
            if isinstance(answer, BaseException):
                report.failed[f"{trial.name} (check)"] = _cause(answer)
        report.check = summed_up(folders.root / "check")
    report.stopped = stop.asked
    _write(report, run, folders, options)
    if not report.stopped and report.failed and not report.labelled + report.unchanged:
        name, cause = next(iter(report.failed.items()))
        raise BioposeError(
            f"none of the {len(trials)} trials could be labelled; {name}: {cause}", where=str(folders.root)
        )
    return report


def sample(names: Sequence[str], share: float, seed: int) -> set[str]:
    """A random share of the names, at least one; the same for the same names and seed.

    Args:
        names: no two alike; their order does not matter.
        share: 0 to 1.
        seed: from 0 on.

    Returns:
        Names, as many as the share comes to when rounded.
    """
    count = max(1, round(share * len(names)))
    return set(np.random.default_rng(seed).choice(sorted(names), count, replace=False).tolist())


def _check(trials: Sequence[Trial], options: LabelOptions) -> None:
    if not trials:
        raise BioposeError("there is no trial to label", mend="Give recordings, or folders that hold some.")
    if options.files not in FILES:
        raise BioposeError(f"`files={options.files}` is not one of {', '.join(FILES)}")
    if not 0 <= options.check <= 1:
        raise BioposeError("`check` is a share of the trials, between 0 and 1", mend="0.05 is one in twenty.")
    names = [t.name for t in trials]
    if repeated := sorted({n for n in names if names.count(n) > 1} if len(set(names)) < len(names) else ()):
        raise BioposeError(f"two trials are named {repeated[0]}", mend="Label them into folders of their own.")


def _todo(
    trials: Sequence[Trial], folders: Folders, options: LabelOptions, with_files: set[str]
) -> tuple[list[Trial], dict[str, str]]:
    todo, failed = [], {}
    for trial in trials:
        try:
            done = is_labelled(trial, folders, made_of(trial, options.solver), trial.name in with_files)
        except BioposeError:  # a shard of another version
            done = False
        except OSError as error:
            failed[trial.name] = f"{trial.path} cannot be read ({error.strerror})"
            continue
        if not done:
            todo.append(trial)
    return todo, failed


def _answers(
    work: Callable,
    tasks: Sequence[Trial],
    folders: Folders,
    options: LabelOptions,
    stop: Stop,
    progress: Any,
    label: str,
) -> Iterator:
    if not tasks:
        return
    if options.scheduler is not None:
        answers = on_cluster(work, tasks, scheduler=options.scheduler, stop=stop, folder=folders.root)
    else:
        answers = on_processes(work, tasks, workers=min(options.workers, len(tasks)), stop=stop)
    if progress is None:
        yield from answers
        return
    with progress(label) as show:
        for done, answer in enumerate(answers, 1):
            if show:
                show(done, len(tasks))
            yield answer


def _label(trial: Trial, *, folder: Path, solver: str, with_files: set[str]) -> Labelled:
    """In a worker. A trial's failure is an answer; errors of others need not survive the way back as objects."""
    torch.set_num_threads(1)  # there are as many processes as cores
    try:
        return label_trial(trial, folder, solver=solver, with_files=trial.name in with_files)
    except Exception as error:
        return Labelled(trial.name, trial.subject, cause=_cause(error), machine_failed=_is_machines(error))


def _is_machines(error: Exception) -> bool:
    """Whether the machine failed, and not the trial: no room or no right to write, no memory."""
    if isinstance(error, MachineError | MemoryError):
        return True
    number = error.errno if isinstance(error, OSError) else None
    return number in MACHINES or any(f"(os error {one})" in str(error) for one in MACHINES)  # safetensors' words


def _one_of_each_subject(trials: Sequence[Trial]) -> list[Trial]:
    """Of the subjects whose recordings make one model together, so that not all workers make the same one."""
    return list({trial.of_subject: trial for trial in trials if len(trial.of_subject) > 1}.values())


def _model_of_subject(trial: Trial, *, folder: Path) -> None:
    torch.set_num_threads(1)
    folders = Folders(folder)
    folders.unfinished.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(Exception):
        scaled_model(trial.load(), folders.models, folders.unfinished)


def _checked(trial: Trial, *, folder: Path) -> None:
    try:
        check_trial(trial, folder)
    except BioposeError as error:
        raise RuntimeError(_cause(error)) from None  # BioposeError's own arguments do not pickle


def _cause(error: BaseException) -> str:
    said = str(error).replace("\n", " ")
    return said if isinstance(error, BioposeError | RuntimeError) else f"{type(error).__name__}: {said}"


def _write(report: Report, run: Run, folders: Folders, options: LabelOptions) -> None:
    skeleton = read_skeleton(DEFAULT_PATH)
    index = write_index(
        folders.shards,
        {
            "coordinates": skeleton.coordinate_names,
            "rotational": skeleton.rotational.tolist(),
            "bodies": skeleton.body_names,
            "joints": skeleton.joint_names,
            "markers": skeleton.marker_names,
        },
    )
    report.totals = _write_table(folders.root / "quality.csv", index["trials"])
    failures = folders.root / "failures.csv"
    if report.failed:
        write_csv(pd.DataFrame(sorted(report.failed.items()), columns=["name", "cause"]), failures)
    else:
        failures.unlink(missing_ok=True)
    if not report.stopped:
        shutil.rmtree(folders.unfinished, ignore_errors=True)
    run.record["label"] = {
        "options": vars(options),
        **report.as_record(),
        "frames_per_s": round(report.frames_per_s, 1),
    }
    run.save()


def _write_table(path: Path, trials: list[IndexedTrial]) -> TrialTotals | None:
    """One row for each trial in the folder, and their totals in the last; returns these, or None without a trial."""
    table = pd.DataFrame(trials, columns=[*TABLE_COLUMNS])
    if table.empty:
        return None
    frames = table["frames"].to_numpy(float)

    def mean(values: np.ndarray) -> float:
        return float(np.average(values, weights=frames))

    def share(name: str) -> float:
        return round(mean(table[name].to_numpy(float)), 6)

    totals: TrialTotals = {
        "trials": len(table),
        "hours": round(float((frames / table["rate_hz"].to_numpy(float)).sum()) / 3600, 3),
        "name": "all",
        "subject": f"{table['subject'].nunique()} subjects",
        "frames": int(frames.sum()),
        "marker_rms_mm": round(mean(table["marker_rms_mm"].to_numpy(float) ** 2) ** 0.5, 3),
        "marker_max_mm": float(table["marker_max_mm"].max()),
        "worst_marker": str(table["worst_marker"].iloc[int(np.argmax(table["marker_max_mm"]))]),
        "frames_trusted": int(table["frames_trusted"].sum()),
        "masked_share": share("masked_share"),
        "landmark_share": share("landmark_share"),
        "out_of_range_share": share("out_of_range_share"),
        "jump_share": share("jump_share"),
    }
    row = pd.DataFrame([totals]).drop(columns=["trials", "hours"])
    write_csv(pd.concat([table, row]), path)
    return totals

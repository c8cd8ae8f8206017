"""A training, whatever the network: schedule, averaged weights, checkpoints, curves, several GPUs.

A run may be cut off at any moment and goes on from its last report. One process per GPU through torch's own launcher
(`torchrun --nproc-per-node 4 -m biomech.cli.main train …`): gradients are averaged by DistributedDataParallel,
process 0 writes the files.
"""

import contextlib
import csv
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from biomech.errors import BioposeError, plainly
from biomech.files import whole_file
from biomech.pipeline.claim import check_place, claimed
from biomech.train.history import begin_part, check_history, with_parts

CHECKPOINT, LOG, PLOT = "checkpoint.pt", "loss.csv", "loss.png"
DEVICES = ("cpu", "cuda")
LENGTH = ("steps", "hours", "report_every")  # of a recipe: may differ when a training goes on

Batch = TypeVar("Batch")
BatchIn = TypeVar("BatchIn", contravariant=True)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast."""

    steps: int | None = None  # where not given, ``hours`` say when to end
    hours: float | None = 1.0
    seed: int = 0
    rate: float = 1e-3  # the highest
    lowest: float = 0.01  # of that, at the end
    warm_steps: int = 100
    decay: float = 0.01
    largest_gradient: float = 1.0
    average: float = 0.999  # of the weights, from one step to the next
    report_every: int = 250  # steps

    def done(self, step: int, spent_s: float) -> float:
        """Share of the schedule, 1 at its end.

        Args:
            step: how many are done.
            spent_s: on training so far; counts only where ``steps`` are not given.

        Returns:
            0 at the start; may pass 1. With neither steps nor hours always 1.
        """
        if self.steps is not None:
            return step / self.steps
        return spent_s / (3600 * self.hours) if self.hours else 1.0

    def rate_at(self, done: float, step: int) -> float:
        """A short warm-up, then half a cosine.

        Args:
            done: share of the schedule; beyond 1 counts as 1.
            step: how many are done, for the warm-up.

        Returns:
            The learning rate: ``rate`` at the most.
        """
        falling = self.lowest + (1 - self.lowest) * (1 + math.cos(math.pi * min(done, 1.0))) / 2
        return self.rate * falling * min(1.0, (step + 1) / self.warm_steps)


class Losses(Protocol[BatchIn]):
    """Parts of a batch's loss by name, what is minimised under ``loss``; ``model`` is called as the network."""

    def __call__(self, model: nn.Module, batch: BatchIn, step: int) -> dict[str, Tensor]: ...


@dataclass(frozen=True)
class Lesson(Generic[Batch]):
    """What is learned: batches from a step on (of another seed in every process), their loss, figures to watch."""

    batches: Callable[[int], Iterable[Batch]]
    losses: Losses[Batch]
    measure: Callable[[], dict[str, float]]


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of a network's weights, from those it has; young ones are averaged over less.

    Args:
        network: is copied; its weights are the first that are averaged.
        decay: share of the average that stays at each step, 0 to 1; less while there are few steps.

    Returns:
        To be told of each step by ``update_parameters``.
    """

    def mix(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, int(count) / (9 + int(count)))
        for average, value in zip(averages, values, strict=True):
            average.lerp_(value, share)

    average = AveragedModel(network, multi_avg_fn=mix)
    average.n_averaged.fill_(1)  # or the first update would forget the weights at the start
    return average


@torch.no_grad()
def _put(values: Mapping[str, Tensor], network: nn.Module) -> None:
    """Write weights into a network."""
    for name, value in network.named_parameters():
        value.copy_(values[name])


@contextlib.contextmanager
def _weights_of(average: AveragedModel, network: nn.Module) -> Iterator[None]:
    """The averaged weights in the network for a while."""
    own = {name: value.detach().clone() for name, value in network.named_parameters()}
    _put(dict(average.module.named_parameters()), network)
    try:
        yield
    finally:
        _put(own, network)


def place_of(device: str) -> torch.device:
    """The device of this process: with several GPUs, its own.

    Raises:
        BioposeError: there is none of that name here.
    """
    if device not in DEVICES:
        raise BioposeError(f"there is no device {device}", mend=f"Give `device={' or '.join(DEVICES)}`.")
    if device == "cuda" and not torch.cuda.is_available():
        raise BioposeError("torch finds no GPU here", mend="Give `device=cpu`, or install torch's build for this GPU.")
    return torch.device(device, int(os.environ.get("LOCAL_RANK", 0))) if device == "cuda" else torch.device(device)


def rank() -> int:
    """Number of this process among those that train together."""
    return int(os.environ.get("RANK", 0))


def check_folder(folder: Path, resume: bool) -> Path:
    """Whether a training may begin in a folder, or go on; also for who has much to read before it.

    Args:
        folder: of checkpoint and curves; need not be there.
        resume: whether it is to go on from the checkpoint, if there is one.

    Returns:
        The checkpoint, there or not.

    Raises:
        BioposeError: the folder holds a training already, or can be no folder that is written to.
    """
    checkpoint = Path(folder) / CHECKPOINT
    check_place(Path(folder))
    if checkpoint.exists() and not resume:
        raise BioposeError("holds a training already", where=str(folder), mend="Add `resume`, or name another folder.")
    return checkpoint


@contextlib.contextmanager
def at_work(folder: Path, resume: bool) -> Iterator[None]:
    """Hold the folder of a training; of several processes that train together the first one does.

    Args:
        folder: of checkpoint and curves; is made.
        resume: whether the training is to go on from the checkpoint, if there is one.

    Yields:
        Nothing; the folder is held until the block ends.

    Raises:
        BioposeError: another training is at work there, or as ``check_folder``.
    """
    check_folder(folder, resume)
    with claimed(folder) if rank() == 0 else contextlib.nullcontext():
        yield


def train_and_keep(
    network: nn.Module,
    lesson: Lesson[Batch],
    folder: Path,
    schedule: Schedule,
    recipe: Mapping[str, object],
    about: Mapping[str, object] | None,
    keep: Callable[[dict[str, float], dict[str, object]], None],
    device: str = "cpu",
    resume: bool = False,
    *,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> None:
    """``train`` in a folder that is held, until what was learned is written too.

    Args:
        network, lesson, folder, schedule, recipe, about, device, resume, progress, say: as ``train`` takes them.
        keep: writes the weights, by the process that writes: called with the last figures, and with what the record
            says of the data (``history.with_parts``).

    Raises:
        BioposeError: as ``at_work`` and ``train``.
    """
    with at_work(folder, resume):
        figures = train(
            network, lesson, folder, schedule, recipe,
            device=device, resume=resume, about=about, progress=progress, say=say,
        )  # fmt: skip
        if figures is not None:
            keep(figures, with_parts(folder, about or {}))


def train(
    network: nn.Module,
    lesson: Lesson[Batch],
    folder: Path,
    schedule: Schedule,
    recipe: Mapping[str, object],
    *,
    device: str = "cpu",
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, float] | None:
    """Train a network, which ends with its averaged weights; checkpoint and curves are left in ``folder``.

    The caller holds the folder (``at_work``).

    Args:
        network: on its device, with the weights to start from.
        recipe: what must be the same when a training goes on, plain numbers and strings.
        resume: go on from the folder's checkpoint, if there is one.
        about: what is learned from, for ``history``; may be other data when a training goes on, which is said.
        progress: called with done and expected, in steps or seconds.
        say: called with a line at each report.

    Returns:
        The last figures, with ``steps``; None in processes that do not write.

    Raises:
        BioposeError: the folder holds a training already, the checkpoint is of another recipe, the record or the curves
            there are damaged, or gradients are no numbers.
    """
    place, world = place_of(device), int(os.environ.get("WORLD_SIZE", 1))
    checkpoint = check_folder(folder, resume)
    average = averaged(network, schedule.average)
    optimiser = torch.optim.AdamW(network.parameters(), schedule.rate, betas=(0.9, 0.98), weight_decay=schedule.decay)
    step, spent = 0, 0.0
    if checkpoint.exists():
        step, spent = _restore(checkpoint, recipe, network, average, optimiser, place)
    model: nn.Module = network
    if world > 1:
        torch.distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        model = nn.parallel.DistributedDataParallel(network)
    log = _Log(Path(folder), step) if rank() == 0 else None
    if log is not None and about is not None:
        check_history(Path(folder))

    def report() -> dict[str, float] | None:
        if log is None:
            return None
        network.eval()
        with _weights_of(average, network):
            figures = lesson.measure()
        network.train()
        log.report(step, spent, figures, say)
        _save(checkpoint, recipe, network, average, optimiser, step, spent)
        return {"steps": step, **figures}

    network.train()
    begun, started = step, time.monotonic() - spent
    for batch in lesson.batches(step):
        spent = time.monotonic() - started
        done = schedule.done(step, spent)
        if world > 1:  # all processes end together
            shared = torch.tensor(done, device=place)
            torch.distributed.broadcast(shared, 0)
            done = float(shared)
        if done >= 1:
            break
        torch.manual_seed(schedule.seed * 1_000_003 + step)  # what dropout draws is a matter of the step alone
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate_at(done, step)
        parts = lesson.losses(model, batch, step)
        optimiser.zero_grad(set_to_none=True)
        parts["loss"].backward()
        size = nn.utils.clip_grad_norm_(network.parameters(), schedule.largest_gradient)
        if not bool(torch.isfinite(size)):
            raise BioposeError(
                f"the gradients are no numbers at step {step}",
                where=str(folder),
                mend="Give smaller weights of losses or a lower `rate`, and another folder.",
            )
        optimiser.step()
        average.update_parameters(network)
        if step == begun and log is not None and about is not None:
            begin_part(Path(folder), step, about, say)
        step += 1
        if progress is not None:
            progress(*((step, schedule.steps) if schedule.steps else (int(spent), int(3600 * (schedule.hours or 0)))))
        if log is not None:
            log.add({name: float(part.detach()) for name, part in parts.items()})
        if step % schedule.report_every == 0:
            report()
    figures = report()
    _put(dict(average.module.named_parameters()), network)
    network.eval()
    if world > 1:
        torch.distributed.destroy_process_group()
    return figures


def _save(
    path: Path,
    recipe: Mapping[str, object],
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    step: int,
    spent_s: float,
) -> None:
    state = {
        "recipe": json.dumps(recipe),
        "weights": dict(network.named_parameters()),
        "average": dict(average.module.named_parameters()),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "spent_s": spent_s,
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def _restore(
    path: Path,
    recipe: Mapping[str, object],
    network: nn.Module,
    average: AveragedModel,
    optimiser: torch.optim.Optimizer,
    device: torch.device,
) -> tuple[int, float]:
    """Steps done and seconds spent; how long to train may differ from the checkpoint's recipe."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        said = json.loads(state["recipe"])
    except Exception as error:  # whatever a broken file makes of torch's reader
        raise BioposeError(f"cannot be read ({plainly(error)})", where=str(path)) from error
    theirs, ours = _length_left_out(said), _length_left_out(json.loads(json.dumps(recipe)))
    if changed := sorted(name for name in ours | theirs if theirs.get(name) != ours.get(name)):
        raise BioposeError(
            f"the training there has another {', '.join(changed)}",
            where=str(path),
            mend="Give its options again, or name another folder.",
        )
    try:
        _put(state["weights"], network)
        _put(state["average"], average.module)
    except (KeyError, RuntimeError) as error:
        raise BioposeError(
            "the training there is of a network of other parts or sizes",
            where=str(path),
            mend="Give its options again, or name another folder.",
        ) from error
    average.n_averaged.fill_(1 + state["step"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"], state["spent_s"]


def _length_left_out(recipe: Mapping[str, object]) -> dict[str, object]:
    return {
        name: _length_left_out(value) if isinstance(value, dict) else value
        for name, value in recipe.items()
        if name not in LENGTH
    }


class _Log:
    """loss.csv, and the curves of it as a picture."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.parts: list[dict[str, float]] = []
        self.rows: list[dict[str, float]] = []
        folder.mkdir(parents=True, exist_ok=True)
        if step and (folder / LOG).exists():
            try:
                with open(folder / LOG, newline="", encoding="utf-8") as file:
                    rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
                self.rows = [row for row in rows if row["step"] <= step]
            except (ValueError, TypeError, KeyError, csv.Error) as error:
                mend = "Remove the file; the curves then begin where the training goes on."
                raise BioposeError("not the figures of a training", where=str(folder / LOG), mend=mend) from error

    def add(self, parts: dict[str, float]) -> None:
        self.parts.append(parts)

    def report(self, step: int, spent_s: float, figures: dict[str, float], say: Callable[[str], None] | None) -> None:
        """A row of means since the last report, with what was measured on held-out data."""
        if not self.parts:
            return
        means = {name: sum(part[name] for part in self.parts) / len(self.parts) for name in self.parts[0]}
        self.parts = []
        self.rows.append({"step": step, "seconds": round(spent_s, 1), **means, **figures})
        with whole_file(self.folder / LOG) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[-1]))
            writer.writeheader()
            writer.writerows(self.rows)
        self._draw(list(means), list(figures))
        if say is not None:
            held_out = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            say(f"step {step}, {spent_s / 60:.1f} min: loss {means['loss']:.4f}; held out: {held_out}")

    def _draw(self, parts: list[str], figures: list[str]) -> None:
        """The loss of training and the figures of held-out data, over steps."""
        from matplotlib.figure import Figure  # slow to import

        figure = Figure(figsize=(8, 4), layout="constrained")
        steps = [row["step"] for row in self.rows]
        for axes, names, label in zip(
            figure.subplots(1, 2), (parts, figures), ("training loss", "held out"), strict=True
        ):
            for name in names:
                axes.plot(steps, [row[name] for row in self.rows], label=name)
            above = all(row[name] > 0 for row in self.rows for name in names)
            axes.set(xlabel="step", ylabel=label, yscale="log" if above else "linear")
            axes.legend()
        with whole_file(self.folder / PLOT) as temporary:
            figure.savefig(temporary)

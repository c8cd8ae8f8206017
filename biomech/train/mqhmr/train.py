"""Training MQ-HMR: `biopose train mqhmr`, on clips of rendered bodies or on people in pictures.

Weights end in float16 as ``mqhmr.safetensors``, the recipe and figures beside them as ``mqhmr.json``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from biomech.comparison.metrics import pa_mpjpe_mm
from biomech.errors import BioposeError
from biomech.files import whole_file
from biomech.mesh.mqhmr.camera import Crop
from biomech.mesh.mqhmr.load import RECIPE, WEIGHTS, load_mqhmr
from biomech.mesh.mqhmr.network import CONFIGS, MQHMR, Config, Inputs
from biomech.mesh.mqhmr.pyramid import DetectorOutput
from biomech.train.loop import Lesson, Schedule, place_of, rank, train_and_keep
from biomech.train.mqhmr.datasets import Jitter, Pictures, collate
from biomech.train.mqhmr.losses import MeshLossWeights, Truth, completed, losses
from biomech.train.mqhmr.maps import WithMaps, map_loss
from biomech.train.mqhmr.readers import read_people
from biomech.train.synthetic.clips import SPLITS, Clips

Item = tuple[Inputs, Truth]
Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class MqhmrRecipe:
    """How a network is trained; written beside its weights."""

    config: Config = CONFIGS["compact"]
    schedule: Schedule = field(default_factory=lambda: Schedule(rate=5e-4))
    weights: MeshLossWeights = field(default_factory=MeshLossWeights)
    items: int = 16  # of the data set in a batch, on each device: people, or clips
    frames: int = 4  # of each clip
    only_guess: bool = False  # learn the first guess alone: fast, and a good start for all of it
    bfloat16: bool = False  # of learned layers, on a CPU too
    maps: float = 3.0  # weight of the keypoints' heat maps, which an encoder of pictures learns beside the body
    workers: int = 0  # processes that read ahead


class PreparedMqhmr(NamedTuple):
    """What a training needs, and what to say of it."""

    network: MQHMR
    data: Dataset
    held_out: Dataset
    collate: Callable[[list[Item]], Item]
    lines: list[str]


def prepare(
    recipe: MqhmrRecipe,
    clips: Path | None,
    people: list[str],
    held_out: list[str],
    body_model: Path | None = None,
    encoder_weights: Path | None = None,
    start: Path | None = None,
    *,
    guess: Path | None = None,
    allow_pickle: bool = False,
) -> PreparedMqhmr:
    """Network and data of a recipe: clips for the evidence front, people in pictures for the other.

    Args:
        recipe: its configuration says which front, body and sizes.
        clips: folder of `biopose train clips`, for the evidence front; None for the other.
        people: sets to learn from, as ``read_people`` takes them; empty with clips.
        held_out: sets for the figures, in the same form; not read with clips, which have held-out ones of their own.
        body_model: the user's SMPL file, where the body is that.
        encoder_weights: the user's file of a picture encoder, to begin with.
        start: weights of an earlier training to begin with.
        guess: such weights of which only the first guess is taken, so that tokens, levels and sizes of the decoder may
            be others.
        allow_pickle: for 3DPW, whose files are pickles; only arrays in them are read.

    Returns:
        On the CPU; ``train_mqhmr`` takes the parts.

    Raises:
        BioposeError: there is no such data, or a file is not what it should be.
    """
    evidence = recipe.config.front == "evidence"
    if evidence != (clips is not None) or evidence == bool(people) or (not evidence and not held_out):
        needed = "`clips` and no `people`" if evidence else "`people` and `held_out`, and no `clips`"
        raise BioposeError(f"a network that sees {recipe.config.front} is trained with {needed}")
    torch.manual_seed(recipe.schedule.seed)
    if recipe.only_guess and not evidence:
        raise BioposeError("only a network that sees evidence learns its first guess alone")
    if recipe.config.halved and evidence:
        raise BioposeError("only a network that sees pictures can be shown halved ones")
    network = MQHMR.build(recipe.config, body_model, encoder_weights)
    if start is not None:
        try:
            network.load_state_dict(load_mqhmr(start, body_model).state_dict())
        except RuntimeError as error:
            raise BioposeError(
                "these weights are of a network of other sizes",
                where=str(start),
                mend="Give the tokens, levels and points that its mqhmr.json tells, or take its `guess` alone.",
            ) from error
    if guess is not None:
        _take_guess(network, load_mqhmr(guess, body_model), guess)
    parts: tuple[Dataset, Dataset]
    if clips is not None:
        body, seed = network.body.name, recipe.schedule.seed
        names = network.body.bone_names
        maps = not recipe.only_guess
        parts = Clips(clips, "train", body, recipe.frames, seed, names, maps), Clips(clips, "held_out", body, maps=maps)
    else:
        read = [
            read_people(said, allow_pickle=allow_pickle, split=split)
            for said, split in zip((people, held_out), SPLITS, strict=True)
        ]
        parts = Pictures(read[0], network.body, Jitter(), recipe.schedule.seed), Pictures(read[1], network.body)
    kind = "clips" if evidence else "people"
    count = sum(parameter.numel() for parameter in network.parameters())
    lines = [
        f"{len(parts[0])} {kind} to learn from, {len(parts[1])} held out",  # type: ignore[arg-type]
        f"{count / 1e6:.1f} million parameters, body {network.body.name}",
    ]
    return PreparedMqhmr(network, parts[0], parts[1], joined if evidence else collate, lines)


def train_mqhmr(
    network: MQHMR,
    data: Dataset,
    held_out: Dataset,
    collate: Callable[[list[Item]], Item],
    folder: Path,
    recipe: MqhmrRecipe,
    *,
    device: str = "cpu",
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> MQHMR:
    """Train a network; its averaged weights and the recipe end in ``folder``.

    Args:
        network: to start from; is changed and moved to the device.
        data: ``Clips`` or ``Pictures``: any index, each length over the same items varied anew.
        held_out: for the figures.
        collate: one batch of items: ``joined`` for clips, ``datasets.collate`` for pictures.
        folder: of checkpoint, curves and weights.
        recipe: how long, how fast, how much at once.
        device: one of ``loop.DEVICES``.
        resume: go on from the folder's checkpoint, if there is one.
        about: what else to write beside the weights.
        progress: called with done and expected, in steps or seconds.
        say: called with a line at each report.

    Returns:
        The network that was given, with its averaged weights.

    Raises:
        BioposeError: as ``biomech.train.loop.train``.
    """
    place = place_of(device)
    network.to(place)

    def batches(first_step: int) -> Iterator[Item]:
        draws = Draws(len(data), recipe.items, recipe.schedule.seed + 7919 * rank(), first_step)  # type: ignore[arg-type]
        return drawn(data, draws, collate, place, workers=recipe.workers)

    if recipe.only_guess:
        network.requires_grad_(False)
        for part in (network.evidence.summary, network.guess_head):
            part.requires_grad_()
    taught = WithMaps(network).to(place) if network.config.front == "rgb" and recipe.maps else network
    lesson = Lesson(
        batches,
        partial(_losses, network, recipe),
        partial(measure, network, held_out, collate, only_guess=recipe.only_guess),
    )
    said = asdict(recipe)
    del said["workers"], said["config"]["checkpointing"]  # neither changes what is learned
    if taught is network:
        del said["maps"]
    for told, choice in ((said["config"], "halved"), (said, "bfloat16")):  # younger than some trainings, which go on
        if not told[choice]:
            del told[choice]

    def keep(figures: dict[str, float], told: dict[str, object]) -> None:
        write(network, Path(folder), {**told, "recipe": said, "held_out": figures})

    train_and_keep(
        taught, lesson, folder, recipe.schedule, said, about, keep, device, resume, progress=progress, say=say
    )
    return network


def _take_guess(network: MQHMR, other: MQHMR, where: Path) -> None:
    """Copy the part that ``only_guess`` trains."""
    if {network.config.front, other.config.front} != {"evidence"}:
        raise BioposeError("only networks that see evidence have a first guess of their own", where=str(where))
    try:
        network.evidence.summary.load_state_dict(other.evidence.summary.state_dict())
        network.guess_head.load_state_dict(other.guess_head.state_dict())
    except RuntimeError as error:
        raise BioposeError("its first guess has other sizes than this network's", where=str(where)) from error


def joined(items: list[Item]) -> Item:
    """Items that are batches themselves, one after the other."""
    crop = Crop(*(torch.cat(parts) for parts in zip(*(inputs.crop for inputs, _ in items), strict=True)))
    seen = [inputs.evidence for inputs, _ in items if inputs.evidence is not None]
    evidence = DetectorOutput(*(torch.cat(parts) for parts in zip(*seen, strict=True)))
    return Inputs(crop, evidence=evidence), Truth(
        *(torch.cat(parts) for parts in zip(*(truth for _, truth in items), strict=True))
    )


def moved(item: Any, device: torch.device) -> Any:
    """Nested named tuples of tensors on a device.

    Args:
        item: a tensor or a tuple, nested at will; anything else stays as it is.
        device: where the tensors go.

    Returns:
        The same nesting.
    """
    if isinstance(item, Tensor):
        return item.to(device, non_blocking=True)
    if isinstance(item, tuple):
        parts = [moved(part, device) for part in item]
        return type(item)(*parts) if hasattr(item, "_fields") else tuple(parts)
    return item


@torch.no_grad()
def measure(
    network: MQHMR, held_out: Dataset, collate: Callable[[list[Item]], Item], only_guess: bool = False
) -> dict[str, float]:
    """Means over held-out people: keypoints about the pelvis, after the best similarity, and in the picture.

    They are the data's, or what θ and β imply; a figure without any data is 0.

    Args:
        network: in evaluation mode, on any device.
        held_out: items with their truth.
        collate: makes a batch of one item.
        only_guess: measure the first guess, without maps and decoder.

    Returns:
        ``mpjpe_mm`` and ``pa_mpjpe_mm``, and ``crop_error`` in sides of the crop.
    """
    sums, counts = dict.fromkeys(("mpjpe_mm", "pa_mpjpe_mm", "crop_error"), 0.0), dict.fromkeys(("3d", "2d"), 0)
    device, rows = next(network.parameters()).device, network.body.keypoint_rows
    pelvis = network.body.keypoint_names.index("pelvis")
    for index in range(len(held_out)):  # type: ignore[arg-type]
        inputs, truth = moved(collate([held_out[index]]), device)
        truth = completed(network, truth, inputs.crop)
        found = network.pose(network(inputs, only_guess=only_guess)).keypoints
        away = inputs.crop.into(network.project(found, inputs.crop)) - inputs.crop.into(truth.keypoints_px)[:, rows]
        wanted = truth.keypoints_m[:, rows]
        for person in range(len(found)):
            known, seen = truth.confidence_3d[person, rows] > 0, truth.confidence_2d[person, rows] > 0
            if known[pelvis] and known.sum() > 3:
                ours, theirs = ((p[person] - p[person, pelvis])[known].double().cpu() for p in (found, wanted))
                sums["mpjpe_mm"] += 1000 * float((ours - theirs).norm(dim=-1).mean())
                sums["pa_mpjpe_mm"] += pa_mpjpe_mm(ours.numpy(), theirs.numpy())
                counts["3d"] += 1
            if seen.any():
                sums["crop_error"] += float(away[person][seen].norm(dim=-1).mean())
                counts["2d"] += 1
    of = {"mpjpe_mm": "3d", "pa_mpjpe_mm": "3d", "crop_error": "2d"}
    return {name: total / max(counts[of[name]], 1) for name, total in sums.items()}


def write(network: MQHMR, folder: Path, about: Mapping[str, object]) -> None:
    """Weights (float16) and the recipe beside them.

    Args:
        network: its configuration is written too.
        folder: gets ``mqhmr.safetensors`` and ``mqhmr.json``.
        about: what else the recipe says; must fit into JSON.
    """
    halves = {name: value.detach().half().cpu().contiguous() for name, value in network.named_parameters()}
    with whole_file(folder / WEIGHTS) as temporary:
        save_file(halves, temporary)
    with whole_file(folder / RECIPE) as temporary:
        temporary.write_text(json.dumps({"config": asdict(network.config), **about}, indent=1) + "\n")


def _losses(network: MQHMR, recipe: MqhmrRecipe, model: nn.Module, batch: Item, step: int) -> dict[str, Tensor]:
    """bfloat16 in the learned layers on a GPU, or where the recipe says so; geometry and losses are exact."""
    inputs, truth = batch
    narrow = truth.betas.is_cuda or recipe.bfloat16
    with torch.autocast(truth.betas.device.type, torch.bfloat16, enabled=narrow):
        maps = None
        if network.config.front == "rgb" and recipe.maps:
            answer, maps = model(inputs)
        else:
            answer = model(inputs, only_guess=recipe.only_guess)
    truth = completed(network, truth, inputs.crop)
    parts = losses(network, answer, inputs.crop, truth, recipe.weights)
    if maps is None:
        return parts
    surprise = map_loss(maps, inputs.crop, truth)
    return {**parts, "maps": surprise, "loss": parts["loss"] + recipe.maps * surprise}


def drawn(
    data: Dataset, draws: "Draws", collate: Callable[[list[Any]], Drawn], place: torch.device, *, workers: int = 0
) -> Iterator[Drawn]:
    """Batches of a set, on the device.

    Args:
        data: any index.
        draws: which items make a batch.
        collate: one batch of items.
        place: of ``place_of``.
        workers: processes that read ahead.

    Yields:
        Without end.
    """
    loader = DataLoader(data, batch_sampler=draws, num_workers=workers, collate_fn=collate)
    return (moved(item, place) for item in loader)


class Draws:
    """Batches of indices without end: the whole set in random order, again and again, a function of seed and step."""

    def __init__(self, length: int, items: int, seed: int, first_step: int):
        self.length, self.items, self.seed, self.first = length, items, seed, first_step

    def __iter__(self) -> Iterator[list[int]]:
        position, epoch, order = self.first * self.items, -1, torch.empty(0, dtype=torch.long)
        while True:
            batch = []
            for place in range(position, position + self.items):
                if place // self.length != epoch:
                    epoch = place // self.length
                    order = torch.randperm(self.length, generator=torch.Generator().manual_seed(self.seed + epoch))
                batch.append(epoch * self.length + int(order[place % self.length]))
            position += self.items
            yield batch

"""Training NeurIK: `biopose train neurik`, on the shards of `biopose label`."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from biomech.angles import wrapped
from biomech.files import whole_file
from biomech.neurik.network import CoordinatePrediction, NeurIK, Sizes
from biomech.skeleton.skeleton import Skeleton
from biomech.train import loop
from biomech.train.loop import Lesson, Schedule, place_of
from biomech.train.neurik.data import Batch, Batches
from biomech.train.neurik.losses import LossWeights, known_pose, losses

WEIGHTS, RECIPE = "neurik.safetensors", "neurik.json"
FIGURES = ("mae_deg", "causal_mae_deg", "scale_mae", "marker_mm")


@dataclass(frozen=True)
class NeurikRecipe:
    """How a network is trained; written beside its weights."""

    steps: int | None = None  # where not given, ``hours`` say when to end
    hours: float | None = 1.0
    seed: int = 0
    clips: int = 32  # of a batch, on each device
    rate: float = 1.5e-3
    decay: float = 0.01
    causal_share: float = 0.3  # of the batches
    average: float = 0.999  # of the weights, from one step to the next
    report_every: int = 250  # steps
    sizes: Sizes = field(default_factory=Sizes)
    weights: LossWeights = field(default_factory=LossWeights)

    @property
    def schedule(self) -> Schedule:
        """How long and how fast."""
        return Schedule(
            steps=self.steps,
            hours=self.hours,
            seed=self.seed,
            rate=self.rate,
            decay=self.decay,
            average=self.average,
            report_every=self.report_every,
        )


def train(
    skeleton: Skeleton,
    batches: Batches,
    held_out: Sequence[Batch],
    folder: Path,
    recipe: NeurikRecipe,
    *,
    device: str = "cpu",
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> NeurIK:
    """Train a network; its averaged weights and the recipe end in ``folder``.

    Args:
        skeleton: the generic model with the 142 markers.
        batches: to learn from; of another seed in every process.
        held_out: batches of other subjects, for the curve.
        folder: of checkpoint, curves and weights.
        recipe: how long, how fast, how large.
        device: one of ``loop.DEVICES``.
        resume: go on from the folder's checkpoint, if there is one.
        about: what else to write beside the weights: data, command.
        progress: called with done and expected, in steps or seconds.
        say: called with a line at each report.

    Returns:
        With its averaged weights, on the device.

    Raises:
        BioposeError: the folder holds a training already, or the checkpoint is of another recipe.
    """
    place = place_of(device)
    torch.manual_seed(recipe.seed)
    network = NeurIK(skeleton, recipe.sizes).to(place)
    lesson = Lesson(
        lambda step: (batch.to(place) for batch in batches.prefetched(step)),
        partial(_losses, network, recipe),
        partial(measure, network, held_out),
    )
    said = asdict(recipe)

    def keep(figures: dict[str, float], told: dict[str, object]) -> None:
        steps = figures.pop("steps")
        write(network, Path(folder), {**told, "recipe": said, "steps": steps, "held_out": figures})

    loop.train_and_keep(
        network, lesson, folder, recipe.schedule, said, about, keep, device, resume, progress=progress, say=say
    )
    return network


def write(network: NeurIK, folder: Path, about: Mapping[str, object]) -> None:
    """Weights and the recipe beside them.

    Args:
        network: its sizes and its model's name are written too.
        folder: gets ``neurik.safetensors`` and ``neurik.json``.
        about: what else the recipe says; must fit into JSON.
    """
    with whole_file(folder / WEIGHTS) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in network.named_parameters()}, temporary)
    about = {"sizes": network.sizes._asdict(), "model": network.skeleton.name, **about}
    with whole_file(folder / RECIPE) as temporary:
        temporary.write_text(json.dumps(about, indent=1) + "\n")


@torch.no_grad()
def measure(network: NeurIK, batches: Sequence[Batch]) -> dict[str, float]:
    """Errors over batches: angles of all rotational coordinates (deg), scale factors, markers of the model (mm).

    Args:
        network: on any device; is left in training mode.
        batches: each counts alike.

    Returns:
        ``mae_deg``, ``causal_mae_deg`` (each frame from those up to it), ``scale_mae`` (of factors) and ``marker_mm``.
    """
    network.eval()
    sums = dict.fromkeys(FIGURES, 0.0)
    device = next(network.parameters()).device
    rotational = torch.as_tensor(network.anatomy.rotational, device=device)
    for batch in (b.to(device) for b in batches):
        count = batch.mask[..., rotational].sum().clamp_min(1)

        def angle_error(answer: CoordinatePrediction, batch: Batch = batch, count: Tensor = count) -> float:
            error = wrapped(answer.coordinates - batch.coordinates).abs()[..., rotational]
            return math.degrees(float((error * batch.mask[..., rotational]).sum() / count))

        answer = network(batch.markers, batch.confidence)
        sums["mae_deg"] += angle_error(answer)
        sums["causal_mae_deg"] += angle_error(network(batch.markers, batch.confidence, causal=True))
        sums["scale_mae"] += float((answer.scales[:, :, 1:] - batch.scales[:, None, 1:]).abs().mean())
        known = known_pose(answer.coordinates, batch.coordinates, batch.mask, rotational)
        wanted = network.skeleton(known, batch.scales[:, None].expand_as(answer.scales)).markers
        sums["marker_mm"] += 1000 * float((network.pose(answer).markers - wanted).norm(dim=-1).mean())
    network.train()
    return {name: round(value / max(len(batches), 1), 4) for name, value in sums.items()}


def _losses(network: NeurIK, recipe: NeurikRecipe, model: nn.Module, batch: Batch, step: int) -> dict[str, Tensor]:
    """bfloat16 in the learned layers on a GPU; geometry and losses are exact."""
    causal = torch.rand((), generator=torch.Generator().manual_seed(step)).item() < recipe.causal_share
    with torch.autocast(batch.markers.device.type, torch.bfloat16, enabled=batch.markers.is_cuda):
        answer = model(batch.markers, batch.confidence, causal=causal)
    answer = CoordinatePrediction(*(part.float() for part in answer))
    return losses(network, answer, batch.coordinates, batch.scales, batch.mask, recipe.weights)

"""`biopose train joint`: MQ-HMR tuned through a NeurIK that stays as it is.

`python -m biomech.train.mqhmr.joint CLIPS NAME=WEIGHTS …` prints the held-out figures of networks beside each other,
and of the true bodies: what NeurIK errs by itself.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from biomech.errors import BioposeError
from biomech.files import sha256
from biomech.mesh.mqhmr.load import load_mqhmr
from biomech.mesh.mqhmr.network import MQHMR
from biomech.mesh.recoverers import SHIPPED
from biomech.neurik.network import NeurIK
from biomech.neurik.predict import FILE, load_network
from biomech.train.loop import Lesson, Schedule, place_of, rank, train_and_keep
from biomech.train.mqhmr.losses import MeshLossWeights
from biomech.train.mqhmr.through_neurik import (
    Carried,
    JointClips,
    JointItem,
    JointWeights,
    joint_figures,
    joint_losses,
    together,
)
from biomech.train.mqhmr.train import Draws, drawn, write
from biomech.train.synthetic.clips import Clips


@dataclass(frozen=True)
class JointRecipe:
    """How MQ-HMR is tuned; written beside its weights."""

    schedule: Schedule = field(default_factory=lambda: Schedule(rate=1e-4))
    own: MeshLossWeights = field(default_factory=MeshLossWeights)
    added: JointWeights = field(default_factory=JointWeights)
    items: int = 16  # clips of a batch, on each device, whole


def load_both(start: Path, neurik: Path | None = None) -> tuple[MQHMR, NeurIK]:
    """The two networks.

    Args:
        start: MQ-HMR's weights, of the evidence front on the Anny body.
        neurik: its weights; the package's by default.

    Returns:
        On the CPU; NeurIK's weights get no gradients.

    Raises:
        BioposeError: files are missing or broken, or the network sees pictures or has another body.
    """
    network = load_mqhmr(start)
    if network.config.front != "evidence" or network.config.body != "anny":
        raise BioposeError(
            "through NeurIK learns only a network that sees the detector's evidence, on the Anny body", where=str(start)
        )
    solver = load_network() if neurik is None else load_network(neurik)
    return network, solver.requires_grad_(False).eval()


def train_joint(
    start: Path,
    clips: Path,
    folder: Path,
    recipe: JointRecipe,
    *,
    neurik: Path | None = None,
    device: str = "cpu",
    resume: bool = False,
    about: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> MQHMR:
    """Tune a network; its averaged weights and the recipe end in ``folder``, as of `biopose train mqhmr`.

    Args:
        start: MQ-HMR's weights to begin with.
        clips: folder of `biopose train clips`, with training and held-out ones, each of as many frames.
        folder: of checkpoint, curves and weights.
        recipe: how long, how fast, what counts.
        neurik: weights that turn markers into coordinates; the package's by default. They stay as they are.
        device: one of ``loop.DEVICES``.
        resume: go on from the folder's checkpoint, if there is one.
        about: what else to write beside the weights.
        progress: called with done and expected, in steps or seconds.
        say: called with a line at each report.

    Returns:
        The network with its averaged weights.

    Raises:
        BioposeError: as ``load_both`` and ``biomech.train.loop.train``; or there are no clips.
    """
    place = place_of(device)
    network, solver = load_both(start, neurik)
    network.to(place)
    solver.to(place)
    carried = Carried(network.body).to(place)
    names, seed = network.body.bone_names, recipe.schedule.seed
    data = JointClips(Clips(clips, "train", "anny", seed=seed, bone_names=names), solver)
    held_out = JointClips(Clips(clips, "held_out", "anny"), solver)

    def batches(first_step: int) -> Iterator[JointItem]:
        return drawn(data, Draws(len(data), recipe.items, seed + 7919 * rank(), first_step), together, place)

    lesson = Lesson(
        batches,
        partial(joint_losses, network, solver, carried, recipe.own, recipe.added),
        partial(joint_figures, network, solver, carried, held_out),
    )
    said = {**asdict(recipe), "start": sha256(start)[:16], "neurik": sha256(neurik or FILE)[:16]}
    about = {**(about or {}), "data": [f"{len(data)} clips of {clips}"]}

    def keep(figures: dict[str, float], told: dict[str, object]) -> None:
        more = {"start": str(start), "clips": len(data)}
        write(network, Path(folder), {**told, **more, "recipe": said, "held_out": figures})

    train_and_keep(
        network, lesson, folder, recipe.schedule, said, about, keep, device, resume, progress=progress, say=say
    )
    return network


def main(folder: str, said: list[str]) -> None:
    """Print figures on the held-out clips of a folder, a JSON object a line.

    Args:
        folder: of `biopose train clips`; its ``held_out_*.npz`` are read.
        said: NAME=WEIGHTS of each network; without weights the package's.

    Raises:
        BioposeError: as ``load_both``, or there are no clips.
    """
    for name, _, path in (part.partition("=") for part in ["true bodies=", *said]):
        network, solver = load_both(Path(path) if path else SHIPPED)
        clips = JointClips(Clips(Path(folder), "held_out", "anny"), solver)
        judged = None if name == "true bodies" else network
        figures = joint_figures(judged, solver, Carried(network.body), clips)
        print(json.dumps({"name": name, **figures}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

"""`biopose train`: the package's networks, trained by the user on data of one's own."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the networks.")


@app.callback()
def _group() -> None:
    """A group even while it has one command."""


@app.command()
def neurik(
    data: Annotated[Path, typer.Option(help="Folder that `biopose label` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights, recipe, checkpoint and curves.")],
    pairs: Annotated[
        Path | None, typer.Option(help="Folder of true and recovered markers, train_*.npz, whose errors are added.")
    ] = None,
    noise: Annotated[Path | None, typer.Option(help="Such errors as an earlier training kept them.")] = None,
    hours: Annotated[float, typer.Option(min=0.0, help="How long to train.")] = 1.0,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps to train, instead of hours.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, batches and variations.")] = 0,
    clips: Annotated[int, typer.Option(min=1, help="Windows of a batch, on each device.")] = 32,
    rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 1.5e-3,
    window: Annotated[int, typer.Option(min=2, help="Frames of a window, 60 a second.")] = 64,
    width: Annotated[int, typer.Option(min=6, help="Of the temporal transformer; a multiple of 6.")] = 192,
    layers: Annotated[int, typer.Option(min=1, help="Of the temporal transformer.")] = 4,
    joints: Annotated[float, typer.Option(min=0.0, help="Weight of the joint centres' loss (m).")] = 1.0,
    markers: Annotated[float, typer.Option(min=0.0, help="Weight of the markers' loss (m).")] = 2.0,
    scales: Annotated[float, typer.Option(min=0.0, help="Weight of the scale factors' loss.")] = 0.1,
    angles: Annotated[float, typer.Option(min=0.0, help="Weight of the angles' loss (rad).")] = 0.06,
    device: Annotated[str, typer.Option(help="cpu or cuda; several GPUs through torchrun.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the CPU. [default: all cores]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
) -> None:
    """Train NeurIK: 142 markers over a window of frames to coordinates and body scales.

    Without the skeleton layer: --joints 0 --markers 0.
    """
    import torch

    from biomech.cli.progress import progress_bar
    from biomech.neurik.losses import LossWeights
    from biomech.neurik.network import Sizes
    from biomech.neurik.prepare import prepare
    from biomech.neurik.train import Recipe, train

    if threads is not None:
        torch.set_num_threads(threads)
    recipe = Recipe(
        steps=steps,
        hours=hours,
        seed=seed,
        clips=clips,
        rate=rate,
        sizes=Sizes(window=window, width=width, layers=layers),
        weights=LossWeights(joints, markers, scales, angles),
    )
    prepared = prepare(data, out, recipe, pairs=pairs, noise=noise)
    for line in prepared.lines:
        typer.echo(line)
    command = " ".join(["biopose", *sys.argv[1:]])
    with progress_bar("Training") as progress:
        train(
            prepared.skeleton,
            prepared.batches,
            prepared.held_out,
            out,
            recipe,
            device=device,
            resume=resume,
            about={"command": command, **prepared.about},
            progress=progress,
            say=typer.echo,
        )
    typer.echo(f"{out / 'neurik.safetensors'}: the weights; {out / 'loss.png'}: the curves")

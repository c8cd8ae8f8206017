"""`biopose bench mqhmr`: figures of the first network and of its refinement."""

from pathlib import Path
from typing import Annotated

import typer


def mqhmr(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder pose2sim_demo: videos/ and reference_triangulated.trc.", envvar="BIOPOSE_VIDEO"),
    ] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of rendered clips, held_out_*.npz.")] = None,
    motions: Annotated[
        Path | None, typer.Option(help="Zip of CMU's .bvh motions: walking, squats and sit-to-stand are measured too.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs and for the activities' clips.")] = Path(
        "runs/mqhmr"
    ),
    weights: Annotated[Path | None, typer.Option(help="Of the network; the package's by default.")] = None,
    spread: Annotated[
        Path | None, typer.Option(help="How far its points stray (spread.json); the package's by default.")
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Option(help="NAME=WEIGHTS of a network to stand beside it; may be given again.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of the strongest failures.")] = None,
    cameras: Annotated[str | None, typer.Option(help="Of the film, such as cam01,cam03; all by default.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of each rendered clip.")] = 4,
    held_out: Annotated[int | None, typer.Option(min=1, help="Rendered clips; all by default.")] = None,
    people: Annotated[int, typer.Option(min=1, help="In each activity and view.")] = 2,
    failures: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Draws the people and scenes of the activities.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """MQ-HMR on real film, on rendered clips and by activity and view, refined and not, beside fit; speed by stage."""
    from biomech.cli.bench import _tell
    from biomech.errors import BioposeError
    from biomech.evaluation.mqhmr import bench_mqhmr
    from biomech.evaluation.real_video import CAMERAS
    from biomech.mesh.mqhmr.predict import SPREAD, load_default
    from biomech.mesh.mqhmr.spread import Spread
    from biomech.mesh.mqhmr.train import load_mqhmr

    networks = {"mqhmr": load_mqhmr(weights) if weights else load_default()}
    for said in runs or ():
        name, _, path = said.partition("=")
        if not path:
            raise BioposeError(
                f"--runs takes NAME=WEIGHTS, not {said}", mend="As in --runs weak=weak/mqhmr.safetensors."
            )
        networks[name] = load_mqhmr(Path(path))
    if not (spread or SPREAD).is_file():
        raise BioposeError(
            "it is not known how far the network's points stray",
            where=str(spread or SPREAD),
            mend="Make it with `python -m biomech.mesh.mqhmr.spread CLIPS WEIGHTS FILE`, and name it with --spread.",
        )
    figures = bench_mqhmr(
        networks,
        Spread.load(spread or SPREAD),
        out,
        film=data,
        clips=clips,
        motions=motions,
        pictures=pictures,
        cameras=tuple(cameras.split(",")) if cameras else CAMERAS,
        frames=frames,
        held_out=held_out,
        people=people,
        failures=failures,
        seed=seed,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    _tell(figures, as_json, 44)

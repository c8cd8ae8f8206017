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
    drawn: Annotated[
        Path | None,
        typer.Option(
            help="Folder of `biopose train pictures --held-out`; --runs may be of networks that see pictures."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs.")] = Path("runs/mqhmr"),
    mqhmr_weights: Annotated[
        Path | None, typer.Option(help="MQ-HMR's mqhmr.safetensors, with its spread.json beside it.")
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Option(help="NAME=WEIGHTS of a network to stand beside it; may be given again.")
    ] = None,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures of the strongest failures.")] = None,
    cameras: Annotated[str | None, typer.Option(help="Of the film, such as cam01,cam03; all by default.")] = None,
    frames: Annotated[int, typer.Option(min=1, help="Of each rendered clip.")] = 4,
    held_out: Annotated[int | None, typer.Option(min=1, help="Rendered clips; all by default.")] = None,
    failures: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """MQ-HMR beside fit on real film and on rendered clips.

    Refined and not; speed by stage.
    """
    from biomech.bench.beam import CAMERAS
    from biomech.bench.mqhmr import bench_mqhmr
    from biomech.bench.mqhmr_drawn import told
    from biomech.cli.bench import _tell
    from biomech.errors import BioposeError
    from biomech.mesh.mqhmr.load import load_mqhmr
    from biomech.mesh.recoverers import trained

    network, point_sd = trained(mqhmr_weights)
    networks = {"mqhmr": network}
    for said in runs or ():
        name, _, path = said.partition("=")
        if not path:
            raise BioposeError(
                f"--runs takes NAME=WEIGHTS, not {said}", mend="As in --runs weak=weak/mqhmr.safetensors."
            )
        networks[name] = load_mqhmr(Path(path))
    figures = bench_mqhmr(
        networks,
        point_sd,
        out,
        film=data,
        clips=clips,
        drawn=drawn,
        pictures=pictures,
        cameras=tuple(cameras.split(",")) if cameras else CAMERAS,
        frames=frames,
        held_out=held_out,
        failures=failures,
        say=(lambda text: None) if as_json else (lambda text: typer.echo(text, err=True)),
    )
    if as_json or "drawn" not in figures:
        _tell(figures, as_json, 44)
        return
    of_drawn = figures.pop("drawn")
    assert isinstance(of_drawn, dict)
    typer.echo(told(of_drawn))
    _tell(figures, as_json, 44)

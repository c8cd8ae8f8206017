"""`biopose train`: the package's networks, trained by the user on data of one's own."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from biomech.neurik.predict import TrainedNeurIK
    from biomech.train.neurik.calibrate import Coverage
    from biomech.train.neurik.data import WindowSource
    from biomech.train.neurik.pose_errors import PoseErrors

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train the networks.")


# Options of what draws people.
OfOthers = Annotated[bool, typer.Option("--held-out", help="Other people and motions, for figures.")]
Recordings = Annotated[
    Path | None, typer.Option(help="Of `biopose label --library`: its recordings beside what is drawn by code.")
]
AsFilmed = Annotated[
    bool, typer.Option("--as-filmed", help="Only what people film, as they film it; else also poses of any kind.")
]
Jobs = Annotated[int | None, typer.Option(min=1, help="Processes. [default: all cores]")]


@app.command()
def neurik(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights, recipe, checkpoint and curves.")],
    library: Annotated[
        Path | None, typer.Option(help="Folder that `biopose label --library` wrote: motions that random people wear.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that `biopose label` wrote: people's own markers.")] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="Folder that `biopose train pairs` wrote, train_*.npz, whose errors are added.")
    ] = None,
    noise: Annotated[Path | None, typer.Option(help="Such errors as an earlier training kept them.")] = None,
    people: Annotated[int, typer.Option(min=0, help="How many random bodies wear others' motions.")] = 4096,
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
    angles: Annotated[float, typer.Option(min=0.0, help="Weight of the angles' loss (°).")] = 0.06,
    device: Annotated[str, typer.Option(help="cpu or cuda; several GPUs through torchrun.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the CPU. [default: all cores]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
) -> None:
    """Train NeurIK, from markers to coordinates and scales.

    Of 142 markers over a window of frames.

    Without the skeleton layer: --joints 0 --markers 0.
    """
    import torch

    from biomech.cli.progress import progress_bar
    from biomech.neurik.network import Sizes
    from biomech.train.loop import at_work, place_of, rank
    from biomech.train.neurik.losses import LossWeights
    from biomech.train.neurik.prepare import prepare
    from biomech.train.neurik.train import NeurikRecipe, train

    place_of(device)  # what cannot be is refused before an hour of reading
    if threads is not None:
        torch.set_num_threads(threads)
    recipe = NeurikRecipe(
        steps=steps,
        hours=hours,
        seed=seed,
        clips=clips,
        rate=rate,
        sizes=Sizes(window=window, width=width, layers=layers),
        weights=LossWeights(joints, markers, scales, angles),
    )
    with at_work(out, resume):  # what is prepared is kept there
        prepared = prepare(
            data, out, recipe, pairs=pairs, noise=noise, people=people, library=library, bar=progress_bar
        )
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
    if rank() == 0:
        _calibrate(out / "neurik.safetensors", _source(data, library, out), prepared.batches.poses)


@app.command()
def calibrate(
    weights: Annotated[Path, typer.Option(help="Folder that `biopose train neurik` wrote.")],
    library: Annotated[Path | None, typer.Option(help="Folder that `biopose label --library` wrote.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that `biopose label` wrote.")] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Folder of true and recovered markers: held_*.npz to test; train_*.npz where none are kept."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures of test subjects as one JSON object.")
    ] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the CPU. [default: all cores]")] = None,
) -> None:
    """Measure how far off a trained NeurIK may be.

    And from where on a frame is bad; both are tested on test subjects.

    The recipe beside the weights keeps them.
    """
    import json

    import torch

    from biomech.bench.neural_reliability import bench_reliability
    from biomech.train.neurik.prepare import recovered_poses

    if threads is not None:
        torch.set_num_threads(threads)
    file = weights / "neurik.safetensors"
    source = _source(data, library, weights)
    network = _calibrate(file, source, recovered_poses(weights, pairs), quiet=as_json)
    figures = bench_reliability(network, source, pairs)
    if as_json:
        typer.echo(json.dumps(figures))
        return
    _print_coverage("Test subjects", figures["coverage_percent"])
    for markers, found in figures["flags"].items():
        typer.echo(f"{markers} markers: {found['false_alarms']['flagged_percent']} % of the frames flagged; when bad:")
        for name, bad in found["bad"].items():
            typer.echo(f"  {name:28s} {bad['flagged_percent']:6.1f} %   area under the curve {bad['auc']:.3f}")
    if "fits" in figures:
        typer.echo(f"recovered clips: {json.dumps(figures['fits'])}")


def _source(data: Path | None, library: Path | None, trained: Path) -> "WindowSource":
    """The library where there is one, else the shards."""
    from biomech.train.neurik.prepare import kept_people, open_sources

    return open_sources(data, library, kept_people(trained))[-1]


def _calibrate(
    weights: Path, source: "WindowSource", poses: "PoseErrors | None", *, quiet: bool = False
) -> "TrainedNeurIK":
    from biomech.train.neurik.calibrate import calibrate

    network = calibrate(weights, source, poses)
    if not quiet:
        _print_coverage("Validation subjects", network.recipe["calibration"]["coverage_percent"])
    return network


def _print_coverage(who: str, coverage: "dict[str, Coverage]") -> None:
    for markers, groups in coverage.items():
        levels = list(groups["all"])
        typer.echo(f"{who}, {markers} markers: the truth within the {' / '.join(levels)} % half width")
        for group, within in groups.items():
            typer.echo(f"  {group:16s} {' / '.join(f'{within[level]:5.1f}' for level in levels)} %")


@app.command()
def mqhmr(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights, recipe, checkpoint and curves.")],
    clips: Annotated[
        Path | None, typer.Option(help="Folder of rendered clips, train_*.npz and held_out_*.npz, for compact.")
    ] = None,
    people: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=ANNOTATIONS,PICTURES of coco, mpii, h36m, 3dpw, bedlam, npz, or drawn=FOLDER of `biopose train "
            "pictures`; repeat for several."
        ),
    ] = None,
    held_out: Annotated[list[str] | None, typer.Option(help="Such sets for the figures.")] = None,
    size: Annotated[str, typer.Option(help="compact (the detector's evidence), or S, B, L, H (pictures).")] = "compact",
    body: Annotated[str, typer.Option(help="anny or smpl.")] = "anny",
    body_model: Annotated[Path | None, typer.Option(help="Your SMPL file (.npz), for --body smpl.")] = None,
    encoder_weights: Annotated[Path | None, typer.Option(help="Your ViTPose, HMR2.0 or MAE file.")] = None,
    start: Annotated[Path | None, typer.Option(help="Weights (mqhmr.safetensors) of an earlier training.")] = None,
    guess: Annotated[
        Path | None, typer.Option(help="Compact: such weights of which the first guess is taken; the rest begins anew.")
    ] = None,
    only_guess: Annotated[
        bool, typer.Option("--only-guess", help="Compact: learn the first guess alone; fast, and a start for --start.")
    ] = False,
    halved: Annotated[
        bool,
        typer.Option("--halved", help="Pictures of half the rows and columns: a quarter of the time; for --start."),
    ] = False,
    projection: Annotated[str, typer.Option(help="full, or weak as in the paper.")] = "full",
    tokens: Annotated[int | None, typer.Option(min=1, help="Pose query tokens. [default: 96; compact 48]")] = None,
    levels: Annotated[str, typer.Option(help="Of the feature pyramid, as parts of the crop's pixels.")] = "4,8,16",
    points: Annotated[
        int | None,
        typer.Option(min=1, help="Places that a token looks at, of each level and head. [default: 4; compact 2]"),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.0, help="How long to train.")] = 1.0,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps to train, instead of hours.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, batches and variations.")] = 0,
    items: Annotated[int, typer.Option(min=1, help="Clips or people of a batch, on each device.")] = 16,
    frames: Annotated[int, typer.Option(min=1, help="Of each clip in a batch.")] = 4,
    rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 5e-4,
    workers: Annotated[int, typer.Option(min=0, help="Processes that read ahead.")] = 0,
    report_every: Annotated[int, typer.Option(min=1, help="Steps from one report and checkpoint to the next.")] = 250,
    bfloat16: Annotated[bool, typer.Option("--bfloat16", help="On a CPU too; faster where it knows that.")] = False,
    maps: Annotated[
        float, typer.Option(min=0.0, help="Pictures: weight of the keypoints' heat maps, a lesson beside the body.")
    ] = 3.0,
    checkpointing: Annotated[bool, typer.Option("--checkpointing", help="Less memory, a third more time.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Look into 3DPW's pickles, for arrays alone.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda; several GPUs through torchrun.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the CPU. [default: all cores]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
) -> None:
    """Train MQ-HMR, from a picture to a body.

    From one person in a picture to pose, shape and camera.

    The compact network learns from rendered clips that the detector has seen, the others from pictures.
    """
    import torch

    from biomech.cli.progress import progress_bar
    from biomech.mesh.mqhmr.network import configuration, parse_levels
    from biomech.train.loop import Schedule, place_of
    from biomech.train.mqhmr.train import MqhmrRecipe, prepare, train_mqhmr

    place_of(device)
    if threads is not None:
        torch.set_num_threads(threads)
    changes: dict[str, Any] = {"body": body, "projection": projection, "checkpointing": checkpointing, "halved": halved}
    changes["strides"] = parse_levels(levels)
    changes |= {name: said for name, said in (("tokens", tokens), ("points", points)) if said is not None}
    recipe = MqhmrRecipe(
        config=configuration(size, **changes),
        schedule=Schedule(steps=steps, hours=hours, seed=seed, rate=rate, report_every=report_every),
        items=items,
        frames=frames,
        workers=workers,
        only_guess=only_guess,
        bfloat16=bfloat16,
        maps=maps,
    )
    prepared = prepare(
        recipe,
        clips,
        people or [],
        held_out or [],
        body_model,
        encoder_weights,
        start,
        guess=guess,
        allow_pickle=allow_pickle,
    )
    for line in prepared.lines:
        typer.echo(line)
    command = " ".join(["biopose", *sys.argv[1:]])
    with progress_bar("Training") as progress:
        train_mqhmr(
            prepared.network,
            prepared.data,
            prepared.held_out,
            prepared.collate,
            out,
            recipe,
            device=device,
            resume=resume,
            about={"command": command, "data": [*prepared.lines, f"from {clips or ', '.join(people or [])}"]},
            progress=progress,
            say=typer.echo,
        )
    typer.echo(f"{out / 'mqhmr.safetensors'}: the weights; {out / 'loss.png'}: the curves")


@app.command()
def joint(
    clips: Annotated[Path, typer.Option(help="Folder of rendered clips, train_*.npz and held_out_*.npz.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for weights, recipe, checkpoint and curves.")],
    start: Annotated[Path | None, typer.Option(help="MQ-HMR's weights to begin with. [default: the package's]")] = None,
    neurik_weights: Annotated[
        Path | None, typer.Option(help="NeurIK's weights, which stay as they are. [default: the package's]")
    ] = None,
    markers: Annotated[float, typer.Option(min=0.0, help="Weight of the markers' loss (m).")] = 2.0,
    angles: Annotated[float, typer.Option(min=0.0, help="Weight of the angles' loss (°).")] = 0.06,
    hours: Annotated[float, typer.Option(min=0.0, help="How long to train.")] = 1.0,
    steps: Annotated[int | None, typer.Option(min=1, help="How many steps to train, instead of hours.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of batches and variations.")] = 0,
    items: Annotated[int, typer.Option(min=1, help="Clips of a batch, whole, on each device.")] = 16,
    rate: Annotated[float, typer.Option(min=0.0, help="Highest learning rate.")] = 1e-4,
    device: Annotated[str, typer.Option(help="cpu or cuda; several GPUs through torchrun.")] = "cpu",
    threads: Annotated[int | None, typer.Option(min=1, help="Of the CPU. [default: all cores]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in the folder.")] = False,
) -> None:
    """Tune MQ-HMR through NeurIK.

    The errors of markers and joint angles reach the first network; NeurIK stays as it is.

    The same steps without them: --markers 0 --angles 0.
    """
    import torch

    from biomech.cli.progress import progress_bar
    from biomech.mesh.recoverers import SHIPPED
    from biomech.train.loop import Schedule
    from biomech.train.mqhmr.joint import JointRecipe, train_joint
    from biomech.train.mqhmr.through_neurik import JointWeights

    if threads is not None:
        torch.set_num_threads(threads)
    schedule = Schedule(steps=steps, hours=hours, seed=seed, rate=rate)
    recipe = JointRecipe(schedule, added=JointWeights(markers, angles), items=items)
    command = " ".join(["biopose", *sys.argv[1:]])
    with progress_bar("Training") as progress:
        train_joint(
            start or SHIPPED,
            clips,
            out,
            recipe,
            neurik=neurik_weights,
            device=device,
            resume=resume,
            about={"command": command},
            progress=progress,
            say=typer.echo,
        )
    typer.echo(f"{out / 'mqhmr.safetensors'}: the weights; {out / 'loss.png'}: the curves")


@app.command()
def clips(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the clips; those that are there stay.")],
    frames: Annotated[int, typer.Option(min=1, help="About how many frames.")] = 300_000,
    clip_frames: Annotated[
        int, typer.Option(min=1, help="Of a clip: 10 show motion; 3 show more people and poses in the same time.")
    ] = 10,
    held_out: OfOthers = False,
    seed: Annotated[
        int, typer.Option(min=0, max=999, help="Of people, motions, cameras; another one, more clips.")
    ] = 0,
    library: Recordings = None,
    as_filmed: AsFilmed = False,
    jobs: Jobs = None,
) -> None:
    """Make what the fit's networks learn from.

    Random people before random cameras, as the detector sees them.

    Ctrl-C stops after the shards under way; the same command goes on.
    """
    from biomech.cli.progress import progress_bar
    from biomech.train.synthetic.make import Plan, make
    from biomech.workers import stop_on_signals

    with stop_on_signals(typer.echo) as stop, progress_bar("Rendering") as progress:
        made = make(
            out,
            frames,
            plan=Plan("held_out" if held_out else "train", library, as_filmed),
            clip_frames=clip_frames,
            seed=seed,
            workers=jobs or os.cpu_count() or 1,
            stop=stop,
            progress=progress,
        )
    typer.echo(f"{out}: {made} shards made")


@app.command()
def pictures(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures; those that are there stay.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 20_000,
    held_out: OfOthers = False,
    seed: Annotated[
        int, typer.Option(min=0, max=999, help="Of people, motions, cameras; another one, more pictures.")
    ] = 0,
    library: Recordings = None,
    as_filmed: AsFilmed = False,
    jobs: Jobs = None,
) -> None:
    """Draw what MQ-HMR's picture front learns from.

    Random people before random cameras as JPEGs, for `biopose train mqhmr --people drawn=FOLDER`.

    Ctrl-C stops after the shards under way; the same command goes on.
    """
    from biomech.cli.progress import progress_bar
    from biomech.train.synthetic.make import Plan
    from biomech.train.synthetic.pictures import draw_pictures
    from biomech.workers import stop_on_signals

    with stop_on_signals(typer.echo) as stop, progress_bar("Drawing") as progress:
        made = draw_pictures(
            out,
            count,
            plan=Plan("held_out" if held_out else "train", library, as_filmed),
            seed=seed,
            workers=jobs or os.cpu_count() or 1,
            stop=stop,
            progress=progress,
        )
    typer.echo(f"{out}: {made} shards drawn; those that were there are as they were")


@app.command()
def pairs(
    clips: Annotated[Path, typer.Argument(metavar="CLIPS", help="Folder that `biopose train clips` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pairs; those that are there stay.")],
    jobs: Jobs = None,
) -> None:
    """Recover rendered clips as film is.

    True and recovered markers, for NeurIK and for the uncertainty of film.

    Ctrl-C stops after the clips under way; the same command goes on.
    """
    from biomech.cli.progress import progress_bar
    from biomech.train.neurik.pairs import make_pairs
    from biomech.workers import stop_on_signals

    with stop_on_signals(typer.echo) as stop, progress_bar("Recovering") as progress:
        made = make_pairs(clips, out, workers=jobs or os.cpu_count() or 1, stop=stop, progress=progress)
    typer.echo(f"{out}: {made} pairs made")

"""The network's figures in one run: markers without error, with real errors, a real person, speed; and trained runs.

Each part is a module of its own and says there what is compared with what: `neurik_oracle`, `neurik_noisy`,
`neurik_real`, `neurik_speed`, `neurik_runs`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from biomech.bench.neurik_noisy import held_out_clips, noisy_figures
from biomech.bench.neurik_oracle import held_out_trials, oracle_figures
from biomech.bench.neurik_real import real_figures
from biomech.bench.neurik_runs import runs_figures
from biomech.bench.neurik_speed import parameters, speed_figures
from biomech.errors import BioposeError
from biomech.leftovers import temporary_folder
from biomech.neurik.predict import FILE, load_network
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.skeleton import Skeleton

COMMON_TRIALS, COMMON_CLIPS = 8, 8  # on which trained runs are compared

Say = Callable[[str], None]


def bench_neurik(
    data: Path,
    *,
    labels: Path | None = None,
    pairs: Path | None = None,
    runs: Sequence[Path] = (),
    weights: Path = FILE,
    trials: int = 24,
    frames: int = 600,
    clips: int = 12,
    stride: int = 2,
    seed: int = 0,
    say: Say = lambda _: None,
) -> dict[str, object]:
    """All parts for which there is data.

    Args:
        data: the folder that holds ``opencap_lab_subject4``; the real part is left out where it is not there.
        labels: what `biopose label` wrote; for markers without error, speed and runs.
        pairs: true and recovered markers of rendered bodies.
        runs: folders of trained networks, the first is what the others are compared with.
        weights: the network's.
        trials, frames: held-out trials, and frames of each at most.
        clips: held-out pairs.
        stride: every how many frames of the real recordings are solved.
        seed: draws trials, stretches and clips.
        say: told of every part.

    Returns:
        By name, which begins with the part's (``oracle_``, ``noisy_``, ``real_``, ``speed_`` …) and ends in the unit.

    Raises:
        BioposeError: data or weights cannot be used, runs without labels, or a solver failed.
    """
    if runs and labels is None:
        raise BioposeError(
            "trained runs are compared on held-out markers without error, and there are none",
            mend="Give what `biopose label` wrote, with `labels`.",
        )
    network, skeleton = load_network(weights), Skeleton.from_osim(DEFAULT_PATH)
    figures: dict[str, object] = {"parameters": parameters(network)}
    with temporary_folder("bench") as folder:
        labelled = held_out_trials(labels, trials, frames, seed) if labels is not None else []
        if labelled:
            say(f"markers without error: {len(labelled)} trials")
            figures |= oracle_figures(labelled, network, skeleton)
        noisy = []
        if pairs is not None:
            say("markers as recovered")
            noisy = held_out_clips(pairs, clips, seed, folder / "clips", say)
            figures |= noisy_figures(noisy, network, say)
        recordings = Path(data) / "opencap_lab_subject4"
        if recordings.is_dir():
            say("a real person")
            figures |= real_figures(recordings, network, folder / "real", stride=stride, say=say)
        if labelled:
            say("speed")
            longest = max(labelled, key=lambda trial: len(trial.markers.time_s))
            figures |= speed_figures(longest, Path(weights), skeleton, folder / "speed")
        if runs:
            say(f"{len(runs)} trained runs")
            figures |= runs_figures(runs, labelled[:COMMON_TRIALS], noisy[:COMMON_CLIPS], skeleton)
    return figures

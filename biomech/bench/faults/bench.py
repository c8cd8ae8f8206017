"""`biopose bench faults`: every command on a thousand and more inputs that are not as they should be."""

import functools
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biomech.bench.faults import forks, judge, of_results, options, specials, specials_of_results
from biomech.bench.faults.forks import Ended, ResourceLimits
from biomech.bench.faults.mutation import Mutation
from biomech.bench.faults.scenarios import REFUSED, SCENARIOS, Scenario, mutations
from biomech.bench.faults.seeds import make_seeds

CLASSES = ("tracebacks", "bare_messages", "crashes", "over_60_s", "wrong_successes")
OPTIONS_SHARE = 0.3
DEFAULT = ResourceLimits()


@dataclass(frozen=True)
class Case:
    """One input: where it lies, what is run, what is wrong with it."""

    name: str
    arguments: list[str]
    build: Callable[[Path], None]
    scenario: Scenario | None = None
    loud: bool = False
    limits: ResourceLimits = DEFAULT


def bench_faults(
    *, inputs: int = 1200, seed: int = 0, only: str | None = None, say: Callable[[str], None] = lambda text: None
) -> dict[str, object]:
    """Run mutated inputs through the commands and count what should not come of them.

    Args:
        inputs: about how many.
        seed: draws the mutations.
        only: a pattern of the cases' names; the others are left out.
        say: told of every fault.

    Returns:
        ``inputs`` and, of each class, how many; ``found`` names them.
    """
    forks.preload()
    _in_one_process()
    found: dict[str, list[str]] = {name: [] for name in CLASSES}
    ended: Counter[str] = Counter()
    seconds, commands = 0.0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="biopose-faults-") as temporary:
        root = Path(temporary)
        root.chmod(0o755)
        seeds = root / "seeds"
        _in_a_child(lambda: _prepare(seeds))
        bases: dict[str, tuple[dict[str, np.ndarray], set[str]]] = {}
        for number, case in enumerate(_cases(seeds, inputs, seed, root)):
            if only and not re.search(only, case.name):
                continue
            if case.scenario is not None and case.scenario.name not in bases:
                bases[case.scenario.name] = _base(case.scenario, seeds, root)
            folder = root / f"case{number}"
            outcome, fault, used = _tried(case, folder, seeds, bases)
            ended[outcome] += 1
            commands[case.arguments[0]] += 1
            seconds += used
            if outcome in found:
                found[outcome].append(f"{case.name}: {fault}")
                say(f"{outcome}: {case.name}: {fault}")
            _cleared(folder)
    return {
        "inputs": sum(ended.values()),
        **{name: len(cases) for name, cases in found.items()},
        "refused": ended["refused"],
        "succeeded": ended["succeeded"],
        "cpu_s": round(seconds, 1),
        "commands": dict(commands),
        "found": found,
    }


def _in_one_process() -> None:
    """`biopose label` and `batch` spawn processes, which import everything anew: here they are the child itself."""
    from biomech.labels import campaign
    from biomech.pipeline import batch_runs

    def inline(work: Callable, tasks: Any, *, workers: int, stop: Any, threads: int = 1) -> Iterator:
        for task in tasks:
            try:
                yield task, work(task)
            except Exception as error:
                yield task, error

    for module in (campaign, batch_runs):
        module.on_processes = inline  # type: ignore[attr-defined]


def _prepare(seeds: Path) -> None:
    make_seeds(seeds)
    of_results.make_seeds(seeds)
    (seeds / "cache").mkdir()
    (seeds / "cache/pose_landmarker_heavy.task").write_bytes(b"not the network" * 100)


def _in_a_child(work: Callable[[], None]) -> None:
    """So that no thread of a library is running here when the cases fork."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the seeds could not be made")


def _cases(seeds: Path, inputs: int, seed: int, root: Path) -> Iterator[Case]:
    # A run's folder, for what goes on with one.
    (seeds / "trials").mkdir()
    shutil.copyfile(seeds / "walk.trc", seeds / "trials/walk.trc")
    first = root / "first"
    _laid_out(first, ("walk.trc", "small.osim"), seeds)
    ended = forks.in_child("ik walk.trc --model small.osim --solver fast -o run".split(), first)
    if ended.code:
        raise RuntimeError(f"the run to start from failed: {ended.error}{ended.trace}")
    shutil.copytree(first / "run", seeds / "run")
    special = [*specials.special_cases(), *specials_of_results.special_cases()]
    wrong = list(options.wrong_options())
    rng = np.random.default_rng(seed)
    of_options = min(len(wrong), round(OPTIONS_SHARE * inputs))
    left = max(inputs - of_options - len(special) - len(REFUSED), 1)
    for name, arguments, build, limits in special:
        yield Case(name, arguments, functools.partial(_special, build=build, seeds=seeds), limits=limits)
    for command in REFUSED:
        yield Case(command, command.split(), functools.partial(_laid_out, names=("walk.trc",), seeds=seeds))
    whole = sum(scenario.share for scenario in SCENARIOS)
    for scenario in SCENARIOS:
        count = max(1, round(left * scenario.share / whole))
        yield from _of_scenario(scenario, count, seeds, np.random.default_rng([seed, *scenario.name.encode()]))
    for index in rng.permutation(len(wrong))[:of_options]:
        name, arguments = wrong[index]
        build = functools.partial(_with_surroundings, seeds=seeds)
        yield Case(name, arguments, build, limits=ResourceLimits(unprivileged="locked" in " ".join(arguments)))


def _of_scenario(scenario: Scenario, count: int, seeds: Path, rng: np.random.Generator) -> Iterator[Case]:
    others = [seeds / name for name in ("walk.trc", "small.osim", "a.mot", "keypoints.npz", "mmpose.json", "film.mp4")]
    every: list[tuple[str, Mutation]] = []
    for name, kind in scenario.mutated.items():
        others_of = [other for other in others if other.suffix != Path(name).suffix]
        every += [(name, one) for one in mutations(kind, (seeds / name).read_bytes(), rng, others_of)]
    for index in rng.permutation(len(every))[:count]:
        name, mutation = every[index]
        yield Case(
            f"{scenario.name}: {name} {mutation.name}",
            list(scenario.arguments),
            functools.partial(_mutated, scenario=scenario, name=name, mutation=mutation, seeds=seeds),
            scenario,
            mutation.loud,
            ResourceLimits(unprivileged=mutation.unprivileged),
        )


def _base(scenario: Scenario, seeds: Path, root: Path) -> tuple[dict[str, np.ndarray], set[str]]:
    """What comes of the whole files."""
    folder = root / "base"
    _laid_out(folder, scenario.files, seeds)
    ended = forks.in_child(list(scenario.arguments), folder)
    found = judge.result(folder, scenario.results, ended.said), judge.notes(ended.said)
    _cleared(folder)
    return found


def _tried(case: Case, folder: Path, seeds: Path, bases: dict) -> tuple[str, str, float]:
    case.build(folder)
    before = set(folder.rglob("*"))
    given = _contents(folder, case)
    said = folder.with_name(folder.name + ".said") / "out"
    ended = forks.in_child(
        case.arguments,
        folder,
        limits=case.limits,
        judge=lambda: judge.judged(folder, before, said.read_text(errors="replace")),
    )
    outcome, fault = _classed(case, ended, folder, bases)
    if changed := [path.name for path, content in given.items() if _content(path) != content]:
        outcome, fault = "wrong_successes", f"written over: {', '.join(changed)}"
    if outcome == "refused" and case.scenario is not None and case.scenario.whole and ended.code == 2:
        if left := [path.name for path in sorted(folder.rglob("*")) if path not in before and not path.is_dir()]:
            outcome, fault = "wrong_successes", f"refused, and left {', '.join(left[:5])}"
    if (folder / "executed").exists():
        outcome, fault = "wrong_successes", "what the file holds was executed"
    return outcome, fault, ended.seconds


def _contents(folder: Path, case: Case) -> dict[Path, bytes]:
    """What the user gave, as far as it lies outside of folders of results."""
    name = case.scenario.files if case.scenario is not None else options.FILES
    paths = [folder / one for one in name]
    return {path: content for path in paths if (content := _content(path)) is not None}


def _content(path: Path) -> bytes | None:
    """Of a plain file; None of what is none."""
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None
    except OSError:
        return None


def _classed(case: Case, ended: Ended, folder: Path, bases: dict) -> tuple[str, str]:
    if ended.timed_out:
        return "over_60_s", ""
    if ended.trace or "Traceback (most recent call last)" in ended.error:
        return "tracebacks", " | ".join((ended.trace or ended.error).strip().splitlines()[-3:])[-300:]
    if ended.signal is not None or ended.code == forks.LEFT:
        return "crashes", f"signal {ended.signal} {ended.error[-200:]}"
    if ended.code:
        spoken = ended.error + ended.said
        if not spoken.strip():
            return "bare_messages", f"no word, exit code {ended.code}"
        message = _message(spoken)
        if bare := judge.BARE.search(message):
            return "bare_messages", f"{bare[0]!r} in {message.strip()[:250]!r}"
        return "refused", ""
    if ended.faults:
        return "wrong_successes", "; ".join(ended.faults[:3])
    if case.loud and case.scenario is not None:
        result, notes = bases[case.scenario.name]
        remarked = judge.notes(ended.said) - notes
        apart = judge.differ(result, judge.result(folder, case.scenario.results, ended.said))
        if apart and not remarked:
            return "wrong_successes", f"another result without a word ({apart})"
    return "succeeded", ""


def _message(spoken: str) -> str:
    """What the user is told, without what libraries print and without the names of files."""
    at = spoken.find("Error:")
    return spoken[at:] if at >= 0 else spoken


def _laid_out(folder: Path, names: tuple[str, ...], seeds: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    for name in names:
        if (seeds / name).is_dir():
            shutil.copytree(seeds / name, folder / name)
        else:
            shutil.copyfile(seeds / name, folder / name)


def _mutated(folder: Path, scenario: Scenario, name: str, mutation: Mutation, seeds: Path) -> None:
    _laid_out(folder, scenario.files, seeds)
    mutation.make(folder / name)


def _with_surroundings(folder: Path, seeds: Path) -> None:
    _laid_out(folder, options.FILES, seeds)
    options.surroundings(folder)


def _special(folder: Path, build: Callable[[Path, Path], None], seeds: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    build(folder, seeds)


def _cleared(folder: Path) -> None:
    for path in (folder, folder.with_name(folder.name + ".said")):
        shutil.rmtree(path, ignore_errors=True)

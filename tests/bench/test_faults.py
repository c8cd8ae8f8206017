"""The mutator: a slice of `biopose bench faults` finds nothing wrong, and what is wrong is found."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from biomech.bench.faults import judge, mutate
from biomech.bench.faults.options import wrong_options
from biomech.bench.faults.scenarios import SCENARIOS

COMMAND = "import sys; from biomech.cli.main import main; sys.argv[0] = 'biopose'; main()"


@pytest.mark.slow
def test_a_slice_of_the_inputs() -> None:
    """In a process of its own: what forks may not have threads."""
    only = "^(compare .mot|extract|solve .trc|recover mmpose|ik again|ik set)"
    arguments = ["bench", "faults", "--inputs", "1600", "--only", only, "--json"]
    done = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["inputs"] > 20 and figures["refused"] > 5 and figures["succeeded"] > 2
    for name in ("tracebacks", "bare_messages", "crashes", "over_60_s", "wrong_successes"):
        assert figures[name] == 0, figures["found"][name]


def test_every_option_is_tried() -> None:
    tried = [" ".join(arguments) for _, arguments in wrong_options()]
    assert len(tried) > 500
    for words in ("ik walk.trc --model small.osim --solver fast --height nan", "--person a,b,,", "--rate 1,78"):
        assert any(words in one for one in tried), words


def test_mutations_are_drawn_from_the_seed() -> None:
    table = "PathFileType\nkeys\nvalues\nFrame#\tTime\ta\t\t\tb\t\t\n\tX1\n\n" + "".join(
        f"{k}\t{k / 50}\t" + "\t".join(map(str, np.arange(6.0))) + "\n" for k in range(1, 7)
    )

    def names(seed: int) -> list[str]:
        rng = np.random.default_rng(seed)
        drawn = mutate.of_table(table.encode(), rng, header_rows=6, names_row=3, time_column=1, places=True)
        return [one.name for one in drawn]

    assert names(0) == names(0) != names(1)
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_false_successes_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": NaN}')
    (tmp_path / ".left-behind").write_text("x")
    np.savez(tmp_path / "m.npz", time_s=np.array([0, 1e30]), trans=np.full((2, 3), np.nan))
    faults = judge.judged(tmp_path, set(), '{"figures": Infinity}')
    for said in ("no JSON", "left behind", "trans is not finite", "time_s is 1e+30"):
        assert any(said in fault for fault in faults), (said, faults)
    assert judge.judged(tmp_path, set(tmp_path.iterdir()), "fine") == []


def test_results_are_laid_beside_each_other() -> None:
    one = {"a": np.array([1.0, np.nan])}
    assert judge.differ(one, {"a": np.array([1.01, np.nan])}) == ""
    assert "apart" in judge.differ(one, {"a": np.array([2.0, np.nan])})
    assert "another number" in judge.differ(one, {"a": np.zeros(3)})
    assert judge.BARE.search("could not convert string to float: 'x'") and not judge.BARE.search("it has no frame")

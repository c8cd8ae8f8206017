"""The tutorials' tables are what their commands print."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from biomech import assets
from biomech.errors import BioposeError

TUTORIALS = Path(__file__).parents[1] / "tutorials"
COMMAND = "import sys; from biomech.cli.main import main; sys.argv[0] = 'biopose'; main()"
# Other processors round otherwise, and the network's last layers make a degree of it.
NEAR, NEAR_SHARE = 0.3, 0.15


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", line)]


def printed(folder: Path, command: str) -> list[str]:
    arguments = command.split()[1:]
    done = subprocess.run([sys.executable, "-c", COMMAND, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    try:
        assets.locate("blazepose_heavy")
    except BioposeError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("tutorial")
    return folder, printed(folder, "biopose demo")


@pytest.mark.slow
def test_the_first_videos_table(demo: tuple[Path, list[str]]) -> None:
    text = (TUTORIALS / "first_video.md").read_text()
    told = [line.strip() for line in text.splitlines() if (line.startswith("    ") and "°" in line) or "MPJPE" in line]
    assert len(told) >= 5
    for line in told:
        name = re.split(r"\s{2,}", line)[0]
        (now,) = [other for other in demo[1] if other.startswith(name)]
        assert numbers(now.removeprefix(name)) == pytest.approx(
            numbers(line.removeprefix(name)), abs=NEAR, rel=NEAR_SHARE
        ), f"{line!r} is now {now!r}"


@pytest.mark.slow
def test_the_comparisons_table(demo: tuple[Path, list[str]]) -> None:
    text = (TUTORIALS / "compare_two_motions.md").read_text()
    command = re.search(r"    (biopose compare .* --align heading)$", text, re.M)
    assert command is not None
    now = {}
    for line in printed(demo[0], command[1]):
        if found := re.match(r"([a-z ]+?)\s+(?:deg|mm)\s+(.*)", line):
            now[found[1]] = found[2].split()
    rows = re.findall(r"^\| ([a-z ]+) \| (?:deg|mm) \| (.*) \|$", text, re.M)
    assert [name for name, _ in rows] == list(now)
    for name, row in rows:
        told, found = row.split(" | "), now[name]
        for one, other in zip(told, found, strict=True):
            assert one == other or float(other) == pytest.approx(float(one), abs=NEAR, rel=NEAR_SHARE), (
                name,
                one,
                other,
            )

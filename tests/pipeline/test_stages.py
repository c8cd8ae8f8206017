"""What the files of a run are called."""

from pathlib import Path

import pytest

from biomech.pipeline.stages import Result, plain_name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("walk_", "walk_"),
        ("my film*+(1)", "my_film_1"),
        ("a & b", "a_b"),
        ("$HOME;x", "HOME_x"),
        ("Läufer-2.5", "Läufer-2.5"),
        ("***", "recording"),
    ],
)
def test_names_that_opensim_would_not_take(name: str, plain: str, tmp_path: Path) -> None:
    """ScaleTool ended on a blank, ``*`` or ``+`` in a file's name."""
    assert plain_name(name) == plain
    assert Result.of(tmp_path, name, {}).model == tmp_path / f"{plain}_scaled.osim"

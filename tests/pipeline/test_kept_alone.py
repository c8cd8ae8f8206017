"""A lone `solve` or `scale` loses nothing that somebody edited."""

from pathlib import Path

import pytest
from small_trial import Trial, trial  # noqa: F401

from biomech.pipeline.alone import solve_alone
from biomech.pipeline.options import Options
from biomech.pipeline.run import no_bar
from biomech.pipeline.scale import scale

WORN = [f"{body}_{spot}" for body in "PTS" for spot in ("front", "side", "back", "low")]


def solved(trial: Trial, folder: Path) -> list[str]:  # noqa: F811
    return solve_alone(trial.trc, trial.model, folder, Options(solvers=("fast",)), bar=no_bar)[1]["notes"]


def test_an_edited_motion_is_kept(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "out"
    assert not any("kept" in note for note in solved(trial, folder))
    assert not any("kept" in note for note in solved(trial, folder)), "the same again loses nothing"
    motion, setup = folder / "small_fast.mot", folder / "small_ik_setup.xml"
    setup = setup if setup.is_file() else next(folder.glob("*_ik_setup.xml"))
    was = motion.read_text()
    motion.write_text(was + "edited\n")
    (note,) = (note for note in solved(trial, folder) if "kept" in note)
    assert note.startswith("small_fast.mot was there already, with another content")
    assert motion.read_text() == was and (folder / "small_fast_kept.mot").read_text() == was + "edited\n"
    assert not list(folder.glob("*setup_kept*"))


def test_an_edited_model_is_kept(trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    target, options = tmp_path / "mine.osim", Options(model=trial.model, scaling=_setup(tmp_path), mass_kg=70.0)
    scale(trial.trc, target, options)
    was = target.read_bytes()
    target.write_bytes(was + b"<!-- edited -->\n")
    notes = scale(trial.trc, target, options)["notes"]
    assert any("`model=mine_kept.osim`" in note for note in notes)
    assert (tmp_path / "mine_kept.osim").read_bytes() == was + b"<!-- edited -->\n" and target.read_bytes() == was


def _setup(folder: Path) -> Path:
    from biomech.bench.faults.seeds import SCALE_SETUP, TASK

    path = folder / "scaling.xml"
    path.write_text(SCALE_SETUP.format(tasks="".join(TASK.format(name=name, weight=1) for name in WORN)))
    return path


@pytest.mark.parametrize("folder", ["solve"])
def test_a_kept_copy_is_not_written_over(folder: str, trial: Trial, tmp_path: Path) -> None:  # noqa: F811
    for text in ("one", "two"):
        solved(trial, tmp_path / folder)
        (tmp_path / folder / "small_fast.mot").write_text(text)
    solved(trial, tmp_path / folder)
    kept = sorted(path.read_text() for path in (tmp_path / folder).glob("small_fast_kept*.mot"))
    assert kept == ["one", "two"]

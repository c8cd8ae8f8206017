"""Who gives the folder of several runs is led to them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from biomech.errors import BioposeError
from biomech.exports.take import Take
from biomech.names import LIVE_ANGLES, LIVE_FILM
from biomech.pipeline.finish import report_again
from biomech.pipeline.gui import run_files
from biomech.pipeline.occasions import motion_and_model

ASKED = pytest.mark.parametrize(
    "asked",
    [lambda f: Take.read([f]), report_again, run_files, lambda f: motion_and_model(f, None)],
    ids=["export", "report", "open", "events"],
)


@ASKED
@pytest.mark.parametrize("own_record", [False, True])
def test_led_to_the_runs(asked: Callable[[Path], object], own_record: bool, tmp_path: Path) -> None:
    with pytest.raises(BioposeError) as caught:
        asked(tmp_path)
    assert "several runs" not in str(caught.value)
    for name in ("person_0", "person_1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "biopose.json").write_text("{}")
    if own_record:
        (tmp_path / "biopose.json").write_text('{"stages": {}}')
    with pytest.raises(BioposeError, match=r"several runs \(person_0, person_1\)") as caught:
        asked(tmp_path)
    assert caught.value.mend == f"Give one of them: {tmp_path / 'person_0'}"


@ASKED
def test_a_live_session_is_to_be_finished(asked: Callable[[Path], object], tmp_path: Path) -> None:
    for name in (LIVE_FILM, LIVE_ANGLES):
        (tmp_path / name).write_text("")
    with pytest.raises(BioposeError, match="session of `biopose live`") as caught:
        asked(tmp_path)
    assert caught.value.mend == f"Finish it with `biopose ik {tmp_path / LIVE_FILM} --out {tmp_path}`."

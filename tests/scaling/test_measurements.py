"""Reading setups as OpenSim reads them."""

from pathlib import Path

import opensim
import pytest

from biomech.errors import BioposeError
from biomech.inverse_kinematics.marker_tasks import read_tasks
from biomech.scaling.measurements import read_measurements
from biomech.skeleton.model import quiet_opensim

TASKS = '<IKTaskSet><objects><IKMarkerTask name="C7"><weight>3</weight></IKMarkerTask></objects></IKTaskSet>'


def test_tasks_of_opensims_own_sets(biopose_data: Path):
    """One of them goes on behind its first element, with the end of an element that never began."""
    for name in ("gait2354_IK_Tasks.xml", "gait2354_IK_Tasks_uniform.xml"):
        path = biopose_data / "opensim_core_ik_standard" / name
        with quiet_opensim("Off"):
            tasks = opensim.IKTaskSet(str(path))
            expected = {
                t.getName(): t.getWeight() if t.getApply() else 0.0
                for t in tasks
                if opensim.IKMarkerTask.safeDownCast(t)
            }
        assert len(expected) > 25
        assert read_tasks(path) == expected


@pytest.mark.parametrize("text", ["", "hello", TASKS[:-5], TASKS.replace("</weight>", "</wait>")])
def test_what_is_no_setup_is_refused(tmp_path: Path, text: str):
    (tmp_path / "tasks.xml").write_text(text)
    for read in (read_tasks, read_measurements):
        with pytest.raises(BioposeError, match=r"not a (scale )?setup"):
            read(tmp_path / "tasks.xml")


def test_what_stands_behind_the_first_element_does_not_count(tmp_path: Path):
    (tmp_path / "tasks.xml").write_text(TASKS + "</OpenSimDocument>")
    assert read_tasks(tmp_path / "tasks.xml") == {"C7": 3.0}


@pytest.mark.parametrize("weight", ["nan", "inf", "-1", "abc"])
def test_weights_are_numbers_from_nought_on(tmp_path: Path, weight: str) -> None:
    task = f'<IKMarkerTask name="A"><apply>true</apply><weight>{weight}</weight></IKMarkerTask>'
    (tmp_path / "tasks.xml").write_text(f"<OpenSimDocument>{task}</OpenSimDocument>")
    with pytest.raises(BioposeError, match=f"the task of A weighs {weight}"):
        read_tasks(tmp_path / "tasks.xml")

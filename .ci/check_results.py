"""Whether the folder of a `biopose ik` run is what OpenSim needs: loads, replays its setup, runs again for nothing."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import opensim

VIRTUAL_MARKERS = 142
LARGEST_RMS_MM = 20.0  # OpenSim's threshold for inverse kinematics
LARGEST_REPLAY_DEG = 0.1


def main(folder: Path, video: Path) -> None:
    """Check the results of ``biopose ik VIDEO --end 1.0 --height 1.75 -o FOLDER``."""
    name = folder.name
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("Error")
    model = opensim.Model(str(folder / f"{name}_scaled.osim"))
    model.initSystem()
    coordinates = [c.getName() for c in model.getCoordinateSet()]
    assert model.getMarkerSet().getSize() == VIRTUAL_MARKERS

    motion = opensim.TimeSeriesTable(str(folder / f"{name}_classical.mot"))
    assert set(motion.getColumnLabels()) == set(coordinates), "the .mot and the model differ in coordinates"
    assert motion.getTableMetaDataString("inDegrees") == "yes"
    values, time_s = motion.getMatrix().to_numpy(), np.array(motion.getIndependentColumn())
    assert np.isfinite(values).all() and values.std(0).max() > 1, "the motion does not move"
    assert time_s[0] == 0 and 0.9 < time_s[-1] < 1.0 and (np.diff(time_s) > 0).all()

    markers = opensim.TimeSeriesTableVec3(str(folder / f"{name}.trc"))
    assert markers.getNumColumns() == VIRTUAL_MARKERS
    np.testing.assert_allclose(np.array(markers.getIndependentColumn()), time_s, atol=1e-5)

    record = json.loads((folder / "biopose.json").read_text())
    rms_mm = record["stages"]["solve"]["marker_rms_mm"]
    assert 0 < rms_mm < LARGEST_RMS_MM, f"marker RMS {rms_mm} mm"
    print(f"{len(coordinates)} coordinates, {len(time_s)} frames, marker RMS {rms_mm:.1f} mm")
    for stage, figures in record["stages"].items():
        print(f"  {stage:8} {figures['seconds']:6.1f} s, peak memory {figures['peak_memory_mb']:.0f} MB")
    assert (folder / "overlay.mp4").stat().st_size > 10_000

    apart = replayed_apart_deg(folder, motion)
    print(f"the setup file's replay: {apart:.4f}° at most from the .mot")
    assert apart < LARGEST_REPLAY_DEG

    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    command = ["biopose", "ik", str(video), "--end", "1.0", "--height", "1.75", "-o", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written, "a stage ran again"
    print("running it again skips every stage")


def replayed_apart_deg(folder: Path, motion: opensim.TimeSeriesTable) -> float:
    """Largest difference of a rotation after running the IK setup, in a copy of the folder, as the GUI does."""
    with tempfile.TemporaryDirectory() as elsewhere:
        copy = Path(elsewhere) / "copy"
        shutil.copytree(folder, copy)
        setup = f"{folder.name}_ik_setup.xml"
        code = f"import opensim; assert opensim.InverseKinematicsTool({setup!r}).run()"
        subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, stdout=subprocess.DEVNULL)
        tool = opensim.InverseKinematicsTool(str(copy / setup))
        replay = opensim.TimeSeriesTable(str(copy / tool.getOutputMotionFileName()))
    angles = [n for n in motion.getColumnLabels() if not n.endswith(("_tx", "_ty", "_tz"))]
    difference = [
        motion.getDependentColumn(n).to_numpy() - replay.getDependentColumn(n).to_numpy()  # a row each
        for n in angles
    ]
    return float(np.abs((np.array(difference) + 180) % 360 - 180).max())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

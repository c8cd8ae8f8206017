"""Whether the folder of a `biopose ik` run is what OpenSim needs: loads, replays its setup, runs again for nothing.

    python check_results.py FOLDER biopose ik SOURCE … -o FOLDER

The command that made the folder follows it, to be run again.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import opensim

LARGEST_RMS_MM = 20.0  # OpenSim's threshold for inverse kinematics
LARGEST_NEURAL_RMS_MM = 40.0  # the network does not follow the markers: it doubts them
LARGEST_REPLAY_DEG = 0.1
# Coordinates that the markers hardly hold: a millimetre is worth degrees there, and the optimum is flat.
ILL_CONDITIONED = ("pro_sup", "subtalar", "mtp", "wrist", "_beta")


def main(folder: Path, command: list[str]) -> None:
    """Check the results that ``command`` left in ``folder``."""
    record = json.loads((folder / "biopose.json").read_text())
    name = Path(record["source"]["name"]).stem
    opensim.Logger.removeFileSink()
    opensim.Logger.setLevelString("Error")
    model = opensim.Model(str(folder / f"{name}_scaled.osim"))
    model.initSystem()
    coordinates = [c.getName() for c in model.getCoordinateSet()]

    (motion_file,) = folder.glob("*.mot")
    neural = motion_file.stem.endswith("_neural")
    motion = opensim.TimeSeriesTable(str(motion_file))
    assert set(motion.getColumnLabels()) == set(coordinates), "the .mot and the model differ in coordinates"
    assert motion.getTableMetaDataString("inDegrees") == "yes"
    values, time_s = motion.getMatrix().to_numpy(), np.array(motion.getIndependentColumn())
    assert np.isfinite(values).all() and values.std(0).max() > 1, "the motion does not move"
    assert (np.diff(time_s) > 0).all()

    markers = opensim.TimeSeriesTableVec3(str(folder / f"{name}.trc"))
    in_model = {marker.getName() for marker in model.getMarkerSet()}
    assert set(markers.getColumnLabels()) <= in_model, "the .trc has names that the model lacks"
    np.testing.assert_allclose(np.array(markers.getIndependentColumn()), time_s, atol=1e-5)

    rms_mm = record["stages"]["solve"]["marker_rms_mm"]
    assert 0 < rms_mm < (LARGEST_NEURAL_RMS_MM if neural else LARGEST_RMS_MM), f"marker RMS {rms_mm} mm"
    print(f"{motion_file.name}: {len(coordinates)} coordinates, {len(time_s)} frames, marker RMS {rms_mm:.1f} mm")
    for stage, figures in record["stages"].items():
        print(f"  {stage:8} {figures['seconds']:6.1f} s, peak memory {figures['peak_memory_mb']:.0f} MB")
    if "overlay" in record["stages"]:
        assert (folder / "overlay.mp4").stat().st_size > 10_000

    apart = replayed_apart_deg(folder, name, motion)
    worst = max((n for n in apart if not any(part in n for part in ILL_CONDITIONED)), key=lambda n: apart[n])
    loosest = max(apart, key=lambda n: apart[n])
    print(f"OpenSim's replay of the setup: {apart[worst]:.4f}° at most from the .mot ({worst}); ", end="")
    print(f"of all coordinates {apart[loosest]:.4f}° ({loosest})")
    if neural:  # the setup is OpenSim's own solution, another than the network's
        assert all(np.isfinite(degrees) for degrees in apart.values())
    else:
        assert apart[worst] < LARGEST_REPLAY_DEG
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written, "a stage ran again"
    print("running it again skips every stage")


def replayed_apart_deg(folder: Path, name: str, motion: opensim.TimeSeriesTable) -> dict[str, float]:
    """Largest difference of every rotation after running the IK setup, in a copy of the folder, as the GUI does."""
    with tempfile.TemporaryDirectory() as elsewhere:
        copy = Path(elsewhere) / "copy"
        shutil.copytree(folder, copy)
        setup = f"{name}_ik_setup.xml"
        code = f"import opensim; assert opensim.InverseKinematicsTool({setup!r}).run()"
        subprocess.run([sys.executable, "-c", code], cwd=copy, check=True, stdout=subprocess.DEVNULL)
        tool = opensim.InverseKinematicsTool(str(copy / setup))
        replay = opensim.TimeSeriesTable(str(copy / tool.getOutputMotionFileName()))
    apart = {}
    for coordinate in motion.getColumnLabels():
        if not coordinate.endswith(("_tx", "_ty", "_tz")):
            columns = [table.getDependentColumn(coordinate).to_numpy() for table in (motion, replay)]
            apart[coordinate] = float(np.abs((columns[0] - columns[1] + 180) % 360 - 180).max())
    return apart


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

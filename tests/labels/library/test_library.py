"""The library on disk, walks against the bands, CMU's mend, other models' files, and the command that builds it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.mot import write_mot
from biomech.labels.library import cmu, norms, recordings
from biomech.labels.library.bands import walk_of
from biomech.labels.library.build import FIGURE, TABLE, build
from biomech.labels.library.generated import KINDS, generate
from biomech.labels.library.skeleton import foot_height_m, names
from biomech.labels.library.store import MotionLibrary
from biomech.labels.library.transfers import transfer
from biomech.markers.marker_map import read_marker_map


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    build(folder, each=1)
    return folder


def walking(seed: int = 0, seconds: float = 6.0) -> Kinematics:
    return generate("plain_walk", seconds, 50, np.random.default_rng(seed))


def test_a_library_comes_back(built):
    library = MotionLibrary.load(built)
    assert len(library.motions) == len(KINDS)
    assert (built / FIGURE).stat().st_size > 10_000 and "generated,squat" in (built / TABLE).read_text()
    motion = next(m for m in library.motions if m.kind == "squat")
    kinematics, known = library.read(motion.name)
    assert tuple(kinematics.names) == names() and known.all()
    assert kinematics.values.shape == (motion.frames, 40) and motion.seconds == pytest.approx(8.0)
    assert kinematics.column("knee_angle_r").max() > 0.4
    assert {m.split for m in library.motions} <= {"train", "val", "test"}
    assert [m.kind for m in library.select(kinds=["run"])] == ["run"]


def test_a_build_is_the_same_again_and_forgets_what_is_gone(built):
    before = (built / "index.csv").read_bytes()
    stray = built / "motions" / "stray.npz"
    stray.write_bytes(b"")
    build(built, each=1)
    assert (built / "index.csv").read_bytes() == before and not stray.exists()


def test_windows_have_one_length_and_rate(built):
    library = MotionLibrary.load(built)
    windows = library.windows(1.0, 30.0, np.random.default_rng(0))
    drawn = [next(windows) for _ in range(40)]
    assert all(values.shape == (30, 40) and known.all() for values, known, _ in drawn)
    assert len({motion.kind for *_, motion in drawn}) > 5
    with pytest.raises(BioposeError):
        next(library.windows(100.0, 30.0, np.random.default_rng(0)))


def test_what_is_no_library_is_refused(tmp_path):
    with pytest.raises(BioposeError, match="no motion library"):
        MotionLibrary.load(tmp_path)
    (tmp_path / "index.csv").write_text("name,rate_hz\nx,fast\n")
    with pytest.raises(BioposeError, match="index"):
        MotionLibrary.load(tmp_path)


def test_a_bent_walk_is_outside_the_bands():
    walk = walking()
    values = walk.values.copy()
    values[:, walk.names.index("knee_angle_r")] += np.radians(18)
    bent = walk_of(replace(walk, values=values))
    straight = walk_of(walk)
    assert straight is not None and bent is not None
    assert straight.least_inside[1] > 0.9 and bent.least_inside[0] == "knee_angle_r" and bent.least_inside[1] < 0.6
    assert walk_of(generate("standing", 3.0, 50, np.random.default_rng(0))) is None


def test_published_figures_have_our_zero():
    free = norms.SPEEDS_M_S["free"]
    cycle = np.linspace(0, 1, 100, endpoint=False)
    assert norms.walking("pelvis_tilt", cycle, free)[0].mean() == pytest.approx(2.0, abs=1.5)
    knee = norms.walking("knee_angle", cycle, free)[0]
    assert knee.max() == pytest.approx(59, abs=2) and cycle[knee.argmax()] == pytest.approx(0.72, abs=0.02)
    hip = norms.walking("hip_flexion", cycle, free)[0]
    assert hip.min() == pytest.approx(-19, abs=2) and hip.max() == pytest.approx(23, abs=2)
    assert float(norms.cadence_strides_s(1.3)) == pytest.approx(0.92, abs=0.03)  # 110 steps a minute


def test_a_rig_that_rests_bent_is_mended():
    """Walks of one person whose rig adds 12° to the knees and 10° to the hips: most of it is taken off again."""
    clips = []
    for seed in range(2):
        walk = walking(seed, 8.0)
        values = walk.values.copy()
        for side in "rl":
            values[:, walk.names.index(f"knee_angle_{side}")] += np.radians(12)
            values[:, walk.names.index(f"hip_flexion_{side}")] += np.radians(10)
        clips.append(
            cmu.CmuMotion(f"50_0{seed}", replace(walk, values=values), np.ones(len(values), bool), "walk", cmu.BVH)
        )
    clips.append(cmu.CmuMotion("51_01", clips[0].kinematics, clips[0].trusted, "basketball - dribble", cmu.BVH))
    offsets = cmu.all_offsets(clips)
    assert -16 < offsets["50"]["knee_angle_r"] < -6 and -16 < offsets["50"]["hip_flexion_l"] < -4
    assert offsets["51"] == offsets["50"]  # who does not walk is mended as those who do
    mended = cmu.mended(clips[0], offsets["50"])
    np.testing.assert_allclose(
        foot_height_m(mended.values).min(1), foot_height_m(clips[0].kinematics.values).min(1), atol=1e-6
    )
    assert clips[2].kind == "other" and clips[0].kind == "walk"


def test_another_models_file_goes_by_names(tmp_path):
    walk = walking(0, 2.0)
    named = ["pelvis_tilt", "hip_flexion_r", "knee_angle_r", "knee_angle_l", "arm_flex_r", "strange"]
    values = np.stack([walk.column(n) if n in walk.names else walk.time_s for n in named], 1)
    values[:, 2:4] *= -1  # a model whose knees bend negatively
    values[:, 4] = 0.3  # locked
    write_mot(Kinematics(named, values, walk.time_s + 3, np.ones(6, bool)), tmp_path / "other.mot")
    found, known = transfer(tmp_path / "other.mot")
    np.testing.assert_allclose(found.column("knee_angle_r"), walk.column("knee_angle_r"), atol=1e-6)
    assert found.time_s[0] == 0 and sorted(np.array(names())[known]) == sorted(named[:4])


def test_the_laboratories_map_is_whole():
    known = read_marker_map(recordings.LABORATORIES)
    assert len(known.names) == len(set(known.names)) > 70
    plain = [name.casefold() for group in known.sources for name in group]
    assert len(plain) == len(set(plain))  # no name means two places
    right = {n: x for n, x in zip(known.names, known.locations_m, strict=True)}
    np.testing.assert_allclose(right["R.Knee"], right["L.Knee"] * [1, 1, -1])


@pytest.mark.parametrize(
    ("stem", "kind"),
    [("Static_HC030A01", "standing"), ("walkingTS1", "walk_modified"), ("DJ2", "jump"), ("x", "other")],
)
def test_names_of_files_say_what_they_show(stem, kind):
    assert recordings.kind_of(stem) == kind


def test_the_command_builds_it(tmp_path):
    from biomech.cli.main import _register, app

    if not app.registered_commands:
        _register()
    (tmp_path / "data").mkdir()
    command = [
        "label",
        str(tmp_path / "data"),
        "--library",
        "--generated",
        "1",
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["motions"] == len(KINDS)
    nowhere = CliRunner().invoke(app, ["label", str(tmp_path / "no"), "--library", "--out", str(tmp_path / "out2")])
    assert nowhere.exit_code != 0 and not (tmp_path / "out2").exists()

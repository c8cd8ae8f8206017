"""The report: one file that holds all it shows, says what was doubted, and is drawn by a real browser."""

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browser import drawn_by_browser, needs_browser
from known_motions import known_squats

from biomech.inverse_kinematics.marker_errors import MarkerErrors
from biomech.inverse_kinematics.trusted import Trusted
from biomech.kinematics.kinematics import Kinematics
from biomech.mesh.subject import assumed_note
from biomech.osim_models import DEFAULT_PATH
from biomech.report.courses import Courses
from biomech.report.film import KEY_FRAMES, SmallFilm, small_film
from biomech.report.measured import Activity, Cycle, _with_unit, measured_of
from biomech.report.overlay import write_video
from biomech.report.page import Shown, report_of, write_report
from biomech.report.scene import packed, thinned
from biomech.report.words import assumed, meaning_of, section_of, title_of
from biomech.skeleton.model import load_model

TIMES = np.arange(20) / 10
NAMES = ["hip_flexion_r", "hip_flexion_l", "pelvis_tilt"]
SCENE = {
    "time_s": [0.0, 1.0],
    "joints": 2,
    "names": ["hip", "knee", "M1"],
    "sides": ["r", "r", ""],
    "lines": [[0, 1]],
    "points": [[0, 900, 0, 0, 500, 0, None, None, None], [10, 0, 0, 0, 0, 0, 100, 800, 0]],
    "floor_mm": 0,
}


@pytest.fixture
def shown() -> Shown:
    values = 0.5 * np.sin(TIMES)[:, None] * np.ones(3)
    motion = Kinematics(NAMES, values, TIMES, np.ones(3, dtype=bool))
    reasons = ["quality below 0.5" if 5 <= k < 8 else "" for k in range(20)]
    errors = MarkerErrors(["M1", "<b>"], np.full((20, 2), 0.03), TIMES, np.ones(20, dtype=bool))
    trusted = Trusted(TIMES, reasons, [""] * 20)
    return Shown(
        name="walk",
        source="<script>alert(1)</script>{{data}}.mp4",
        motions=[
            Courses.of("fast", motion, trusted, np.full((20, 3), 0.1)),
            Courses.of("neural", motion, trusted),
        ],
        errors=errors,
        scene=SCENE,
        film=None,
        stages={
            "recover": {"options": {"height_m": None, "mass_kg": 70.0, "neutral": None}},
            "scale": {"factors": {"pelvis": [1.0, 1.1, 0.9]}, "mass_kg": 70.0},
        },
        versions={"biopose": "1"},
        notes=["3 of 20 frames are not trusted: quality below 0.5 (3)", "no height given: (`height_m=1.78`)"],
        files={"model": "walk_scaled.osim", "motion": "walk_fast.mot", "markers": "walk.trc", "setup": "walk_ik.xml"},
        measured=[
            Activity(
                "Walking",
                "gait cycle (%)",
                [Cycle("hip_flexion", {"r": (np.zeros(101), np.ones(101))}, (np.zeros(101), np.ones(101)))],
                [("speed", "1.2 m/s")],
                source="somebody (2008)",
            )
        ],
    )


def data_of(page: str) -> dict[str, Any]:
    (packed_data,) = re.findall(r'id="data">([^<]*)<', page)
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed_data)))
    return found


def test_it_asks_nobody_and_runs_nothing_of_the_inputs(shown: Shown) -> None:
    page = report_of(shown)
    assert set(re.findall(r"https?://[^\s\"'<>;]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;{{data}}.mp4" in page
    assert "<td><b></td>" not in page and "&lt;b&gt;" in page
    assert report_of(shown) == page, "the same run gives the same page"


def test_it_shows_what_is_known_and_what_is_not(shown: Shown) -> None:
    page = report_of(shown)
    data = data_of(page)
    hip, pelvis = data["panels"]
    assert (hip["title"], hip["unit"], hip["section"]) == ("Hip flexion", "°", "Legs")
    assert [(curve["side"], curve["solver"]) for curve in hip["curves"]] == [("r", 0), ("l", 0), ("r", 1), ("l", 1)]
    assert hip["curves"][0]["half"][0] == pytest.approx(np.rad2deg(0.1), abs=0.01) and hip["curves"][2]["half"] is None
    assert pelvis["doubted"] == [pytest.approx([0.45, 0.75])]
    assert data["doubts"] == [[pytest.approx(0.45), pytest.approx(0.75), "quality below 0.5"]]
    assert data["errors"]["rms"][0] == 30.0 and data["errors"]["limits"] == [20.0, 40.0]
    assert data["cycles"][0]["normal"] is not None and "somebody (2008)" in page
    assert "85 %" in page and "17 of 20" in page
    assert "1 of 3" in page and "<code>height_m=1.78</code>" in page
    for name in shown.files.values():
        assert f"<code>{name}</code>" in page
    assert "Grey" not in report_of(replace(shown, measured=[]))


def test_a_long_films_frames_are_gone_through_one_by_one(shown: Shown) -> None:
    assert data_of(report_of(shown))["frames_s"] is None
    times = np.arange(1800) / 30
    motion = Kinematics(NAMES, np.zeros((1800, 3)), times, np.ones(3, dtype=bool))
    errors = MarkerErrors(["M1"], np.zeros((1800, 1)), times, np.ones(1800, dtype=bool))
    long = Courses.of("fast", motion, Trusted(times, [""] * 1800, [""] * 1800))
    data = data_of(report_of(replace(shown, motions=[long], errors=errors)))
    assert len(data["time_s"]) == 900 and data["frames_s"][:3] == [0.0, 0.0333, 0.0667]


def test_pictures_bear_the_recordings_times_and_options_are_short(shown: Shown) -> None:
    film = SmallFilm("mp4", b"", [(0.4, b"jpeg")], (32, 32))
    stages = {"recover": {"options": {"recover": "fit", "refine": True, "end_s": 7.583333333333333}}}
    page = report_of(replace(shown, film=(film, 2.0), stages=stages))
    assert '<figure data-time="0.4">' in page and "<figcaption>2.4 s</figcaption>" in page
    assert "<th>end_s</th><td>7.5833</td>" in page and "refine</th>" not in page
    flags, stages = {"end_s": "--end"}, {**stages, "recover": {**stages["recover"], "assumed_height_m": 1.674}}
    page = report_of(replace(shown, film=(film, 2.0), stages=stages, flags=flags))
    assert "<th>--end</th><td>7.5833</td>" in page and "1.67 m was assumed, an average adult" in page


def test_what_is_not_to_be_trusted_is_said_under_its_heading() -> None:
    plain, model = known_squats([2.0, 4.6]), load_model(DEFAULT_PATH)
    noise = 0.01 * np.random.default_rng(0).standard_normal(plain.values.shape)
    motion = Kinematics(plain.names, plain.values + noise, plain.time_s, plain.rotational)
    (told,) = measured_of(model, motion)
    assert not told.doubt and dict(told.measures)["duration"].count("; spread ") == 1 and told.head[3] == "trusted (%)"
    (told,) = measured_of(model, motion, np.zeros(len(motion.time_s), bool))
    assert told.doubt and not told.measures and not told.cycles and [row[3] for row in told.each] == ["0", "0"]


def test_words() -> None:
    assert title_of("knee_angle") == ("Knee flexion", "+ flexion") and title_of("wing") == ("wing", "")
    assert section_of("elbow_flex") == "Arms" and section_of("wing") == "Other"
    assert "usual phone" in meaning_of("focal length 967 px: default: 67°") and meaning_of("all is well") == ""
    doubted = "83 of 228 frames are not trusted: quality below 0.5 (70), not determined by the markers seen (13)"
    assert meaning_of(doubted).startswith("In the grey stretches")
    assert meaning_of("the model's markers do not show mtp_angle_r: hardly measured").startswith("No marker moves")
    for note in ("scale factors outside 0.8-1.25: femur (both) 0.68", "the left arm is hidden or out of view in 41%"):
        assert meaning_of(note)
    lens = {"detect": {"focal_source": "metadata", "focal_px": 900.0}}
    assert [(one.what, one.guessed) for one in assumed(lens)] == [("Camera's lens", False)]
    films = {"detect 1": {"frames": 60, "frames_looked_at": 20}, "detect 2": {"frames": 40, "frames_looked_at": 40}}
    assert [(one.what, one.value) for one in assumed(films)] == [("Frames looked at", "60 of 100")]
    assert "of those taken" in assumed(films)[0].how
    assert "every frame" in assumed({"detect": {"frames": 9, "frames_looked_at": 9}})[0].how
    assert assumed({"detect": {"frames": 9, "frames_looked_at": None}}) == []


def test_a_height_that_nobody_told_reads_alike_everywhere() -> None:
    for stature, off, told in ((1.67, "may be 5 % off", "corrected"), (2.02, "further off", "before the height")):
        note = assumed_note(stature)
        assert told in meaning_of(note) and f"{stature:.2f} m was assumed, an average adult's" in note
        (height,) = assumed({"recover": {"assumed_height_m": stature, "notes": [note], "options": {}}})
        assert off in height.how and "an average adult's" in height.how
    assert "so tall" in assumed_note(2.02) and "so small" in assumed_note(1.50) and "few" not in assumed_note(1.87)
    assert "`height_m`" in assumed_note(1.50) and "two of three" not in assumed_note(1.50)


def test_a_neutral_film_that_was_left_out_is_told() -> None:
    (_, neutral) = assumed({"recover": {"options": {"neutral": "run without its neutral trial a.mp4"}}})
    assert neutral.value == "none" and "left out (run without its neutral trial a.mp4)" in neutral.how


def test_places_come_back_from_their_differences() -> None:
    points = np.random.default_rng(0).normal(size=(5, 2, 3))
    points[0, 1], points[2] = np.nan, np.nan
    last, back = np.zeros(6), np.full((5, 6), np.nan)
    for row, steps in enumerate(packed(points)):
        for k, step in enumerate(steps):
            if step is not None:
                last[k] += step
                back[row, k] = last[k] / 1000
    np.testing.assert_allclose(back.reshape(points.shape), points, atol=6e-4)
    assert len(thinned(np.arange(6000) / 100)) == pytest.approx(900, rel=0.1)
    assert len(thinned(np.arange(100_000) / 100)) <= 1200


def test_a_film_becomes_small(tmp_path: Path) -> None:
    pictures = ((k / 10, np.full((600, 800, 3), 5 * k, np.uint8)) for k in range(30))
    write_video(tmp_path / "film.mp4", pictures, (800, 600), 10.0)
    film = small_film(tmp_path / "film.mp4")
    assert film.size_px == (480, 360) and film.kind == "mp4"
    (tmp_path / "small.mp4").write_bytes(film.content)
    with av.open(str(tmp_path / "small.mp4")) as small:
        times = [frame.time for frame in small.decode(video=0)]
    assert len(times) == 30 and times[-1] == pytest.approx(2.9, abs=1e-3)
    taken = [time for time, _ in film.pictures]
    assert len(taken) == KEY_FRAMES == len(set(taken))
    assert all(jpeg.startswith(b"\xff\xd8") for _, jpeg in film.pictures)


ASK = Path(__file__).with_name("ask_report.js").read_text(encoding="utf-8")


@needs_browser
def test_a_browser_draws_it(shown: Shown, tmp_path: Path) -> None:
    assert write_report(shown, tmp_path / "report.html") == (tmp_path / "report.html").stat().st_size
    drawn = drawn_by_browser(tmp_path / "report.html")
    assert 'data-ready="1"' in drawn
    assert drawn.count('class="panel"') == 4  # hip, pelvis, the cycle, the markers' errors
    assert "NaN" not in re.sub(r"(?s)<script.*?</script>", "", drawn)


@needs_browser
@pytest.mark.parametrize("size", ["1366,768", "500,844"])
def test_keys_reach_the_player_and_no_words_overlap(shown: Shown, tmp_path: Path, size: str) -> None:
    film = SmallFilm("mp4", b"", [(0.4, b"jpeg")], (32, 32))
    page = report_of(replace(shown, film=(film, 0.0))).replace("</body>", f"<script>{ASK}</script></body>")
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    drawn = drawn_by_browser(tmp_path / "report.html", size)
    assert 'data-keys="0.1 0.2 0.1 1.1 1.9 0.0 ❚❚ ▶"' in drawn
    assert 'data-overlaps="0"' in drawn and 'data-sideways="0"' in drawn and 'data-unreached="0"' in drawn


def test_a_mean_and_its_spread_end_at_the_same_place() -> None:
    assert (
        _with_unit(99.94, "deg", np.nan, 2.713) == "99.9 °; spread 2.7 °"
        and _with_unit(0.2634, "m", 0.02, 0.0095) == "0.263 m; half width 0.02 m; spread 0.009 m"
    )
    assert (
        _with_unit(125.8, "steps_min", np.nan, 0.49) == "125.8 steps/min; spread 0.5 steps/min"
        and _with_unit(-1.42, "percent", np.nan, 0) == "−1.42 %"
    )
    assert (
        _with_unit(1500.0, "m", np.nan, 1e-7) == "1500.0 m; spread 0.0 m"
        and _with_unit(0.0, "m", np.nan, 0.2) == "0.0 m; spread 0.2 m"
    )


def test_notes_of_one_meaning_stand_together(shown: Shown) -> None:
    notes = ["the model's markers do not show mtp_angle_r", "x_neural.mot: 2 of 20 frames are not trusted: RMS"]
    page = report_of(replace(shown, notes=[*notes, "x_neural.mot: the model's markers do not show mtp_angle_r"]))
    assert page.count("No marker moves with these joints") == 1 and "That solver&#x27;s own curves" in page
    assert "beside this page" not in page
    assert "<code>a.png</code> beside this page" in report_of(replace(shown, files={"plot of angles": "a.png"}))

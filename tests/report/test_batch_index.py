"""The page and the tables of a large batch: all recordings in them, few shown at once, means without the recordings."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browser import drawn_by_browser, needs_browser

from biomech.inverse_kinematics.tidy import believed_values
from biomech.measures.cycles import PERCENT
from biomech.report.batch_figure import BatchCourse, BatchMeans, RunningMean
from biomech.report.batch_index import AT_ONCE, index_page
from biomech.report.batch_tables import NOT_RUN, BatchTrial, write_tables


def trials(count: int, folder: Path) -> list[BatchTrial]:
    errors = {1: "no <b>person</b> in view", 2: NOT_RUN}
    return [BatchTrial(f"r{k}", "s", "g", folder / f"r{k}", 1.0, 5, 1.0, {}, 0, errors.get(k)) for k in range(count)]


def test_few_stand_in_the_page_without_a_script(tmp_path: Path) -> None:
    (tmp_path / "r4").mkdir()
    write_tables(trials(5, tmp_path), tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert page.split("<script>")[0].count("<tr>") == 6 and 'href="r4/"' in page
    assert 'href="r3' not in page, "a link to what is not there"
    assert "5 recordings, 1 failed, 1 not run yet" in page and "no &lt;b&gt;person" in page
    states = pd.read_csv(tmp_path / "summary.csv")["state"].tolist()
    assert states == ["done", "failed", "not run", "done", "done"]


def test_many_are_all_there_and_shown_in_part(tmp_path: Path) -> None:
    write_tables(trials(10 * AT_ONCE, tmp_path), tmp_path)
    page = (tmp_path / "index.html").read_text()
    data = re.search(r'<script type="application/json" id="rows">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    rows = json.loads(data[1])
    assert len(rows) == 10 * AT_ONCE and "<" not in data[1]
    assert rows[1][:2] == ["r1 s g  no <b>person</b> in view", "failed"] and "&lt;b&gt;" in rows[1][2]
    assert page.split("<tbody>")[1].count("<tr>") - page.split("<script>")[1].count("<tr>") == AT_ONCE
    assert "http" not in page


@needs_browser
@pytest.mark.parametrize("size", ["1366,768", "500,844"])
def test_a_browser_seeks_pages_and_sorts(tmp_path: Path, size: str) -> None:
    write_tables(trials(250, tmp_path), tmp_path)
    page, ask = tmp_path / "index.html", Path(__file__).with_name("ask_index.js")
    page.write_text(page.read_text().replace("</body>", f"<script>{ask.read_text()}</script></body>"))
    drawn = drawn_by_browser(page, size)
    told = ["1 to 100 of 250 r0", "101 to 200 of 250 r100", "1 to 11 of 11 r12", "1 to 1 of 1 r1", "none found "]
    told += ["1 to 100 of 250 r0", "1 to 100 of 250 r249", "1 to 100 of 250 r0"]
    assert f'data-told="{"|".join(told)}"' in drawn and 'data-sideways="0"' in drawn


def test_a_page_of_nothing() -> None:
    assert "0 recordings, 0 failed" in index_page("empty", [], [])


def test_running_means_are_means() -> None:
    drawn = np.random.default_rng(0)
    curves = drawn.normal(50, 3, (7, len(PERCENT)))
    curves[2, :40] = curves[:, 90] = np.nan
    running = RunningMean()
    for one in curves:
        running.add({"knee_angle_r": one})
    found = running.mean_sd("knee_angle_r")
    assert found is not None and running.mean_sd("hip") is None and running.members == 7
    there = np.arange(len(PERCENT)) != 90
    np.testing.assert_allclose(found[0][there], np.nanmean(curves[:, there], 0))
    np.testing.assert_allclose(found[1][there], np.nanstd(curves[:, there], 0, ddof=1))
    assert np.isnan(found[0][90])


@pytest.mark.parametrize(
    ("people", "groups", "labels"),
    [
        (3, 0, ["s0 (n = 2)", "s1 (n = 2)", "s2 (n = 2)"]),
        (9, 0, ["all subjects (n = 9)"]),
        (9, 2, ["group g0 (n = 5)", "group g1 (n = 4)"]),
        (60, 20, ["all subjects (n = 60)"]),
    ],
)
def test_lines_stay_few(people: int, groups: int, labels: list[str]) -> None:
    angles = pd.DataFrame({"knee_angle_r": np.sin(np.arange(9.0))}, index=np.arange(9.0))
    angles.attrs["units"] = {"knee_angle_r": "deg"}
    whose = [(f"g{k % groups}" if groups else "", f"s{k}") for k in range(people)] * 2  # not in the order of subjects
    means = BatchMeans(whose)
    for group, subject in whose:
        means.add(BatchCourse(subject, group, angles, pd.DataFrame()))
    (figure,) = means.figures().values()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == labels


def test_a_tidy_table_in_another_order(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"time": [0.0, 0.0, 0.1, 0.1], "coordinate": ["b", "a", "b", "a"], "value": [1.0, 2.0, 3.0, 4.0]}
        | {"unit": ["deg", "m", "deg", "m"], "trusted": [1, 1, 0, 1]}
    )
    table.to_csv(tmp_path / "one.csv", index=False)
    table.sort_values("coordinate", kind="stable").to_csv(tmp_path / "two.csv", index=False)
    one, two = believed_values(tmp_path / "one.csv"), believed_values(tmp_path / "two.csv")
    assert list(one.columns) == ["b", "a"] and one.attrs["units"] == two.attrs["units"] == {"b": "deg", "a": "m"}
    np.testing.assert_array_equal(one.to_numpy(), [[1, 2], [np.nan, 4]])
    np.testing.assert_array_equal(two[["b", "a"]].to_numpy(), one.to_numpy())

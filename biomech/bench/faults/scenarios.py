"""Which command reads which of the seeds: every command, in its cheapest form."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from biomech.bench.faults import mutate, of_results
from biomech.bench.faults.mutate_toml import of_toml
from biomech.bench.faults.mutation import Mutation
from biomech.bench.faults.scenario import Scenario, scenario

__all__ = ["REFUSED", "SCENARIOS", "Scenario", "mutations"]


SMALL = "--model small.osim --solver fast"
SCENARIOS: tuple[Scenario, ...] = (
    scenario("solve .trc", f"solve walk.trc {SMALL} -o out", {"walk.trc": "trc"}, "small.osim", "out/*.mot", share=3),
    scenario("solve .c3d", f"solve walk.c3d {SMALL} -o out", {"walk.c3d": "c3d"}, "small.osim", "out/*.mot", share=2),
    scenario(
        "solve model", f"solve walk.trc {SMALL} -o out", {"small.osim": "xml"}, "walk.trc", "out/*.mot", share=2.5
    ),
    scenario(
        "solve by OpenSim",
        "solve walk.trc --model small.osim --solver opensim --workers 1 -o out",
        {"walk.trc": "trc", "small.osim": "xml"},
        results="out/*.mot",
        share=0.3,
    ),
    scenario(
        "ik set and tasks",
        f"ik walk.trc {SMALL} --markers set.xml --tasks tasks.xml -o out",
        {"set.xml": "xml", "tasks.xml": "xml"},
        "walk.trc small.osim",
        "out/*.mot",
        share=2.5,
    ),
    scenario(
        "ik static",
        f"ik walk.trc {SMALL} --static static.trc --scaling scaling.xml --mass 70 -o out",
        {"scaling.xml": "xml", "static.trc": "trc"},
        "walk.trc small.osim",
        "out/*.mot out/*.osim",
        share=2,
    ),
    scenario(
        "ik personalise",
        f"ik walk.trc {SMALL} --personalise -o out",
        {"walk.trc": "trc", "small.osim": "xml"},
        results="out/*.mot out/*.osim",
        share=0.7,
    ),
    scenario("ik again", f"ik walk.trc {SMALL} -o run", {"run/biopose.json": "json"}, "walk.trc small.osim", share=1),
    scenario("compare .mot", "compare a.mot b.mot", {"b.mot": "mot"}, "a.mot", share=2),
    scenario("compare .csv", "compare b.csv a.mot --json", {"b.csv": "csv"}, "a.mot", share=1),
    scenario(
        "compare aligned",
        "compare a.mot b.sto --align time --align heading --figure c.png",
        {"b.sto": "mot"},
        "a.mot",
        share=0.4,
    ),
    scenario("extract", "extract motion.npz -o out/m.trc", {"motion.npz": "npz"}, "", "out/m.trc", share=2.5),
    scenario("scale", "scale motion.npz -o out/m.osim", {"motion.npz": "npz"}, "", "out/m.osim", share=0.4),
    scenario(
        "recover",
        "recover keypoints.npz --height 1.75 -o out/m.npz",
        {"keypoints.npz": "npz"},
        results="out/m.npz",
        share=2,
    ),
    scenario(
        "recover OpenPose",
        "recover openpose --video film.mp4 --height 1.75 -o out/m.npz",
        {"openpose/film_000000000003_keypoints.json": "json"},
        "film.mp4",
        "out/m.npz",
        share=1.5,
    ),
    scenario(
        "recover mmpose",
        "recover mmpose.json --video film.mp4 --height 1.75 -o out/m.npz",
        {"mmpose.json": "json"},
        "film.mp4",
        "out/m.npz",
        share=1.5,
    ),
    scenario("detect", "detect film.mp4 -o out/k.npz", {"film.mp4": "mp4", "pictures/001.png": "png"}, share=0.8),
    scenario("detect pictures", "detect pictures -o out/k.npz", {"pictures/001.png": "png"}, share=0.3),
    scenario("ik film", "ik film.mp4 -o out", {"film.mp4": "mp4"}, share=0.3),
    scenario("mesh film", "mesh film.mp4 -o out", {"film.mp4": "mp4"}, share=0.3),
    scenario("refine", "refine run", {"run/biopose.json": "json"}, share=0.4),
    scenario("label .bvh", "label 07_01.bvh -o out --workers 1", {"07_01.bvh": "bvh"}, results="out/trials/*/*/*.mot"),
    scenario(
        "label .amc",
        "label 08_01.amc -o out --workers 1",
        {"08_01.amc": "bvh", "08.asf": "bvh"},
        results="out/trials/*/*/*.mot",
        share=1.2,
    ),
    scenario("label .zip", "label walks.zip -o out --workers 1", {"walks.zip": "zip"}, share=0.5),
    scenario("label .mat", "label F_v3d_Subject_3.mat -o out --workers 1", {"F_v3d_Subject_3.mat": "bytes"}, share=0.5),
    scenario(
        "label .trc",
        "label opencap.trc -o out --workers 1 --people people.csv --marker-map own_map.csv",
        {"opencap.trc": "trc", "people.csv": "text", "own_map.csv": "text"},
        results="out/trials/*/*/*.mot",
        share=1.5,
    ),
    scenario("label .npz", "label amass_poses.npz -o out --workers 1", {"amass_poses.npz": "npz"}, share=0.7),
    scenario("label folder", "label . -o out --workers 1", {"07_01.bvh": "bvh", "opencap.trc": "trc"}, share=0.3),
    scenario("models", "models list", {"cache/pose_landmarker_heavy.task": "bytes"}, share=0.1),
    scenario("doctor", "doctor", {"cache/pose_landmarker_heavy.task": "bytes"}, share=0.05),
    *of_results.SCENARIOS,
)

# Commands whose work is long are tried with what is refused before it: --out and data that cannot be used.
REFUSED = (
    "demo -o walk.trc",
    "demo -o walk.trc/under",
    "demo -o /proc/nowhere",
    "bench real-video --data nowhere",
    "bench real-video --data walk.trc",
    "bench solver --data nowhere",
    "bench solver --data walk.trc",
    "bench personalise --data nowhere",
    "bench personalise --data . -o walk.trc",
    "bench label --data nowhere",
    "bench label --data . -o out --seed -1",
    "bench neurik --data nowhere",
    "bench neurik --data . --labels nowhere",
    "bench neurik --data . --weights walk.trc",
    "bench mqhmr --data nowhere",
    "train neurik --data nowhere -o out",
    "train neurik --data . -o out",
    "train neurik --data . -o walk.trc",
    "train neurik --data . -o out --hours nan",
    "train neurik --data . -o out --pairs nowhere",
    "train neurik --data . -o out --noise walk.trc",
    "train neurik --data . -o out --device moon",
    "train mqhmr --data nowhere -o out",
    "train mqhmr --data . -o out",
    "train mqhmr --data walk.trc -o out",
    "models pull nothing",
    "models pull ../../x",
    "doctor --json",
)


def mutations(kind: str, data: bytes, rng: np.random.Generator, others: list[Path]) -> Iterator[Mutation]:
    """All that can be wrong with a file of a kind.

    Args:
        kind: trc, mot, csv, xml, json, toml, npz, c3d, zip, bvh or text; of others (mp4, png, bytes) the bytes alone.
        data: the whole file.
        rng: draws what is changed.
        others: files of other kinds, to be put in its place.

    Yields:
        Changes that can be made to the file at its path.
    """
    yield from mutate.of_any_path(others)
    yield from mutate.of_bytes(data, rng, text=kind not in ("npz", "c3d", "mp4", "png", "zip", "bytes"))
    if kind == "trc":
        yield from mutate.of_table(data, rng, header_rows=6, names_row=3, time_column=1, places=True)
        yield from mutate.of_numbers(data, rng)
    elif kind == "mot":
        header = data.decode().splitlines().index("endheader") + 2
        yield from mutate.of_table(data, rng, header_rows=header, names_row=header - 1, time_column=0, places=False)
        yield from mutate.of_numbers(data, rng)
    elif kind == "csv":
        yield from mutate.of_table(data, rng, header_rows=1, names_row=0, time_column=0, places=False)
        yield from mutate.of_numbers(data, rng)
    elif kind == "xml":
        yield from mutate.of_xml(data, rng)
        yield from mutate.of_numbers(data, rng)
    elif kind == "json":
        yield from mutate.of_json(data, rng)
    elif kind == "toml":
        yield from of_toml(data, rng)
        yield from mutate.of_numbers(data, rng)
    elif kind == "npz":
        yield from mutate.of_npz(data, rng)
    elif kind == "c3d":
        yield from mutate.of_c3d(data, rng)
    elif kind == "zip":
        yield from mutate.of_zip(data, rng)
    elif kind in ("bvh", "text"):
        yield from mutate.of_motion_text(data, rng)
        yield from mutate.of_numbers(data, rng)

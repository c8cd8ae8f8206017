"""Pictures of drawn people: where the truth is in them, a drawing that goes on, and what is refused."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from fake_smpl import BODY_PARENTS, smplh_arrays, write_smplh
from typer.testing import CliRunner

from biomech.bench import mqhmr_drawn
from biomech.bench.mqhmr import bench_mqhmr
from biomech.bench.mqhmr_drawn import bench_drawn, told
from biomech.cli.train import app
from biomech.errors import BioposeError
from biomech.mesh.mqhmr.bodies import KEYPOINTS, anny_layer, smpl_layer
from biomech.mesh.mqhmr.camera import Crop, project
from biomech.mesh.mqhmr.encoder import VIT_SIZES, VitSize
from biomech.mesh.mqhmr.load import load_mqhmr
from biomech.mesh.mqhmr.network import CONFIGS, MQHMR, BodyPrediction, Inputs, configuration
from biomech.pipeline.claim import claimed
from biomech.train.mqhmr.datasets import Jitter, Pictures, collate
from biomech.train.mqhmr.drawn import PictureLabels, read_drawn
from biomech.train.mqhmr.readers import read_people
from biomech.train.synthetic import pictures
from biomech.train.synthetic.make import Plan
from biomech.train.synthetic.view import scene
from biomech.workers import Stop

LIMBS = [f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "ankle", "elbow", "hip")]
OF_LEFT, OF_RIGHT = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
PEOPLE, EACH = 2, pictures.MOMENTS * pictures.MOTIONS_OF_PERSON


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two people, red on their left side and blue on their right, before nothing."""

    def plain(colours, *args):
        body = pictures._painters(plan).surface.body
        bones = [body.bone_names[bone] for bone in body.skin_weights.argmax(1)]
        sides = np.array(
            [OF_LEFT if name.startswith("L") else OF_RIGHT if name.startswith("R") else [0, 1.0, 0] for name in bones]
        )
        seen = scene(colours, *args)
        return replace(
            seen, colours=sides, ambient=1.0, backdrop=np.zeros_like(seen.backdrop), objects=[], blur=0.4, grain=0.0
        )

    plan, where = Plan(as_filmed=True), tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "scene", plain)
        pictures.draw_shard(where, plan, 5, 0, PEOPLE * EACH)
        pictures.draw_shard(where, Plan("held_out", as_filmed=True), 5, 0, 3)
    return where


def test_the_truth_lies_on_the_person(folder) -> None:
    body, people = anny_layer(), read_drawn(folder)
    assert len(people) == PEOPLE * EACH and len({tuple(person.betas) for person in people}) == PEOPLE
    places = [KEYPOINTS.index(name) for name in LIMBS]
    for jitter in (None, Jitter(light=0, mirrored=0), Jitter(light=0, mirrored=1)):
        mirrored = jitter is not None and jitter.mirrored == 1  # what was painted as left is a right side then
        inputs, truth = collate([Pictures(people, body, jitter)[row] for row in range(len(people))])
        with torch.no_grad():
            posed = body(truth.betas, truth.rotations, truth.root_position_m)
        points = project(posed.keypoints, inputs.crop)
        torch.testing.assert_close(points, truth.keypoints_px[:, body.keypoint_rows], atol=0.05, rtol=0)
        torch.testing.assert_close(posed.keypoints, truth.keypoints_m[:, body.keypoint_rows], atol=1e-4, rtol=0)
        cells = inputs.crop.into(truth.keypoints_px)[:, places].numpy() * 256 + [96, 128]
        seen, own = [], []
        for picture, at in zip(inputs.picture, cells, strict=True):
            for place, (x, y) in enumerate(at.round().astype(int)):
                if 2 <= x < 190 and 2 <= y < 254:
                    colour = picture[:, y, x].numpy()
                    seen.append(colour.max() > 0.4)
                    if colour[1] < 0.3 and seen[-1]:
                        own.append((colour[0] > colour[2]) == (LIMBS[place].startswith("left") != mirrored))
        assert len(seen) > 80 and np.mean(seen) > 0.97
        assert len(own) > 60 and np.mean(own) > 0.8  # the rest is behind the other side


def test_no_pixel_is_beyond_the_picture_and_none_is_missing(folder) -> None:
    for person in read_drawn(folder):
        picture = cv2.imread(str(person.picture))
        height, width = picture.shape[:2]
        assert max(height, width) <= np.ceil(pictures.ROOM * 256) and person.region.size_px <= 256.01
        x, y = person.region.center_px
        assert 0 <= x < width and 0 <= y < height


def test_another_body_learns_from_the_points_alone(folder, tmp_path) -> None:
    arrays = smplh_arrays(parents=np.array([*BODY_PARENTS, 20, 21]))
    body = smpl_layer(write_smplh(tmp_path / "model.npz", **arrays))
    _, truth = Pictures(read_drawn(folder), body)[0]
    assert truth.rotations.isnan().all() and truth.betas.isnan().all() and truth.root_position_m.isnan().all()
    assert truth.keypoints_m.isfinite().all() and (truth.confidence_3d == 1).all()


def test_a_stopped_drawing_goes_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "PICTURES", 2)
    plan, stop = Plan(as_filmed=True), Stop()
    assert pictures.draw_pictures(tmp_path / "whole", 5, plan=plan, seed=3) == 3
    first = pictures.draw_pictures(tmp_path / "cut", 5, plan=plan, seed=3, stop=stop, progress=lambda *_: stop.ask())
    assert first == 1 and len(read_drawn(tmp_path / "cut")) == 2
    left = tmp_path / "cut" / "train_003_000001"
    left.mkdir()
    (left / "007.jpg").write_bytes(b"what a killed process left")
    assert len(read_drawn(tmp_path / "cut")) == 2
    told = []
    assert pictures.draw_pictures(tmp_path / "cut", 5, plan=plan, seed=3, progress=lambda *done: told.append(done)) == 2
    assert told == [(2, 3), (3, 3)] and len(read_drawn(tmp_path / "cut")) == 5
    assert pictures.draw_pictures(tmp_path / "cut", 5, plan=plan, seed=3) == 0
    files = [
        sorted(p.relative_to(tmp_path / name) for p in (tmp_path / name).rglob("*.jpg")) for name in ("whole", "cut")
    ]
    assert files[0] == files[1] and len(files[0]) == 5
    for file in files[0]:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()


def test_a_shard_with_fewer_or_damaged_labels_is_drawn_again(tmp_path) -> None:
    plan = Plan(as_filmed=True)
    assert pictures.draw_pictures(tmp_path, 1, plan=plan, seed=3) == 1
    first = (tmp_path / "train_003_000000" / "000.jpg").read_bytes()
    assert pictures.draw_pictures(tmp_path, 2, plan=plan, seed=3) == 1 and len(read_drawn(tmp_path)) == 2
    assert (tmp_path / "train_003_000000" / "000.jpg").read_bytes() == first
    assert pictures.draw_pictures(tmp_path, 1, plan=plan, seed=3) == 0 and len(read_drawn(tmp_path)) == 2
    labels = pictures.shard_path(tmp_path, "train", 3, 0)
    labels.write_bytes(labels.read_bytes()[:500])
    assert pictures.draw_pictures(tmp_path, 2, plan=plan, seed=3) == 1 and len(read_drawn(tmp_path)) == 2


def test_one_process_draws_a_shard(tmp_path) -> None:
    plan, labels = Plan(as_filmed=True), pictures.shard_path(tmp_path, "train", 3, 0)
    with claimed(labels.with_suffix("")):
        (labels.with_suffix("") / "000.jpg").write_bytes(b"of the other")
        with pytest.raises(BioposeError, match="another run is at work"):
            pictures.draw_pictures(tmp_path, 1, plan=plan, seed=3)
        assert (labels.with_suffix("") / "000.jpg").read_bytes() == b"of the other" and not labels.exists()
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BioposeError, match="there is a file where"):
        pictures.draw_pictures(file, 1, plan=plan)


def test_a_picture_of_another_size_is_refused(folder, tmp_path) -> None:
    person = read_drawn(folder)[0]
    small = tmp_path / "small.jpg"
    cv2.imwrite(str(small), cv2.imread(str(person.picture))[::2, ::2])
    with pytest.raises(BioposeError, match="its labels are of a picture of"):
        Pictures([replace(person, picture=small)], anny_layer())[0]
    old = replace(PictureLabels.load(next(folder.glob("train_*.npz"))), picture_px=None)  # does not say
    old.save(tmp_path / "old.npz")
    assert PictureLabels.load(tmp_path / "old.npz").picture_px is None


def test_the_splits_show_other_people(folder) -> None:
    held_out = read_people([f"drawn={folder}"], split="held_out")
    assert len(held_out) == 3
    assert not {tuple(person.betas) for person in held_out} & {tuple(person.betas) for person in read_drawn(folder)}


def test_what_is_refused(folder, tmp_path) -> None:
    with pytest.raises(BioposeError, match=r"no drawn pictures held_out_"):
        read_drawn(tmp_path, split="held_out")
    with pytest.raises(BioposeError, match=r"not a data set: drawn=a,b[\s\S]*drawn=FOLDER"):
        read_people(["drawn=a,b"])
    whole = PictureLabels.load(next(folder.glob("train_*.npz")))
    path = tmp_path / "train_000_000000.npz"
    for changed in (
        {"focal_px": whole.focal_px[1:]},
        {"keypoints_m": whole.keypoints_m[:, :5]},
        {"betas": whole.betas * np.nan},
    ):
        replace(whole, **changed).save(path)
        with pytest.raises(BioposeError, match="not the labels of drawn pictures"):
            read_drawn(tmp_path)
    whole.save(path)
    with pytest.raises(BioposeError, match=r"a picture is missing[\s\S]*Remove train_000_000000.npz"):
        read_drawn(tmp_path)
    few = read_drawn(folder)[:1]
    few[0].betas = few[0].betas[:-1]
    with pytest.raises(BioposeError, match="another body than Anny"):
        Pictures(few, anny_layer())[0]


def test_the_command_refuses_what_holds_no_pictures(tmp_path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    np.savez(clips / "train_000_000000_00.npz", xy=np.zeros((3, 33, 2)))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "train_000_000000.npz").write_bytes(b"PK\x03\x04 and then nothing")
    empty = tmp_path / "empty"
    empty.mkdir()
    for place, why in ((clips, "hold no pictures"), (broken, "not the labels"), (empty, "biopose train pictures")):
        command = ["train", "mqhmr", "--size", "S", "--out", str(tmp_path / "out")]
        command += ["--people", f"drawn={place}", "--held-out", f"drawn={place}"]
        done = subprocess.run([sys.executable, "-m", "biomech.cli.main", *command], capture_output=True, text=True)
        assert done.returncode == 2 and why in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not (tmp_path / "out").exists()


def test_what_looks_at_pictures_is_not_measured_on_clips(tmp_path) -> None:
    network = MQHMR(configuration("S", tokens=4, layers=1), anny_layer())
    with pytest.raises(BioposeError, match="looks at pictures"):
        bench_mqhmr({"pictures": network}, None, tmp_path, clips=tmp_path)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(VIT_SIZES, "tiny", VitSize(24, 1, 2))
    small = configuration(
        "S", encoder="tiny", tokens=4, layers=1, width=32, heads=2, feed_width=32, memory_width=8, value_width=8
    )
    monkeypatch.setitem(CONFIGS, "S", small)
    return small


def test_commands_draw_train_halved_go_on_whole_and_measure(tiny, tmp_path) -> None:
    drawn, out = str(tmp_path / "drawn"), str(tmp_path / "out")
    for more in ([], ["--held-out"]):
        done = CliRunner().invoke(app, ["pictures", "-o", drawn, "--count", "3", "--as-filmed", "--jobs", "1", *more])
        assert done.exit_code == 0 and "1 shards drawn" in done.output, done.output
    command = ["mqhmr", "--size", "S", "--people", f"drawn={drawn}", "--held-out", f"drawn={drawn}", "--items", "2"]
    done = CliRunner().invoke(
        app, [*command, "--out", out, "--halved", "--bfloat16", "--steps", "2", "--report-every", "1", "--threads", "1"]
    )
    assert done.exit_code == 0 and "3 people to learn from, 3 held out" in done.output, done.output
    halved = load_mqhmr(tmp_path / "out" / "mqhmr.safetensors")
    assert halved.config.halved
    again = [*command, "--out", out, "--halved", "--resume", "--steps", "3", "--threads", "1"]
    done = CliRunner().invoke(app, again)  # in full precision, which it was not
    assert isinstance(done.exception, BioposeError) and "another bfloat16" in str(done.exception), done.output
    done = CliRunner().invoke(app, [*again, "--bfloat16", "--items", "2"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(app, ["pictures", "-o", drawn, "--count", "6", "--jobs", "1"])
    assert isinstance(done.exception, BioposeError) and "`as_filmed` yes, now no" in str(done.exception)
    whole = str(tmp_path / "whole")
    done = CliRunner().invoke(
        app, [*command, "--out", whole, "--start", f"{out}/mqhmr.safetensors", "--steps", "1", "--threads", "1"]
    )
    assert done.exit_code == 0, done.output
    found = load_mqhmr(tmp_path / "whole" / "mqhmr.safetensors")
    assert not found.config.halved
    figures = bench_drawn({"whole": found, "halved": halved}, tmp_path / "drawn")
    table = told(figures).splitlines()
    assert table[0] == "drawn pictures: 3" and table[2].split()[-3:] == ["mpjpe", "pa_mpjpe", "mve"]
    assert table[-1].startswith("note: only 3 pictures") and "{" not in told(figures)
    assert figures["pictures"] == 3 and set(figures["all"]) == {"constant", "whole", "halved"}
    beside = bench_drawn({"detected": MQHMR(configuration("compact"), anny_layer()).eval()}, tmp_path / "drawn")
    assert 0 < beside["seen_share"] <= 1 and set(beside["all"]) == {"constant"}
    assert beside["seen"]["detected"]["mpjpe_mm"] > 0
    assert all(row["mpjpe_mm"] >= row["pa_mpjpe_mm"] > 0 and row["mve_mm"] > 0 for row in figures["all"].values())
    done = CliRunner().invoke(app, ["mqhmr", "--clips", drawn, "--halved", "--out", out, "--steps", "1"])
    assert isinstance(done.exception, BioposeError)


def test_a_halved_network_sees_every_pixel_at_half_the_rows(tiny) -> None:
    torch.manual_seed(0)
    network = MQHMR(replace(tiny, halved=True), anny_layer()).eval()
    crop = Crop(
        torch.full((1, 2), 160.0),
        torch.tensor([250.0]),
        torch.zeros(1),
        torch.tensor([500.0]),
        torch.full((1, 2), 160.0),
    )
    picture = torch.rand(1, 3, 256, 192)
    swapped = picture.unflatten(2, (128, 2)).flip(3).flatten(2, 3)  # rows within a cell of two by two
    with torch.no_grad():
        one, other = (network.features(Inputs(crop, seen)) for seen in (picture, swapped))
    assert one.maps[0].shape[-2:] == (32, 24) and one.maps[2].shape[-2:] == (8, 6)
    torch.testing.assert_close(one.summary, other.summary)


def test_the_true_answer_has_no_error(folder) -> None:
    """What is measured is measured against the truth of the same row."""
    body = anny_layer()
    network = MQHMR(configuration("S", tokens=4, layers=1), body)
    shown = Pictures(read_drawn(folder, split="held_out"), body)

    def true_answer(inputs):
        _, truth = collate([shown[row] for row in range(len(inputs.picture))])
        return BodyPrediction(
            truth.rotations[None], truth.betas, torch.zeros(len(truth.betas), 3), truth.root_position_m
        )

    figures = mqhmr_drawn._errors(network, shown, true_answer).figures()
    assert max(figures.values()) < 0.1

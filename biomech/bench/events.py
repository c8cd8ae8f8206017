"""Events and measures against what is known of them: force plates, markers, a film's reference, drawn people.

Nothing is solved here: the motions are an expert's of the data, and those that `bench real-video` and `bench
activities` kept. Four truths, from the surest down:

* force plates (``opensim_core_walk3d``): where the vertical force passes 20 N;
* heel, toe and sacrum markers of twelve walks (``opencap_lab_subject4``): Zeni's method on the markers themselves, as
  he published it, against the same on the model that was solved from them, and the step between the heels' markers;
* the reference beside a film: what is found in it against what is found in the film's motion. A reference of two
  cameras is no truth to the centimetre, and one constant shift in time is nobody's error;
* the coordinates that drove a drawn person, against those that were solved of the film: the times, and what is missed
  or found too much. Strides and repetitions are paired by their middles, within 0.35 s. One that begins or ends within
  a tenth of a second of the film's first or last frame is counted apart: whether it lies inside hangs on a frame.
  A drawn person goes where the feet take them (``body.driven``), which is not how far the coordinates say.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.bench.drawn_people import Drawn, coordinates, moving, people
from biomech.errors import BioposeError
from biomech.kinematics.kinematics import Kinematics
from biomech.kinematics.recognise import recognise_motion
from biomech.kinematics.storage import read_storage
from biomech.markers.trc import read_trc
from biomech.measures.find import find_events
from biomech.measures.found import Event, Found
from biomech.measures.gait import furthest
from biomech.osim_models import DEFAULT_PATH
from biomech.skeleton.model import coordinate_names, load_model

Say = Callable[[str], None]
FORCE_N = 20.0
SAME_S = 0.2  # an event of the truth is found where one of its kind and side lies so near
AT_THE_ENDS_S = 0.1
EXCURSION_M = 0.14
CMBBE = "video/cmbbe2024"
CMBBE_MODEL = f"{CMBBE}/OpenSimData_Model_LaiUhlrich2022_scaled.osim"
EXPERT_MODEL = "opencap_lab_subject4/Models/manually_scaled.osim"
# The film's run; its reference and the reference's model (None: the run's own, good for times alone).
FILMS: dict[str, tuple[str, str | None]] = {
    "opencap_walk": ("video/opencap_samples/walk/mocap.mot", None),
    "opencap_squat": ("video/opencap_samples/squat/mocap.mot", EXPERT_MODEL),
    **{
        f"cmbbe_{name}_cam{camera}": (f"{CMBBE}/OpenSimData_Kinematics_{file}.mot", CMBBE_MODEL)
        for name, file in (("jump", "Jump"), ("high_knees", "JumpHighKnees"), ("squats", "Squats"))
        for camera in (0, 1)
    },
}
HEEL, TOE = {"r": "r_calc", "l": "L_calc"}, {"r": "r_toe", "l": "L_toe"}
SACRUM = ("r.PSIS", "L.PSIS")


def bench_events(data: Path, films: Path, drawn: Path, *, say: Say = lambda _: None) -> dict[str, object]:
    """Errors of events (ms), steps (cm) and jumps (cm), and what was missed or found too much.

    Args:
        data: folder of the reference data.
        films: that `bench real-video` keeps its runs in; what is not there is left out.
        drawn: the same of `bench activities`.
        say: told of what is looked at.

    Returns:
        The figures that are asked for, and under ``rows`` every trial's own.

    Raises:
        BioposeError: the reference data are not there.
    """
    rows: dict[str, dict[str, float]] = {}
    rows["force_plates"] = of_force_plates(data / "opensim_core_walk3d")
    for trial in sorted((data / "opencap_lab_subject4/IK").glob("walking*_manual_scaling_ik.mot")):
        rows[f"markers {trial.stem.split('_')[0]}"] = of_markers(trial, data)
    for name, (reference, model) in FILMS.items():
        if (films / name).is_dir():
            rows[f"film {name}"] = of_film(films / name, data / reference, data / model if model else None)
    for name, row in of_drawn(drawn):
        rows[f"drawn {name}"] = row
    for name, row in rows.items():
        say(f"{name}: {', '.join(f'{key} {value:.4g}' for key, value in row.items())}")
    rows = {name: {key: round(float(value), 3) for key, value in row.items()} for name, row in rows.items()}
    return {**{name: round(value, 2) for name, value in _summary(rows).items()}, "rows": rows}


def of_force_plates(folder: Path) -> dict[str, float]:
    """Heel strikes and toe offs against the plates (ms; late is positive).

    Args:
        folder: opensim_core_walk3d.

    Returns:
        Mean, and the largest, of each kind.
    """
    found = _found(folder / "subject_walk_scaled.osim", folder / "coordinates.sto")
    forces = read_storage(folder / "grf_walk.mot")
    truth = []
    for side in ("r", "l"):
        on = forces.values[:, forces.names.index(f"ground_force_{side}_vy")] > FORCE_N
        for row in np.flatnonzero(np.diff(on.astype(int))) + 1:
            truth.append(Event(float(forces.time_s[row]), "heel_strike" if on[row] else "toe_off", side))
    first, second = {}, {}
    for kind in ("heel_strike", "toe_off"):
        told = [event for event in found.events if event.kind == kind]
        late = [_late(event, truth) for event in told]
        first[f"{kind}_ms"] = float(np.mean(late))
        second[f"{kind}_second_method_ms"] = float(np.mean([_late(replace(e, time_s=e.other_s), truth) for e in told]))
    return {**first, **second, "events": len(found.events)}


def _late(event: Event, truth: list[Event]) -> float:
    """ms after the nearest true event of its kind and side; NaN where there is none."""
    times = np.array([one.time_s for one in truth if (one.kind, one.side) == (event.kind, event.side)])
    if not len(times) or not np.isfinite(event.time_s):
        return float("nan")
    late = event.time_s - times[np.abs(times - event.time_s).argmin()]
    return 1000 * float(late) if abs(late) <= SAME_S else float("nan")


def of_markers(motion: Path, data: Path) -> dict[str, float]:
    """The model's events against those of heel, toe and sacrum markers, and its step against the heel markers'.

    Args:
        motion: an expert's of opencap_lab_subject4.
        data: folder of the reference data.

    Returns:
        Mean absolute and mean errors of the events (ms), of the step (cm); missed and false ones.
    """
    trial = motion.stem.removesuffix("_manual_scaling_ik")
    found = _found(data / EXPERT_MODEL, motion)
    markers = read_trc(data / f"opencap_lab_subject4/MarkerData/{trial}.trc")
    sacrum = markers.select(list(SACRUM)).positions_m.mean(1)
    way = (sacrum[-1] - sacrum[0]) * [1, 0, 1]
    ahead = way / np.linalg.norm(way)
    truth = []
    for side in ("r", "l"):
        for kind, name, sign in (("heel_strike", HEEL[side], 1), ("toe_off", TOE[side], -1)):
            signal = sign * ((markers.select([name]).positions_m[:, 0] - sacrum) @ ahead)
            if np.isfinite(signal).all():
                rows = furthest(signal, EXCURSION_M, markers.rate_hz)
                truth += [Event(markers.time_s[0] + row / markers.rate_hz, kind, side) for row in rows]
    told = [event for event in found.events if event.kind in ("heel_strike", "toe_off")]
    figures = _times(told, truth)
    step = next((one for one in found.repetitions if one.kind == "walking_step"), None)
    if step is not None:
        opposite = "l" if step.side == "r" else "r"
        there = _at(markers.time_s, markers.select([HEEL[step.side]]).positions_m[:, 0], step.end_s)
        before = _at(markers.time_s, markers.select([HEEL[opposite]]).positions_m[:, 0], step.start_s)
        figures["step_length_cm"] = 100 * (step.measures["step_length_m"] - float((there - before) @ ahead))
        figures |= {name: step.measures[name] for name in ("speed_m_s", "cadence_steps_min", "step_length_m")}
    return figures


def _at(time_s: np.ndarray, points: Float[np.ndarray, "frames 3"], at_s: float) -> Float[np.ndarray, "3"]:
    return np.array([np.interp(at_s, time_s, column) for column in points.T])


def of_film(run: Path, reference: Path, model: Path | None) -> dict[str, float]:
    """A film's motion against its reference's.

    Args:
        run: the kept folder of `biopose ik`.
        reference: a motion of it.
        model: the reference's; None where there is none, then only times and counts are compared.

    Returns:
        Times (ms, after one shift), repetitions, depths and heights (cm).
    """
    (own_model,), (motion,) = list(run.glob("*_scaled.osim")), list(run.glob("*_fast.mot"))
    found, true = _found(own_model, motion), _found(model or own_model, reference)
    figures = _counts(found, true)
    shift = _shift(found.events, true.events)
    figures |= _times([replace(event, time_s=event.time_s - shift) for event in found.events], true.events)
    figures["shift_ms"] = 1000 * shift
    pairs = {"squat": "hip_height_change_m", "jump": "height_m"}
    for kind, name in pairs.items() if model else ():
        ours, theirs = ([o.measures[name] for o in one.repetitions if o.kind == kind] for one in (found, true))
        if ours and theirs:
            label = f"{kind}_{name.removesuffix('_m')}"
            figures |= {
                f"{label}_cm": 100 * float(np.mean(ours) - np.mean(theirs)),
                f"{label}_true_cm": 100 * float(np.mean(theirs)),
            }
    flights = [[o.measures["flight_time_s"] for o in f.repetitions if o.kind == "jump"] for f in (found, true)]
    if all(flights):
        figures["flight_time_ms"] = 1000 * float(np.mean(flights[0]) - np.mean(flights[1]))
    return figures


def of_drawn(folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Every activity and view of drawn people, all of their people together.

    Args:
        folder: of the solved motions.

    Yields:
        The row's name, and times (ms), found, missed and false.
    """
    default = load_model(DEFAULT_PATH)
    each: dict[str, list[dict[str, float]]] = {}
    truths: dict[tuple[str, int], Found] = {}
    for one in people(folder):
        run = folder / one.name
        motions = [path for solver in ("fast", "neural") for path in run.glob(f"*_{solver}.mot")]
        if not motions:
            continue
        key = (one.activity, one.person)
        if key not in truths:
            truths[key] = find_events(default, _travelled(one))
        found, true = _found(next(iter(run.glob("*_scaled.osim"))), motions[0]), truths[key]
        figures = {**_counts(found, true), **_times(found.events, true.events)}
        each.setdefault(f"{one.activity}_{one.view}", []).append(figures)
    for name, rows in each.items():
        keys = dict.fromkeys(key for row in rows for key in row)
        added = {k: sum(row.get(k, 0) for row in rows) for k in keys if k.startswith(("true", "missed", "false"))}
        errors = {k: _mean([row[k] for row in rows if k in row]) for k in keys if k.endswith("_ms")}
        yield name, {**added, **errors}


def _travelled(one: Drawn) -> Kinematics:
    """The coordinates that moved a drawn person, who goes where they were drawn."""
    told = coordinates(one)
    values, drawn = told.values.copy(), moving(one, told).root_position_m
    for name, axis in (("pelvis_tx", 0), ("pelvis_tz", 2)):
        values[:, told.names.index(name)] = drawn[:, axis]
    return replace(told, values=values)


def _found(model: Path, motion: Path) -> Found:
    """Columns that the model has not are left out."""
    kinematics, known = recognise_motion(motion).kinematics, load_model(model)
    has = [k for k, name in enumerate(kinematics.names) if name in coordinate_names(known)]
    names = [kinematics.names[k] for k in has]
    return find_events(
        known, Kinematics(names, kinematics.values[:, has], kinematics.time_s, kinematics.rotational[has])
    )


def _counts(found: Found, true: Found) -> dict[str, float]:
    """Strides and repetitions of each kind, missed and false by their middles; apart those that are at the ends."""
    Spans = list[tuple[str, float, float]]
    ends = (max(one.course.time_s[0] for one in (found, true)), min(one.course.time_s[-1] for one in (found, true)))

    def spans(one: Found) -> Spans:
        each = [(f"stride {s.side}", s.start_s, s.end_s) for s in one.strides]
        return each + [(r.kind, r.start_s, r.end_s) for r in one.repetitions]

    def lacking(these: Spans, those: Spans) -> Spans:
        return [a for a in these if not any(a[0] == b[0] and abs(sum(a[1:]) - sum(b[1:])) < 0.7 for b in those)]

    def at_ends(these: Spans) -> int:
        return sum(start < ends[0] + AT_THE_ENDS_S or end > ends[1] - AT_THE_ENDS_S for _, start, end in these)

    ours, theirs = spans(found), spans(true)
    missed, false = lacking(theirs, ours), lacking(ours, theirs)
    return {
        "true_repetitions": len(theirs),
        "missed_repetitions": len(missed) - at_ends(missed),
        "false_repetitions": len(false) - at_ends(false),
        "missed_at_the_ends": at_ends(missed),
        "false_at_the_ends": at_ends(false),
    }


def _times(found: list[Event], truth: list[Event]) -> dict[str, float]:
    """Mean absolute and mean errors (ms) by kind, and how many true events have none near, and the other way round."""
    figures: dict[str, float] = {}
    late = [(event.kind, _late(event, truth)) for event in found]
    for kind in dict.fromkeys(kind for kind, _ in late):
        own = [value for k, value in late if k == kind and np.isfinite(value)]
        if own:
            figures |= {f"{kind}_ms": float(np.mean(np.abs(own))), f"{kind}_late_ms": float(np.mean(own))}
    # At a motion's ends the truth may see half a stride more: what lies between the first and last of ours counts.
    inside = [one for one in truth if found and found[0].time_s <= one.time_s <= found[-1].time_s]
    return {
        **figures,
        "missed_events": sum(not np.isfinite(_late(one, found)) for one in inside),
        "false_events": sum(not np.isfinite(value) for _, value in late),
    }


def _shift(found: list[Event], truth: list[Event]) -> float:
    """The one shift (s) that is nobody's error: the median."""
    late = [value for value in (_late(event, truth) for event in found) if np.isfinite(value)]
    return float(np.median(late)) / 1000 if late else 0.0


def _summary(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    def of(start: str, *keys: str) -> list[float]:
        return [row[key] for name, row in rows.items() if name.startswith(start) for key in keys if key in row]

    def total(start: str, key: str) -> float:
        return float(sum(of(start, key)))

    gait = ("heel_strike_ms", "toe_off_ms")
    told = {
        "force_plates_event_ms": _mean(np.abs(of("force_plates", *gait)).tolist()),
        "markers_event_ms": _mean(of("markers", *gait)),
        "markers_step_length_cm": _mean(np.abs(of("markers", "step_length_cm")).tolist()),
        "films_event_ms": _mean(of("film", *gait, "squat_bottom_ms", "top_ms", "take_off_ms", "landing_ms")),
        "films_squat_depth_cm": _mean(np.abs(of("film", "squat_hip_height_change_cm")).tolist()),
        "films_jump_height_cm": _mean(np.abs(of("film", "jump_height_cm")).tolist()),
        "drawn_event_ms": _mean(of("drawn", *gait, "squat_bottom_ms", "half_risen_ms", "half_lowered_ms")),
    }
    for start in ("film", "drawn"):
        for what in ("true_repetitions", "missed_repetitions", "false_repetitions"):
            told[f"{start}_{what}"] = total(start, what)
        for what in ("missed_at_the_ends", "false_at_the_ends"):
            told[f"{start}_{what}"] = total(start, what)
    return told


def _mean(values: list[float]) -> float:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")


def check_there(data: Path) -> None:
    """That the reference data are there.

    Raises:
        BioposeError: they are not.
    """
    for name in ("opensim_core_walk3d", "opencap_lab_subject4"):
        if not (data / name).is_dir():
            raise BioposeError(f"there is no {name}", where=str(data), mend="Name the folder of the data with `data`.")

"""Findings in what sets OpenSim's tools up, .xml: setups, task sets, marker sets, loads; and the same mended."""

import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from xml.etree.ElementTree import Element

import opensim

from biomech.errors import BioposeError
from biomech.files import read_text, whole_file
from biomech.inspection.finding import Finding, Severity, refused
from biomech.inverse_kinematics.coordinate_tasks import UNASSIGNED
from biomech.inverse_kinematics.marker_tasks import applied, read_tasks
from biomech.kinematics.storage import read_storage
from biomech.markers.markers import is_marker_file
from biomech.markers.matching import listed
from biomech.markers.read import read_markers
from biomech.markup import read_xml
from biomech.skeleton.model import load_model

COARSE = 1e-6  # of the tool's accuracy
MOST_TASK_WEIGHTS = 1000.0  # the heaviest over the lightest
WRITTEN = re.compile(r"output|results")  # elements that name what the tool will write
NAMES_FILE = re.compile(r"\w*(file|file_name|datafile)", re.IGNORECASE)
NO_FILES = ("mesh_file", "geometry_file", "texture_file")
TOOLS = ("InverseKinematicsTool", "ScaleTool")


def check_setup(path: Path, model: opensim.Model | None = None) -> list[Finding]:
    """What is wrong with a setup or a set.

    Args:
        path: .xml of OpenSim.
        model: that it is meant for, where the file names none.

    Returns:
        In the order found; of a file that cannot be read the reason alone.
    """
    try:
        root = read_xml(path, what="setup")
    except BioposeError as error:
        return [refused(error)]
    thing = next(iter(root), root) if root.tag == "OpenSimDocument" else root
    findings = _files(root, path)
    named = _named_model(root, path)
    model = named or model
    markers = {marker.getName() for marker in model.getMarkerSet()} if model is not None else None
    if own := _text(root, "marker_set_file"):
        markers = (markers or set()) | _marker_set(path.parent / own) or None
    if next(root.iter("IKMarkerTask"), None) is not None:
        findings += _tasks(root, path, markers, model)
    if (tool := next((t for name in TOOLS for t in root.iter(name)), None)) is not None:
        findings += _trial(tool, path) + _tool(tool, path)
    if next(root.iter("Measurement"), None) is not None and markers is not None:
        findings += _measurements(root, markers)
    if thing.tag == "MarkerSet" and model is not None:
        findings += _set_on(thing, model)
    return findings


def fix_setup(path: Path, out: Path) -> None:
    """The same text with the mends that are certain: separators, files that lie beside it, a range within the trial.

    Args:
        path, out: .xml, in one folder.
    """
    text = read_text(path)
    root = read_xml(path, what="setup")
    for element in _file_elements(root):
        said = (element.text or "").strip()
        better = _better(said, path)
        if better is not None:
            cell = re.compile(rf"(<{element.tag}>\s*){re.escape(said)}(\s*</{element.tag}>)")
            text = cell.sub(lambda found, to=better: f"{found[1]}{to}{found[2]}", text)  # type: ignore[misc]
    tool = next((t for name in TOOLS for t in root.iter(name)), None)
    span = None if tool is None else _cut_range(tool, path)
    if span is not None:
        text = re.sub(r"(<time_range>)[^<]*(</time_range>)", rf"\g<1> {span[0]:.10g} {span[1]:.10g}\2", text)
    with whole_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _text(root: Element, tag: str) -> str:
    said = next((e.text or "" for e in root.iter(tag)), "").strip()
    return "" if said.lower() in UNASSIGNED else said


def _file_elements(root: Element) -> list[Element]:
    """Those that name a file to be read."""
    return [
        e
        for e in root.iter()
        if NAMES_FILE.fullmatch(e.tag)
        and not WRITTEN.search(e.tag)
        and e.tag not in NO_FILES
        and not len(e)
        and (e.text or "").strip().lower() not in UNASSIGNED
    ]


def _files(root: Element, path: Path) -> list[Finding]:
    findings = []
    for element in _file_elements(root):
        said, tag = (element.text or "").strip(), element.tag
        at = path.parent / said
        absolute = PureWindowsPath(said).is_absolute() or PurePosixPath(said).is_absolute()
        if not at.is_file():
            better = _better(said, path)
            beside = f"Write {better}, which is there." if better else "Correct the path; it counts from this file."
            why = "The tool stops, or crashes where it is the model."
            what = f"{tag} names {said}, which is not there"
            findings.append(Finding("error", "setup-no-file", what, tag, why, beside, better is not None))
        elif absolute:
            what = f"{tag} names {said}, by a path from the root"
            findings.append(Finding("note", "setup-absolute", what, tag, "It works on this machine only."))
        elif tag == "model_file" and Path(said).parent != Path("."):
            why = (
                "The tool looks for a model from the folder in which it is started, and crashes where it is not there."
            )
            what = f"model_file names {said}"
            findings.append(Finding("note", "setup-model-path", what, tag, why, "Start it in the setup's folder."))
    return findings


def _better(said: str, path: Path) -> str | None:
    """The path under which a file that is not there lies beside the setup, or with slashes for backslashes."""
    if not said or (path.parent / said).is_file():
        return None
    turned = said.replace("\\", "/")
    if (path.parent / turned).is_file():
        return turned
    name = PureWindowsPath(said).name
    return name if name and (path.parent / name).is_file() else None


def _named_model(root: Element, path: Path) -> opensim.Model | None:
    said = _text(root, "model_file")
    try:
        return load_model(path.parent / said) if said and (path.parent / said).is_file() else None
    except BioposeError:
        return None  # told of the model's own file


def _marker_set(path: Path) -> set[str]:
    try:
        return {e.get("name", "") for e in read_xml(path, what="marker set").iter("Marker")}
    except BioposeError:
        return set()


def _tasks(root: Element, path: Path, markers: set[str] | None, model: opensim.Model | None) -> list[Finding]:
    try:
        weights = read_tasks(path)
    except BioposeError as error:
        return [refused(error, severity="error", code="tasks-weight")]
    findings = []
    on = {name: weight for name, weight in weights.items() if weight > 0}
    every = [task.get("name", "") for task in root.iter("IKMarkerTask")]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        what = f"more than one task for {listed(twice)}"
        findings.append(Finding("warning", "tasks-twice", what, twice[0], None, "Keep one of each."))
    if not on:
        findings.append(
            Finding("error", "tasks-off", "every marker's task is off or weighs 0", None, "Nothing is solved.")
        )
    elif max(on.values()) > MOST_TASK_WEIGHTS * min(on.values()):
        what = f"weights go from {min(on.values()):g} to {max(on.values()):g}"
        why = "The light ones do nothing; weights are part of what the angles mean."
        findings.append(Finding("note", "tasks-weights", what, None, why))
    if markers is not None and (unknown := [name for name in on if name not in markers]):
        what = f"tasks for {len(unknown)} markers that the model does not have: {listed(unknown)}"
        why = "OpenSim leaves them out without a word."
        mend = "Spell them as the model does, or switch them off."
        severity: Severity = "error" if len(unknown) == len(on) else "warning"
        findings.append(Finding(severity, "tasks-not-in-model", what, unknown[0], why, mend))
    if model is not None:
        findings += _coordinate_tasks(root, model)
    return findings


def _coordinate_tasks(root: Element, model: opensim.Model) -> list[Finding]:
    findings = []
    known = {c.getName(): c for c in model.getCoordinateSet()}
    on = [t.get("name", "") for t in root.iter("IKCoordinateTask") if applied(t)]
    if unknown := [name for name in on if name not in known]:
        what = f"tasks for coordinates that the model does not have: {listed(unknown)}"
        findings.append(Finding("warning", "tasks-not-in-model", what, unknown[0], None, "Correct the names."))
    held = [n for n in on if n in known and (known[n].getDefaultLocked() or known[n].getDefaultIsPrescribed())]
    if held:
        what = f"tasks for coordinates that the model locks or prescribes: {listed(held)}"
        findings.append(Finding("note", "tasks-held", what, held[0], "They do nothing."))
    return findings


def _trial_of(tool: Element, path: Path) -> Path | None:
    said = _text(tool, "marker_file")
    trial = path.parent / (_better(said, path) or said) if said else None
    return trial if trial is not None and trial.is_file() else None


def _trial(tool: Element, path: Path) -> list[Finding]:
    """The tool's tasks and range against the trial that it names."""
    trial = _trial_of(tool, path)
    if trial is None:
        return []
    if not is_marker_file(trial) or trial.suffix.lower() == ".c3d":
        what = f"marker_file is {trial.name}; OpenSim's tools read .trc"
        return [Finding("warning", "setup-not-trc", what, "marker_file", None, "Write the trial as .trc.")]
    try:
        markers = read_markers(trial)
    except BioposeError as error:
        return [Finding("error", "setup-trial", f"{trial.name}: {error.what}", "marker_file", None, error.mend)]
    findings = []
    on = {t.get("name", "") for t in tool.iter("IKMarkerTask") if applied(t)}
    if lacking := sorted(on - set(markers.names)):
        what = f"tasks for {len(lacking)} markers that {trial.name} lacks: {listed(lacking)}"
        why = "OpenSim leaves them out without a word."
        severity: Severity = "error" if len(lacking) == len(on) else "warning"
        findings.append(Finding(severity, "tasks-not-in-trial", what, lacking[0], why, "Spell them as the trial does."))
    if (said := _range(tool)) is not None:
        first, last = float(markers.time_s[0]), float(markers.time_s[-1])
        cut = _cut_range(tool, path)
        what = f"time_range is {said[0]:g} s to {said[1]:g} s, {trial.name} goes from {first:g} s to {last:g} s"
        if said[1] <= first or said[0] >= last:
            why = "There is nothing to solve in it."
            findings.append(Finding("error", "setup-range", what, "time_range", why, "Correct the range."))
        elif cut is not None:
            why = "The tool solves what is there."
            mend = f"Write {cut[0]:.10g} {cut[1]:.10g}."
            findings.append(Finding("warning", "setup-range", what, "time_range", why, mend, True))
    return findings


def _range(tool: Element) -> tuple[float, float] | None:
    try:
        first, last = (float(word) for word in re.split(r"[\s,]+", (tool.findtext(".//time_range") or "").strip()))
    except ValueError:
        return None
    return (first, last) if abs(first) < 1e6 and abs(last) < 1e6 else None


def _cut_range(tool: Element, path: Path) -> tuple[float, float] | None:
    """The range within the trial, where the setup's reaches beyond it by more than a frame; of one range only."""
    said, trial = _range(tool), _trial_of(tool, path)
    if said is None or trial is None or len(list(tool.iter("time_range"))) != 1:
        return None
    try:
        time = read_markers(trial).time_s
    except BioposeError:
        return None
    step = (time[-1] - time[0]) / max(len(time) - 1, 1)
    if said[0] >= time[0] - 1.5 * step and said[1] <= time[-1] + 1.5 * step:
        return None
    cut = max(said[0], float(time[0])), min(said[1], float(time[-1]))
    return cut if cut[0] < cut[1] else None


def _tool(tool: Element, path: Path) -> list[Finding]:
    findings = []
    accuracy = (tool.findtext("accuracy") or "").strip()
    try:
        coarse = tool.tag == "InverseKinematicsTool" and float(accuracy or 1e-5) > COARSE
    except ValueError:
        coarse = False
    if coarse:
        what = f"accuracy is {accuracy or 'not said, so 1e-5'}"
        why = "It has not converged there: noise-free markers came out 1.5° off on average at 1e-5, 0.14° at 1e-7."
        findings.append(Finding("warning", "setup-accuracy", what, "accuracy", why, "Write 1e-7 or 1e-8."))
    folder = _text(tool, "results_directory")
    output = _text(tool, "output_motion_file")
    into = [path.parent / folder.replace("\\", "/")] if folder else []
    into += [(path.parent / output.replace("\\", "/")).parent] if tool.tag == "InverseKinematicsTool" and output else []
    if lost := [one for one in into if not one.is_dir()]:
        what = f"results go to {lost[0]}, which is not there"
        why = "The tool says that it succeeded, and writes no motion."
        findings.append(Finding("error", "setup-no-folder", what, "results_directory", why, "Make that folder first."))
    coordinates = _text(tool, "coordinate_file")
    wanted = [
        t.get("name", "") for t in tool.iter("IKCoordinateTask") if applied(t) and _text(t, "value_type") == "from_file"
    ]
    if wanted and coordinates and (path.parent / coordinates).is_file():
        try:
            names = read_storage(path.parent / coordinates).names
        except BioposeError as error:
            names = wanted
            findings.append(refused(error, severity="error", code="setup-coordinates"))
        if lacking := [name for name in wanted if name not in names]:
            what = f"{coordinates} lacks coordinates that tasks take from it: {listed(lacking)}"
            findings.append(Finding("error", "setup-coordinates", what, lacking[0], "The tool fails."))
    return findings


def _measurements(root: Element, markers: set[str]) -> list[Finding]:
    findings = []
    for one in root.iter("Measurement"):
        pairs = [(m.text or "").split() for m in one.iter("markers")] if applied(one) else []
        if unknown := sorted({name for pair in pairs for name in pair if name not in markers}):
            what = f"measurement {one.get('name')} is between markers that the model does not have: {listed(unknown)}"
            why = "OpenSim leaves the pair out, or does not scale these bodies."
            findings.append(Finding("warning", "setup-measurement", what, unknown[0], why, "Correct the names."))
    return findings


def _set_on(markers: Element, model: opensim.Model) -> list[Finding]:
    bodies = {body.getName() for body in model.getBodySet()} | {"ground"}
    where = {
        e.get("name", ""): ((e.findtext("socket_parent_frame") or e.findtext("body") or "").strip().rsplit("/", 1)[-1])
        for e in markers.iter("Marker")
    }
    lost = {name: body for name, body in where.items() if body and body not in bodies}
    if not lost:
        return []
    what = f"markers on bodies that the model does not have: {listed([f'{n} on {b}' for n, b in lost.items()])}"
    why = "OpenSim refuses the model with this set."
    return [Finding("error", "set-no-body", what, next(iter(lost)), why, "Correct the bodies' names.")]

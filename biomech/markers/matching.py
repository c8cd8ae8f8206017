"""Measured marker names against a model's: exactly, by normalisation, or not at all; never by a guess.

Two names are the same by normalisation when they differ only in a subject's prefix (``Subject01:RASI``), in case, in
what separates their parts (blank, dot, underscore, hyphen), or in how and where the side is spelled (``L.ASIS``,
``ASIS_l``, ``Left ASIS``). Synonyms (``RASI`` for ``R.ASIS``) are not known here: they are a marker map's business.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from biomech.errors import BioposeError
from biomech.markers.markers import Markers

FEWEST_SHARED = 3  # a rigid body has a pose from three points on
NAMES_LISTED = 10

_SEPARATORS = r"[\s._-]"
_SIDE_FIRST = re.compile(rf"(left|right){_SEPARATORS}*(.+)", re.IGNORECASE)
_SIDE_LAST = re.compile(rf"(.+?)(?:{_SEPARATORS}+(l|r|left|right)|(?-i:(?<=[a-z])(Left|Right)))", re.IGNORECASE)


@dataclass
class Matching:
    """Which measured marker is which of the model's."""

    exact: list[str] = field(default_factory=list)
    normalised: dict[str, str] = field(default_factory=dict)  # measured name → the model's
    ambiguous: list[tuple[list[str], list[str]]] = field(default_factory=list)  # measured and model names that collide
    unknown: list[str] = field(default_factory=list)  # measured, not in the model
    unmeasured: list[str] = field(default_factory=list)  # in the model, not measured

    @property
    def model_names(self) -> dict[str, str]:
        """The model's name of every measured marker that was matched."""
        return {name: name for name in self.exact} | self.normalised

    def notes(self) -> list[str]:
        """What a user should know, in sentences; empty when both sides have the same names."""
        said = []
        if self.normalised:
            pairs = [f"{measured} = {model}" for measured, model in self.normalised.items()]
            said.append(f"matched by normalised names ({len(pairs)}): {listed(pairs)}")
        for measured, model in self.ambiguous:
            said.append(f"{listed(measured)} could each be the model's {listed(model)}; not used")
        if self.unknown:
            said.append(f"measured, and not in the model ({len(self.unknown)}): {listed(self.unknown)}")
        if self.unmeasured:
            said.append(f"of the model, and not measured ({len(self.unmeasured)}): {listed(self.unmeasured)}")
        return said


def normalised(name: str) -> str:
    """What is left of a name without prefix, case and separators; the side, if spelled as such, comes first."""
    plain = name.rsplit(":", 1)[-1].strip()
    if first := _SIDE_FIRST.fullmatch(plain):
        plain = first[1][0] + first[2]
    elif last := _SIDE_LAST.fullmatch(plain):
        plain = (last[2] or last[3])[0] + last[1]
    return re.sub(_SEPARATORS, "", plain).casefold()


def match(measured: Sequence[str], model: Sequence[str]) -> Matching:
    """Exact names first; of the rest, those that one measured and one model marker share after normalisation.

    Args:
        measured: the file's names.
        model: the model's.

    Returns:
        Who is who, and what stays over on either side.
    """
    found = Matching(exact=[name for name in measured if name in set(model)])
    taken = set(found.exact)
    candidates, wanted = _by_key(measured, taken), _by_key(model, taken)
    for key, names in candidates.items():
        models = wanted.get(key, [])
        if not models:
            found.unknown += names
        elif len(names) == len(models) == 1:
            found.normalised[names[0]] = models[0]
        else:
            found.ambiguous.append((names, models))
    matched = set(found.model_names.values())
    found.unmeasured = [name for name in model if name not in matched]
    return found


def with_model_names(markers: Markers, model: Sequence[str], *, where: Path) -> Markers:
    """The markers that the model knows, under its names and with notes on the others.

    A prefix that all names share (``Subj01_C7``) is dropped where more of them are the model's without it.

    Args:
        markers: under the file's names.
        model: the model's marker names.
        where: the file of the markers, for the message.

    Returns:
        Only the markers that the model knows; those named exactly as there come first.

    Raises:
        BioposeError: fewer than ``FEWEST_SHARED`` markers are in both, or those of several people are in the file.
    """
    names, found = without_common_beginning(markers.names, model)
    if names != list(markers.names):
        prefix = markers.names[0][: -len(names[0])]
        note = f"the names' common beginning '{prefix}' is dropped"
        markers = Markers(names, markers.positions_m, markers.time_s, [*markers.notes, note])
    if found.ambiguous or len(found.model_names) < FEWEST_SHARED:
        one_person(markers.names, where)
    if len(found.model_names) < FEWEST_SHARED:
        _told_of_people(_before_model_names(markers.names, model), where)
        said = [
            f"the file and the model share {len(found.model_names)} markers",
            f"the file has {listed(markers.names)}",
        ]
        said.append(f"the model has {listed(model) if model else 'none'}")
        said += [note for note in found.notes() if note.endswith("not used")]
        raise BioposeError(
            "; ".join(said),
            where=str(where),
            mend="Give the marker set that belongs to these names (`marker_set=SET.xml`), or rename the markers.",
        )
    known = markers.select(list(found.model_names))
    names = list(found.model_names.values())
    return Markers(names, known.positions_m, known.time_s, [*markers.notes, *found.notes()])


def people(names: Sequence[str]) -> list[str]:
    """The prefixes (``A`` of ``A:C7``) that stand before the same names, if there are several."""
    groups: dict[str, set[str]] = {}
    for name in names:
        before, colon, plain = name.rpartition(":")
        if colon:
            groups.setdefault(before, set()).add(plain)
    return [
        who
        for who, own in groups.items()
        if any(len(own & theirs) >= FEWEST_SHARED for other, theirs in groups.items() if other != who)
    ]


def one_person(names: Sequence[str], where: Path | str) -> None:
    """Refuse the markers of several people.

    Args:
        names: of the measured markers.
        where: the file, for the message.

    Raises:
        BioposeError: the same names stand there with several prefixes.
    """
    _told_of_people(people(names), where)


def _told_of_people(who: Sequence[str], where: Path | str) -> None:
    if who:
        raise BioposeError(
            f"the markers of {len(who)} people are in the file: {listed(who)}",
            where=str(where),
            mend=f"Say which one is meant: `subject={who[0]}`.",
        )


def _before_model_names(names: Sequence[str], model: Sequence[str]) -> list[str]:
    """What stands before the same names of the model's several times (``A_C7``, ``B_C7``), if it does.

    Without the model nothing is said of such names: in ``L_ASIS`` and ``R_ASIS`` two sides are meant, not two people.
    """
    known = {normalised(name) for name in model}
    groups: dict[str, set[str]] = {}
    for name in names:
        for cut in re.finditer(_SEPARATORS, name):
            if (plain := normalised(name[cut.end() :])) in known:
                groups.setdefault(name[: cut.start()], set()).add(plain)
    several = {who: own for who, own in groups.items() if len(own) >= FEWEST_SHARED}
    return list(several) if len(several) > 1 else []


def of_subject(markers: Markers, subject: str, where: Path | str) -> Markers:
    """The markers of one of several people, without the prefix; all where no name has one.

    Args:
        markers: under the file's names, ``A:C7``, or where none of them has a colon ``A_C7``.
        subject: what stands before the last colon, or before a blank, dot, underscore or hyphen; in the same case.
        where: the file, for the message.

    Returns:
        That person's markers, as ``C7``.

    Raises:
        BioposeError: no marker has this prefix.
    """
    own = [name for name in markers.names if name.rpartition(":")[0] == subject]
    if not any(":" in name for name in markers.names):
        own = [name for name in markers.names if re.match(rf"{re.escape(subject)}{_SEPARATORS}.", name)]
    if not own:
        who = list(dict.fromkeys(before for name in markers.names if (before := name.rpartition(":")[0])))
        if not who:
            return markers
        raise BioposeError(f"no marker is one of '{subject}'", where=str(where), mend=f"There are {listed(who)}.")
    chosen = markers.select(own)
    return Markers([name[len(subject) + 1 :] for name in own], chosen.positions_m, chosen.time_s, chosen.notes)


def without_common_beginning(measured: Sequence[str], model: Sequence[str]) -> tuple[list[str], Matching]:
    """The measured names as they meet most of the model's: as they are, or without a beginning that all share.

    Args:
        measured: the file's names.
        model: the model's.

    Returns:
        The names, and who is who among them.
    """
    tried = [(names, match(names, model)) for names in (list(measured), *without_prefixes(measured))]
    return max(tried, key=lambda one: len(one[1].model_names))  # the first of equals: as they are


def without_prefixes(names: Sequence[str]) -> list[list[str]]:
    """The names without the beginnings that all of them share, each up to a separator.

    Args:
        names: such as ``A_P_front`` and ``A_P_back``, which share ``A_P_`` and ``A_``; what belongs to a marker's own
            name only a model can tell.

    Returns:
        The shortest first; the names as they are where they share none.
    """
    first, last = min(names, default=""), max(names, default="")
    same = next((k for k, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    cuts = [cut.end() for cut in re.finditer(r"[\s._:-]", first[:same])] if len(names) > 1 else []
    plain = [[name[cut:] for name in names] for cut in reversed(cuts)]
    return [own for own in plain if all(own)] or [list(names)]


def listed(names: Sequence[str]) -> str:
    """Names for a message: the first ten."""
    return ", ".join(names[:NAMES_LISTED]) + (" …" if len(names) > NAMES_LISTED else "")


def _by_key(names: Sequence[str], taken: set[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name in names:
        if name not in taken:
            grouped.setdefault(normalised(name), []).append(name)
    return grouped

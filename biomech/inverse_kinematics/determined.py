"""Which coordinates the markers of a frame determine: from the Jacobian, not from how small the marker errors are.

Three markers are met by any pose; the errors are zero then, and the angles anything. What tells is how far noise in the
markers would move a coordinate: the noise gain, the standard deviation of its least squares estimate for equal noise in
every axis of every marker, ``sqrt(diag((JᵀJ)⁻¹))`` to first order.

That is not all. A pose may be far from the right one where some coordinates go anywhere, and there the Jacobian shows
nothing. So an angle counts only where the others of its joint, and of all joints between it and the ground, are told
roughly. On a walk with 72 random parts of a marker set (10 to 30 of 45 markers) the angles that a gain of 1° per mm
alone lets through were 47° off at worst and 12° in 99 of 100 cases; those that count here 17° and 5°.

Where two of a ball-like joint's three turns have nearly one axis, their gains grow without limit though the markers
show how the limb is turned. There the gain of the joint's whole turn stands in place of theirs: what hangs on the limb
is told, and of the two ``believable`` says that they are not.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from biomech.errors import BioposeError
from biomech.inverse_kinematics.believable import nearly_one_axis, turns_by
from biomech.inverse_kinematics.normal_equations import MarkerEquations, Pull
from biomech.markers.matching import listed
from biomech.skeleton.skeleton import Skeleton

# Skin and noise move markers by about a centimetre: 5° and 5 cm of what is to count as measured. What the whole marker
# set tells worse, up to twice, counts where it is told nearly as well as by the whole set.
SURE_RAD_PER_M = np.deg2rad(0.5) * 1000
TOLD_RAD_PER_M = 2 * SURE_RAD_PER_M
LARGEST_M_PER_M = 5.0
NEARLY = 1.3
# A motion of which more hangs in the air is none. A limb without markers stands still and is told; the arms are half of
# all coordinates in a trial of legs. What markers move and do not determine goes anywhere.
MOST_OPEN, LEAST_TOLD = 0.5, 0.3  # of what the tracked markers move; of what the whole marker set can tell
FEW_FRAMES = 20  # that say what the whole marker set tells
OPEN_WEIGHT = 1e-9  # keeps what no marker tells finite: a gain of 3e4 rad per m
HELD_WEIGHT = 1e6
FRAMES_AT_ONCE = 1024


@dataclass(frozen=True)
class Determined:
    """What the markers of each frame tell."""

    names: list[str]  # of all coordinates
    mask: Bool[np.ndarray, "frames coordinates"]  # what is locked or prescribed counts as told
    tellable: Bool[np.ndarray, " coordinates"]  # by the model's whole marker set, in most of the poses
    moved: Bool[np.ndarray, " coordinates"]  # by the markers that are tracked
    unmeasured: list[str]  # markers of the model that the trial never shows
    hidden: list[str]  # tracked markers that are missing in frames in which a coordinate is open, the most often first
    left_out: list[str]  # markers of the model that the trial shows and that have no task

    @property
    def open(self) -> Bool[np.ndarray, "frames coordinates"]:
        """Coordinates that hang in the air, though the model has markers for them."""
        return np.asarray(~self.mask & self.tellable)

    def names_not_told(self) -> list[str]:
        """Of each frame, the coordinates that are not determined in one text, those included that no marker shows."""
        names = np.array(self.names)
        said: dict[bytes, str] = {}
        for row in (rows := ~self.mask):
            if (key := row.tobytes()) not in said:
                said[key] = " ".join(names[row])
        return [said[row.tobytes()] for row in rows]

    def notes(self) -> list[str]:
        """What a user should know, in sentences."""
        said = []
        if never := [name for name, told in zip(self.names, self.tellable, strict=True) if not told]:
            said.append(f"the model's markers do not show {listed(never)}: these are hardly measured")
        often = self.open.mean(0)
        if opened := [f"{name} {part:.0%}" for name, part in zip(self.names, often, strict=True) if part > 0]:
            said.append(
                f"the markers seen do not determine, in part of the frames: {listed(opened)}; not trusted there"
                + "".join(f"; {why} {listed(which)}" for why, which in self._lacking() if which)
            )
        return said

    def _lacking(self) -> tuple[tuple[str, list[str]], ...]:
        return (
            ("never measured are", self.unmeasured),
            ("missing in such frames are", self.hidden),
            ("measured, but without a weight in the setup (`tasks` takes another one), are", self.left_out),
        )

    def check(self, where: str) -> None:
        """Refuse a motion of which most hangs in the air.

        Raises:
            BioposeError: in half of the frames or more, most of what the markers move is open, or hardly anything told.
        """
        moving = self.moved & self.tellable
        wild = float(np.median(self.open[:, moving].sum(1))) / max(1, int(moving.sum()))
        part = float(np.median(self.open.sum(1))) / max(1, int(self.tellable.sum()))
        if wild <= MOST_OPEN and 1 - part >= LEAST_TOLD:
            return
        often = self.open.mean(0)
        opened = [name for name, share in zip(self.names, often, strict=True) if share >= 0.5]
        missing = f"; of the model's markers are missing {', '.join(self.unmeasured)}" if self.unmeasured else ""
        others = "".join(f"; {why} {listed(which)}" for why, which in self._lacking()[1:] if which)
        raise BioposeError(
            f"the markers seen leave {part:.0%} of the coordinates open: {listed(opened)}{missing}{others}",
            where=where,
            mend="Record or name these markers, or give a marker set of those that there are (`marker_set=SET.xml`).",
        )


def determined(
    skeleton: Skeleton,
    tracked: Sequence[str],
    values: Float[np.ndarray, "frames coordinates"],
    seen: Bool[np.ndarray, "frames tracked"],
    *,
    of_set: Sequence[str],
    held: Collection[str] = (),
    left_out: Sequence[str] = (),
) -> Determined:
    """What the markers that each frame shows determine, at the pose that was found.

    Args:
        skeleton: with all its markers.
        tracked: the markers that were solved with.
        values: every coordinate (rad and m).
        seen: where each tracked marker is measured.
        of_set: all markers of the model that would be tracked if they were measured.
        held: coordinates that something else than markers tells: prescribed, or with a task.
        left_out: markers that the trial shows and nothing tracks, to be named where a coordinate hangs in the air.

    Returns:
        Of every frame and coordinate whether it is told, and what the whole marker set could tell.
    """
    told = np.ones(len(skeleton.coordinate_names), dtype=bool)
    told[skeleton.free] = False
    told |= np.array([name in held for name in skeleton.coordinate_names])
    few = np.unique(np.linspace(0, len(values) - 1, FEW_FRAMES).astype(int))
    largest = np.where(skeleton.rotational, TOLD_RAD_PER_M, LARGEST_M_PER_M)
    tellable = ((_with_all(skeleton, of_set, values[few], held) <= largest).mean(0) > 0.5) | told
    gains = noise_gains(skeleton, tracked, values, seen, held=held)
    shown = {name for name, ever in zip(tracked, np.atleast_1d(seen.any(axis=0)), strict=True) if ever}
    unmeasured = [name for name in of_set if name not in shown]
    whole = _with_all(skeleton, of_set, values, held) if unmeasured or not seen.all() else gains
    sure = np.where(skeleton.rotational, SURE_RAD_PER_M, LARGEST_M_PER_M)
    mask = (gains <= np.maximum(sure, np.minimum(NEARLY * whole, largest))) | told
    mask &= _hangs_on_told(skeleton, (gains <= largest) | told, tellable)
    for coupler in skeleton.description.couplers:
        mask[:, coupler.dependent] = mask[:, list(coupler.independent)].all(1)
    moved = np.isfinite(gains).any(0)
    in_open = (~seen[(~mask & tellable).any(1)]).sum(0)
    hidden = [tracked[k] for k in np.argsort(-in_open, kind="stable") if in_open[k] and tracked[k] in shown]
    return Determined(list(skeleton.coordinate_names), mask, tellable, moved, unmeasured, hidden, list(left_out))


@torch.inference_mode()
def noise_gains(
    skeleton: Skeleton,
    markers: Sequence[str],
    values: Float[np.ndarray, "frames coordinates"],
    seen: Bool[np.ndarray, "frames markers"],
    *,
    held: Collection[str] = (),
) -> Float[np.ndarray, "frames coordinates"]:
    """Standard deviation of each coordinate for unit noise in every marker axis (rad/m and m/m).

    Infinite for what no marker moves with; 0 for what is held. Of two turns that have nearly one axis, that of their
    joint's whole turn, about the axis about which it is told worst.

    Args:
        skeleton: with these markers at least.
        markers: by name; all count alike.
        values: every coordinate (rad and m).
        seen: where each marker is measured.
        held: coordinates that something else than markers tells.

    Returns:
        Columns as ``skeleton.coordinate_names``.
    """
    equations = MarkerEquations(skeleton.carrying(list(markers)))
    rows, names = equations.unknowns, np.array(skeleton.coordinate_names)
    weight = np.where(np.isin(names[rows], list(held)), HELD_WEIGHT, OPEN_WEIGHT)
    like = skeleton.axes
    gains = np.full(values.shape, np.inf)
    for part in np.array_split(np.arange(len(values)), -(-len(values) // FRAMES_AT_ONCE)):
        at = torch.as_tensor(values[part]).to(like).T[rows].contiguous()
        counted = torch.as_tensor(seen[part].T.copy()).to(like)
        sums = equations.sums(like.new_zeros(len(markers), 3, len(part)), counted)
        pull = Pull(torch.as_tensor(weight).to(like)[:, None], at)
        curved = equations.hessian(equations.derivatives(at, sums, pull, torch.zeros(len(part), dtype=torch.bool)))
        covariance = torch.linalg.inv(curved).double().numpy()
        gains[np.ix_(part, rows)] = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2).clip(min=0))
        for joint, near in nearly_one_axis(skeleton.description, values[part]):
            place = np.searchsorted(rows, joint.coordinates).clip(max=len(rows) - 1)
            if (rows[place] != joint.coordinates).any():  # one of them moves no marker
                continue
            turns = turns_by(joint, values[part][near][:, joint.coordinates])
            of_turn = turns @ covariance[near][:, place[:, None], place] @ turns.transpose(0, 2, 1)
            worst = np.sqrt(np.linalg.eigvalsh(of_turn)[:, -1].clip(min=0))
            gains[np.ix_(part[near], joint.coordinates[[0, 2]])] = worst[:, None]
    gains[:, np.isin(names, list(held))] = 0.0
    return gains


def _with_all(
    skeleton: Skeleton, markers: Sequence[str], values: Float[np.ndarray, "frames coordinates"], held: Collection[str]
) -> Float[np.ndarray, "frames coordinates"]:
    return noise_gains(skeleton, markers, values, np.ones((len(values), len(markers)), dtype=bool), held=held)


def _hangs_on_told(
    skeleton: Skeleton, roughly: Bool[np.ndarray, "frames coordinates"], tellable: Bool[np.ndarray, " coordinates"]
) -> Bool[np.ndarray, "frames coordinates"]:
    """Whether all angles of a coordinate's joint, and of the joints between it and the ground, are told roughly.

    Those that no marker of the model tells are left out of this: nothing would count beyond them.
    """
    asked = tellable & skeleton.rotational
    hangs_on: dict[str, Bool[np.ndarray, " frames"]] = {}
    told = np.ones(roughly.shape, dtype=bool)
    for joint in skeleton.description.joints:
        own = sorted({k for _, takes in joint.functions for k in takes})
        known = np.logical_and.reduce(roughly[:, [k for k in own if asked[k]]], axis=1)
        if joint.parent.body in hangs_on:
            known = known & hangs_on[joint.parent.body]
        hangs_on[joint.child.body] = known
        told[:, own] &= known[:, None]
    return told

"""Where a model's hips, feet and centre of mass go in a motion: what events are found from.

All of it is read off the bodies of the model, by its own forward kinematics, so that any model serves that has the
bodies of Rajagopal's and its kin. A foot's heel is the origin of its calcn, which lies at the back of the heel; its toe
is the tip, as far ahead of the metatarsals (the origin of toes) as feet have it.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import opensim
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d

from biomech.arrays import nearest
from biomech.errors import BioposeError
from biomech.inverse_kinematics import branches
from biomech.kinematics.kinematics import Kinematics
from biomech.measures.filtering import lowpass, rate_of
from biomech.skeleton.model import body_transforms, coordinate_names, load_model
from biomech.skeleton.skeleton import Skeleton

SIDES = ("r", "l")
LEG = ("femur", "tibia", "talus", "calcn", "toes")
TIP_OF_FOOT = 0.36  # of the way from heel to metatarsals, beyond them (Rajagopal's foot: 0.064 of 0.179 m)
HEADING_S = 1.0  # over which the pelvis's facing is averaged

Points = Float[np.ndarray, "frames 3"]
Track = Float[np.ndarray, " frames"]


@dataclass(frozen=True)
class PosableModel:
    """A model, ready to be posed.

    Attributes:
        model: with its system initialised.
        names: of the bodies.
        masses_kg: of each.
        centres_m: of mass, in each one's frame.
        skeleton: the same as torch; None where it has a part that only OpenSim knows.
    """

    model: opensim.Model
    names: list[str]
    masses_kg: Float[np.ndarray, " bodies"]
    centres_m: Float[np.ndarray, "bodies 3"]
    skeleton: Skeleton | None

    @classmethod
    def of(cls, model: opensim.Model | Path) -> "PosableModel":
        """Read what is needed of a model.

        Raises:
            BioposeError: it cannot be read, weighs nothing, or has other bodies than pelvis, legs and feet.
        """
        where = str(model) if isinstance(model, Path) else model.getName()
        model = load_model(model) if isinstance(model, Path) else model
        bodies = list(model.getBodySet())
        names = [body.getName() for body in bodies]
        wanted = ["pelvis", *(f"{part}_{side}" for part in LEG for side in SIDES)]
        if missing := [name for name in wanted if name not in names]:
            raise BioposeError(
                f"the model has no body called {', '.join(missing)}: events are found from pelvis, legs and feet",
                where=where,
                mend="Use a model with the bodies of Rajagopal's: pelvis, femur_r … toes_l.",
            )
        masses = np.array([body.getMass() for body in bodies])
        if not masses.sum() > 0:
            raise BioposeError("the bodies of the model weigh nothing: there is no centre of mass", where=where)
        try:
            skeleton = Skeleton.from_osim(model)
        except BioposeError:
            skeleton = None
        return cls(model, names, masses, np.array([b.getMassCenter().to_numpy() for b in bodies]), skeleton)

    def posed(
        self, kinematics: Kinematics
    ) -> tuple[Float[np.ndarray, "frames bodies 3"], Float[np.ndarray, "frames bodies 3 3"]]:
        """Origins (m) and rotations of all bodies in the ground, in the order of ``names``.

        Raises:
            BioposeError: the motion has a coordinate that the model has not.
        """
        if self.skeleton is None or set(kinematics.names) - set(self.skeleton.coordinate_names):
            return body_transforms(self.model, kinematics, self.names)
        values = np.tile(self.skeleton.defaults, (len(kinematics.values), 1))
        values[:, [self.skeleton.coordinate_names.index(name) for name in kinematics.names]] = kinematics.values
        with torch.no_grad():
            pose = self.skeleton(torch.as_tensor(values))
        order = [self.skeleton.body_names.index(name) for name in self.names]
        return pose.positions[:, order].numpy(), pose.rotations[:, order].numpy()

    def in_one_triple(self, kinematics: Kinematics) -> Kinematics:
        """The same motion without changes of the triple by which a shoulder is read: what may be filtered.

        Args:
            kinematics: rad and m; frames may be NaN.

        Returns:
            The same where there is no such change, or where the model has a part that only OpenSim knows.
        """
        rows = np.isfinite(kinematics.values).all(1)
        values, found = kinematics.values.copy(), self._unfolded(kinematics, rows)
        if found is None or not found[1].any():
            return kinematics
        values[rows] = found[0]
        return Kinematics(kinematics.names, values, kinematics.time_s, kinematics.rotational)

    def read_as(
        self, filtered: Kinematics, given: Kinematics
    ) -> tuple[Float[np.ndarray, "frames coordinates"], Bool[np.ndarray, "frames coordinates"]]:
        """What was filtered in one triple, by the triples of the motion as it was given.

        Args:
            filtered: of ``in_one_triple``.
            given: the motion before; of each moment its nearest frame counts.

        Returns:
            Values, and the angles in the two frames of every change; only those of joints with changes differ.
        """
        rows = np.isfinite(given.values).all(1)
        none = np.zeros(filtered.values.shape, dtype=bool)
        found = self._unfolded(given, rows)
        if found is None or not found[1].any() or self.skeleton is None:
            return filtered.values, none
        columns = found[1].any(0)
        like = given.values[rows][nearest(given.time_s[rows], filtered.time_s)]
        names = self.skeleton.coordinate_names
        at = [names.index(name) for name in filtered.names]
        whole = np.tile(self.skeleton.defaults, (2, len(like), 1))
        whole[0][:, at], whole[1][:, at] = filtered.values, like
        values = np.where(columns, branches.nearest(self.skeleton.description, *whole)[:, at], filtered.values)
        whole[0][:, at] = values
        changed = branches.in_one_triple(self.skeleton.description, whole[0])[1][:, at]
        return values, changed & columns

    def _unfolded(
        self, kinematics: Kinematics, rows: Bool[np.ndarray, " frames"]
    ) -> tuple[Float[np.ndarray, "known coordinates"], Bool[np.ndarray, "known coordinates"]] | None:
        """Of some frames ``branches.in_one_triple``; None where only OpenSim knows the model or its coordinates."""
        if self.skeleton is None or set(kinematics.names) - set(self.skeleton.coordinate_names):
            return None
        at = [self.skeleton.coordinate_names.index(name) for name in kinematics.names]
        values = np.tile(self.skeleton.defaults, (int(rows.sum()), 1))
        values[:, at] = kinematics.values[rows]
        course, changed = branches.in_one_triple(self.skeleton.description, values)
        return course[:, at], changed[:, at]

    def coordinates(self) -> list[str]:
        """Names of the model's coordinates."""
        return coordinate_names(self.model)


@dataclass(frozen=True)
class Course:
    """A motion that was posed; metres, Y up, X where the model faces.

    Attributes:
        kinematics: filtered, evenly in time (rad, m).
        changes: both frames of each change of an angle to the other triple that names the pose
            (``inverse_kinematics.branches``); nothing may be measured across.
        cutoff_hz: of the filter; None where there is none, and then nothing may be derived.
        known: frames that lie in no gap of the motion.
        com_m: centre of mass.
        pelvis_m: origin of the pelvis.
        facing: the horizontal direction of the pelvis's X axis, averaged over a second, of length 1.
        hip_m, knee_m, ankle_m, heel_m, toe_m: by side.
    """

    kinematics: Kinematics
    changes: Bool[np.ndarray, "frames coordinates"]
    cutoff_hz: float | None
    known: Bool[np.ndarray, " frames"]
    com_m: Points
    pelvis_m: Points
    facing: Points
    hip_m: dict[str, Points]
    knee_m: dict[str, Points]
    ankle_m: dict[str, Points]
    heel_m: dict[str, Points]
    toe_m: dict[str, Points]

    @classmethod
    def of(
        cls,
        body: PosableModel,
        even: Kinematics,
        known: Bool[np.ndarray, " frames"],
        cutoff_hz: float | None,
        given: Kinematics | None = None,
    ) -> "Course":
        """Filter a motion and pose the model by it.

        Args:
            body: the model.
            even: at one rate (``filtering.evenly``).
            known: its frames that lie in no gap.
            cutoff_hz: of the filter; None leaves the motion as it is.
            given: the motion whose triples the angles are to be read by, where ``even`` is of ``in_one_triple``.

        Returns:
            All frames.

        Raises:
            BioposeError: the motion has a coordinate that the model has not.
        """
        values = even.values if cutoff_hz is None else lowpass(even.values, rate_of(even.time_s), cutoff_hz)
        kinematics = Kinematics(even.names, values, even.time_s, even.rotational)
        positions, rotations = body.posed(kinematics)
        at = {name: k for k, name in enumerate(body.names)}
        centres = positions + np.einsum("fbij,bj->fbi", rotations, body.centres_m)
        com = np.einsum("fbi,b->fi", centres, body.masses_kg) / body.masses_kg.sum()

        def both(part: str) -> dict[str, Points]:
            return {side: positions[:, at[f"{part}_{side}"]] for side in SIDES}

        heel, ball = both("calcn"), both("toes")
        toe = {}
        for side in SIDES:
            length = np.linalg.norm(ball[side] - heel[side], axis=1).mean()
            toe[side] = ball[side] + TIP_OF_FOOT * length * rotations[:, at[f"toes_{side}"], :, 0]
        ahead = rotations[:, at["pelvis"], :, 0] * [1, 0, 1]
        frames = max(1, round(HEADING_S * rate_of(even.time_s)))
        ahead = uniform_filter1d(ahead, min(frames, len(ahead)), axis=0, mode="nearest")
        facing = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
        read, changes = kinematics.values, np.zeros(values.shape, dtype=bool)
        if given is not None:
            read, changes = body.read_as(kinematics, given)
        return cls(
            kinematics=Kinematics(even.names, read, even.time_s, even.rotational),
            changes=changes,
            cutoff_hz=cutoff_hz,
            known=known,
            com_m=com,
            pelvis_m=positions[:, at["pelvis"]],
            facing=facing,
            hip_m=both("femur"),
            knee_m=both("tibia"),
            ankle_m=both("talus"),
            heel_m=heel,
            toe_m=toe,
        )

    @property
    def time_s(self) -> Track:
        """Of the frames."""
        return self.kinematics.time_s

    @property
    def rate_hz(self) -> float:
        """Frames a second."""
        return rate_of(self.time_s)

    @cached_property
    def hips_m(self) -> Points:
        """The middle of the hips."""
        return (self.hip_m["r"] + self.hip_m["l"]) / 2

    @cached_property
    def leg_m(self) -> float:
        """From hip over knee to ankle, mean of both legs."""
        return float(
            np.mean(
                [
                    np.linalg.norm(self.hip_m[s] - self.knee_m[s], axis=1)
                    + np.linalg.norm(self.knee_m[s] - self.ankle_m[s], axis=1)
                    for s in SIDES
                ]
            )
        )

    @cached_property
    def foot_m(self) -> float:
        """From heel to the tip of the toes, mean of both feet."""
        return float(np.mean([np.linalg.norm(self.toe_m[s] - self.heel_m[s], axis=1) for s in SIDES]))

    @cached_property
    def hips_above_ankles_m(self) -> Track:
        """Height of the middle of the hips above that of the ankles."""
        return self.hips_m[:, 1] - (self.ankle_m["r"][:, 1] + self.ankle_m["l"][:, 1]) / 2

    @cached_property
    def lower_foot_m(self) -> Track:
        """Height of the lowest of both heels and both toes."""
        lowest: Track = np.min([part[side][:, 1] for side in SIDES for part in (self.heel_m, self.toe_m)], axis=0)
        return lowest

    def bend_deg(self, side: str) -> Track:
        """Between thigh and shank, 0 of a straight leg: whatever sign the model's coordinate has.

        Args:
            side: ``r`` or ``l``.
        """
        thigh, shank = self.knee_m[side] - self.hip_m[side], self.ankle_m[side] - self.knee_m[side]
        along = np.einsum("fi,fi->f", thigh, shank) / (np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1))
        return np.degrees(np.arccos(along.clip(-1, 1)))

    def ahead_m(self, points: Points) -> Track:
        """How far points are ahead of the middle of the hips, where the pelvis faces.

        Args:
            points: m.
        """
        ahead: Track = np.einsum("fi,fi->f", points - self.hips_m, self.facing)
        return ahead

    @cached_property
    def com_velocity_m_s(self) -> Points:
        """Of the centre of mass; NaN where nothing was filtered."""
        return self.derived(self.com_m)

    def derived(self, values: np.ndarray) -> np.ndarray:
        """First derivative over time of what was filtered; NaN where it was not.

        Args:
            values: frames first.

        Returns:
            Per second, the same shape.
        """
        if self.cutoff_hz is None:
            return np.full_like(values, np.nan)
        slope: np.ndarray = np.gradient(values, 1 / self.rate_hz, axis=0)
        return slope

    @cached_property
    def shown(self) -> Float[np.ndarray, "frames coordinates"]:
        """The coordinates in degrees and metres."""
        return np.where(self.kinematics.rotational, np.rad2deg(self.kinematics.values), self.kinematics.values)

    @cached_property
    def shown_velocity(self) -> Float[np.ndarray, "frames coordinates"]:
        """Their derivatives: degrees and metres per second; NaN beside a change of triple."""
        return np.where(self.changes, np.nan, self.derived(self.shown))

    def at(self, values: np.ndarray, time_s: float) -> np.ndarray:
        """Values at a moment between frames.

        Args:
            values: frames first.
            time_s: inside the motion.

        Returns:
            One row, interpolated.
        """
        row = (time_s - self.time_s[0]) * self.rate_hz
        low = int(np.clip(np.floor(row), 0, len(values) - 2))
        share = row - low
        between: np.ndarray = values[low] * (1 - share) + values[low + 1] * share
        return between

    def frames(self, start_s: float, end_s: float) -> slice:
        """Of the frames from one moment to another."""
        first, last = np.searchsorted(self.time_s, [start_s - 1e-9, end_s + 1e-9])
        return slice(int(first), max(int(last), int(first) + 1))

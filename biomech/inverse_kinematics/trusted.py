"""The noun ``Trusted``: which frames and coordinates of a motion are to be believed, and why not the others.

It is computed once, with the solve, and written into the quality file; pictures, tables and notes read it there.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from biomech.arrays import rows_at
from biomech.errors import BioposeError, plainly
from biomech.files import check_file, write_csv
from biomech.inverse_kinematics.marker_errors import MAX_ERROR_M, RMS_ERROR_M, MarkerErrors
from biomech.names import MOTION_NAMES

LEAST_QUALITY = 0.5  # of how well a frame was seen, 0 to 1
UNSOLVED = "too few markers"
QUALITY, UNCERTAINTY = "_quality.csv", "_uncertainty.csv"
MARKED = "marked in the quality file"  # by somebody who edited it
COLUMNS = ("time", "quality", "marker_rms_mm", "marker_max_mm", "trusted", "reason", "not_determined")


@dataclass(frozen=True)
class Trusted:
    """Of each frame why it is not to be trusted, and which coordinates its markers leave open."""

    time_s: Float[np.ndarray, " frames"]
    reasons: Sequence[str]  # separated by "; "; empty where the frame is trusted
    not_determined: Sequence[str]  # names of coordinates, separated by blanks

    @classmethod
    def judge(
        cls,
        quality: Float[np.ndarray, " frames"],
        errors: MarkerErrors,
        doubted: Bool[np.ndarray, " frames"] | bool,
        not_determined: Sequence[str],
        opened: Bool[np.ndarray, " frames"],
        doubts: Sequence[str] = (),
    ) -> "Trusted":
        """By how well frames were seen, how well poses meet their markers, what the network says and what is open.

        Args:
            quality: how well each frame was seen, 0 to 1; NaN is not trusted.
            errors: of the solved pose's markers.
            doubted: frames whose pose the network doubts; False where no network has a say.
            not_determined: names of each frame's open coordinates, separated by blanks.
            opened: whether a frame lacks markers that tell more in the other frames, or in the model's marker set.
            doubts: what the recovery says against each frame, separated by "; "; empty where it says nothing.

        Returns:
            The reasons of every frame, none where it is trusted.
        """
        frames = len(errors.time_s)
        with np.errstate(invalid="ignore"):
            found = (
                (UNSOLVED, ~errors.solved),
                (f"quality below {LEAST_QUALITY:g}", ~(quality >= LEAST_QUALITY)),
                (f"marker RMS over {RMS_ERROR_M * 100:g} cm", errors.rms_m > RMS_ERROR_M),
                (f"a marker over {MAX_ERROR_M * 100:g} cm off", errors.max_m > MAX_ERROR_M),
                ("the network doubts it", np.broadcast_to(doubted, frames)),
                ("not determined by the markers seen", opened),
            )
        said = doubts or [""] * frames
        reasons = [
            "; ".join([*(why for why, which in found if which[frame]), *([said[frame]] if said[frame] else [])])
            for frame in range(frames)
        ]
        return cls(errors.time_s, reasons, list(not_determined))

    @classmethod
    def read(cls, path: Path) -> "Trusted":
        """Of a quality file; its column ``trusted`` decides, so that somebody who looked at the film can mark frames.

        Args:
            path: the .csv. A frame that is 0 there without a reason is ``MARKED``; one that is 1 has no reason.

        Raises:
            BioposeError: it is none.
        """
        import pandas as pd  # slow to load

        try:
            table = pd.read_csv(check_file(path), keep_default_na=False)
            why, left_open = (table[name].astype(str).tolist() for name in ("reason", "not_determined"))
            trusted = pd.to_numeric(table["trusted"], errors="coerce").to_numpy(float)
            reasons = ["" if one else said or MARKED for one, said in zip(trusted, why, strict=True)]
            read = cls(table["time"].to_numpy(float), reasons, left_open)
        except (KeyError, ValueError) as error:
            raise BioposeError(
                f"not a quality file of `biopose ik` ({plainly(error)})",
                where=str(path),
                mend="Save it with commas between the columns and all of them, or run `biopose ik` again.",
            ) from error
        if (odd := np.flatnonzero(~np.isin(trusted, (0, 1)))).size:
            said = str(table["trusted"].iloc[odd[0]])
            what = f"'{said}'" if said else "empty"
            raise BioposeError(
                f"the column trusted is {what} in line {odd[0] + 2}",
                where=str(path),
                mend="Give 0 or 1.",
            )
        if not len(trusted):
            raise BioposeError("no frames in it", where=str(path), mend="Run `biopose ik` again.")
        rows_at(read.time_s, read.time_s[:0], where=str(path), noun="the quality file")
        return read

    def rows(self, times_s: Float[np.ndarray, " solved"], where: str | None = None) -> Int[np.ndarray, " solved"]:
        """Which of the frames are those of a motion.

        Args:
            times_s: of the motion.
            where: the quality file, for the message.

        Returns:
            A row for each frame of the motion.

        Raises:
            BioposeError: a frame of the motion has none: the quality file is another motion's.
        """
        return rows_at(self.time_s, times_s, where=where, noun="the quality file")

    @property
    def frames(self) -> Bool[np.ndarray, " frames"]:
        """Which frames are trusted."""
        return np.array([not why for why in self.reasons], dtype=bool)

    def values(self, names: Sequence[str]) -> Bool[np.ndarray, "frames coordinates"]:
        """Which values are trusted: those that the markers determine, in frames that are trusted.

        Args:
            names: of the coordinates.

        Returns:
            In their order; one that no frame leaves open counts as determined.
        """
        believed: Bool[np.ndarray, "frames coordinates"] = self.determined(names) & self.frames[:, None]
        return believed

    def determined(self, names: Sequence[str]) -> Bool[np.ndarray, "frames coordinates"]:
        """Which values the markers determine, trusted or not; as ``values``."""
        left_open = [set(said.split()) for said in self.not_determined]
        told = np.array([[name not in own for name in names] for own in left_open], dtype=bool)
        return told.reshape(-1, len(names))

    def notes(self) -> list[str]:
        """How many frames are not trusted and why, in a sentence; none where all are."""
        bad = int((~self.frames).sum())
        if not bad:
            return []
        counts: dict[str, int] = {}
        for why in self.reasons:
            for one in why.split("; ") if why else ():
                counts[one] = counts.get(one, 0) + 1
        because = ", ".join(f"{why} ({count})" for why, count in sorted(counts.items(), key=lambda c: -c[1]))
        several = "; a frame may have several reasons" if sum(counts.values()) > bad else ""
        return [f"{bad} of {len(self.reasons)} frames are not trusted: {because}{several}"]

    def write(self, path: Path, quality: Float[np.ndarray, " frames"], errors: MarkerErrors) -> None:
        """The quality file: a row for every frame, those without a pose included.

        Args:
            path: the .csv, written whole or not at all.
            quality: how well each frame was seen, 0 to 1.
            errors: written in mm, RMS and largest of each frame.
        """
        import pandas as pd

        columns = (
            *(errors.time_s, quality.round(3), (errors.rms_m * 1000).round(2), (errors.max_m * 1000).round(2)),
            *(self.frames.astype(int), self.reasons, self.not_determined),
        )
        write_csv(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))), path)


def share_of_frames(believed: Bool[np.ndarray, "frames coordinates"]) -> float:
    """What is told as the share that is trusted: of all frames. Coordinates that no marker shows, toes, do not count.

    Args:
        believed: which values are trusted; none of a frame that is not.

    Returns:
        0 to 1.
    """
    return float(believed.any(1).mean())


def name_of(motion: Path) -> str:
    """A motion's name without its solver's."""
    for solver in MOTION_NAMES.values():
        if motion.stem.endswith(f"_{solver}"):
            return motion.stem.removesuffix(f"_{solver}")
    return motion.stem


def table_beside(motion: Path, ending: str = QUALITY) -> Path | None:
    """The table of a run that is this motion's, by their names.

    Of a run's first solver it is NAME_quality.csv beside NAME_fast.mot, of its others NAME_neural_quality.csv.

    Args:
        motion: its file.
        ending: how the table's name ends.

    Returns:
        None where none lies beside it. A motion of the run's bare name has none of a solver's.
    """
    own, runs = (motion.with_name(f"{name}{ending}") for name in (motion.stem, name_of(motion)))
    if own != runs:
        # What is there and no file is refused where it is read.
        return next((path for path in (own, runs) if os.path.lexists(path)), None)
    solved = (motion.with_name(f"{motion.stem}_{solver}") for solver in MOTION_NAMES.values())
    theirs = any(
        path.with_name(f"{path.name}.mot").is_file() and not path.with_name(f"{path.name}{ending}").is_file()
        for path in solved
    )
    return own if os.path.lexists(own) and not theirs else None

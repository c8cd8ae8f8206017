"""Walks against the published bands: phases of the gait cycle, mean curves, and the picture."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.signal import find_peaks

from biomech.files import whole_file
from biomech.kinematics.kinematics import Kinematics
from biomech.labels.library import norms

SWING_PEAK = 0.72  # of the cycle of a leg: its knee is bent the most
SHARPEST_SWING_S = 0.35
BENT_DEG = 35.0
BINS = 50
NEVER_SLOWER_M_S = 0.2  # than this over the ground is a treadmill
WITHIN_SD = 2.0


@dataclass(frozen=True)
class Walk:
    """Mean curves (degrees) of a walk over the cycle, NaN where it shows nothing."""

    speed_m_s: float
    curves: dict[str, Float[np.ndarray, " bins"]]

    def inside(self, name: str, within_sd: float = WITHIN_SD) -> float:
        """Share of the curve in the band at the walk's speed.

        Args:
            name: of a curve, such as ``knee_angle_r``.
            within_sd: half the band's width, in SDs between people.

        Returns:
            0 to 1; 1 where the walk shows nothing of the curve.
        """
        mean, sd = norms.walking(_norm(name), phases(), self.speed_m_s)
        seen = np.isfinite(self.curves[name])
        return float((np.abs(self.curves[name] - mean) <= within_sd * sd)[seen].mean()) if seen.any() else 1.0

    @property
    def least_inside(self) -> tuple[str, float]:
        """The curve that is outside the most, and its share inside."""
        shares = {name: self.inside(name) for name in self.curves}
        worst = min(shares, key=lambda name: shares[name])
        return worst, shares[worst]


def phases() -> Float[np.ndarray, " bins"]:
    """Middles of the bins."""
    return (np.arange(BINS) + 0.5) / BINS


def walk_of(kinematics: Kinematics) -> Walk | None:
    """The walk in a motion; None where no two swings follow each other."""
    found = _phase(kinematics)
    if found is None:
        return None
    phase, frames = found
    bins: dict[str, np.ndarray] = {}
    for name in norms.BANDS:
        for column, ahead in ((name, 0.0),) if name == "pelvis_tilt" else ((f"{name}_r", 0.0), (f"{name}_l", 0.5)):
            at = np.floor(((phase + ahead) % 1.0) * BINS).astype(int).clip(0, BINS - 1)
            values = np.degrees(kinematics.column(column)[frames])
            count = np.bincount(at, minlength=BINS)
            total = np.bincount(at, weights=values, minlength=BINS)
            bins[column] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    time = kinematics.time_s[frames]
    path = np.stack([kinematics.column(n)[frames] for n in ("pelvis_tx", "pelvis_tz")], 1)
    speed = float(np.linalg.norm(path[-1] - path[0]) / max(time[-1] - time[0], 1e-6))
    return Walk(speed if speed > NEVER_SLOWER_M_S else norms.SPEEDS_M_S["free"], bins)


def _phase(kinematics: Kinematics) -> tuple[np.ndarray, np.ndarray] | None:
    """Cycles since a right heel strike, and the frames for which they are known."""
    time = kinematics.time_s
    rate = (len(time) - 1) / max(float(np.ptp(time)), 1e-9)
    swings: list[tuple[float, float]] = []
    for side, at in (("r", SWING_PEAK), ("l", SWING_PEAK - 0.5)):
        knee = np.degrees(kinematics.column(f"knee_angle_{side}"))
        peaks, _ = find_peaks(knee, prominence=20, height=BENT_DEG, distance=max(int(SHARPEST_SWING_S * rate), 1))
        swings += [(float(time[peak]), at) for peak in peaks]
    swings.sort()
    # Sides take turns; what comes before the first turn or after a break is left out.
    run = swings[:1]
    for swing in swings[1:]:
        if swing[1] == run[-1][1]:
            if len(run) > 1:
                break
            run = []
        run.append(swing)
    if len(run) < 2:
        return None
    when = np.array([at for at, _ in run])
    cycles = run[0][1] + 0.5 * np.arange(len(run))
    half = float(np.median(np.diff(when)))
    ends = np.concatenate([[when[0] - half], when, [when[-1] + half]])
    cycles = np.concatenate([[cycles[0] - 0.5], cycles, [cycles[-1] + 0.5]])
    frames = np.flatnonzero((time >= ends[0]) & (time <= ends[-1]))
    return np.interp(time[frames], ends, cycles), frames


def draw(walks: dict[str, list[Walk]], path: Path) -> None:
    """Every walk over the bands at free speed, a colour for each group.

    Args:
        walks: by the group's name.
        path: of the picture (.png).
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(norms.BANDS), figsize=(5 * len(norms.BANDS), 4.5), constrained_layout=True)
    colours = plt.get_cmap("tab10")
    for axis, name in zip(axes, norms.BANDS, strict=True):
        mean, sd = norms.walking(name, phases(), norms.SPEEDS_M_S["free"])
        axis.fill_between(100 * phases(), mean - 2 * sd, mean + 2 * sd, color="0.85", label="mean ± 2 SD, free speed")
        axis.plot(100 * phases(), mean, "k", lw=1)
        for number, (group, of_group) in enumerate(walks.items()):
            for walk in of_group:
                for column, curve in walk.curves.items():
                    if column.startswith(name):
                        axis.plot(100 * phases(), curve, color=colours(number), lw=0.5, alpha=0.6)
            axis.plot([], [], color=colours(number), label=f"{group} ({len(of_group)})")
        axis.set(title=name, xlabel="% of the gait cycle", ylabel="°")
    axes[0].legend(fontsize=7)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def _norm(column: str) -> str:
    return column.removesuffix("_r").removesuffix("_l")

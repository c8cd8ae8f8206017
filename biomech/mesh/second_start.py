"""A second start, where the pose is unlike what the sequence network knows: typical poses, turned any way.

The first start is the neutral pose laid over what the network says of the points in space. Of who lies, folds or hangs
upside down it says little that is right, and the search ends in a valley of its own. Here the network says only where
that may be: where the error that it expects is large. There every typical pose of the habit is turned through a grid of
orientations and held against the picture, frame by frame; those that explain it best are fitted, each by itself;
the path through them that costs least, with the first answer among them, is where the fit starts again. `recover` keeps
the cheaper of both answers.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.transform import Rotation

from biomech.body.linkage import Pose, pose_of
from biomech.mesh.evidence import part
from biomech.mesh.features import pose_of_features
from biomech.mesh.fit import Evidence, State, WindowFit
from biomech.mesh.start import place

# The network's expected error (sines, rad; the mean of all features) beyond which a frame is searched.
UNLIKE = 0.2
EVERY = 3  # frames of the window, 15 a second: poses between are interpolated
STEP_RAD = np.radians(30.0)  # between orientations of the grid
CANDIDATES, BEST, APART_RAD = 5, 400, np.radians(40.0)  # a frame; from so many; whose orientations differ by so much
ITERATIONS = 10
# From frame to frame a joint turns by so much (rad/s, standard deviation); beyond a squared sum it is a jump, as dear
# as any.
TURNS_RAD_S, JUMP = 2.0, 60.0


def unlike(views: Sequence[Evidence]) -> Bool[np.ndarray, " frames"]:
    """In which frames the sequence network expects to be far off.

    Args:
        views: a camera's each; more than one leave less open, and nothing is unlike there.

    Returns:
        False also where no network has said anything.
    """
    if len(views) > 1:
        return np.zeros(len(views[0].xy), bool)
    expected = views[0].guess_sd.mean(1)
    return np.isfinite(expected) & (expected > UNLIKE) & views[0].confidence.any(1)


def second_start(fit: WindowFit, found: State, where: Bool[np.ndarray, " frames"]) -> State:
    """Where the search may begin again.

    Args:
        fit: of one camera's window.
        found: its first answer.
        where: frames that are searched, some; the others stay as they are.

    Returns:
        A state of the same subject and level, without regard to the floor.
    """
    chosen = np.flatnonzero(where)
    keep = np.r_[True, (np.diff(chosen) > 1) | (np.arange(1, len(chosen)) % EVERY == 0)]
    keep[-1] = True
    chosen = chosen[keep]
    lone = part(fit.views[0], chosen)
    # Each frame by itself: a lone picture is news, and nothing is known to stand.
    lone = replace(lone, interval_s=1.0, still=np.zeros_like(lone.still))
    each = WindowFit([lone], fit.placing, fit.correspondence, fit.habit, fit.soles)
    first = State(found.pose[chosen], found.root[chosen], found.subject, found.level)
    states = [first, *(each.minimise(s, iterations=ITERATIONS, grounded=False) for s in _candidates(each, first))]
    costs = np.stack([each.costs(state) for state in states], 1)
    path = _path(costs, states, np.diff(chosen) * fit.interval_s)
    at = np.arange(len(chosen))
    balls, hinges, root = (
        np.stack([getattr(s.pose, name) if name != "root" else s.root for s in states])[path, at]
        for name in ("balls", "hinges", "root")
    )
    return _between(found, chosen, Pose(balls, hinges), root, where)


@functools.cache
def orientations() -> Float[np.ndarray, "turns 3 3"]:
    """A grid of all orientations, some ``STEP_RAD`` apart: axes on a spiral over the sphere, with all rolls."""
    axes = round(4 * np.pi / STEP_RAD**2)
    number = np.arange(axes) + 0.5
    polar, azimuth = np.arccos(1 - 2 * number / axes), np.pi * (1 + 5**0.5) * number
    across = np.stack([-np.sin(azimuth), np.cos(azimuth), 0 * azimuth], 1)
    tilted = Rotation.from_rotvec(across * polar[:, None]).as_matrix()
    rolled = Rotation.from_rotvec(np.arange(0, 2 * np.pi - 1e-9, STEP_RAD)[:, None] * [0.0, 0.0, 1.0]).as_matrix()
    return (tilted[:, None] @ rolled).reshape(-1, 3, 3)


def _candidates(fit: WindowFit, first: State) -> list[State]:
    """For every frame ``CANDIDATES`` typical poses whose picture is most like the keypoints, apart in orientation."""
    (e,), placing, points = fit.views, fit.placing, fit.correspondence.points
    typical, neutral = pose_of_features(fit.habit.means), pose_of([], np.zeros((1, 0)))
    balls, hinges = (
        np.concatenate(pair) for pair in ((neutral.balls, typical.balls), (neutral.hinges, typical.hinges))
    )
    balls[:, 0] = np.eye(3)
    shaped, grid, frames = first.subject.shaped, orientations(), len(e.xy)
    bank = placing.points(placing.frame(shaped, Pose(balls, hinges), np.zeros((len(balls), 3))), points)
    seen = np.einsum("tij,bpj->tbpi", grid[:, :2], bank).reshape(-1, bank.shape[1], 2)
    turns, poses = np.empty((CANDIDATES, frames), int), np.empty((CANDIDATES, frames), int)
    for frame in range(frames):
        order = np.argsort(_misfit(e, frame, seen))[:BEST]
        for k, hypothesis in enumerate(_apart(order // len(balls), order, grid)):
            turns[k, frame], poses[k, frame] = divmod(hypothesis, len(balls))
    into_world = first.level.camera_from_world.T
    states = []
    for turn, pose in zip(turns, poses, strict=True):
        own = balls[pose]
        own[:, 0] = into_world @ e.camera_from_ray @ grid[turn]
        laid = Pose(own, hinges[pose])
        about = placing.points(placing.frame(shaped, laid, np.zeros((frames, 3))), points) @ into_world
        states.append(State(laid, place([e], about) @ into_world.T, first.subject, first.level))
    return states


def _misfit(e: Evidence, frame: int, seen: Float[np.ndarray, "many points 2"]) -> Float[np.ndarray, " many"]:
    """Share of the keypoints' variance that flat pictures of any size and place leave over."""
    weight = e.confidence[frame] / max(e.confidence[frame].sum(), 1e-9)
    rays = np.concatenate([(e.xy[frame] - e.center_px) / e.focal_px, np.ones((len(weight), 1))], 1)
    rays = rays @ e.camera_from_ray[frame]
    wanted = rays[:, :2] / rays[:, 2:]
    wanted = wanted - weight @ wanted
    about = seen - np.einsum("p,mpi->mi", weight, seen)[:, None]
    square, product = (np.einsum("p,mpi,mpi->m", weight, about, other) for other in (about, wanted[None] + 0 * about))
    size = np.maximum(product / np.maximum(square, 1e-9), 0.0)
    total = np.einsum("p,pi,pi->", weight, wanted, wanted)
    return 1 + (size**2 * square - 2 * size * product) / max(float(total), 1e-9)


def _apart(
    turns: Int[np.ndarray, " best"], order: Int[np.ndarray, " best"], grid: Float[np.ndarray, "turns 3 3"]
) -> list[int]:
    """The first hypotheses whose orientations are apart; the first of all again where there are too few."""
    chosen: list[int] = []
    for k in range(len(order)):
        traces = [float((grid[turns[k]] * grid[turns[other]]).sum()) for other in chosen]
        if all(np.arccos(np.clip((trace - 1) / 2, -1, 1)) > APART_RAD for trace in traces):
            chosen.append(k)
        if len(chosen) == CANDIDATES:
            break
    return [int(order[k]) for k in (chosen + [0] * CANDIDATES)[:CANDIDATES]]


def _path(
    costs: Float[np.ndarray, "frames states"], states: list[State], apart_s: Float[np.ndarray, " between"]
) -> Int[np.ndarray, " frames"]:
    """Which state in which frame: least cost, turning included (Viterbi's algorithm)."""
    balls, hinges = np.stack([s.pose.balls for s in states]), np.stack([s.pose.hinges for s in states])
    least, back = costs[0], []
    for frame, seconds in enumerate(apart_s, start=1):
        traces = np.einsum("akij,bkij->abk", balls[:, frame - 1], balls[:, frame])
        turned = np.square(np.arccos(np.clip((traces - 1) / 2, -1, 1))).sum(-1)
        turned += np.square(hinges[:, None, frame - 1] - hinges[None, :, frame]).sum(-1)
        total = least[:, None] + np.minimum(turned / 2 / (TURNS_RAD_S * seconds) ** 2, JUMP)
        back.append(total.argmin(0))
        least = total.min(0) + costs[frame]
    path = [int(least.argmin())]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return np.array(path[::-1])


def _between(
    found: State, chosen: Int[np.ndarray, " some"], pose: Pose, root: Float[np.ndarray, "some 3"], where: np.ndarray
) -> State:
    """The chosen frames' poses, those of searched frames between them, and all others as they were found."""
    balls, hinges, place_m = found.pose.balls.copy(), found.pose.hinges.copy(), found.root.copy()
    balls[chosen], hinges[chosen], place_m[chosen] = pose.balls, pose.hinges, root
    known = np.union1d(np.flatnonzero(~where), chosen)
    for frame in np.setdiff1d(np.flatnonzero(where), chosen):
        after = int(np.searchsorted(known, frame))
        low, high = known[after - 1], known[after]
        share = (frame - low) / (high - low)
        step = Rotation.from_matrix(np.swapaxes(balls[low], 1, 2) @ balls[high]).as_rotvec()
        balls[frame] = balls[low] @ Rotation.from_rotvec(share * step).as_matrix()
        hinges[frame], place_m[frame] = (
            (1 - share) * values[low] + share * values[high] for values in (hinges, place_m)
        )
    return replace(found, pose=Pose(balls, hinges), root=place_m)

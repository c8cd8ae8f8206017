"""What the people of the synthetic set do: recorded motions, squats, sit-to-stand, gait, random poses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from biomech.body.anny import AnnyBody
from biomech.body.bvh import Bvh
from biomech.body.cmu import HELD_OUT_SUBJECTS, cmu_names, read_cmu, replay, trusted
from biomech.body.gait import walk
from biomech.body.motion import BodyMotion
from biomech.body.squat import random_fold
from biomech.mesh.mqhmr.synthetic_people import varied
from biomech.mesh.prior import PosePrior

KINDS = {"recorded": 0.5, "squat": 0.13, "sit": 0.07, "gait": 0.12, "random": 0.18}
GAIT_S = 4.0
TRIES = 20


class Motions:
    """Clips of people in motion, the world's floor at Y = 0.

    Args:
        archive: zip of CMU's .bvh motions.
        held_out: of the subjects kept for figures, instead of all others.
        frames, rate_hz: of a clip.
    """

    def __init__(self, archive: Path, held_out: bool, frames: int, rate_hz: float):
        self.archive, self.frames, self.rate_hz = archive, frames, rate_hz
        self.names = [n for n in cmu_names(archive) if (n.split("_")[0] in HELD_OUT_SUBJECTS) == held_out]
        self.prior = PosePrior.load()
        body = AnnyBody.load([0])
        self.soles = AnnyBody.load(torch.cat([body.foot_vertices[name][::4] for name in ("sole_r", "sole_l")]))

    def recording(self, rng: np.random.Generator) -> tuple[Bvh, np.ndarray]:
        """A recorded motion, and where it can be trusted."""
        clip = read_cmu(self.archive, self.names[rng.integers(len(self.names))])
        return clip, trusted(clip)

    def draw(
        self, recording: tuple[Bvh, np.ndarray], shape: Float[torch.Tensor, " shape"], rng: np.random.Generator
    ) -> BodyMotion:
        """A clip of any kind; where the recording is too short or broken, of the kinds made by code."""
        kind = rng.choice(list(KINDS), p=list(KINDS.values()))
        if kind == "recorded":
            found = self._recorded(recording, shape, rng)
            if found is not None:
                return found
        if kind == "gait":
            return self._gait(shape, rng)
        if kind in ("squat", "sit"):
            return self._bent(kind == "sit", shape, rng)
        return self._random(shape, rng)

    def _recorded(
        self, recording: tuple[Bvh, np.ndarray], shape: torch.Tensor, rng: np.random.Generator
    ) -> BodyMotion | None:
        clip, good = recording
        every = max(1, round(clip.rate_hz / self.rate_hz))
        length = self.frames * every
        for _ in range(TRIES):
            if len(good) < length:
                return None
            first = rng.integers(len(good) - length + 1)
            part = slice(first, first + length)
            if good[part].all():
                short = replace(clip, rotations=clip.rotations[part], root_position=clip.root_position[part])
                motion = replay(short, self.soles, shape, every=every)
                return replace(motion, rotations=varied(motion.rotations, motion.bone_names, rng), quality=None)
        return None

    def _gait(self, shape: torch.Tensor, rng: np.random.Generator) -> BodyMotion:
        whole = walk(
            self.soles,
            shape,
            seconds=GAIT_S + self.frames / self.rate_hz,
            rate_hz=self.rate_hz,
            speed_m_s=rng.uniform(0.3, 2.4),
        )
        first = rng.integers(len(whole.time_s) - self.frames + 1)
        part = slice(first, first + self.frames)
        root = whole.root_position_m[part].copy()
        root[:, [0, 2]] -= root[0, [0, 2]]
        rotations = varied(whole.rotations[part], whole.bone_names, rng)
        return replace(whole, rotations=rotations, root_position_m=root, time_s=whole.time_s[part], quality=None)

    def _bent(self, sit: bool, shape: torch.Tensor, rng: np.random.Generator) -> BodyMotion:
        """Down and up again, a part of it: squats of any depth, or between a seat and standing."""
        time_s = np.arange(self.frames) / self.rate_hz
        turn = 2 * np.pi * (time_s / rng.uniform(1.2, 4.0) + rng.random())
        down = (1 - np.cos(turn)) / 2
        flexion = random_fold(down, sit, rng)
        vectors = self._held(rng)
        vectors |= {bone: np.stack([0 * angle, 0 * angle, angle], 1) for bone, angle in flexion.items()}
        wide, out = np.radians(rng.uniform(0, 20)), np.radians(rng.uniform(-5, 25))
        for side, sign in (("Left", -1.0), ("Right", 1.0)):
            spread = Rotation.from_euler("yx", [-sign * out, -sign * wide]).as_matrix()
            bent = Rotation.from_rotvec(vectors[side + "UpLeg"]).as_matrix()
            vectors[side + "UpLeg"] = Rotation.from_matrix(spread @ bent).as_rotvec()
        rotations = self._matrices(vectors)
        return self._standing(varied(rotations, self.soles.bone_names, rng), shape)

    def _random(self, shape: torch.Tensor, rng: np.random.Generator) -> BodyMotion:
        """From one random pose to another; some lie or lean."""
        ends = [self._pose(rng), self._pose(rng)]
        share = np.linspace(0, rng.uniform(0.0, 0.6), self.frames)
        tilt = rng.normal(0, 0.25 if rng.random() < 0.8 else 1.2, 2)
        hips = Rotation.from_euler("zx", tilt).as_rotvec()
        vectors = {bone: (1 - share)[:, None] * ends[0][b] + share[:, None] * ends[1][b] for b, bone in self._bones()}
        return self._standing(self._matrices(vectors | {"Hips": np.tile(hips, (self.frames, 1))}), shape)

    def _bones(self) -> list[tuple[int, str]]:
        return list(enumerate(self.prior.bone_names))

    def _pose(self, rng: np.random.Generator) -> Float[np.ndarray, "bones 3"]:
        """A draw from the prior, spread wider, brought into the joints' ranges."""
        component = rng.choice(len(self.prior.means), p=self.prior.log_weights.double().softmax(0).numpy())
        noise = torch.from_numpy(rng.normal(0, rng.uniform(0.7, 1.6), self.prior.means.shape[1]))
        drawn = self.prior.means[component].double()
        drawn = drawn + torch.linalg.solve(self.prior.whiteners[component].double(), noise)
        drawn = drawn.view(-1, 3)
        return torch.minimum(torch.maximum(drawn, self.prior.lower.double()), self.prior.upper.double()).numpy()

    def _held(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """A random carriage of arms and head, still."""
        pose = self._pose(rng)
        kept = ("Arm", "ForeArm", "Hand", "Shoulder", "Neck", "Neck1", "Head")
        return {bone: np.tile(pose[b], (self.frames, 1)) for b, bone in self._bones() if bone.endswith(kept)}

    def _matrices(self, vectors: dict[str, np.ndarray]) -> Float[np.ndarray, "frames bones 3 3"]:
        rotations = np.tile(np.eye(3), (self.frames, len(self.soles.bone_names), 1, 1))
        for bone, turns in vectors.items():
            rotations[:, self.soles.bone_names.index(bone)] = Rotation.from_rotvec(turns).as_matrix()
        return rotations

    def _standing(self, rotations: Float[np.ndarray, "frames bones 3 3"], shape: torch.Tensor) -> BodyMotion:
        """The lowest point of the soles on the floor, the feet about where they were."""
        with torch.no_grad():
            rest = self.soles.rest(shape)
            posed = self.soles.pose(rest, torch.tensor(rotations).float(), torch.zeros(len(rotations), 3))
            soles = self.soles.skin(rest, posed).double().numpy()
        middle = soles.mean(1)
        root = np.stack([-middle[:, 0], -soles[..., 1].min(1), -middle[:, 2]], 1)
        return BodyMotion(
            body=self.soles.name,
            bone_names=list(self.soles.bone_names),
            rotations=rotations,
            root_position_m=root,
            shape=shape.numpy(),
            shape_names=list(self.soles.shape_names),
            time_s=np.arange(len(rotations)) / self.rate_hz,
        )

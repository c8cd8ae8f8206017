"""A small stand-in for the model files that only their makers may hand out: the right keys and shapes, a blob."""

from pathlib import Path

import numpy as np

BODY_PARENTS = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
FINGERS = [hand if link == 0 else -1 for hand in (20, 21) for _ in range(5) for link in range(3)]
BETAS = 16


def smplh_parents() -> np.ndarray:
    fingers = [parent if parent > 0 else 22 + i - 1 for i, parent in enumerate(FINGERS)]
    return np.array([*BODY_PARENTS, *fingers])


def smplh_arrays(vertices: int = 6890, parents: np.ndarray | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    parents = smplh_parents() if parents is None else parents
    joints = len(parents)
    template = rng.normal(0, [0.3, 0.5, 0.15], (vertices, 3))
    regressor = np.zeros((joints, vertices))
    for row in regressor:
        row[rng.choice(vertices, 20, replace=False)] = 1 / 20
    weights = np.zeros((vertices, joints))
    owners = rng.integers(0, joints, (vertices, 2))
    np.put_along_axis(weights, owners, 0.5, 1)
    weights /= weights.sum(1, keepdims=True)
    return {
        "v_template": template,
        "shapedirs": rng.normal(0, 0.01, (vertices, 3, BETAS)),
        "posedirs": rng.normal(0, 0.003, (vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack((np.where(parents < 0, 2**32 - 1, parents), np.arange(joints))).astype(np.uint32),
        "f": rng.integers(0, vertices, (500, 3)).astype(np.uint32),
    }


def write_smplh(path: Path, **arrays: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def write_amass(path: Path, frames: int = 12, numbers: int = 156, rate_key: str = "mocap_framerate") -> Path:
    rng = np.random.default_rng(1)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        "poses": rng.normal(0, 0.3, (frames, numbers)),
        "trans": rng.normal(0, 0.5, (frames, 3)),
        "betas": rng.normal(0, 1, BETAS),
        "gender": np.array("male"),
        rate_key: np.array(120.0),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path

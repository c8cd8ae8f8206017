"""The moving body's mesh for other programs: the stages of `biopose mesh` after the body."""

from pathlib import Path

from biomech.body.anny import AnnyBody
from biomech.body.glb import write_glb, write_objs
from biomech.body.motion import BodyMotion
from biomech.pipeline.figures import FrameFigures, ObjFigures
from biomech.pipeline.stages import Result, Stage

HERE = Path(__file__)


def mesh_stages(files: Result, name: str, glb: bool, obj_every: int | None) -> list[Stage]:
    """The moving body's mesh for other programs.

    Args:
        files: of a run that gets as far as its body.
        name: of the recording.
        glb: write an animated mesh, NAME.glb.
        obj_every: write the posed mesh of every Nth frame into NAME_obj; None writes none.

    Returns:
        Those that are wanted; maybe none.
    """
    stages = []
    if glb:
        target = files.folder / f"{name}.glb"
        stages.append(
            Stage(
                "glb",
                inputs={"motion": files.motion},
                outputs=[target],
                options={},
                work=lambda: _glb(files, target),
                code=("biomech.body.glb", HERE),
            )
        )
    if obj_every is not None:
        folder = files.folder / f"{name}_obj"
        first = folder / f"{name}_000000.obj"
        stages.append(
            Stage(
                "obj",
                inputs={"motion": files.motion},
                outputs=[first],
                options={"every": obj_every},
                work=lambda: _obj(files, folder, name, obj_every),
                code=("biomech.body.glb", HERE),
            )
        )
    return stages


def _glb(files: Result, target: Path) -> FrameFigures:
    motion = BodyMotion.load(files.motion)
    write_glb(AnnyBody.load(), motion, target)
    return {"frames": len(motion.time_s)}


def _obj(files: Result, folder: Path, name: str, every: int) -> ObjFigures:
    return {"meshes": write_objs(AnnyBody.load(), BodyMotion.load(files.motion), folder, name, every)}

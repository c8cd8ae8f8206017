"""The stage `recover`: keypoints → the moving body, with the neutral pose of another film where there is one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from biomech.body.motion import BodyMotion
from biomech.errors import BioposeError, MachineError
from biomech.files import check_file
from biomech.keypoints.detect import detect
from biomech.keypoints.keypoints import Keypoints
from biomech.mesh import recoverers
from biomech.pipeline.detecting import detector_of
from biomech.pipeline.figures import RecoverFigures
from biomech.pipeline.options import Options
from biomech.pipeline.stages import Bar, Progress, Result, Stage
from biomech.video import Video

HERE = Path(__file__)
Shape = Float[np.ndarray, " shape"] | None
Recovers = Callable[[Shape, tuple[float, float] | None, Progress], BodyMotion]


def check_recovering(options: Options) -> None:
    """There is such a recoverer, and it can do what it is told.

    Raises:
        BioposeError: it cannot.
    """
    recoverers.check(options.recover, options.mqhmr_weights)
    if options.recover != "mqhmr":
        options.refuse(("refine", "mqhmr_weights"), "is for MQ-HMR (`recover=mqhmr`)")
    else:
        options.refuse(("neutral",), "is for the fit (`recover=fit`)")


def recovering_stage(files: Result, options: Options, bar: Bar) -> Stage:
    """From the keypoints to the moving body.

    Args:
        files: the run's.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        The stage.

    Raises:
        BioposeError: the weights that are named are none.
    """
    return Stage(
        "recover",
        inputs={"keypoints": files.keypoints, **_weights(options), **_neutral_film(options)},
        outputs=[files.motion],
        options=options.key("film", "recover")
        # A film is one of the inputs.
        | {"neutral": None if isinstance(options.neutral, Path) else options.neutral},
        work=lambda: recover_keypoints(files, options, bar),
        code=("biomech.mesh.recoverers", HERE),
    )


def _weights(options: Options) -> dict[str, Path]:
    """MQ-HMR's, where they are not the package's: the file and what lies beside it.

    Raises:
        BioposeError: the file is none.
    """
    if options.mqhmr_weights is None:
        return {}
    weights = check_file(options.mqhmr_weights)
    spread = weights.with_name("spread.json")
    return {"mqhmr_weights": weights} | ({"spread": spread} if spread.is_file() else {})


def _neutral_film(options: Options) -> dict[str, Path]:
    return {"neutral film": options.neutral} if isinstance(options.neutral, Path) else {}


def _neutral_shape(film: Path, options: Options, bar: Bar) -> tuple[Float[np.ndarray, " shape"], list[str]]:
    """The shape of the person who stands upright throughout another film, and what is to be told of that.

    Raises:
        BioposeError: it cannot be read or shows nobody who stands; ``where`` is the film.
    """
    try:
        clip = Video.open(film)
        with bar("Detecting, neutral") as progress:
            seen = detect(
                clip,
                detector_of(options),
                focal_px=options.focal_px,
                fov_deg=options.fov_deg,
                progress=progress,
            )
        with bar("Recovering, neutral") as progress:
            shape, notes = recoverers.standing_shape(
                seen, height_m=options.height_m, mass_kg=options.mass_kg, sex=options.sex, progress=progress
            )
    except MachineError:
        raise
    except BioposeError as error:
        raise BioposeError(error.what, where=str(film), mend=error.mend) from error
    return shape, [f"{film.name}: {note}" for note in notes]


def recover_keypoints(files: Result, options: Options, bar: Bar) -> RecoverFigures:
    """The work of ``recover`` on the keypoints of one camera.

    Args:
        files: the run's; the keypoints lie there, the motion is written.
        options: what the user said.
        bar: makes a progress bar from a label.

    Returns:
        As ``recovered``.

    Raises:
        BioposeError: as ``recovered``, or the keypoints are none.
    """
    from biomech.mesh.expected import view_note

    keypoints = Keypoints.load(files.keypoints)

    def recover(shape: Shape, neutral_s: tuple[float, float] | None, progress: Progress) -> BodyMotion:
        return recoverers.recover_with(
            options.recover,
            keypoints,
            height_m=options.height_m,
            mass_kg=options.mass_kg,
            sex=options.sex,
            refine=options.refine,
            mqhmr_weights=options.mqhmr_weights,
            neutral_s=neutral_s,
            shape=shape,
            progress=progress,
        )

    return recovered(files, options, bar, recover, view_note)


def recovered(
    files: Result, options: Options, bar: Bar, recover: Recovers, view: Callable[[BodyMotion], str | None]
) -> RecoverFigures:
    """The work of ``recover``: the motion is written, its figures and notes returned.

    Args:
        files: the run's.
        options: what the user said.
        bar: makes a progress bar from a label.
        recover: the motion, of a shape that is known and of the stretch in which the person stands upright.
        view: says from where the person was filmed, and what that leaves open.

    Returns:
        Mean quality and notes; of one camera the stature too, where nobody gave it.

    Raises:
        BioposeError: as ``recover``; or the film of the neutral pose cannot be used.
    """
    shape, stands = None, list[str]()
    if isinstance(options.neutral, Path):
        shape, stands = _neutral_shape(options.neutral, options, bar)
    with bar("Recovering") as progress:
        stretch = options.neutral if isinstance(options.neutral, tuple) else None
        motion = recover(shape, stretch, progress)
    motion.save(files.motion)
    assert motion.quality is not None
    notes = [*motion.notes, *([said] if (said := view(motion)) else [])]
    if isinstance(options.neutral, Path):
        notes.append(
            f"legs and trunk are as long as in {options.neutral.name}, whose person is taken to stand straight"
        )
        notes += stands
    if options.neutral_left_out:
        notes.append(options.neutral_left_out)
    found: RecoverFigures = {"mean_quality": round(float(motion.quality.mean()), 3), "notes": notes}
    if options.height_m is None and motion.cameras == 1:  # several cameras measure it
        found["assumed_height_m"] = round(stature_m(motion), 3)
    return found


def stature_m(motion: BodyMotion) -> float:
    """Of the person whose motion was recovered, standing straight."""
    import torch

    from biomech.body.anny import AnnyBody

    with torch.no_grad():
        return float(AnnyBody.load([0]).stature(torch.tensor(motion.shape).float()))

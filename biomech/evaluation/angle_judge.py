"""Films against OpenSim motions: `biopose ik`, or another system's .mot."""

from dataclasses import replace
from pathlib import Path

from biomech.evaluation.angle_score import score_angles
from biomech.evaluation.judge import EvalOptions, Judge, film_of
from biomech.evaluation.sequence import EvalSequence
from biomech.pipeline.run import run_ik

CODE = "biomech.evaluation.angle_score"
MOTIONS = (".mot", ".sto", ".csv")


def angle_judge(options: EvalOptions) -> Judge:
    """Of a data set whose truth is a motion in OpenSim's coordinates; every sequence counts alike."""

    def own(sequence: EvalSequence, folder: Path) -> Path:
        told = replace(options.options, overlay=False, report=False, **sequence.known)
        return run_ik(film_of(sequence), folder / "biopose", told, overwrite=options.overwrite).kinematics

    return Judge(
        MOTIONS,
        own,
        lambda sequence, answer, ours: score_angles(sequence.truth["reference"], answer),
        lambda sequence: {},
        {},
        (CODE,),
        weighted=False,
    )

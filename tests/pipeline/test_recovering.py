"""The stage `recover`: what is told of a neutral film that a batch left out."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from biomech.pipeline.options import LeftOut, Options
from biomech.pipeline.recovering import recovered
from biomech.pipeline.run import no_bar
from biomech.report.words import assumed

SAID = "run without its neutral trial a.mp4, which cannot be used: the person sits"


def test_the_run_itself_says_that_its_neutral_film_was_left_out() -> None:
    given = list[object]()
    motion = SimpleNamespace(quality=np.ones(3), notes=["a note"], cameras=2, save=lambda path: None)

    def recover(shape: object, neutral_s: object, progress: object) -> Any:
        given.append((shape, neutral_s))
        return motion

    options = Options(neutral=cast(Any, LeftOut(SAID)), height_m=1.7)
    files = cast(Any, SimpleNamespace(motion="a_motion.npz"))
    told = recovered(files, options, no_bar, recover, lambda motion: None)
    assert given == [(None, None)] and told["notes"] == ["a note", SAID]
    stage = {"options": options.key("film", "recover"), "notes": told["notes"]}
    neutral = next(one for one in assumed({"recover": stage}) if one.what == "Standing upright")
    assert neutral.value == "none" and SAID in neutral.how
    assert Options(neutral=(1.0, 2.0)).neutral_left_out == Options().neutral_left_out == ""

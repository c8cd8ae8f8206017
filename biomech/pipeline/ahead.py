"""What later stages need and no stage makes, got ready beside an earlier one that leaves the interpreter idle.

Detection is LiteRT's, OpenCV's and FFmpeg's work; beside it the modules of the later stages are imported, their code is
hashed, and the body is loaded. A thread, since what it makes has to lie in this process.
"""

import functools
import importlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from biomech.collecting import put_off
from biomech.pipeline.figures import StageRecord
from biomech.pipeline.provenance import code_hash
from biomech.pipeline.stages import Stage

Work = Callable[[], object]


def with_ahead(stage: Stage, works: Sequence[Work]) -> Stage:
    """A stage beside which other work is done, as far as it comes.

    What fails is passed over: who needs it meets the error in its own place.

    Args:
        stage: any; where it is skipped nothing is done.
        works: one after the other; none is begun once the stage has ended, however it did.

    Returns:
        The same stage.
    """

    def work() -> StageRecord:
        ended = threading.Event()

        def get_ready() -> None:
            for one in works:
                if ended.is_set():
                    return
                with suppress(Exception), put_off():
                    one()

        # No daemon: an import that is cut off as the interpreter ends may take it down.
        thread = threading.Thread(target=get_ready, daemon=False)
        try:
            with suppress(RuntimeError):  # no room for another one: then nothing is done ahead
                thread.start()
            return stage.work()
        finally:
            ended.set()

    return replace(stage, work=work)


def for_film(later: Sequence[Stage]) -> list[Work]:
    """What the stages after detection need, in the order in which they do; tables and plots are beside the overlay.

    Args:
        later: stages.

    Returns:
        Imports, hashes of code (whose parts ``code_hash`` keeps), and the body.
    """
    modules = ["torch", "biomech.mesh.recover", "biomech.mesh.signatures", "biomech.mesh.expected"]
    modules += ["biomech.mesh.steady", "biomech.pipeline.solve", "biomech.scaling.by_body"]
    return [*_imports(modules), *_hashes(later), _body]


def _imports(modules: Sequence[str]) -> list[Work]:
    return [functools.partial(importlib.import_module, module) for module in modules]


def _hashes(stages: Sequence[Stage]) -> list[Work]:
    return [functools.partial(code_hash, *stage.code) for stage in stages]


def _body() -> None:
    from biomech.body.anny import AnnyBody
    from biomech.scaling.proportions import body_lengths

    AnnyBody.load([0])
    body_lengths()

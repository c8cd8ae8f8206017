"""Pickles of plain values and NumPy arrays, read without executing what they hold."""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from biomech.errors import BioposeError
from biomech.files import check_file

MOST_BYTES = 1_000_000
# What NumPy's own pickles name, under its old and its new module; arrays of objects hold only what is read here too.
_ARRAYS: dict[str, Any] = {"_reconstruct": np.zeros(0).__reduce__()[0], "scalar": np.float64(0).__reduce__()[0]}
_MODULES = {"numpy.core.multiarray", "numpy._core.multiarray"}


class ArraysOnly(pickle.Unpickler):
    """Knows arrays, their dtypes and Python's plain values; everything else that a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name.

        Raises:
            UnpicklingError: it names something else.
        """
        if module in _MODULES and name in _ARRAYS:
            return _ARRAYS[name]
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # bytes, in the protocols of Python 2
            return _encoded
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _encoded(text: str, codec: str = "latin1") -> bytes:
    if codec != "latin1":
        raise pickle.UnpicklingError(f"it holds bytes as {codec}")
    return text.encode("latin1")


def read_arrays_only(path: Path) -> Any:
    """What a small pickle holds, if it is made of plain values and arrays alone.

    Args:
        path: up to ``MOST_BYTES``.

    Returns:
        Dicts, lists, texts, numbers and arrays.

    Raises:
        BioposeError: it holds something else, is damaged or larger.
    """
    if check_file(path).stat().st_size > MOST_BYTES:
        raise BioposeError("too large for a camera's calibration", where=str(path), mend="Check the path.")
    try:
        return ArraysOnly(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # a damaged pickle may raise anything
        why = str(error) if isinstance(error, pickle.UnpicklingError) else "it is damaged"
        raise BioposeError(
            f"not a pickle of arrays alone ({why[:100]}); nothing of it was executed",
            where=str(path),
            mend="Give the cameraIntrinsicsExtrinsics.pickle that OpenCap wrote.",
        ) from error

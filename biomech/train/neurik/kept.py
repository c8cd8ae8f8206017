"""Tensors by name, as a training keeps them beside its weights (.safetensors)."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from safetensors.torch import load_file, save_file
from torch import Tensor

from biomech.errors import BioposeError, plainly
from biomech.files import check_file, whole_file

Kept = TypeVar("Kept")


def keep(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write them, whole or not at all.

    Args:
        path: of the .safetensors.
        tensors: by the name that ``kept`` gives them back under.
    """
    with whole_file(path) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)


def kept(path: Path, make: Callable[..., Kept], what: str) -> Kept:
    """Read them into what ``make`` makes of the named tensors.

    Args:
        path: that ``keep`` wrote.
        make: called with the tensors by name; what it raises counts as the file's fault.
        what: the noun, for the message.

    Returns:
        What ``make`` gives.

    Raises:
        BioposeError: the file cannot be read, or holds something else than ``what``.
    """
    check_file(path)
    try:
        return make(**load_file(path))
    except Exception as error:  # safetensors has an error type of its own for each fault
        raise BioposeError(f"not {what} ({plainly(error)})", where=str(path)) from error

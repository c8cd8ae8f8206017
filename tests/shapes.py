"""Shapes and dtypes in annotations, held to while tests run: jaxtyping's import hook asks here how to check a function.

Only annotations that name a shape are checked. The others are mypy's, which needs no run and knows protocols; here they
would forbid tests their stand-ins.

    pytest --jaxtyping-packages=biomech,shapes.checked tests/skeleton
"""

import inspect
from typing import Any, TypeVar, get_args

from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray

Function = TypeVar("Function")
# As type checkers have it, an int will do where a float is asked for.
_CHECKED = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Function) -> Function:
    """The function, which now raises where an array is not of the shape that its annotation says."""
    shaped = {name: hint for name, hint in inspect.get_annotations(function).items() if has_shape(hint)}
    if not shaped:
        return function
    function.__annotations__ = shaped
    return _CHECKED(function)


def has_shape(hint: Any) -> bool:
    """Whether an annotation names an array's shape anywhere in it."""
    return (inspect.isclass(hint) and issubclass(hint, AbstractArray)) or any(map(has_shape, get_args(hint)))

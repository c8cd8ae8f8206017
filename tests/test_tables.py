"""Numbers in rows: gaps stay gaps, and a cell that is no number is named."""

from pathlib import Path

import numpy as np
import pytest

from biomech.errors import BioposeError
from biomech.tables import MOST_COLUMNS, read_numbers, repeated


def test_gaps_and_short_rows() -> None:
    found = read_numbers(["1\t2\t3", "4\t\t6", "7\tnan"], 3, "\t", where=Path("a"), first_line=1)
    np.testing.assert_array_equal(found, [[1, 2, 3], [4, np.nan, 6], [7, np.nan, np.nan]])


@pytest.mark.parametrize(
    ("cell", "mend"),
    [("abc", "Correct or remove"), ("1,78", "decimal points"), ("0.p1", "Correct"), ("\x00", "Correct")],
)
def test_the_cell_is_named(cell: str, mend: str) -> None:
    with pytest.raises(BioposeError, match="on line 8 stands") as caught:
        read_numbers(["1\t2", f"3\t{cell}"], 2, "\t", where=Path("a"), first_line=7)
    assert mend in str(caught.value)


def test_too_many_columns_and_names_that_come_twice() -> None:
    with pytest.raises(BioposeError, match="columns"):
        read_numbers(["1"], MOST_COLUMNS + 1, "\t", where=Path("a"), first_line=1)
    assert repeated(["b", "a", "b", "a", "c", "b"]) == ["a", "b"] and repeated(["a"]) == []

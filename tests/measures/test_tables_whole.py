"""The tables of a motion are written all or none."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from biomech.errors import BioposeError
from biomech.measures.written import tables_beside, write_tables


def test_all_or_none(tmp_path: Path) -> None:
    def fails() -> pd.DataFrame:
        raise OSError("no room")

    whole = pd.DataFrame({"a": [1]})
    tables: dict[str, Any] = {"events_table": lambda: whole, "measures_table": fails, "course_table": lambda: whole}
    files = tables_beside(tmp_path, "walk")
    with pytest.raises(BioposeError, match="no room"):
        write_tables(cast(Any, SimpleNamespace(**tables)), files)
    assert list(tmp_path.iterdir()) == []
    assert write_tables(cast(Any, SimpleNamespace(**tables | {"measures_table": lambda: whole})), files)
    assert len(list(tmp_path.iterdir())) == 3

"""The hash of code and data: what changes it, and what does not."""

import ast
import sys
from pathlib import Path

import pytest

from biomech.pipeline import provenance
from biomech.pipeline.provenance import code_hash, library_versions


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in the place of ours: ``stage`` imports ``helper`` late, ``other`` is nobody's."""
    for name, text in {
        "__init__.py": "",
        "stage.py": "def work():\n    from biomech.room import helper\n    return helper.CONSTANT\n",
        "other.py": "A = 1\n",
        "room/__init__.py": "",
        "room/helper.py": "CONSTANT = 1\n",
        "room/weights.safetensors": "12",
        "room/README.md": "about",
    }.items():
        path = tmp_path / "biomech" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(provenance, "_root", lambda: tmp_path / "biomech")
    return tmp_path / "biomech"


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("stage.py", True),
        ("room/helper.py", True),
        ("room/weights.safetensors", True),
        ("room/__init__.py", True),
        ("other.py", False),
        ("room/README.md", False),
    ],
)
def test_what_counts(package: Path, file: str, counts: bool) -> None:
    before = code_hash("biomech.stage")
    assert code_hash("biomech.stage") == before
    (package / file).write_text("CONSTANT = 345678\n")
    assert (code_hash("biomech.stage") != before) == counts


def test_a_file_alone_counts_without_what_it_imports(package: Path) -> None:
    before = code_hash("biomech.other", package / "stage.py")
    (package / "room" / "helper.py").write_text("CONSTANT = 2222\n")
    assert code_hash("biomech.other", package / "stage.py") == before
    (package / "stage.py").write_text("def work():\n    return 0\n")
    assert code_hash("biomech.other", package / "stage.py") != before


def test_imports_by_their_lines_are_those_of_the_parser() -> None:
    for path in provenance._root().rglob("*.py"):
        text, parsed = path.read_text(encoding="utf-8"), set[str]()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                parsed |= {alias.name for alias in node.names if alias.name.split(".")[0] == "biomech"}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "biomech":
                parsed |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
        assert set(provenance._named(text)) == parsed, path


def test_the_stages_reach_their_networks() -> None:
    def names(module: str) -> set[str]:
        return {path.name for path in provenance._reached((module,))}

    recover, solve = names("biomech.mesh.recoverers"), names("biomech.pipeline.solve")
    assert {"lifter.safetensors", "anny.safetensors", "biopose_full_body.osim", "habit.safetensors"} <= recover
    assert {"neurik.safetensors", "neurik.json", "virtual_markers.csv", "tracked.py"} <= solve
    assert "main.py" not in recover | solve, "a command is no reason to run again"
    assert library_versions()["numpy"] and sys.modules["biomech"]

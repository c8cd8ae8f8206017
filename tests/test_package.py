"""The package as it is declared: every room is installed, with the files that it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from biomech.cli.doctor import NEEDED

tomllib = pytest.importorskip("tomllib")  # Python 3.10 has none

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def test_every_package_is_declared(project: dict) -> None:
    setuptools = project["tool"]["setuptools"]
    elsewhere = {folder: name for name, folder in setuptools["package-dir"].items()}
    found = set()
    for top in ("biomech", *elsewhere):
        for init in (CHECKOUT / top).rglob("__init__.py"):
            folder = init.parent.relative_to(CHECKOUT)
            found.add(".".join([elsewhere.get(top, top), *folder.parts[1:]]))
    assert found == set(setuptools["packages"])


def test_every_folder_of_code_is_a_package() -> None:
    """A folder without __init__.py would import from the checkout and be missing from the installed package."""
    for top in ("biomech", "cli", "osim_models"):
        for file in (CHECKOUT / top).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), f"{file.parent} lacks __init__.py"


def test_every_data_file_is_declared(project: dict) -> None:
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    for top in ("biomech", "cli", "osim_models"):
        for file in (CHECKOUT / top).rglob("*"):
            if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith("."):
                assert any(file.match(pattern) for pattern in patterns), f"{file} would not be installed"


def test_nothing_lands_at_the_top(project: dict) -> None:
    assert all(name.split(".")[0] == "biomech" for name in project["tool"]["setuptools"]["packages"])
    assert project["project"]["scripts"] == {"biopose": "biomech.cli.main:main"}


def test_the_doctor_looks_for_every_dependency(project: dict) -> None:
    always = [line for line in project["project"]["dependencies"] if ";" not in line]
    dependencies = [re.split(r"[^\w-]", line)[0] for line in always]
    assert sorted(dependencies) == sorted(NEEDED)


def test_what_an_import_waits_for() -> None:
    """Torch, OpenSim and VTK are slow to load and large: each only where it is needed."""
    loaded = "print(*(name for name in ('torch', 'opensim', 'pyvista', 'matplotlib', 'cv2') if name in sys.modules))"
    for modules, allowed in (
        ("biomech.pipeline.run", set()),
        ("biomech.pipeline.from_video, biomech.pipeline.solvers, biomech.pipeline.finish", {"cv2"}),
        ("biomech.pipeline.from_markers, biomech.pipeline.from_video", {"torch", "opensim", "cv2"}),
    ):
        command = [sys.executable, "-c", f"import sys; import {modules}; {loaded}"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert set(found) <= allowed, f"{modules} loads {found}"

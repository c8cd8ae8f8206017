"""Lays the repository's own pages into the site, at the places that they have in the repository: links hold in both."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "NOTICE", "CITATION.cff", "osim_models/README.md")
FOLDERS = {
    "docs": ("*.md", "experiments/*.md", "*.png"),
    "tutorials": ("*.md", "*.png"),
    "biomech/markers": ("*.csv", "marker_maps/*.csv"),
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them to what lies beside this file."""
    found = [ROOT / page for page in PAGES]
    for folder, patterns in FOLDERS.items():
        found += [path for pattern in patterns for path in sorted((ROOT / folder).glob(pattern))]
    for path in found:
        place = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files

"""Scripts that make the packaged files: ``python -m biomech.build.NAME``."""

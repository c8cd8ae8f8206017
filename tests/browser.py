"""A page as a real browser has it; tests that need one are skipped where there is none."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser here")


def drawn_by_browser(page: Path, size: str = "1366,768") -> str:
    """The page as a browser has it after some seconds."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000", f"--window-size={size}"]
    command = ["chromium", *flags, "--dump-dom", f"--user-data-dir={page.parent / 'profile'}", str(page)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout

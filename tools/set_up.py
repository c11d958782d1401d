"""Make the virtual environment that the lock describes; needs nothing but Python >= 3.11."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path


def main(folder: str, lock: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - older ones run this file too, and deserve the sentence
        sys.exit("Antiphon needs Python 3.11 or newer; run make with PYTHON=/path/to/python3.11")
    environment = Path(folder)
    python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not _works(str(python), "-m", "pip"):
        venv.create(environment, with_pip=True, clear=environment.exists())
    uv = shutil.which("uv")
    if uv is None or not _works(uv):
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "uv"], check=True)
        uv = str(python.with_name("uv"))
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--require-hashes", "-r", lock], check=True)
    # The build back end is in the lock too; an isolated build would fetch another, unpinned one.
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", "."], check=True)


def _works(*command: str) -> bool:
    """Whether a program can be run: an environment from before, or a uv that is more than a name on the path."""
    try:
        return subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Peak memory of this process alone."""

from __future__ import annotations

from pathlib import Path


def peak_mb():
    """Largest resident size since this program began; what ``getrusage`` says includes the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

"""Compiled code is kept between runs, and its absence is never an error."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from antiphon.kernels._compile import cache_folder, kernel

@kernel
def half(x):
    return x / 2

@kernel
def half_of_sum(values):
    total = 0.0
    for value in values:
        total += half(value)
    return total

import numpy as np
print(half_of_sum(np.arange(4.0)), half_of_sum(np.array([1, 0]) / np.array([1, 1])), cache_folder() is not None)
"""


@pytest.fixture
def run(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def with_environment(**variables):
        home = {
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "LOCALAPPDATA": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
        }
        clean = {
            name: value for name, value in os.environ.items() if name not in ("ANTIPHON_CACHE", "NUMBA_DISABLE_JIT")
        }
        done = subprocess.run([sys.executable, script], env=clean | home | variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[0], "preparing, once" in done.stderr

    return with_environment


def test_the_first_run_prepares_and_the_second_does_not(run):
    assert run() == ("3.0 0.5 True", True)
    assert run() == ("3.0 0.5 True", False)


@pytest.mark.parametrize(
    ("variables", "prepares"),
    [
        ({"ANTIPHON_CACHE": "off"}, True),
        ({"XDG_CACHE_HOME": os.devnull, "HOME": os.devnull, "LOCALAPPDATA": os.devnull}, True),
        ({"ANTIPHON_CACHE": "off", "NUMBA_DISABLE_JIT": "1"}, False),
    ],
    ids=["switched off", "unwritable", "not compiled"],
)
def test_without_a_cache_everything_works(run, variables, prepares):
    assert run(**variables) == ("3.0 0.5 False", prepares)

"""What the machine allows: ``floor.c``, built for the case at hand where the machine has a C compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC"]
LANES = 8


def aligned(shape):
    """Zeros that begin on a cache line."""
    size = int(np.prod(shape))
    space = np.zeros(size + LANES)
    first = -space.ctypes.data % 64 // 8
    return space[first : first + size].reshape(shape)


def build(n_kinds):
    """The compiled loop, or None without a C compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "floor.so"
        source = Path(__file__).with_name("floor.c")
        width = f"-DLANES={-(-n_kinds // LANES)}"
        subprocess.run([compiler, *FLAGS, width, "-o", str(library), str(source), "-lm"], check=True)
        function = ctypes.CDLL(str(library)).likelihood
    pointer = ctypes.c_void_p
    function.restype = ctypes.c_double
    function.argtypes = [ctypes.c_long, pointer, pointer, ctypes.c_double, *[pointer] * 4]
    return function


def make_floor(case, threads):
    """A call of the compiled loop; two threads take half of the events each, from an empty past."""
    n_kinds = case["mu"].size
    function = build(n_kinds)
    if function is None:
        return None
    alpha = aligned((n_kinds, -(-n_kinds // LANES) * LANES))
    alpha[:, :n_kinds] = case["alpha"]
    mu, decay = case["mu"], float(case["decay"])
    parts = list(zip(np.array_split(case["time"], threads), np.array_split(case["mark"], threads), strict=True))

    def run(part):
        times, kinds = part
        by_mu, by_alpha = np.zeros(n_kinds), aligned(alpha.shape)
        arrays = [array.ctypes.data for array in (mu, alpha, by_mu, by_alpha)]
        return function(times.size, times.ctypes.data, kinds.ctypes.data, decay, *arrays)

    def in_threads():
        with ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(run, parts))

    return (lambda: run(parts[0])) if threads == 1 else in_threads

"""The one decorator of compiled loops, and where compiled code is kept between runs."""

import hashlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import config
from numba.core.compiler_lock import global_compiler_lock

LOGGER = logging.getLogger("antiphon.kernels")
"""Says "preparing, once" when a kernel is compiled for the first time on this machine."""

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a loop when it is first called, and keep the result for later runs.

    Division by zero follows NumPy, arithmetic keeps its order (no fast-math), and the interpreter lock is released, so
    that threads can work on several components at once. `NUMBA_DISABLE_JIT=1` leaves the plain Python function.

    Parameters
    ----------
    function
        Arrays and scalars in, arrays and scalars out; nothing is checked or defaulted inside.

    Returns
    -------
    Function
        The same function, compiled per combination of argument types.
    """
    compiled: Any = numba.njit(nogil=True, error_model="numpy", fastmath=False)(function)
    if compiled is not function:
        _keep(compiled, cache_folder())
    return compiled


@cache
def cache_folder() -> Path | None:
    """Folder for compiled code, or None where it is switched off or cannot be written.

    The folder is named after everything that compiled code depends on. Numba's own cache looks at the file of a kernel
    alone and misses a change in another kernel that it calls, so all files of this package enter the name.
    """
    if os.environ.get("ANTIPHON_CACHE", "").lower() == "off":
        return None
    try:
        folder = _user_cache() / "antiphon" / f"kernels-{_fingerprint()}"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):
        return None
    return folder


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    cpu = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten())
    digest.update(repr((sys.version, numba.__version__, llvmlite.__version__, np.__version__, cpu)).encode())
    return digest.hexdigest()[:20]


def _keep(compiled: Any, folder: Path | None) -> None:
    """Attach the cache, and let one process compile while the others wait for its result."""
    if folder is not None:
        # Numba reads the folder when the cache is attached; restored at once, other libraries keep their own.
        previous = config.CACHE_DIR  # pyright: ignore[reportAttributeAccessIssue]
        config.CACHE_DIR = str(folder)  # pyright: ignore[reportAttributeAccessIssue]
        try:
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = previous  # pyright: ignore[reportAttributeAccessIssue]
    name = compiled.py_func.__qualname__
    compile_now = compiled.compile

    def compile_in_turn(signature: Any) -> Any:
        # Numba's own lock comes first: kernels compile the kernels that they call, from any thread, in one order.
        with global_compiler_lock, _turn(folder):
            if folder is None or not any(folder.rglob(f"*.{name}-*.nbi")):
                LOGGER.info("preparing, once")
            return compile_now(signature)

    compiled.compile = compile_in_turn


_depth = 0
"""How many compilations of this process are nested; guarded by numba's compiler lock."""


@contextmanager
def _turn(folder: Path | None) -> Iterator[None]:
    """Hold the folder's lock file; it frees itself when a process ends, however it ends."""
    global _depth  # noqa: PLW0603 - one lock per process, whichever kernel asks first
    if folder is None or _depth:
        yield
        return
    with (folder / "lock").open("a+b") as handle:
        _lock(handle.fileno())
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError:  # the system gives up after ten seconds; a first compilation may take longer
                continue
            return

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

"""A progress bar on standard error for whatever takes longer than two seconds."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 2.0


class Progress:
    """Shows the step at work and how many remain, once two seconds have passed and a person is watching.

    Used as a context manager. While kernels are compiled for the first time it says "preparing, once".
    """

    def __init__(self, n_steps: int, *, quiet: bool) -> None:
        self._n_steps = n_steps
        self._watched = not quiet and sys.stderr.isatty()
        self._words = ""
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        self._done = 0
        self._bar: Any = None
        self._task: Any = None
        self._preparing = _Preparing(self)
        self._ended = False

    def __enter__(self) -> Self:
        logger = logging.getLogger("antiphon.kernels")
        logger.addHandler(self._preparing)
        logger.setLevel(logging.INFO)
        if self._watched:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("antiphon.kernels").removeHandler(self._preparing)
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()

    def step(self, words: str) -> None:
        """Begin the next step."""
        with self._lock:
            self._done += bool(self._words)
            self._words = words
            self._update()

    def say_preparing(self) -> None:
        """Say that this step is slow this one time because kernels are being compiled."""
        with self._lock:
            if "preparing" not in self._words:
                self._words = f"{self._words} (preparing, once)"
                self._update()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._ended:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._words, total=self._n_steps, completed=self._done)
            self._bar.start()

    def _update(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=self._words, completed=self._done)


class _Preparing(logging.Handler):
    """Passes the kernels' message on to the bar."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - the signature is logging's
        self._progress.say_preparing()

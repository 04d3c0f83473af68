"""progress=: a bar, or a function of the caller's.  It is called where the transfer is awaited or blocked on."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable
    from typing import Any

    from ._weft import Progress, Report, Transfer

_PERIOD = 0.1


def _reporter(report: Report) -> tuple[Callable[[Progress], object], Callable[[], object]]:
    """(show(progress), end()) for progress=True or a callable."""
    if report is True:
        from ._bar import bar

        return bar()
    assert callable(report)  # the call that it was given to has looked
    return report, _nothing


def _nothing() -> None:
    pass


class _Once:
    """Shows what is new, and the last word once."""

    def __init__(self, report: Report, transfer: Transfer[Any]) -> None:
        self._transfer = transfer
        self._show, self._end = _reporter(report)
        self._done = -1

    def tick(self) -> None:
        progress = self._transfer.progress()
        if progress.done != self._done:
            self._done = progress.done
            self._show(progress)

    def end(self) -> None:
        try:
            self.tick()
        finally:
            self._end()


def block(transfer: Transfer[Any], report: Report, timeout: float) -> None:
    """Waits for a transfer, so many seconds at most, and reports meanwhile; the last word in any case."""
    until = time.monotonic() + timeout
    shown = _Once(report, transfer)
    try:
        while not transfer.wait(max(0.0, min(_PERIOD, until - time.monotonic()))):
            shown.tick()
            if time.monotonic() >= until:
                break
    finally:
        shown.end()


def follow(transfer: Transfer[Any], report: Report, loop: AbstractEventLoop) -> None:
    """Reports on a transfer that an event loop awaits."""
    shown = _Once(report, transfer)
    timer: TimerHandle

    def tick() -> None:
        nonlocal timer
        shown.tick()
        timer = loop.call_later(_PERIOD, tick)

    def end(_transfer: Transfer[Any]) -> None:
        timer.cancel()
        shown.end()

    timer = loop.call_later(_PERIOD, tick)
    transfer.add_done_callback(end)

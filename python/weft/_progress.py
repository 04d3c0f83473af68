"""progress=: a bar, or a function of the caller's.  It is called where the transfer is awaited or blocked on."""

from __future__ import annotations

import time

_PERIOD = 0.1


def _reporter(report, transfer):
    """(show(progress), end()) for progress=True or a callable."""
    if report is True:
        from ._bar import bar

        return bar(transfer)
    if not callable(report):
        raise TypeError("progress is True or a callable that takes a weft.Progress")
    return report, lambda: None


class _Once:
    """Shows what is new, and the last word once."""

    def __init__(self, report, transfer):
        self._transfer = transfer
        self._show, self._end = _reporter(report, transfer)
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


def block(transfer, report, timeout) -> None:
    """Waits for a transfer and reports meanwhile."""
    if not report:
        transfer.wait(float("inf") if timeout is None else timeout)
        return
    until = None if timeout is None else time.monotonic() + timeout
    shown = _Once(report, transfer)
    try:
        while not transfer.wait(_PERIOD if until is None else max(0.0, min(_PERIOD, until - time.monotonic()))):
            shown.tick()
            if until is not None and time.monotonic() >= until:
                break
    finally:
        shown.end()


def follow(transfer, report, loop) -> None:
    """Reports on a transfer that an event loop awaits."""
    if not report:
        return
    shown = _Once(report, transfer)
    timer = None

    def tick() -> None:
        nonlocal timer
        shown.tick()
        timer = loop.call_later(_PERIOD, tick)

    def end(_transfer) -> None:
        timer.cancel()
        shown.end()

    timer = loop.call_later(_PERIOD, tick)
    transfer.add_done_callback(end)

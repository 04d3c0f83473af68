"""A progress bar: tqdm's where that is importable (it knows notebooks), else our own. On a terminal, or in a notebook."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

    from ._weft import Progress

    Bar = tuple[Callable[[Progress], None], Callable[[], None]]

_CELLS = 24


def bar() -> Bar:
    """(show(progress), end())."""
    stream = sys.stderr  # None under pythonw
    terminal = stream is not None and stream.isatty()
    if stream is None or (not terminal and not _in_notebook()):
        return (lambda progress: None), (lambda: None)
    try:
        from tqdm.auto import tqdm
    except ImportError:
        # A notebook's stderr takes \r as a terminal does; the code that clears a line it may show.
        return _own(stream, "\r\x1b[K" if terminal else "\r")
    shown: Any = None

    def show(progress: Progress) -> None:
        nonlocal shown
        if shown is None:
            shown = tqdm(total=progress.total, unit="B", unit_scale=True, unit_divisor=1024)
        shown.total = progress.total
        shown.update(progress.done - shown.n)

    def end() -> None:
        if shown is not None:
            shown.close()

    return _of_known(show), end


def _of_known(show: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Shows nothing of what has no byte, or failed before it was known how many it has."""
    return lambda progress: show(progress) if progress.total else None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def line(progress: Progress) -> str:
    """What our own bar shows."""
    share = progress.done / progress.total
    filled = round(share * _CELLS)
    text = f"{share:4.0%} ▕{'█' * filled}{' ' * (_CELLS - filled)}▏ {_bytes(progress.done)} / {_bytes(progress.total)}"
    if progress.bytes_per_second > 0:
        text += f"  {progress.bytes_per_second / 1e9:.2f} GB/s"
    if progress.eta is not None and progress.done < progress.total:
        text += f"  {progress.eta:.0f} s"
    return text


def _own(stream: TextIO, home: str) -> Bar:
    drawn = 0

    def show(progress: Progress) -> None:
        nonlocal drawn
        text = line(progress)
        stream.write(home + text.ljust(drawn))
        stream.flush()
        drawn = max(drawn, len(text))

    def end() -> None:
        if drawn:
            stream.write("\n")
            stream.flush()

    return _of_known(show), end

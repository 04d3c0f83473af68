"""What is received, handed to a callback."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import weft

from ._tensors import ReceivedTensor


def running_loop() -> asyncio.AbstractEventLoop | None:
    """This thread's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Deliveries:
    """A task of an event loop that hands each tensor a node receives to a callback, until end(), or the node's end."""

    def __init__(self, node: weft.Node, callback: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._waiting = False  # for a tensor, and not for what the callback does with one
        self._in_loop(self._begin, node, callback)

    def end(self) -> None:
        """From any thread; in the loop's own at once.  What comes afterwards stays with the node."""
        self._ended = True
        self._in_loop(self._cancel)

    def _in_loop(self, call: Any, *arguments: Any) -> None:
        if running_loop() is self._loop:
            call(*arguments)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _begin(self, node: weft.Node, callback: Any) -> None:
        if not self._ended:
            self._task = self._loop.create_task(self._run(node, callback))

    def _cancel(self) -> None:
        if self._task is not None and self._waiting:
            self._task.cancel()

    async def _run(self, node: weft.Node, callback: Any) -> None:
        pushes = node.pushes()
        while not self._ended:
            self._waiting = True
            try:
                tensor = await anext(pushes, None)
            finally:
                self._waiting = False
            if tensor is None:
                return
            await self._hand_over(ReceivedTensor(tensor), callback)
            del tensor  # its memory is not kept until the next one comes

    async def _hand_over(self, received: ReceivedTensor, callback: Any) -> None:
        try:
            answer = callback.on_tensor_received(received.peer_id, received.name, received)
            if inspect.isawaitable(answer):
                await answer
        except Exception as error:  # the next tensor is none the worse for it
            told = {"message": "Exception in on_tensor_received", "exception": error}
            self._loop.call_exception_handler(told)

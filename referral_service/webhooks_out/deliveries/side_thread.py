"""One thread that makes calls for an event loop, one after the other, in the order in which they were asked for.

It is no executor of `concurrent.futures`: those take no more work, and are waited for, as soon as the interpreter
begins to end, which is when a courier inside a web server still has to write down how its last attempts ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

Result = TypeVar("Result")
_Call: TypeAlias = tuple[Callable[[], Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]


class SideThread:
    """Runs from `with` to the end of the block; what was asked for by then is still done."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = Thread(target=self._make_calls, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.put(None)
        self._thread.join()

    async def call(self, function: Callable[[], Result]) -> Result:
        """Return what the function returns; raises what it raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._calls.put((function, loop, answer))
        return await answer

    def _make_calls(self) -> None:
        while (asked := self._calls.get()) is not None:
            function, loop, answer = asked
            try:
                result = function()
            # Whatever it is, it belongs to who asked; this thread has the next call to make.
            except BaseException as error:  # noqa: BLE001
                loop.call_soon_threadsafe(_tell, answer, None, error)
            else:
                loop.call_soon_threadsafe(_tell, answer, result, None)


def _tell(answer: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if answer.done():  # Who asked was cancelled, and waits no longer.
        return
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)

"""Coroutines beside Playwright's synchronous API, which owns the loop of the main thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def apart(use: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine in a thread of its own: this one belongs to Playwright's synchronous API."""
    results: list[T] = []
    errors: list[BaseException] = []

    async def body() -> T:
        return await use()

    def run() -> None:
        try:
            results.append(asyncio.run(body()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]

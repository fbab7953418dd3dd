"""A server on loopback for the simulators: real sockets, and connections that can be cut."""

from __future__ import annotations

import asyncio

from aiohttp import web


class LoopbackServer:
    """Serves `handle` on a free port. `down`: connections are accepted and reset, as a dead network looks from outside.

    `silent`: streams stay open without a byte, as a frozen network looks; what was to be sent goes out when it thaws.
    """

    def __init__(self) -> None:
        self.down = False
        self.silent = False
        self.port = 0
        self._streams: set[asyncio.Task[object]] = set()
        self._runner: web.AppRunner | None = None

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._entry)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Break every open stream."""
        for task in list(self._streams):
            task.cancel()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def streaming(self) -> None:
        """Note that the running handler is a stream, so that `cut` reaches it."""
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)

    async def spoken(self) -> None:
        """Return when a stream may speak."""
        while self.silent:
            await asyncio.sleep(0.005)

    async def _entry(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        try:
            return await self.handle(request)
        except ConnectionResetError:
            return web.Response()  # the other side is gone
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
            raise

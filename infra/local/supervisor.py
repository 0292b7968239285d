"""Starts the parts of the stack in order, and stops them."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket

from chalicelib.adapters.embedded.database import DatabaseUnusable
from chalicelib.settings import SettingsError
from infra.local import backends, exposure, logs, tuning
from infra.local.backends import Backend
from infra.local.crew import ThreadCrew
from infra.local.front import Front
from infra.local.gateway import Gateway
from infra.local.large_uploads import LargeUploads
from infra.local.product import Product
from infra.local.proxies import Proxies
from infra.local.server import Server, listener, url
from infra.local.settings import CannotStart, Settings
from infra.local.sockets import Sockets
from infra.local.sweeper import Sweeper
from infra.local.threads import Threads

_logger = logging.getLogger(__name__)

_HANDLER_THREADS = 16
_FIRST_SWEEP_SECONDS = 2.0
_CLOSE_SECONDS = 1.5


async def supervise(settings: Settings) -> None:
    """Run the stack until SIGTERM or SIGINT; ``CannotStart``."""
    _allow_many_sockets()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    family = backends.embedded if settings.backend == "embedded" else backends.moto
    with contextlib.closing(listener(settings.host, settings.port)) as bound:
        warnings = exposure.warnings(bound.getsockname()[0], os.environ)
        async with family(settings) as backend:
            product = Product.load(settings.app, settings.container)
            logs.configure(settings.log_level)  # again: the product has done so for itself
            for warning in warnings:
                _logger.warning(warning)
            try:
                backend.recover(product)
                product.container.executions()  # so that the first run does not wait for it
                await _serve(settings, product, backend, bound, stop)
            except (DatabaseUnusable, SettingsError) as error:
                raise CannotStart(str(error)) from error
            finally:
                product.container.close()


async def _serve(
    settings: Settings,
    product: Product,
    backend: Backend,
    bound: socket.socket,
    stop: asyncio.Event,
) -> None:
    address = url(settings.host, bound)
    # Apart, so that sockets whose functions wait do not keep requests waiting.
    requests, messages = Threads("http", _HANDLER_THREADS), Threads("ws", _HANDLER_THREADS)
    sockets = Sockets(product, messages, address.partition("://")[2])
    gateway = Gateway(product.app, product.unknown_path)
    uploads = LargeUploads(
        gateway, requests, lambda token: product.container.uploads().limit(token), settings.data_dir
    )
    front = Front(gateway, requests, sockets, product.cors_headers, uploads)
    server = Server(Proxies(front, settings.trusted_proxies), bound)
    sweeper = Sweeper(product.sweep, settings.sweep_seconds)
    await sweeper.first(_FIRST_SWEEP_SECONDS)  # while nobody works
    await backend.begin(product, sockets)
    crews = _crews(product, backend.idle_pause)
    try:
        await server.begin()
        tuning.keep_what_is_loaded()
        print(f"ready {address}", flush=True)
        await stop.wait()
        _logger.info("stopping")
    finally:
        sweeper.stop()
        stopping = (crew.stop() for crew in crews)
        await asyncio.gather(_close(sockets, server), backend.stop(), *stopping)
        requests.close()
        messages.close()


def _crews(product: Product, idle_pause: float) -> list[ThreadCrew]:
    """What is done in threads of this process: what no node pack's code comes near."""
    container = product.container
    functions = [
        ("dead_letter", container.dead_letters(), product.dead_letter),
        ("import_library", container.import_queue(), product.import_library),
        ("dead_import", container.dead_imports(), product.dead_import),
    ]
    return [
        ThreadCrew(1, queue, function, name, idle_pause=idle_pause)
        for name, queue, function in functions
    ]


def _allow_many_sockets() -> None:
    """The soft limit is often 1024 open files, for programs that use select()."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _close(sockets: Sockets, server: Server) -> None:
    await sockets.stop(_CLOSE_SECONDS)
    await server.stop()

"""Join a Ray cluster, or start one on this machine, and leave it as it was found."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import socket
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import UsageError
from grader.files import WRITTEN, reporting_os_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT_SECONDS = 5.0  # for an address to answer; Ray itself tries for minutes


def load_ray() -> Any:
    """Return the package. Raises UsageError where it is not installed."""
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UsageError("--engine ray needs Ray: install the extra [ray]") from error


@contextlib.contextmanager
def joined(ray: Any, address: str | None) -> Iterator[None]:
    """Join the cluster at `address`, else the one that runs here, else one that is started and ends with the context."""
    if ray.is_initialized():  # the caller has joined one, and will leave it
        yield
        return
    named = address or os.environ.get("RAY_ADDRESS") or "auto"
    if named not in ("auto", "local"):
        _knock(named)
    try:
        try:
            _init(ray, named)
        except ConnectionError:
            if address or named != "auto":
                raise
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            _init(ray, "local")
    except (OSError, RuntimeError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UsageError(f"the Ray cluster {named} cannot be joined: {reason}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _init(ray: Any, address: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Ray, about itself
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)


def _knock(address: str) -> None:
    """Raise UsageError where nobody answers at `address`: Ray would try for minutes, and end this process."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise UsageError(
            f"--ray-address {address} is not HOST:PORT of a cluster's head, such as 10.0.0.1:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"no Ray cluster answers at {address}: {reason}") from error


@contextlib.contextmanager
def shared_folder(shared: Path | None) -> Iterator[Path | None]:
    """Yield a folder of this batch in `shared`, for its user only, which ends with the context."""
    if shared is None:
        yield None
        return
    with reporting_os_errors(WRITTEN, f"--shared {shared}"):
        folder = tempfile.TemporaryDirectory(
            prefix="grader-ray-", dir=shared.resolve(), ignore_cleanup_errors=True
        )
    with folder as name:
        yield Path(name)

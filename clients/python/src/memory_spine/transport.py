"""Calls over HTTP: one kept connection per thread, time limits, and repeats where a repeat is safe."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import threading
import time
import uuid
import weakref
from typing import Any, Mapping, Optional
from urllib.parse import quote, urlencode, urlsplit

from .errors import SpineError, from_problem

DEFAULT_ENDPOINT = "http://127.0.0.1:8788"

#: Failures of the way, not of the call: the same again may pass.
_PASSING = {"UNREACHABLE", "OVERLOADED", "REQUEST_TIMEOUT", "SHUTTING_DOWN", "STORAGE_FAILED", "STORE_UNAVAILABLE"}
_RETRIES = 3


class Transport:
    """Speaks to one server. Threads may share it."""

    def __init__(
        self,
        endpoint: Optional[str] = None,
        api_key: Optional[str] = None,
        namespace: Optional[str] = None,
        timeout: float = 30.0,
    ) -> None:
        self.endpoint = (endpoint or os.environ.get("SPINE_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
        parts = urlsplit(self.endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SpineError("INVALID_INPUT", f"endpoint {self.endpoint!r} is not an http or https address.")
        self._https = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._base = parts.path
        self._timeout = timeout
        self._local = threading.local()
        self._open: "weakref.WeakSet[http.client.HTTPConnection]" = weakref.WeakSet()
        self._ended = False
        self._options = (endpoint, api_key, namespace, timeout)
        self._headers = {"accept": "application/json"}
        key = api_key or os.environ.get("SPINE_API_KEY")
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        if namespace:
            self._headers["spine-namespace"] = namespace

    def call(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        *,
        query: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, str]] = None,
        creates: bool = False,
        repeatable: bool = False,
        held: float = 0.0,
    ) -> Any:
        """Makes one call and returns its answer. ``held`` is how long the server may hold it on purpose, in seconds."""
        sent = {**self._headers, **(headers or {})}
        if creates:
            # Made before the first try, so that a repeat finds what the first one did.
            sent.setdefault("idempotency-key", str(uuid.uuid4()))
        data = None
        if method not in ("GET", "DELETE"):
            data = json.dumps(dict(body or {}), ensure_ascii=False, separators=(",", ":")).encode()
            sent["content-type"] = "application/json"
        if query:
            path = f"{path}?{urlencode(given(query))}"
        safe = creates or repeatable or method in ("GET", "PUT", "DELETE")
        deadline = time.monotonic() + self._timeout + held
        for tries in range(1, _RETRIES + 2):
            try:
                return self._exchange(method, path, data, sent, max(0.1, deadline - time.monotonic()))
            except SpineError as error:
                pause = _pause(error, tries)
                if error.code not in _PASSING or not safe or tries > _RETRIES or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
        raise AssertionError("unreachable")

    def another(self) -> "Transport":
        """To the same server, with connections of its own."""
        return Transport(*self._options)

    def end(self) -> None:
        """Ends what any thread waits for here, and refuses what comes later."""
        self._ended = True
        for connection in list(self._open):
            if connection.sock is not None:
                try:
                    connection.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # It has ended by itself.

    def close(self) -> None:
        """Closes this thread's connection; those of other threads close with their threads."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _exchange(self, method: str, path: str, data: Optional[bytes], headers: Mapping[str, str], limit: float) -> Any:
        connection = getattr(self._local, "connection", None)
        fresh = connection is None
        if connection is None:
            kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
            connection = self._local.connection = kind(self._host, self._port, timeout=limit)
            self._open.add(connection)
        connection.timeout = limit
        if connection.sock is not None:
            connection.sock.settimeout(limit)
        try:
            if connection.sock is None:
                connection.connect()
            if self._ended:
                raise ConnectionAbortedError("this client was closed")
            connection.request(method, self._base + path, body=data, headers=dict(headers))
            response = connection.getresponse()
            raw = response.read()
        except TimeoutError as cause:
            self.close()
            raise SpineError("CALL_TIMEOUT", f"{self.endpoint} did not answer in time.", retryable=True) from cause
        except (OSError, http.client.HTTPException) as cause:
            self.close()
            # The server closed a connection that was idle: nothing of this call was read.
            if not fresh and isinstance(cause, http.client.RemoteDisconnected):
                return self._exchange(method, path, data, headers, limit)
            raise SpineError(
                "UNREACHABLE",
                f"{self.endpoint} could not be reached: {cause}.",
                retryable=True,
                next="Check that the server runs and that the endpoint is right.",
            ) from cause
        answer = _parsed(raw)
        if 200 <= response.status < 300:
            return answer
        raise from_problem(answer, response.status, _retry_after_ms(response.getheader("retry-after")))


def milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def segment(value: str) -> str:
    """A text as one segment of a path."""
    if not value or value in (".", ".."):
        raise SpineError("INVALID_INPUT", f"{value!r} cannot be part of a path.")
    return quote(value, safe="")


def given(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that were given: ``None`` is what a caller left out."""
    return {key: value for key, value in members.items() if value is not None}


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _retry_after_ms(header: Optional[str]) -> Optional[int]:
    try:
        return None if header is None else int(float(header) * 1000)
    except ValueError:
        return None


def _pause(error: SpineError, tries: int) -> float:
    asked = float(error.extra.get("retry_after_ms") or 0) / 1000
    return asked + random.random() * min(1.0, 0.125 * 2**tries)

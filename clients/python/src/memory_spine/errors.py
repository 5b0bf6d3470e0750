"""Every error of a call. Match on ``code``; ``str(error)`` says what happened and what to do next."""

from __future__ import annotations

from typing import Any, Mapping, Optional


class SpineError(Exception):
    """A call that did not do what it was asked. ``extra`` has what the code promises (parts, path, state...)."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 0,
        retryable: bool = False,
        next: str = "",
        extra: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(f"{detail} {next}".strip())
        self.code = code
        self.detail = detail
        self.status = status
        self.retryable = retryable
        self.next = next
        self.extra: Mapping[str, Any] = dict(extra or {})


class HandoffError(SpineError):
    """A handoff that cannot arrive any more, or that its sender gave up."""


class CircuitOpenError(HandoffError):
    """The breaker of the target is open; ``extra["retry_after_ms"]`` says for how long."""


class HandoffTimeoutError(HandoffError, TimeoutError):
    """Nobody accepted in time; the delivery stays ready. It is a built-in ``TimeoutError`` too."""


_CLASSES = {
    "ACK_TIMEOUT": HandoffTimeoutError,
    "CIRCUIT_OPEN": CircuitOpenError,
    "PARKED": HandoffError,
    "EXPIRED": HandoffError,
    "CANCELLED": HandoffError,
    "DISCARDED": HandoffError,
}

#: What a proxy answers for a server that it cannot reach.
GATEWAY = {429, 502, 503, 504}

_MEMBERS = ("type", "title", "status", "detail", "code", "retryable", "next")


def error_of(code: str, detail: str, **about: Any) -> SpineError:
    """The error whose class users catch by name."""
    return _CLASSES.get(code, SpineError)(code, detail, **about)


def from_problem(problem: Any, status: int, retry_after_ms: Optional[int] = None) -> SpineError:
    """Reads an RFC 9457 problem document of the server."""
    if not isinstance(problem, dict) or not isinstance(problem.get("code"), str):
        passing = status in GATEWAY
        code = "UNREACHABLE" if passing else "INTERNAL"
        return SpineError(code, f"The server answered {status} without a reason.", status=status, retryable=passing)
    extra = {key: value for key, value in problem.items() if key not in _MEMBERS}
    if retry_after_ms is not None:
        extra.setdefault("retry_after_ms", retry_after_ms)
    return error_of(
        problem["code"],
        str(problem.get("detail", "")),
        status=status,
        retryable=bool(problem.get("retryable")),
        next=str(problem.get("next", "")),
        extra=extra,
    )

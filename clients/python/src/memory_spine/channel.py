"""A channel: a name under which one envelope goes to several receivers, each with a delivery of its own."""

from __future__ import annotations

from typing import Any, Sequence, Union

from .documents import Document, Envelope, id_of
from .transport import Transport, given, milliseconds, segment


class Channel:
    def __init__(self, transport: Transport, name: str) -> None:
        self._transport = transport
        self.name = name

    def publish(
        self,
        envelope: Union[Envelope, str],
        receivers: Sequence[str],
        delivery: str = "at-least-once",
        *,
        wait: str = "none",
        goal: str = "accepted",
        timeout: float = 15.0,
        **options: Any,
    ) -> Document:
        """Sends to every receiver, or to nobody: ``deliveries`` has the state of each.

        ``wait`` for ``all`` or ``any`` of them to get to ``goal`` (``accepted``, ``completed``), at most ``timeout``
        seconds. Never raises for what a receiver does.
        """
        body = {
            "envelope_id": id_of(envelope),
            "receivers": list(receivers),
            "delivery": delivery,
            "wait": wait,
            "goal": goal,
            "timeout_ms": milliseconds(timeout),
            **options,
        }
        held = 0.0 if wait == "none" else timeout
        path = f"/v1/channels/{segment(self.name)}/publish"
        return Document(self._transport.call("POST", path, given(body), repeatable=True, held=held))

    def status(self, envelope: Union[Envelope, str]) -> Document:
        """Where a published envelope is with each of its receivers."""
        path = f"/v1/channels/{segment(self.name)}/publications/{segment(id_of(envelope))}"
        return Document(self._transport.call("GET", path))



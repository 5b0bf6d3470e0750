"""The calls of a sender and of a reader, over one server."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Sequence, Union

from .channel import Channel
from .documents import Delivery, Document, Envelope, id_of, reason_of
from .errors import error_of
from .receiver import Handler, Receiver
from .transport import Transport, given, milliseconds, segment

#: Left out, which is not the same as ``None``: ``previous=None`` begins a new chain on purpose.
UNSET: Any = type("Unset", (), {"__repr__": lambda self: "UNSET"})()

FAILED = {"parked": "PARKED", "expired": "EXPIRED", "cancelled": "CANCELLED", "discarded": "DISCARDED"}


class MemorySpine:
    """Memory Spine at ``endpoint`` (or ``SPINE_ENDPOINT``, or http://127.0.0.1:8788). Threads may share it.

    ``api_key`` (or ``SPINE_API_KEY``) is sent as a bearer token; ``namespace`` counts for servers without keys;
    ``agent`` is who hands over when a call names no ``source_agent``. ``timeout`` is the longest time of a call in
    seconds, beside what it waits on purpose.
    """

    def __init__(
        self,
        endpoint: Optional[str] = None,
        *,
        api_key: Optional[str] = None,
        namespace: Optional[str] = None,
        agent: Optional[str] = None,
        timeout: float = 30.0,
    ) -> None:
        self.transport = Transport(endpoint, api_key, namespace, timeout)
        self.agent = agent

    # Handing over.

    def agent_handoff(
        self,
        target_agent: str,
        task_summary: str,
        *,
        include_recent: Optional[int] = None,
        include_pins: Optional[bool] = None,
        constraints: Optional[Mapping[str, Any]] = None,
        execution_history: Optional[Sequence[Mapping[str, Any]]] = None,
        previous: Any = UNSET,
        **options: Any,
    ) -> Envelope:
        """Packs and seals an envelope for ``target_agent`` that fits its token budget.

        ``options`` are the other fields of the call by their names (``source_agent``, ``task_id``, ``intent``,
        ``state``, ``memory_ids``, ``expected_output``, ``strategy``, ``max_tokens``, ...). ``previous`` left out is
        found by the server: the one delivery that the sender holds; ``None`` begins a new chain.
        """
        body = given(
            {
                "source_agent": self.agent,
                "target_agent": target_agent,
                "task_summary": task_summary,
                "include_recent": include_recent,
                "include_pins": include_pins,
                "constraints": constraints,
                "execution_history": execution_history,
                **options,
            }
        )
        if previous is not UNSET:
            body["previous"] = _ids_of(previous)
        return self._envelope(self.transport.call("POST", "/v1/handoffs", body, creates=True))

    def deliver_handoff(
        self, envelope: Union[Envelope, str], target: Optional[str] = None, timeout: float = 15.0
    ) -> Delivery:
        """Delivers an envelope and waits once, ``timeout`` seconds, until the receiver accepts it.

        Raises ``HandoffTimeoutError`` (a ``TimeoutError``) when nobody accepted in time: call again to wait for the
        same delivery. Raises ``HandoffError`` with the state as ``code`` when it cannot arrive any more.
        """
        envelope_id = id_of(envelope)
        call = given(
            {"envelope_id": envelope_id, "target": target, "wait": "accepted", "timeout_ms": milliseconds(timeout)}
        )
        delivery = Delivery(self.transport.call("POST", "/v1/deliveries", call, repeatable=True, held=timeout))
        if delivery.state in ("accepted", "completed"):
            return delivery
        successor = delivery.get("successor")
        if delivery.state == "rerouted" and successor:
            # Fallbacks are followed once, so this ends.
            return self.deliver_handoff(envelope_id, self.delivery(successor).target, timeout)
        reason = delivery.get("reason")
        said = f"Handoff {envelope_id} to {delivery.target} is {delivery.state}{f': {reason}' if reason else '.'}"
        raise error_of(FAILED.get(delivery.state, "ACK_TIMEOUT"), said, extra={"delivery": delivery})

    def enqueue_handoff(self, envelope: Union[Envelope, str], target: Optional[str] = None) -> Delivery:
        """Puts an envelope into the receiver's inbox and returns at once: what is answered is stored.

        ``HandoffClient.send_handoff`` waits until somebody has taken it.
        """
        call = given({"envelope_id": id_of(envelope), "target": target})
        return Delivery(self.transport.call("POST", "/v1/deliveries", call, repeatable=True))

    def park_envelope(self, envelope: Union[Envelope, str], reason: str, target: Optional[str] = None) -> Delivery:
        """Puts a handoff into the dead-letter box. Losing the race is no error: ``code`` says ALREADY_ACCEPTED."""
        call = given({"envelope_id": id_of(envelope), "target": target, "reason": reason_of(reason)})
        return Delivery(self.transport.call("POST", "/v1/parked", call, repeatable=True))

    def get_channel(self, name: str) -> Channel:
        """A name to publish envelopes under, for several receivers. Any name is a channel."""
        return Channel(self.transport, name)

    # Receiving.

    def receive(
        self,
        agent: str,
        handler: Handler,
        *,
        lease: float = 60.0,
        wait: float = 20.0,
        on_error: Optional[Callable[[Exception], None]] = None,
    ) -> Receiver:
        """Receives the deliveries of ``agent`` in a thread, one after another, until the receiver is stopped.

        Each delivery is accepted right before ``handler`` is called and its lease kept while it works. What the
        handler returns completes the delivery; what it raises hands it back for another try, or parks it where the
        same envelope would fail again (``HOP_LIMIT``, ``DIGEST_MISMATCH``, ...). Times in seconds.
        """
        return Receiver(self, agent, handler, lease=lease, wait=wait, on_error=on_error).start()

    # Reading.

    def envelope(self, envelope_id: str) -> Envelope:
        return self._envelope(self.transport.call("GET", f"/v1/handoffs/{segment(envelope_id)}"))

    def lineage(self, envelope_id: str) -> list[Envelope]:
        """The chain that led to an envelope, root first."""
        answer = self.transport.call("GET", f"/v1/handoffs/{segment(envelope_id)}/lineage")
        return [self._envelope(envelope) for envelope in answer["envelopes"]]

    def delivery(self, delivery_id: str) -> Delivery:
        return Delivery(self.transport.call("GET", f"/v1/deliveries/{segment(delivery_id)}"))

    # Memories, tasks, agents.

    def store_memory(self, content: str, **fields: Any) -> Document:
        """Stores one memory (``id``, ``kind``, ``title``, ``tags``, ``priority``, ``pinned``, ``task_id``, ...)."""
        return self.store_memories([{"content": content, **fields}])[0]

    def store_memories(self, memories: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Stores many in one commit. A known id makes a new version."""
        author = {} if self.agent is None else {"author": self.agent}
        body = {"memories": [{**author, **memory} for memory in memories]}
        answer = self.transport.call("POST", "/v1/memories", body, creates=True)
        return [Document(memory) for memory in answer["memories"]]

    def get_memory(self, memory_id: str, version: Optional[int] = None) -> Document:
        path = f"/v1/memories/{segment(memory_id)}"
        return Document(self.transport.call("GET", path, query={"version": version}))

    def search_memories(self, query: str, **options: Any) -> list[Document]:
        """The memories that matter for a question, best first (``limit``, ``max_tokens``, ``filters``)."""
        answer = self.transport.call("POST", "/v1/memories/search", {"query": query, **options}, repeatable=True)
        return [Document(memory) for memory in answer["memories"]]

    def resolve(self, refs: Sequence[str], **options: Any) -> Document:
        """Reads the content behind references: ``memories`` and ``gaps`` (``policy``, ``envelope_id``)."""
        body = {"refs": list(refs), **options}
        return Document(self.transport.call("POST", "/v1/memories/resolve", body, repeatable=True))

    def pin_memory(self, memory_id: str) -> Document:
        return Document(self.transport.call("POST", f"/v1/memories/{segment(memory_id)}/pin", repeatable=True))

    def unpin_memory(self, memory_id: str) -> Document:
        return Document(self.transport.call("POST", f"/v1/memories/{segment(memory_id)}/unpin", repeatable=True))

    def put_task(self, task_id: str, intent: str, **fields: Any) -> Document:
        """The user's own words and constraints, before the first handoff."""
        return Document(self.transport.call("PUT", f"/v1/tasks/{segment(task_id)}", {"intent": intent, **fields}))

    def put_agent(self, name: str, **profile: Any) -> Document:
        """The profile of an agent: ``context_window``, ``tokenizer``, ``fallback_agent``, ``next_agent``, ..."""
        return Document(self.transport.call("PUT", f"/v1/agents/{segment(name)}", profile))

    def close(self) -> None:
        """Ends this thread's connection. Receivers are stopped by themselves."""
        self.transport.close()

    def __enter__(self) -> "MemorySpine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _envelope(self, members: Mapping[str, Any]) -> Envelope:
        return Envelope(members, self._text)

    def _text(self, envelope_id: str) -> str:
        return self.transport.call("GET", f"/v1/handoffs/{segment(envelope_id)}/text")["text"]


def _ids_of(previous: Any) -> Any:
    if previous is None:
        return None
    if isinstance(previous, (list, tuple)):
        return [id_of(one) for one in previous]
    return id_of(previous)

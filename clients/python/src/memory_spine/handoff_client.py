"""The sender's policy for a direct handoff, the same in every language: waits, pauses, fallback, dead-letter box."""

from __future__ import annotations

import random
import time
from typing import Optional, Union

from .documents import Delivery, Envelope, id_of, reason_of
from .errors import CircuitOpenError, HandoffTimeoutError, SpineError, error_of
from .spine import FAILED, MemorySpine
from .transport import segment

_BACKOFF_CAP = 30.0


class HandoffClient:
    """``max_retries`` waits of ``timeout`` seconds, with pauses of random length up to min(30 s, 2^n s) between them.

    Then the target's fallback agent is tried, then the handoff is parked. Breakers are kept by the server, one per
    target and shared by all senders.
    """

    def __init__(
        self, spine: MemorySpine, max_retries: int = 3, timeout: float = 15.0, *, fallback: bool = True
    ) -> None:
        if max_retries < 1:
            raise SpineError("INVALID_INPUT", "max_retries is a whole number of at least 1.")
        self.spine = spine
        self.max_retries = max_retries
        self.timeout = timeout
        self.fallback = fallback

    def send_handoff(self, envelope: Union[Envelope, str], target_agent: Optional[str] = None) -> Delivery:
        """Returns the delivery when it is accepted, also by the fallback agent.

        Raises ``HandoffError`` when nobody accepted and it is parked, or when it cannot arrive any more;
        ``CircuitOpenError`` when a breaker is open: it then stays queued. When the server itself does not answer, its
        ``SpineError`` is raised and nothing is parked.
        """
        if target_agent is None:
            known = envelope if isinstance(envelope, Envelope) else self.spine.envelope(envelope)
            target_agent = known.target_agent
        holder = target_agent
        try:
            return self._wait_repeatedly(envelope, target_agent)
        except (HandoffTimeoutError, CircuitOpenError) as error:
            failure: SpineError = error
        successor = self._reroute(envelope, target_agent, failure) if self.fallback else None
        if successor is not None:
            holder = successor.target
            try:
                return self.spine.deliver_handoff(envelope, holder, self.timeout)
            except (HandoffTimeoutError, CircuitOpenError) as error:
                failure = error
        if isinstance(failure, CircuitOpenError):
            raise failure
        return self._park(envelope, holder, failure)

    def _wait_repeatedly(self, envelope: Union[Envelope, str], target: str) -> Delivery:
        for tries in range(1, self.max_retries + 1):
            try:
                return self.spine.deliver_handoff(envelope, target, self.timeout)
            except SpineError as error:
                if not error.retryable and not isinstance(error, HandoffTimeoutError):
                    raise
                if isinstance(error, CircuitOpenError) or tries == self.max_retries:
                    raise
            time.sleep(random.random() * min(_BACKOFF_CAP, 2.0**tries))
        raise AssertionError("unreachable")

    def _reroute(self, envelope: Union[Envelope, str], target: str, failure: SpineError) -> Optional[Delivery]:
        transport = self.spine.transport
        query = {"envelope_id": id_of(envelope), "target": target, "limit": 1}
        found = transport.call("GET", "/v1/deliveries", query=query)["deliveries"]
        if not found:
            return None
        path = f"/v1/deliveries/{segment(found[0]['id'])}/reroute"
        try:
            answer = transport.call("POST", path, {"reason": reason_of(failure.detail)}, repeatable=True)
        except SpineError as error:
            # There is nobody to reroute to, or the delivery moved on meanwhile.
            if error.code in ("NO_FALLBACK", "WRONG_STATE"):
                return None
            raise
        return Delivery(answer["next"])

    def _park(self, envelope: Union[Envelope, str], target: str, failure: SpineError) -> Delivery:
        said = f"Handoff {id_of(envelope)} to {target} was given up after {self.max_retries} waits: {failure.detail}"
        delivery = self.spine.park_envelope(envelope, said, target)
        # Whoever was faster than the parking has it: that is an acknowledgement too.
        if delivery.state in ("accepted", "completed"):
            return delivery
        if delivery.state == "rerouted":
            return self.spine.deliver_handoff(envelope, target, self.timeout)
        code = FAILED.get(delivery.state, "PARKED")
        raise error_of(code, said, extra={"delivery": delivery}) from failure

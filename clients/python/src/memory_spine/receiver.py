"""The receive loop of an agent: long polls, a heartbeat while the handler works, and an answer for every delivery."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence

from .documents import Delivery, Document, Envelope, reason_of
from .errors import SpineError
from .transport import given, milliseconds, segment

if TYPE_CHECKING:
    from .spine import MemorySpine

#: The delivery is another's.
_LOST = {"LEASE_LOST", "WRONG_STATE", "DELIVERY_NOT_FOUND"}
#: The same envelope would fail the same way again.
_FATAL = {"UNSUPPORTED_VERSION", "DIGEST_MISMATCH", "HOP_LIMIT", "CYCLE"}
#: A forward that is refused with one of these has parked the delivery.
_ENDS_THE_WAY = {"HOP_LIMIT", "CYCLE"}
_SETTLE_TRIES = 8
_MAX_PAUSE = 30.0
# How long a breaker is waited for until the next look.
_OPEN_POLL_S = 5.0


def _pause(tries: int) -> float:
    """Of random length up to min(30 s, 2^n s)."""
    return random.random() * min(_MAX_PAUSE, 2.0**tries)


def _is(error: BaseException, codes: set[str]) -> bool:
    return isinstance(error, SpineError) and error.code in codes


def _words_of(error: BaseException) -> str:
    """What was raised in words. Anything can be raised, also what has none."""
    kind = error.code if isinstance(error, SpineError) else type(error).__name__
    try:
        return f"{kind}: {error}"
    except Exception:
        return f"{kind}, which has no words"


class Received:
    """What a handler is given for one delivery: the envelope, its text, its memories, and ways to answer."""

    def __init__(
        self, spine: "MemorySpine", agent: str, delivery: Mapping[str, Any], lease: float, stopping: threading.Event
    ) -> None:
        self.spine = spine
        self.agent = agent
        self.envelope: Envelope = spine._envelope(delivery["envelope"])
        self.delivery = Delivery({key: value for key, value in delivery.items() if key != "envelope"})
        #: Set when the delivery is another's: what is done after that may be done twice.
        self.lost = threading.Event()
        self.settled = False
        self._lease = lease
        self._stopping = stopping
        self._held = {"lease_token": delivery["lease_token"]}
        self._gaps: list[Any] = []

    @property
    def text(self) -> str:
        """The envelope as a model reads it."""
        return self.envelope.text

    def memories(self, refs: Optional[Sequence[str]] = None) -> list[Document]:
        """Reads the memories behind the envelope's references. What cannot be read goes into the output as gaps."""
        wanted = list(self.envelope.memory_refs if refs is None else refs)
        if not wanted:
            return []
        answer = self.spine.resolve(wanted, envelope_id=self.envelope.id)
        self._gaps = [*self._gaps, *answer["gaps"]]
        return [Document(memory) for memory in answer["memories"]]

    def ack(self, output: Any = None) -> Delivery:
        """Completes the delivery now; returning a value from the handler does the same."""
        body = {**self._held, **({} if output is None and not self._gaps else {"output": self._with_gaps(output)})}
        return Delivery(self._settle("complete", body))

    def nack(
        self, reason: str, kind: str = "retry", *, delay: Optional[float] = None, question: Optional[str] = None
    ) -> Delivery:
        """Hands it back: ``retry``, ``declined``, ``needs_clarification`` (with the ``question``), or ``fatal``."""
        delay_ms = None if delay is None else milliseconds(delay)
        body = {**self._held, "kind": kind, "reason": reason_of(question or reason), "delay_ms": delay_ms}
        return Delivery(self._settle("nack", given(body)))

    def forward(self, target_agent: Optional[str] = None, task_summary: str = "", **options: Any) -> Document:
        """Completes this delivery and hands the work on, in one commit. ``output`` is kept with the delivery.

        Refused by the hop limit or as a cycle, nothing is sent and the delivery is parked.
        """
        channel = {name: options.pop(name, None) for name in ("channel", "receivers", "priority", "also")}
        output = self._with_gaps(options.pop("output", None))
        handoff = given({"target_agent": target_agent, "task_summary": task_summary, **options})
        body = given({**self._held, "output": output, **channel, "handoff": handoff})
        try:
            return Document(self._settle("forward", body))
        except SpineError as error:
            self.settled = _is(error, _ENDS_THE_WAY)
            raise

    def handoff(self, target_agent: str, task_summary: str, **options: Any) -> Envelope:
        """Seals the next envelope of this chain: ``previous`` is this delivery, the sender is its receiver."""
        options.setdefault("previous", self.delivery.id)
        options.setdefault("source_agent", self.agent)
        return self.spine.agent_handoff(target_agent, task_summary, **options)

    def _with_gaps(self, output: Any) -> Any:
        if not self._gaps:
            return output
        members = output if isinstance(output, dict) else {} if output is None else {"result": output}
        return {**members, "context_gaps": self._gaps}

    def _call(self, action: str, body: Mapping[str, Any]) -> Any:
        path = f"/v1/deliveries/{segment(self.delivery.id)}/{action}"
        return self.spine.transport.call("POST", path, body, repeatable=True)

    def _settle(self, action: str, body: Mapping[str, Any]) -> Any:
        """Work that is done is not thrown away because the server is away for a moment."""
        for tries in range(1, _SETTLE_TRIES + 1):
            try:
                answer = self._call(action, body)
                self.settled = True
                return answer
            except SpineError as error:
                if not error.retryable or tries == _SETTLE_TRIES or self._stopping.is_set():
                    raise
            self._stopping.wait(_pause(tries))
        raise AssertionError("unreachable")

    def _lease_call(self, action: str) -> None:
        self._call(action, {**self._held, "lease_ms": milliseconds(self._lease)})

    def _beat(self, done: threading.Event) -> None:
        while not done.wait(self._lease / 3):
            try:
                self._lease_call("heartbeat")
            except SpineError as error:
                # A server that cannot be reached is not a lost lease: its clock and its fence decide.
                if _is(error, _LOST):
                    self.lost.set()
                    return


Handler = Callable[[Received], Any]


class Receiver:
    """Receives in a thread. ``stop()`` takes nothing new and waits for the handler that runs; ``join()`` waits."""

    def __init__(
        self,
        spine: "MemorySpine",
        agent: str,
        handler: Handler,
        *,
        lease: float,
        wait: float,
        on_error: Optional[Callable[[Exception], None]],
    ) -> None:
        self._spine = spine
        self._agent = agent
        self._handler = handler
        self._lease = lease
        self._wait = wait
        self._on_error = on_error or (lambda _: None)
        self._stopping = threading.Event()
        #: For the polls alone, so that stopping can end a poll and nothing else.
        self._polls = spine.transport.another()
        self._thread = threading.Thread(target=self._run, name=f"memory-spine {agent}", daemon=True)
        #: What made the loop give up, if something did.
        self.error: Optional[Exception] = None

    def start(self) -> "Receiver":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._polls.end()
        self.join()

    def join(self, timeout: Optional[float] = None) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                self._take()
                failures = 0
            except SpineError as error:
                if self._stopping.is_set():
                    break
                self._on_error(error)
                if not error.retryable:
                    self.error = error
                    break
                failures += 1
                asked = float(error.extra.get("retry_after_ms") or 0) / 1000
                self._stopping.wait(max(0.1, _pause(failures), asked))
        self._polls.close()
        self._spine.transport.close()

    def _take(self) -> None:
        body = {"max": 1, "wait_ms": milliseconds(self._wait), "lease_ms": milliseconds(self._lease)}
        path = f"/v1/agents/{segment(self._agent)}/receive"
        began = time.monotonic()
        answer = self._polls.call("POST", path, body, held=self._wait)
        for delivery in answer["deliveries"]:
            self._work(Received(self._spine, self._agent, delivery, self._lease, self._stopping))
        if not answer["deliveries"]:
            # Never long: the breaker may be closed by hand.
            asked = min(float(answer.get("retry_after_ms") or 0) / 1000, _OPEN_POLL_S)
            quick = 0.5 if time.monotonic() - began < 1.0 else 0.0
            self._stopping.wait(max(asked, quick))

    def _work(self, received: Received) -> None:
        try:
            if self._stopping.is_set():
                received._call("release", received._held)
                return
            # Right before the handler, so that a crash is charged to the envelope that crashed it.
            received._lease_call("accept")
        except SpineError as error:
            self._on_error(error)
            return
        done = threading.Event()
        beating = threading.Thread(target=received._beat, args=(done,), daemon=True)
        beating.start()
        try:
            self._handle(received)
        finally:
            done.set()
            beating.join()

    def _handle(self, received: Received) -> None:
        try:
            output = self._handler(received)
        except Exception as error:  # the handler is the user's: whatever it raises hands the delivery back
            self._on_error(error)
            kind = "fatal" if _is(error, _FATAL) else "retry"
            if not received.settled and not received.lost.is_set() and not _is(error, _LOST):
                self._quietly(lambda: received.nack(_words_of(error), kind))
        else:
            if not received.settled and not received.lost.is_set():
                self._finish(received, output)

    def _finish(self, received: Received, output: Any) -> None:
        """An output that is refused, or that is no JSON, would be refused again: a person has to look."""
        try:
            received.ack(output)
        except Exception as error:
            self._on_error(error)
            if not _is(error, _LOST) and not getattr(error, "retryable", False):
                self._quietly(lambda: received.nack(f"the output was refused: {_words_of(error)}", "fatal"))

    def _quietly(self, settle: Callable[[], Any]) -> None:
        try:
            settle()
        except SpineError as error:
            self._on_error(error)

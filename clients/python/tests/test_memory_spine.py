"""The Python client over a real server, at SPINE_ENDPOINT. Names of tests are sentences of behaviour."""

import json
import pathlib
import threading
import time
import unittest
import unittest.mock
import uuid

from memory_spine import (
    CircuitOpenError,
    HandoffClient,
    HandoffError,
    HandoffTimeoutError,
    MemorySpine,
    SpineError,
    documents,
    errors,
    receiver,
    spine,
    transport,
)

#: What every client does when a call fails.
SHARED = json.loads((pathlib.Path(__file__).parents[2] / "failures.json").read_text())

#: Seconds that nothing takes which happens at all, on any machine.
PATIENCE = 60


class WithSpine(unittest.TestCase):
    def setUp(self) -> None:
        self.spine = MemorySpine(namespace=f"py-{uuid.uuid4().hex[:12]}")
        self.addCleanup(self.spine.close)

    def handoff(self, target: str = "coder", **options):
        options.setdefault("previous", None)
        return self.spine.agent_handoff(target, "Write the parser.", **options)

    def receive(self, agent, handler, **options):
        receiver = self.spine.receive(agent, handler, wait=2, **options)
        self.addCleanup(receiver.stop)
        return receiver

    def until(self, look, what="it"):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            threading.Event().wait(0.02)
        self.fail(f"{what} did not happen")


class Assembling(WithSpine):
    def test_an_envelope_names_its_version_its_tokens_and_the_memories_of_a_range(self):
        self.spine.store_memories(
            [{"id": f"ms-{n}", "content": f"Finding {n}: the parser is slow."} for n in range(31, 36)]
        )
        handoff = self.spine.agent_handoff(
            target_agent="coder",
            include_recent=10,
            include_pins=True,
            task_summary="Speed the parser up as memories ms-31 through ms-35 say.",
            constraints={"language": "python", "max_tokens": 2000},
            execution_history=[{"agent": "analyst", "action": "measured", "memory_id": "ms-31"}],
        )
        self.assertEqual(handoff.envelope_version, "2")
        self.assertTrue(0 < handoff.token_count <= 2000)
        self.assertEqual(handoff.memory_refs, [f"ms-{n}" for n in range(31, 36)])
        self.assertEqual(handoff["id"], handoff.id)
        self.assertIn("## Constraints", handoff.text)

    def test_a_refusal_says_its_code_and_what_to_do_next(self):
        with self.assertRaises(SpineError) as caught:
            self.handoff(max_tokens=5)
        self.assertEqual(caught.exception.code, "BUDGET_TOO_SMALL")
        self.assertFalse(caught.exception.retryable)
        self.assertIn("max_tokens", str(caught.exception))
        self.assertIn("parts", caught.exception.extra)

    def test_memories_are_stored_found_read_and_pinned(self):
        memory = self.spine.store_memory("Deploys happen on Tuesday.", kind="fact", author="ops")
        self.assertEqual([found.id for found in self.spine.search_memories("when do deploys happen")], [memory.id])
        self.assertTrue(self.spine.pin_memory(memory.id).pinned)
        self.assertFalse(self.spine.unpin_memory(memory.id).pinned)
        self.assertEqual(self.spine.get_memory(memory.id, version=1).content, "Deploys happen on Tuesday.")
        self.assertEqual(self.spine.resolve([memory.id, "ms-none"]).gaps[0]["reason"], "not_found")


class Delivering(WithSpine):
    def test_the_sender_waits_until_the_receiver_accepts_and_the_output_is_kept(self):
        self.receive("coder", lambda received: {"read": received.text.splitlines()[0]})
        delivery = self.spine.deliver_handoff(envelope=self.handoff(), target="coder", timeout=PATIENCE)
        self.assertIn(delivery.state, ("accepted", "completed"))
        done = self.until(lambda: (d := self.spine.delivery(delivery.id)).state == "completed" and d)
        self.assertEqual(done.output, {"read": "## Do next"})

    def test_a_wait_that_runs_out_is_a_built_in_timeout_and_the_delivery_stays(self):
        handoff = self.handoff("nobody")
        with self.assertRaises(TimeoutError) as caught:
            self.spine.deliver_handoff(handoff, timeout=0.05)
        self.assertIsInstance(caught.exception, HandoffTimeoutError)
        self.assertIsInstance(caught.exception, HandoffError)
        self.assertEqual(self.spine.delivery(caught.exception.extra["delivery_id"]).state, "ready")

    def test_a_hand_written_retry_loop_ends_in_the_dead_letter_box(self):
        handoff = self.handoff("nobody")
        last = None
        for _ in range(3):
            try:
                self.spine.deliver_handoff(envelope=handoff, target="nobody", timeout=0.02)
            except TimeoutError as error:
                last = error
        parked = self.spine.park_envelope(handoff, reason=str(last))
        self.assertEqual(parked.state, "parked")
        with self.assertRaises(HandoffError) as caught:
            self.spine.deliver_handoff(handoff, timeout=1)
        self.assertEqual(caught.exception.code, "PARKED")

    def test_the_policy_tries_the_fallback_agent_before_it_gives_up(self):
        self.spine.put_agent("gone", fallback_agent="spare")
        self.receive("spare", lambda received: "done by the spare")
        deliver = self.spine.deliver_handoff
        # Short only for the one who never comes: the spare has all the time that a busy machine takes.
        self.spine.deliver_handoff = lambda envelope, target, timeout: deliver(
            envelope, target, 0.05 if target == "gone" else timeout
        )
        delivery = HandoffClient(self.spine, max_retries=1, timeout=60).send_handoff(self.handoff("gone"))
        self.assertEqual(delivery.target, "spare")

    def test_the_policy_parks_what_nobody_takes_and_the_breaker_opens_after_three(self):
        client = HandoffClient(self.spine, max_retries=1, timeout=0.02)
        for _ in range(3):
            with self.assertRaises(HandoffError) as caught:
                client.send_handoff(self.handoff("absent"), "absent")
            self.assertEqual(caught.exception.code, "PARKED")
        with self.assertRaises(CircuitOpenError) as open_breaker:
            client.send_handoff(self.handoff("absent"), "absent")
        self.assertGreater(open_breaker.exception.extra["retry_after_ms"], 0)

    def test_a_deadline_that_has_passed_is_an_expired_delivery_with_a_clear_word(self):
        envelope = self.handoff("broadcast", constraints={"deadline": "2020-01-30T00:00:00Z"})
        publication = self.spine.get_channel("news").publish(
            envelope=envelope, receivers=["coder", "tester"], delivery="at-least-once"
        )
        self.assertEqual([one["state"] for one in publication.deliveries], ["expired", "expired"])
        self.assertIn("deadline", publication.deliveries[0]["reason"])

    def test_a_broadcast_reaches_every_receiver_and_says_who_is_where(self):
        for agent in ("coder", "tester"):
            self.receive(agent, lambda received: received.agent)
        channel = self.spine.get_channel("release")
        publication = channel.publish(
            self.handoff("broadcast"), ["coder", "tester"], wait="all", goal="completed", timeout=PATIENCE
        )
        self.assertEqual([one["output"] for one in publication.deliveries], ["coder", "tester"])
        self.assertTrue(channel.status(publication.envelope_id).settled)


class Receiving(WithSpine):
    def test_a_handler_that_raises_hands_the_delivery_back_and_may_succeed_later(self):
        tries = []

        def flaky(received):
            tries.append(received.delivery.attempt)
            if len(tries) == 1:
                received.nack("not yet", delay=0)
                raise ValueError("after the answer")
            return "second time"

        self.receive("coder", flaky)
        sent = self.spine.enqueue_handoff(self.handoff())
        done = self.until(lambda: (d := self.spine.delivery(sent.id)).state == "completed" and d)
        self.assertEqual((tries, done.output), ([1, 2], "second time"))

    def test_a_question_parks_the_delivery_until_it_is_answered(self):
        self.receive("coder", lambda received: received.nack("", "needs_clarification", question="Which branch?"))
        sent = self.spine.enqueue_handoff(self.handoff())
        parked = self.until(lambda: (d := self.spine.delivery(sent.id)).state == "parked" and d)
        self.assertEqual(parked.question, "Which branch?")
        self.handoff(previous=sent, source_agent="planner")
        self.assertEqual(self.spine.delivery(sent.id).state, "cancelled")

    def test_work_is_handed_on_in_one_commit_with_the_intent_unchanged(self):
        self.receive("coder", lambda received: received.forward("tester", "Test the parser.", output="written") and None)
        seen = []
        self.receive("tester", lambda received: seen.append(received.envelope) or "tested")
        self.spine.enqueue_handoff(self.handoff(intent="Parse it fast, and never touch prod.", source_agent="planner"))
        (envelope,) = self.until(lambda: seen)
        self.assertEqual(envelope.task["intent"], "Parse it fast, and never touch prod.")
        self.assertEqual([one.chain["hop"] for one in self.spine.lineage(envelope.id)], [1, 2])

    def test_memories_that_are_missing_are_told_in_the_output(self):
        self.receive("coder", lambda received: [received.memories(["ms-none"]), "done"][1])
        sent = self.spine.enqueue_handoff(self.handoff())
        done = self.until(lambda: (d := self.spine.delivery(sent.id)).state == "completed" and d)
        self.assertEqual(done.output["result"], "done")
        self.assertEqual(done.output["context_gaps"][0]["id"], "ms-none")

    def test_the_lease_is_kept_while_the_handler_works(self):
        working = threading.Event()
        go_on = threading.Event()

        def slow(received):
            working.set()
            go_on.wait(PATIENCE)
            return "done"

        # A heartbeat every 3.3 s, with twice as long to arrive in.
        self.receive("coder", slow, lease=10)
        sent = self.spine.enqueue_handoff(self.handoff())
        self.assertTrue(working.wait(PATIENCE))
        first = self.spine.delivery(sent.id).lease_until
        self.until(lambda: self.spine.delivery(sent.id).lease_until > first, "a heartbeat")
        go_on.set()
        done = self.until(lambda: (d := self.spine.delivery(sent.id)).state == "completed" and d)
        self.assertEqual(done.attempts, 1)

    def test_a_receiver_that_stops_does_not_wait_for_its_poll(self):
        receiver = self.spine.receive("coder", lambda received: None, wait=60)
        began = time.monotonic()
        receiver.stop()
        self.assertLess(time.monotonic() - began, 30)


class Settling(WithSpine):
    def settled(self, handler, state="completed"):
        self.receive("coder", handler)
        sent = self.spine.enqueue_handoff(self.handoff())
        return self.until(lambda: (d := self.spine.delivery(sent.id)).state == state and d, state)

    def away(self, action, times):
        """The server cannot be reached for so many requests."""
        exchange = self.spine.transport._exchange
        left = iter(range(times))

        def broken(method, path, *rest):
            if path.endswith(f"/{action}") and next(left, None) is not None:
                raise SpineError("STORE_UNAVAILABLE", "away", retryable=True)
            return exchange(method, path, *rest)

        self.spine.transport._exchange = broken
        # Pauses of random length are as short as they can be.
        shortest = unittest.mock.patch("random.random", return_value=0.0)
        shortest.start()
        self.addCleanup(shortest.stop)

    def test_work_that_is_done_is_not_thrown_away_while_the_store_is_away(self):
        self.away("complete", (SHARED["settle_tries"] - 1) * SHARED["call_tries"])
        runs = []
        done = self.settled(lambda received: runs.append(1) or "done")
        self.assertEqual((done.output, done.attempts, len(runs)), ("done", 1, 1))

    def test_work_is_handed_on_although_the_store_is_away_for_a_moment(self):
        self.away("forward", SHARED["call_tries"])
        self.settled(lambda received: received.forward("tester", "Test it.") and None)
        (next_one,) = self.spine.transport.call("GET", "/v1/deliveries", query={"target": "tester"})["deliveries"]
        self.assertEqual(next_one["state"], "ready")

    def test_what_would_fail_the_same_way_again_is_parked_at_once(self):
        def refuse(received):
            raise SpineError("DIGEST_MISMATCH", "The envelope was changed.")

        parked = self.settled(refuse, "parked")
        self.assertEqual(parked.attempts, 1)
        self.assertIn("DIGEST_MISMATCH: The envelope was changed.", parked.reason)

    def test_an_output_that_is_refused_is_parked_with_the_refusal(self):
        for output, said in ((object(), "not JSON serializable"), (float("nan"), "NaN"), ("a\0b", "NUL")):
            with self.subTest(said):
                self.spine = MemorySpine(namespace=f"py-{uuid.uuid4().hex[:12]}")
                self.addCleanup(self.spine.close)
                parked = self.settled(lambda received, output=output: output, "parked")
                self.assertIn("the output was refused", parked.reason)
                self.assertIn(said, parked.reason)

    def test_whatever_a_handler_raises_is_told_and_the_receiver_goes_on(self):
        class Wordless(Exception):
            def __str__(self):
                raise ValueError

        raised = [ValueError("\ud800 " + "\U0001f600" * 3_000), Wordless()]

        def fail_twice(received):
            if raised:
                raise raised.pop(0)
            return "done"

        with unittest.mock.patch("random.random", return_value=0.0):
            done = self.settled(fail_twice)
        self.assertEqual(done.attempts, 3)


class Sharing(unittest.TestCase):
    """Clients in other languages do the same."""

    def test_the_tables_of_failures_are_the_shared_ones(self):
        self.assertEqual(transport._PASSING, set(SHARED["passing"]))
        self.assertEqual(errors.GATEWAY, set(SHARED["gateway"]))
        self.assertEqual(transport._RETRIES + 1, SHARED["call_tries"])
        self.assertEqual(receiver._SETTLE_TRIES, SHARED["settle_tries"])
        self.assertEqual(receiver._FATAL, set(SHARED["fatal"]))
        self.assertEqual(receiver._LOST, set(SHARED["lost"]))
        self.assertEqual(receiver._ENDS_THE_WAY, set(SHARED["ends_the_way"]))
        self.assertEqual(spine.FAILED, SHARED["failed"])

    def test_a_reason_is_cut_at_2_000_utf_16_units_and_well_formed(self):
        self.assertEqual(documents.reason_of("a\0\ud800b"), "a\ufffd\ufffdb")
        self.assertEqual(documents.reason_of("\U0001f600" * 3_000), "\U0001f600" * 1_000)
        self.assertEqual(documents.reason_of("a" + "\U0001f600" * 3_000)[-1], "\ufffd")
        self.assertEqual(documents.reason_of(""), "unknown")


class Failing(unittest.TestCase):
    def test_a_server_that_is_not_there_is_unreachable_and_may_be_tried_again(self):
        with self.assertRaises(SpineError) as caught:
            MemorySpine("http://127.0.0.1:9", timeout=0.5).store_memory("x")
        self.assertEqual(caught.exception.code, "UNREACHABLE")
        self.assertTrue(caught.exception.retryable)

    def test_an_endpoint_that_is_none_is_refused_before_anything_is_sent(self):
        with self.assertRaises(SpineError):
            MemorySpine("ftp://example.org")


if __name__ == "__main__":
    unittest.main()

"""A sender and a receiver in Python, over a server (SPINE_ENDPOINT, or http://127.0.0.1:8788). Standard library only."""

from memory_spine import HandoffClient, MemorySpine

spine = MemorySpine(agent="analyst")
spine.store_memory("The gateway answers 429 after 12 requests a second.", id="ms-12", pinned=True)


def write(received):
    print(received.text)  # what a model would read
    return {"file": "retry.py", "language": received.envelope.constraints["language"]}


with spine.receive("python-coder", write):
    handoff = spine.agent_handoff(
        target_agent="python-coder",
        intent="Payments must survive a short outage of the gateway.",
        task_summary="Write the retry logic; the limit is in ms-12.",
        constraints={"language": "python"},
    )
    # Three waits with pauses, then the fallback agent, then the dead-letter box.
    accepted = HandoffClient(spine).send_handoff(handoff)

print("done:", spine.delivery(accepted.id).output)

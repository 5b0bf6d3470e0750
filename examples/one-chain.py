"""The last but one agent of one-chain.test.ts: tests in Python, adds a constraint of its own, and hands on."""

import threading

from memory_spine import MemorySpine

done = threading.Event()


def check(received):
    received.forward(
        "publisher",
        "Publish retry.py.",
        output={"read": received.text},
        constraints={"regions": ["eu"]},
        state={"decisions": [{"decision": "publish it", "reason": "all 12 tests pass"}]},
    )
    done.set()


with MemorySpine().receive("tester", check):
    done.wait(60)

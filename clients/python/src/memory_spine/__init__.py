"""Memory Spine for Python: hand-overs between agents as sealed, budgeted, delivered envelopes. Standard library only."""

from .channel import Channel
from .documents import Delivery, Document, Envelope
from .errors import CircuitOpenError, HandoffError, HandoffTimeoutError, SpineError
from .handoff_client import HandoffClient
from .receiver import Received, Receiver
from .spine import MemorySpine

__all__ = [
    "Channel",
    "CircuitOpenError",
    "Delivery",
    "Document",
    "Envelope",
    "HandoffClient",
    "HandoffError",
    "HandoffTimeoutError",
    "MemorySpine",
    "Received",
    "Receiver",
    "SpineError",
]

"""What the server answers, as read-only documents: ``envelope.token_count`` is ``envelope["token_count"]``."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Optional, Union

from .errors import SpineError

#: UTF-16 units of a reason that the server takes.
_MAX_REASON = 2_000


class Document(Mapping[str, Any]):
    """A JSON object whose members are attributes too."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = dict(members)

    def __getitem__(self, key: str) -> Any:
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._members[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name}") from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._members.get('id', self._members)!r})"


class Envelope(Document):
    """A sealed envelope. It never changes: to add to it, make the next one."""

    id: str
    envelope_version: str
    digest: str
    source_agent: str
    target_agent: str
    token_count: int
    memory_refs: list[str]

    def __init__(self, members: Mapping[str, Any], render: Optional[Callable[[str], str]] = None) -> None:
        super().__init__(members)
        self._render = render

    @property
    def text(self) -> str:
        """The envelope as its receiver reads it: markdown for a model."""
        if self._render is None:
            raise ValueError("This envelope was not read from a server: use MemorySpine.envelope(id).")
        return self._render(self.id)


class Delivery(Document):
    """An envelope on its way to one receiver."""

    id: str
    envelope_id: str
    target: str
    state: str


def id_of(thing: Union[Document, str]) -> str:
    """The id of a document, or the id itself."""
    if isinstance(thing, str):
        return thing
    if isinstance(thing, Document):
        return str(thing["id"])
    raise SpineError("INVALID_INPUT", f"An envelope or its id is needed, not {type(thing).__name__}.")


def reason_of(reason: Any) -> str:
    """Why, in words that the wire carries: well-formed, without NUL, not too long."""
    units = str(reason).replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass")[: 2 * _MAX_REASON]
    return units.decode("utf-16-le", "replace") or "unknown"

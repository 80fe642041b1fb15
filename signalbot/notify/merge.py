"""Several notices in one message, so that a burst rings once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from signalbot.ledger.outbox import Waiting
from signalbot.notify.texts import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What is sent at once."""

    message: Message
    notice_ids: tuple[int, ...]
    is_silent: bool  #: when all of it is


def bundle(waiting: Sequence[Waiting], *, capacity: int) -> Bundle:
    """As many of ``waiting`` (at least one), from the first, as ``capacity`` characters hold.

    A notice that is too long by itself is cut.
    """
    taken = _fitting(waiting, capacity)
    return Bundle(
        message=_together(taken, capacity),
        notice_ids=tuple(each.notice_id for each in taken),
        is_silent=all(each.is_silent for each in taken),
    )


def _fitting(waiting: Sequence[Waiting], capacity: int) -> Sequence[Waiting]:
    length = len(_headline(len(waiting)))
    for count, each in enumerate(waiting):
        length += len(each.title) + len(each.body) + len("\n\n\n")
        if length > capacity:
            return waiting[: max(count, 1)]
    return waiting


def _together(taken: Sequence[Waiting], capacity: int) -> Message:
    if len(taken) == 1:
        [only] = taken
        return Message(only.title, _cut(only.body, capacity - len(only.title) - 1))
    parts = (f"{each.title}\n{each.body}" for each in taken)
    return Message(_headline(len(taken)), "\n\n".join(parts))


def _headline(count: int) -> str:
    return f"{count} notices"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"

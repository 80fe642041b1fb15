"""Combines several notices into one message, so that a burst alerts once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from signalbot.ledger.outbox import PendingNotice
from signalbot.notifications.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBatch:
    """Notices that go into one message."""

    message: Message
    notice_ids: tuple[int, ...]
    is_silent: bool  #: when all of its notices are


def next_batch(pending: Sequence[PendingNotice], *, capacity: int) -> NoticeBatch:
    """As many of ``pending`` (at least one), from the first, as fit in ``capacity`` characters.

    A single notice that is too long is truncated.
    """
    notices = _fitting(pending, capacity)
    return NoticeBatch(
        message=_joined(notices, capacity),
        notice_ids=tuple(each.notice_id for each in notices),
        is_silent=all(each.is_silent for each in notices),
    )


def _fitting(pending: Sequence[PendingNotice], capacity: int) -> Sequence[PendingNotice]:
    length = len(_headline(len(pending)))
    for count, each in enumerate(pending):
        length += len(each.title) + len(each.body) + len("\n\n\n")
        if length > capacity:
            return pending[: max(count, 1)]
    return pending


def _joined(notices: Sequence[PendingNotice], capacity: int) -> Message:
    if len(notices) == 1:
        [only] = notices
        return Message(only.title, _cut(only.body, capacity - len(only.title) - 1))
    parts = (f"{each.title}\n{each.body}" for each in notices)
    return Message(_headline(len(notices)), "\n\n".join(parts))


def _headline(count: int) -> str:
    return f"{count} notices"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: max(length - 1, 0)]}…"

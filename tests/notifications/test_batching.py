"""A burst becomes one message, in order, within what the service takes."""

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.notices import NoticeKind
from signalbot.ledger.outbox import PendingNotice
from signalbot.notifications.batching import next_batch


def notices(*bodies: str, silent: bool = False) -> list[PendingNotice]:
    """Notices one after the other."""
    return [
        PendingNotice(
            notice_id=number,
            kind=NoticeKind.FILLED,
            is_silent=silent,
            title=f"title {number}",
            body=body,
        )
        for number, body in enumerate(bodies)
    ]


def test_one_notice_stays_as_it_is() -> None:
    """No headline of ours is put over it."""
    made = next_batch(notices("only this"), capacity=1000)
    assert (made.message.title, made.message.body) == ("title 0", "only this")


def test_a_burst_is_one_message() -> None:
    """All of it, in order, with how many there are."""
    made = next_batch(notices("a", "b"), capacity=1000)
    assert (made.message.title, made.message.body) == ("2 notices", "title 0\na\n\ntitle 1\nb")
    assert made.notice_ids == (0, 1)


def test_a_message_is_silent_only_when_all_of_it_is() -> None:
    """One audible notice makes the whole message audible."""
    silent, loud = notices("a", silent=True), notices("a", "b")[1:]
    assert next_batch(silent, capacity=1000).is_silent
    assert not next_batch([*silent, *loud], capacity=1000).is_silent


@given(
    st.lists(st.text(st.characters(codec="ascii"), max_size=80), min_size=1), st.integers(60, 300)
)
def test_what_is_taken_fits_and_nothing_is_skipped(bodies: list[str], capacity: int) -> None:
    """At least the first goes, cut if it must be; those behind it wait."""
    made = next_batch(notices(*bodies), capacity=capacity)
    assert made.notice_ids == tuple(range(len(made.notice_ids)))
    assert made.notice_ids
    assert len(made.message.title) + 1 + len(made.message.body) <= capacity

"""Whatever a stream does, the candles that come out are those of an undisturbed one.

Once each, in order, with the values they closed with: from the frame through REST to the feed.
"""

from decimal import Decimal

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.exchange.live.candle_stream import (
    WARM_UP,
    Frame,
    Schedule,
    Span,
    in_time,
    played,
    true_close,
)

CANDLES = 8
LAST_S = 60.0 * CANDLES
GRACE_S = 2.1  # after its close a candle has come, whoever tells it: 1.5 s, jitter, an answer
SILENT_S, LOOK_S = 30.0, 7.5  # a silence is one after so long, and is looked for so often
MOST_PAUSE_S = 31.0  # between two tries to connect


def expected(candles: int = CANDLES) -> list[tuple[int, Decimal]]:
    """History first, then every minute."""
    return [(number, Decimal(true_close(number))) for number in range(-WARM_UP, candles)]


def times(*, from_s: float = 0, until_s: float = LAST_S) -> st.SearchStrategy[float]:
    return st.floats(min_value=from_s, max_value=until_s)


@st.composite
def spans(draw: st.DrawFn, *, most: int = 2, longest_s: float = 400) -> list[Span]:
    """Up to ``most`` stretches of time, none before the history has been told."""
    begins = draw(st.lists(times(from_s=5), max_size=most))
    return [Span(at_s, at_s + draw(st.floats(min_value=0.1, max_value=longest_s)))
            for at_s in begins]  # fmt: skip


@st.composite
def of_one_candle(draw: st.DrawFn, number: int) -> list[Frame]:
    """Its closed frame in time, late, or never; forming and repeated frames at any time."""
    closes_s = 60.0 * (number + 1)
    late_s = draw(st.one_of(st.none(), st.just(0.1), st.floats(min_value=0, max_value=150)))
    forming = draw(st.lists(st.tuples(times(until_s=LAST_S + 60), prices()), max_size=3))
    frames = [
        Frame(at_s=max(at_s, 60.0 * number), number=number, close=close, is_closed=False)
        for at_s, close in forming
    ]
    if late_s is not None:
        told_s = closes_s + late_s
        frames.append(Frame(at_s=told_s, number=number, close=true_close(number), is_closed=True))
        repeats = draw(st.lists(st.floats(min_value=0, max_value=200), max_size=2))
        frames += [
            Frame(at_s=told_s + after_s, number=number, close=true_close(number), is_closed=True)
            for after_s in repeats
        ]
    return frames


def prices() -> st.SearchStrategy[int]:
    return st.integers(min_value=40_000, max_value=60_000)


@st.composite
def schedules(draw: st.DrawFn, *, rest_fails: bool = True) -> Schedule:
    frames = [each for number in range(CANDLES) for each in draw(of_one_candle(number))]
    return Schedule(
        candles=CANDLES,
        frames=frames,
        mute=draw(spans()),
        down=draw(spans()),
        no_rest=draw(spans()) if rest_fails else (),
    )


many = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(schedule=schedules())
@example(schedule=Schedule(candles=CANDLES, frames=[]))
@example(schedule=Schedule(candles=CANDLES, frames=in_time(CANDLES)[30:], no_rest=[Span(5, 310)]))
def test_any_stream_gives_the_candles_of_an_undisturbed_one(schedule: Schedule) -> None:
    """Lost, late, repeated, disordered and unfinished frames, silence, cuts, REST away."""
    run = played(schedule, more_s=600)  # longer than any outage
    assert run.values == expected(len(run.live))
    assert len(run.live) >= CANDLES


@many
@given(schedule=schedules(rest_fails=False))
def test_no_stream_makes_a_candle_late(schedule: Schedule) -> None:
    """What it has not told in time REST is asked for, a grace after the close."""
    assert max(each.late_s for each in played(schedule).live) <= GRACE_S


def test_an_undisturbed_stream_asks_rest_for_nothing_but_history() -> None:
    """Candles come with the frame that closes them."""
    run = played(Schedule(candles=CANDLES, frames=in_time(CANDLES)), more_s=5)
    assert run.values == expected()
    assert max(each.late_s for each in run.live) < 0.2
    assert len(run.asked_s) == len(run.dialled_s) == 1


def test_a_stream_that_says_nothing_is_dialled_again_and_misses_no_candle() -> None:
    """REST tells meanwhile, a grace after each close; then the stream does again."""
    silence = Span(130, 500)
    run = played(Schedule(candles=12, frames=in_time(12), mute=[silence]))
    assert run.values == expected(12)
    by_number = [each.late_s for each in run.live]
    assert max(by_number[2:8]) <= GRACE_S
    assert min(by_number[2:8]) >= 1.5
    assert max(by_number[:2] + by_number[-2:]) < 0.2
    first, again, *_ = run.dialled_s
    assert first < 2
    last_frame_s = 120.1
    assert last_frame_s + SILENT_S <= again <= last_frame_s + SILENT_S + LOOK_S + 1


def test_a_stream_that_cannot_be_had_is_dialled_ever_more_rarely() -> None:
    """An exchange that is down is not stormed; its candles come over REST."""
    run = played(Schedule(candles=12, frames=in_time(12), down=[Span(70, 600)]), more_s=5)
    assert run.values == expected(12)
    assert max(each.late_s for each in run.live) <= GRACE_S
    assert len(run.dialled_s) == 2
    assert 600 <= run.dialled_s[1] <= 600 + MOST_PAUSE_S

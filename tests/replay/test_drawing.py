"""What is drawn is thin enough to stay quick, and hides nothing that matters."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.replay.report import charts
from tests.replay.report_fixtures import (
    ALICE,
    HOUR,
    START,
    closed_position,
    curve_of,
    flat_candles,
    history_of,
    open_position,
    summary_of,
)

POINTS = st.lists(st.floats(-1e6, 1e6), max_size=200).map(
    lambda values: [(at, value, 0.0) for at, value in enumerate(values)]
)


@given(POINTS, st.integers(4, 50))
def test_a_thinned_curve_keeps_its_ends_and_its_extremes(
    points: list[tuple[int, float, float]], limit: int
) -> None:
    """Few enough points, all of them true, in order, none of the outline lost."""
    kept = charts.downsample(points, limit)
    assert len(kept) <= limit
    assert kept == sorted(set(kept) & set(points))
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        values, all_values = [point[1] for point in kept], [point[1] for point in points]
        assert (min(values), max(values)) == (min(all_values), max(all_values))


def test_candles_that_fit_are_drawn_as_they_are() -> None:
    """One bar each, at its own place, with the timeframes it can be joined to."""
    candles = flat_candles(5)
    bars = charts.draw_bars([*candles[:2], *candles[3:]])
    assert (bars["start_ms"], bars["step_ms"], bars["i"]) == (START, HOUR, [0, 1, 3, 4])
    assert [name for name, _ in bars["steps"]] == ["1h", "2h", "4h", "6h", "12h", "1d"]


def test_too_many_candles_are_joined() -> None:
    """A span of twice as many minutes as fit is drawn in the next whole timeframe that fits."""
    end = 2 * charts.MAX_BARS
    candles = [*flat_candles(9, Timeframe.M1), *flat_candles(1, Timeframe.M1, first=end - 1)]
    bars = charts.draw_bars(candles)
    assert bars["step_ms"] == Timeframe.M3.ms
    assert bars["i"] == [0, 1, 2, (end - 1) // 3]


def test_a_joined_bar_spans_its_candles() -> None:
    """First open, highest high, lowest low, last close, even if the first bar begins halfway."""
    candles = [
        candle
        for at, price in enumerate(("10", "14", "9", "12", "11"))
        for candle in flat_candles(1, Timeframe.M1, first=1 + at, price=price)
    ]
    end = flat_candles(1, Timeframe.M1, first=2 * charts.MAX_BARS)
    bars = charts.draw_bars([*candles, *end])
    assert bars["start_ms"] == START
    assert [bars[column][:2] for column in "iohlc"] == [
        [0, 1], [10, 9], [14, 12], [10, 9], [14, 11],
    ]  # fmt: skip


def test_a_trade_is_drawn_with_its_result() -> None:
    """Won, lost or open; an open one has no exit."""
    positions = [
        closed_position("10"),
        closed_position("-10", opened_at_ms=Ms(START + HOUR)),
        open_position(opened_at_ms=Ms(START + 2 * HOUR)),
    ]
    won, lost, still_open = charts.draw_trades(positions, {})
    assert (won["result"], lost["result"], still_open["result"]) == ("won", "lost", "open")
    assert won["entry"] == [START, 40_000.0]
    assert won["exit"] == [START + HOUR, 40_100.0]
    assert still_open["exit"] is None
    assert still_open["keys"][charts.COLUMNS.index("Net PnL")] is None


def test_every_cell_of_a_trade_has_a_key_to_sort_by() -> None:
    """Text for the eye, numbers for the order."""
    position = closed_position("1234.5")
    (trade,) = charts.draw_trades([position], {position.signal_id: "a reason"})
    cells = dict(zip(charts.COLUMNS, trade["cells"], strict=True))
    keys = dict(zip(charts.COLUMNS, trade["keys"], strict=True))
    assert (cells["Net PnL"], keys["Net PnL"]) == ("+1,234.50", 1234.5)
    assert (cells["Opened"], keys["Opened"]) == ("2022-01-01 00:00", START)
    assert (cells["Held"], keys["Held"]) == ("1h 00m", HOUR)
    assert (cells["Reason"], cells["Closed by"]) == ("a reason", "TAKE_PROFIT")


def test_only_the_newest_trades_are_kept() -> None:
    """A thousand users may have made more than a page can hold."""
    count = charts.MAX_TRADES + 3
    trades = charts.draw_trades(
        [closed_position(opened_at_ms=Ms(START + at)) for at in reversed(range(count))], {}
    )
    assert [trade["keys"][0] for trade in trades] == [START + at for at in range(3, count)]


def test_hover_texts_stay_texts() -> None:
    """Plotly knows some HTML; a reason must not use it."""
    evil = '<a href="javascript:alert(1)">x</a> & more'
    position = closed_position(user_id=UserId("<b>eve</b>"), signal_id=SignalId("sig_evil"))
    (trade,) = charts.draw_trades([position], {SignalId("sig_evil"): evil})
    assert trade["why"].startswith("&lt;a href=")
    assert trade["why"].endswith("x&lt;/a&gt; &amp; more")
    assert trade["hover"].startswith("<b>&lt;b&gt;eve&lt;/b&gt;: LONG 0.1</b><br>40000 → 40100")


def test_a_long_reason_is_cut_in_the_hover_only() -> None:
    """The list has room for all of it."""
    reason = "because " * 200
    position = closed_position()
    (trade,) = charts.draw_trades([position], {position.signal_id: reason})
    assert trade["why"].count("<br>") < 10
    assert trade["cells"][-1] == reason


def test_curves_begin_at_the_start_and_show_the_drawdown_below_zero() -> None:
    """The account was whole before its first sample."""
    equity = {ALICE: curve_of([11_000, 9_900], start_ms=Ms(START + HOUR))}
    (curve,) = charts.draw_curves(summary_of(history_of(), equity), equity)
    assert curve["t"][0] == START
    assert (curve["start"], curve["equity"]) == (10_000.0, [10_000, 11_000, 9_900])
    assert curve["drawdown"] == [0, 0, -10]


def test_of_many_users_those_whose_equity_changed_most_are_drawn() -> None:
    """In the order of the summary, gains and losses alike; never-sampled users are not."""
    names = [f"user{at:02}" for at in range(charts.MAX_CURVES + 2)]
    changes = [(-1) ** at * (100 + at) for at in range(len(names))]
    equity = {
        UserId(name): [(START, Decimal(10_000)), (Ms(START + HOUR), Decimal(10_000 + change))]
        for name, change in zip(names, changes, strict=True)
    }
    summary = summary_of(history_of(users=[*names, "told"]), equity)
    drawn = [curve["user"] for curve in charts.draw_curves(summary, equity)]
    assert drawn == names[2:]

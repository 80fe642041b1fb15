"""A long run says how far it is and how long it still takes, where nobody sees a bar as well."""

from io import StringIO

from signalbot.cli.run.progress import ProgressLines


def lines(total: int, *steps: tuple[float, int]) -> list[str]:
    """What a log shows of a run: ``steps`` are seconds since its start, and how much is done."""
    out, now = StringIO(), [0.0]
    advance = ProgressLines(total, out, lambda: now[0])
    for at_s, done in steps:
        now[0] = at_s
        advance(done)
    return out.getvalue().splitlines()


def test_a_line_comes_every_quarter_of_a_minute() -> None:
    """With what is left at the speed so far."""
    steps = [(float(each), each * 1_000) for each in range(1, 50)]
    assert lines(100_000, *steps) == [
        "replayed 15 % (15,000 of 100,000 candles), 1:25 left",
        "replayed 30 % (30,000 of 100,000 candles), 1:10 left",
        "replayed 45 % (45,000 of 100,000 candles), 0:55 left",
    ]


def test_a_short_run_says_nothing() -> None:
    """Nor does the end of a long one: its result follows."""
    assert lines(10, (1.0, 5), (14.9, 9)) == []
    assert lines(10, (90.0, 10)) == []

"""``pnl``: sums are exact, and never of things that do not add up."""

from decimal import Context, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.ledger.profit import GroupBy, settlement_currency
from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import CLOSED


def test_profit_of_a_user_is_exact_to_the_last_digit(home: CommandLine) -> None:
    """0.1 + 0.2 is 0.3, and eighteen digits before the point lose none of eight behind it."""
    rows = {row["user_id"]: row for row in home.run("pnl", "--json").json}
    alice, bob = rows["alice"], rows["bob"]
    assert alice["gross_pnl"] == "7.80"
    assert alice["fees"] == "0.40000003"
    assert alice["funding"] == "0.00000001"
    assert alice["net_pnl"] == "7.39999998"
    assert (alice["trades"], alice["wins"], alice["win_rate_percent"]) == (4, 3, "75.0")
    assert (alice["best"], alice["worst"]) == ("12.20", "-5.10")
    assert alice["open_positions"] == 1
    assert bob["net_pnl"] == "123456789012345678.00345678"


@pytest.mark.parametrize("by", GroupBy)
def test_every_grouping_adds_up_to_the_same(home: CommandLine, by: GroupBy) -> None:
    """Whatever a line stands for, the lines together are all there is."""
    rows = home.ask("pnl", "--by", by.value, "--json").json
    with localcontext(Context(prec=60)):
        net = sum((Decimal(row["net_pnl"]) for row in rows), Decimal(0))
        expected = sum(
            (
                Decimal(gross) - Decimal(fees) + Decimal(funding)
                for positions in CLOSED.values()
                for _, _, gross, fees, funding in positions
            ),
            Decimal(0),
        )
        assert net == expected
    assert sum(row["trades"] for row in rows) == 5
    assert len({row[by.column] for row in rows}) == len(rows)


def test_days_are_utc_days_and_can_be_limited(home: CommandLine, state_dir: Path) -> None:
    """The day is that of the close."""
    ledger = ("--ledger", str(state_dir / "signalbot.db"))
    days = home.ask("pnl", "--by", "day", *ledger, "--json").json
    assert [row["day"] for row in days] == ["2022-01-03", "2022-01-04", "2022-01-05"]
    last = home.ask("pnl", "--by", "day", "--since", "25h", *ledger, "--json").json
    assert [row["day"] for row in last] == ["2022-01-04", "2022-01-05"]
    (dips,) = home.ask("pnl", "--strategy", "dips", *ledger, "--json").json
    assert (dips["user_id"], dips["net_pnl"]) == ("alice", "-5.10")
    assert home.ask("pnl", "--mode", "live", *ledger, "--json").json == []


@given(base=st.from_regex(r"[A-Z0-9]{2,6}", fullmatch=True), quote=st.sampled_from(["USDT", "BTC"]))
def test_profit_is_paid_in_the_settlement_currency(base: str, quote: str) -> None:
    """Different currencies are different lines."""
    assert settlement_currency(f"{base}/{quote}") == quote
    assert settlement_currency(f"{base}/USD:{quote}") == quote

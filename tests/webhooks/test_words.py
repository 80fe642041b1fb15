"""Names and words, however they are written."""

from collections import Counter
from decimal import Decimal

import pytest

from signalbot.domain.orders import OrderSide
from signalbot.domain.signals import Side
from signalbot.manual.pages import manual_pages
from signalbot.manual.tables import TABLES
from signalbot.webhooks.actions import ActionKind, ParsedAction, action_synonyms_table, parse_action
from signalbot.webhooks.aliases import ALIASES, aliases_table
from signalbot.webhooks.name_tokens import tokenize


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("stopLossPercentage", "STOP_LOSS_PCT", "stop-loss.percent", "slPct", "stoplosspercent"),
         "stop loss percent"),
        (("takeProfitPrice1", "take_profit_price_1", "TP_price-1", "tpPrice1"),
         "take profit price 1"),
        (("prevMarketPosition", "prev_market_position", "PREV_MARKET_POSITION"),
         "previous market position"),
        (("reduceOnly", "REDUCE_ONLY", "reduceonly", "reduce only"), "reduce only"),
        (("closePosition", "close_position", "closeposition"), "close position"),
        (("orderType", "ordType", "ORDER-TYPE", "ordertype"), "order type"),
    ],
)  # fmt: skip
def test_a_name_is_the_same_in_every_spelling(names: tuple[str, ...], expected: str) -> None:
    """Camel case, capitals, underscores, dashes, dots, short forms, all in one."""
    assert {" ".join(tokenize(name)) for name in names} == {expected}


@pytest.mark.parametrize("name", ["stopwatch", "buyer", "shortage", "tpsl_note_x", "unclosed"])
def test_a_word_is_not_found_inside_another(name: str) -> None:
    """Chance is no meaning."""
    assert parse_action(name) is None


def _exit(side: Side | None = None, percent: int | None = None) -> ParsedAction:
    return ParsedAction(
        ActionKind.EXIT, side=side, percent=None if percent is None else Decimal(percent)
    )


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("buy", ParsedAction(ActionKind.ORDER, order=OrderSide.BUY)),
        ("SELL SIGNAL", ParsedAction(ActionKind.ORDER, order=OrderSide.SELL)),
        ("long", ParsedAction(ActionKind.SIDE, side=Side.LONG)),
        ("go short", ParsedAction(ActionKind.ENTER, side=Side.SHORT)),
        ("LONG_OPEN", ParsedAction(ActionKind.ENTER, side=Side.LONG)),
        ("buy to open", ParsedAction(ActionKind.ENTER, side=Side.LONG)),
        ("EXIT_LONG", _exit(Side.LONG)),
        ("close-long", _exit(Side.LONG)),
        ("shortExit", _exit(Side.SHORT)),
        ("sell to close", _exit(Side.LONG)),
        ("buy_to_cover", _exit(Side.SHORT)),
        ("close sell", _exit()),
        ("cover", _exit(Side.SHORT)),
        ("sell all", _exit(Side.LONG)),
        ("panicSell", _exit()),
        ("close_at_market_price", _exit()),
        ("close 50%", _exit(percent=50)),
        ("close half", ParsedAction(ActionKind.REDUCE, percent=Decimal(50))),
        ("reduce long", ParsedAction(ActionKind.REDUCE, side=Side.LONG)),
        ("half", ParsedAction(ActionKind.REDUCE, percent=Decimal(50))),
        ("reduce 50", ParsedAction(ActionKind.REDUCE, percent=Decimal(50))),
        ("scale out 12.5%", ParsedAction(ActionKind.REDUCE, percent=Decimal("12.5"))),
        ("Exit Long 1", _exit(Side.LONG)),
        ("Long 2", ParsedAction(ActionKind.SIDE, side=Side.LONG)),
        ("go flat", _exit()),
        ("stopped out", _exit()),
        ("SL hit", _exit()),
        ("stop_and_close", _exit()),
        ("reverse to long", ParsedAction(ActionKind.REVERSE, side=Side.LONG)),
        ("cancelEntry", ParsedAction(ActionKind.CANCEL)),
        ("hold", ParsedAction(ActionKind.NOTHING)),
    ],
)
def test_a_word_means_one_thing(text: str, meaning: ParsedAction) -> None:
    """Whatever its case and its separators, wherever it stands."""
    assert parse_action(text) == meaning


@pytest.mark.parametrize(
    "text",
    ["reEntry", "update", "add to position", "stop", "take profit", "long short", "buy sell",
     "close entry and open", "scale in", "sell 50%", "tp hit", "not buy", "buy or sell", "50%", "",
     "explode", "enter 50%", "close 0%",
     "close 200%", "stop_loss", "move stop", "buystop", "book profit"],
)  # fmt: skip
def test_an_unknown_word_means_nothing(text: str) -> None:
    """It falls through to no other meaning."""
    assert parse_action(text) is None


def test_the_manual_shows_the_tables_of_names_and_words() -> None:
    """Page ``webhooks``."""
    page = manual_pages()["webhooks"].render(TABLES)
    for table in (aliases_table(), action_synonyms_table()):
        assert table.strip() in page


def test_every_name_stands_for_one_thing() -> None:
    """However it is written, it is in one row of the table."""
    rows = Counter(" ".join(tokenize(name)) for names in ALIASES.values() for name in names)
    assert [name for name, count in rows.items() if count > 1] == []

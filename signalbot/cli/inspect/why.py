"""``why``: what every user made of one signal, with the reason and the numbers behind it."""

from typing import Annotated, Any

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.inspect.story import explained, print_story
from signalbot.cli.options import AsJson, ConfigFile, LedgerFile
from signalbot.cli.render import print_json
from signalbot.cli.source import Source, reading
from signalbot.domain.errors import NotFound
from signalbot.ledger import past, views
from signalbot.ledger.ranks import by_rank

Row = dict[str, Any]

_PREFIX = "sig_"
_COMPARED = 1000
"""How many of the newest signals are compared with an id that is not found."""
_SHOWN_IDS = 5


def why(
    *,
    signal: Annotated[
        str, typer.Argument(metavar="SIGNAL", help="A signal's id, or the beginning of it.")
    ],
    user: Annotated[
        str | None,
        typer.Argument(metavar="USER", help="Only this user: with the cure, and every order."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
    ledger: LedgerFile = None,
) -> None:
    """Explain what every user made of one signal, or what one user did."""
    with reading(config, ledger) as source:
        found = _signal(source, signal)
        with past.story(source.connection, found["signal_id"]) as whole:
            turns = [explained(row) for row in views.turns(whole, found["signal_id"])]
        story: Row = {"signal": found, "users": turns, "by_rank": by_rank(turns)}
        if user is not None:
            turn = _turn_of(source, story, user)
            story |= {"users": [turn], "orders": _orders(source, turn)}
    if as_json:
        print_json(story)
    else:
        print_story(story)


def _signal(source: Source, wanted: str) -> Row:
    """The one signal whose id is, or begins with, ``wanted``; with or without its ``sig_``."""
    prefix = _PREFIX + wanted.lower().removeprefix(_PREFIX)
    ids = views.signal_ids(source.connection, prefix=prefix, limit=_SHOWN_IDS + 1)
    if len(ids) > 1 and ids[0] != prefix:
        more = " and more" if len(ids) > _SHOWN_IDS else ""
        raise NotFound(f"{wanted!r} begins several signals: {', '.join(ids[:_SHOWN_IDS])}{more}")
    found = past.signal(source.connection, ids[0]) if ids else None
    if found is None:
        newest = views.newest_signal_ids(source.connection, limit=_COMPARED)
        raise not_found("signal", prefix, newest)
    return found


def _turn_of(source: Source, story: Row, user: str) -> Row:
    source.check_user(user)
    for turn in story["users"]:
        if turn["user_id"] == user:
            return dict(turn)
    signal = story["signal"]
    raise NotFound(
        f"user {user!r} has no part in {signal['signal_id']}: "
        f"not subscribed to {signal['strategy']!r}"
    )


def _orders(source: Source, turn: Row) -> list[Row]:
    if turn["position_id"] is None:
        return []
    return views.orders_of_position(source.connection, turn["position_id"])

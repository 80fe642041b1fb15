"""``why``: reports one signal with the outcome of every user."""

from typing import Annotated, Any

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.inspect.signal_report import print_signal_report, with_code_meaning
from signalbot.cli.ledger_source import LedgerReader, open_reader
from signalbot.cli.options import ConfigOption, JsonOption, LedgerOption
from signalbot.cli.render import print_json
from signalbot.domain.errors import NotFound
from signalbot.ledger import views
from signalbot.ledger.archive import reader as archive_reader
from signalbot.ledger.rank_bands import rank_bands

Row = dict[str, Any]

_PREFIX = "sig_"
_MAX_COMPARED = 1000
"""How many of the newest signals are searched for ids similar to an unknown one."""
_MAX_LISTED_IDS = 5


def why(
    *,
    signal: Annotated[
        str, typer.Argument(metavar="SIGNAL", help="Signal id or its first characters.")
    ],
    user: Annotated[
        str | None,
        typer.Argument(metavar="USER", help="Only this user, with fix and orders."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    ledger: LedgerOption = None,
) -> None:
    """Explain the outcome of a signal for every user."""
    with open_reader(config, ledger) as source:
        found = _signal(source, signal)
        with archive_reader.open_with_archived(source.connection, found["signal_id"]) as merged:
            outcomes = [
                with_code_meaning(row) for row in views.signal_outcomes(merged, found["signal_id"])
            ]
        report: Row = {"signal": found, "users": outcomes, "by_rank": rank_bands(outcomes)}
        if user is not None:
            outcome = _outcome_of(source, report, user)
            report |= {"users": [outcome], "orders": _orders(source, outcome)}
    if as_json:
        print_json(report)
    else:
        print_signal_report(report)


def _signal(source: LedgerReader, wanted: str) -> Row:
    """Return the one signal with id or id prefix ``wanted``, with or without ``sig_``.

    Raises:
        NotFound: no signal, or more than one, has that prefix.
    """
    prefix = _PREFIX + wanted.lower().removeprefix(_PREFIX)
    ids = views.signal_ids(source.connection, prefix=prefix, limit=_MAX_LISTED_IDS + 1)
    if len(ids) > 1 and ids[0] != prefix:
        more = " and more" if len(ids) > _MAX_LISTED_IDS else ""
        raise NotFound(
            f"{wanted!r} matches several signals: {', '.join(ids[:_MAX_LISTED_IDS])}{more}"
        )
    found = archive_reader.signal(source.connection, ids[0]) if ids else None
    if found is None:
        newest = views.newest_signal_ids(source.connection, limit=_MAX_COMPARED)
        raise not_found("signal", prefix, newest)
    return found


def _outcome_of(source: LedgerReader, report: Row, user: str) -> Row:
    source.check_user(user)
    for outcome in report["users"]:
        if outcome["user_id"] == user:
            return dict(outcome)
    signal = report["signal"]
    raise NotFound(
        f"user {user!r} has no outcome of {signal['signal_id']}: "
        f"not subscribed to {signal['strategy']!r}"
    )


def _orders(source: LedgerReader, outcome: Row) -> list[Row]:
    if outcome["position_id"] is None:
        return []
    return views.orders_of_position(source.connection, outcome["position_id"])

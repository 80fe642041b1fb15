"""Checks for everything that blocks trading or needs an operator."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.ledger import views

NAME = "trading"
ORDER = 130


def check(installation: Installation) -> Iterator[Finding]:
    with installation.open_ledger() as connection:
        if connection is None:
            return
        found = list(_trading_findings(connection, installation))
    yield from found or [passed(NAME, "no user is halted, no outcome is unknown")]


def _trading_findings(
    connection: views.Connection, installation: Installation
) -> Iterator[Finding]:
    at = views.overview(connection, now_ms=installation.now_ms)
    if at["halted"] is not None:
        yield problem(NAME, f"is halted: {at['halted']}", "find the cause, then 'signalbot unhalt'")
    for line in at["away"]:
        away_s = (installation.now_ms - line["since_ms"]) // 1000
        yield problem(
            NAME, f"{line['exchange']} ({line['egress']}) has not responded for {away_s} s",
            "check its status page and your network; trading continues automatically",
        )  # fmt: skip
    for user in at["users_not_trading"]:
        result = f"{user['user_id']} is {user['status']}: {user['status_reason'] or 'manually'}"
        if user["status"] == "HALTED":
            yield problem(
                NAME, result, f"find the cause, then 'signalbot resume {user['user_id']}'"
            )
        else:
            yield note(NAME, result, f"'signalbot resume {user['user_id']}' to trade again")
    if at["executions_in_doubt"]:
        yield note(
            NAME, f"{at['executions_in_doubt']} entries have an unknown outcome",
            "they are looked up every few seconds; 'signalbot executions --status unknown'",
        )  # fmt: skip
    for position in views.open_positions(connection):
        if position["protected_at_ms"] is None and position["stop_loss"] is not None:
            yield problem(
                NAME, f"{position['user_id']}'s {position['symbol']} has no confirmed stop",
                f"check the exchange; 'signalbot close {position['user_id']} "
                f"{position['symbol']}' closes it",
            )  # fmt: skip

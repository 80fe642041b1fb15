"""Whether anything keeps users from trading, or waits for a person."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, note, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.ledger import views

_CHECK = "trading"


def check(installation: Installation) -> Iterator[Finding]:
    with installation.open_ledger() as connection:
        if connection is None:
            return
        found = list(_trading_findings(connection, installation))
    yield from found or [passed(_CHECK, "nobody is halted, nothing is in doubt")]


def _trading_findings(
    connection: views.Connection, installation: Installation
) -> Iterator[Finding]:
    at = views.overview(connection, now_ms=installation.now_ms)
    if at["halted"] is not None:
        yield problem(_CHECK, f"is halted: {at['halted']}", "find the cause; 'signalbot unhalt'")
    for line in at["away"]:
        away_s = (installation.now_ms - line["since_ms"]) // 1000
        yield problem(
            _CHECK, f"{line['exchange']} ({line['egress']}) has answered nothing for {away_s} s",
            "look at its status page and at your network; all goes on by itself when it is back",
        )  # fmt: skip
    for user in at["users_not_trading"]:
        result = f"{user['user_id']} is {user['status']}: {user['status_reason'] or 'by hand'}"
        if user["status"] == "HALTED":
            yield problem(_CHECK, result, f"find the cause; 'signalbot resume {user['user_id']}'")
        else:
            yield note(_CHECK, result, f"'signalbot resume {user['user_id']}' when it should trade")
    if at["executions_in_doubt"]:
        yield note(
            _CHECK, f"{at['executions_in_doubt']} entries have no sure answer yet",
            "they are looked up every few seconds; 'signalbot executions --status unknown'",
        )  # fmt: skip
    for position in views.open_positions(connection):
        if position["protected_at_ms"] is None and position["stop_loss"] is not None:
            yield problem(
                _CHECK, f"{position['user_id']}'s {position['symbol']} has no confirmed stop",
                f"look at the exchange; 'signalbot close {position['user_id']} "
                f"{position['symbol']}' ends it",
            )  # fmt: skip

"""Whether anything keeps users from trading, or waits for a person."""

from collections.abc import Iterator

from signalbot.doctor.finding import Finding, good, note, problem
from signalbot.doctor.patient import Patient
from signalbot.ledger import views

_WHAT = "trading"


def examine(patient: Patient) -> Iterator[Finding]:
    with patient.reading() as connection:
        if connection is None:
            return
        found = list(_standing(connection, patient))
    yield from found or [good(_WHAT, "nobody is halted, nothing is in doubt")]


def _standing(connection: views.Connection, patient: Patient) -> Iterator[Finding]:
    at = views.overview(connection, now_ms=patient.now_ms)
    if at["halted"] is not None:
        yield problem(_WHAT, f"is halted: {at['halted']}", "find the cause; 'signalbot unhalt'")
    for line in at["away"]:
        away_s = (patient.now_ms - line["since_ms"]) // 1000
        yield problem(
            _WHAT, f"{line['exchange']} ({line['egress']}) has answered nothing for {away_s} s",
            "look at its status page and at your network; all goes on by itself when it is back",
        )  # fmt: skip
    for user in at["users_not_trading"]:
        says = f"{user['user_id']} is {user['status']}: {user['status_reason'] or 'by hand'}"
        if user["status"] == "HALTED":
            yield problem(_WHAT, says, f"find the cause; 'signalbot resume {user['user_id']}'")
        else:
            yield note(_WHAT, says, f"'signalbot resume {user['user_id']}' when it should trade")
    if at["executions_in_doubt"]:
        yield note(
            _WHAT, f"{at['executions_in_doubt']} entries have no sure answer yet",
            "they are looked up every few seconds; 'signalbot executions --status unknown'",
        )  # fmt: skip
    for position in views.open_positions(connection):
        if position["protected_at_ms"] is None and position["stop_loss"] is not None:
            yield problem(
                _WHAT, f"{position['user_id']}'s {position['symbol']} has no confirmed stop",
                f"look at the exchange; 'signalbot close {position['user_id']} "
                f"{position['symbol']}' ends it",
            )  # fmt: skip

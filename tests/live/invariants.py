"""What must be true after every run, whatever went wrong: asked of the exchange's own journal."""

from decimal import Decimal

from tests.canary import leaks
from tests.live.rig import Live
from tests.venue.model import Kind, Origin

NAKED_LIMIT_S = 7.0  # max_unprotected, and what a look and a close at market take


def check(rig: Live, *users: str, naked_limit_s: float = NAKED_LIMIT_S) -> None:
    """Every invariant, for these users."""
    for user in users:
        _entries(rig, user)
        _protection(rig, user, naked_limit_s)
        _fills(rig, user)
        _open_orders(rig, user)
    secrets_are_nowhere(rig)
    assert not rig.venue.faults.violations_after(0.3), "requests during a ban"
    assert rig.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert rig.rows("PRAGMA foreign_key_check") == []


def _entries(rig: Live, user: str) -> None:
    """No signal entered twice, nothing larger than intended."""
    intended = {
        row["client_order_id"]: Decimal(row["quantity"])
        for row in rig.rows(f"SELECT * FROM orders WHERE user_id = '{user}' AND leg = 'entry'")
    }
    journal, key = rig.venue.engine.journal, rig.key(user)
    accepted = journal.entries_accepted(key)
    assert accepted.keys() <= intended.keys(), "an entry nobody intended"
    twice = [each for each, times in accepted.items() if times > 1]
    assert not twice, f"{user} entered twice: {twice}"
    assert all(filled <= intended[each] for each, filled in journal.entry_fills(key).items())


def _protection(rig: Live, user: str, limit_s: float) -> None:
    """A process that was killed can protect nothing; from READY on it counts again."""
    limit_s += rig.down_s
    naked_s = rig.naked_s(user)
    assert naked_s < limit_s, f"{user} was without a stop for {naked_s:.1f} s"
    held, stops = rig.held(user), rig.resting(user, Kind.STOP)
    assert rig.is_covered(user) or not held, f"{user} holds {held} behind {stops}"


def _fills(rig: Live, user: str) -> None:
    """The ledger has every fill of the exchange, and no other."""
    told = {str(trade) for trade in rig.venue.engine.journal.trade_ids(rig.key(user))}
    sql = f"SELECT trade_id FROM fills WHERE user_id = '{user}'"
    booked = {row["trade_id"] for row in rig.rows(sql)}
    assert booked == told, f"{user}: fills"


def _open_orders(rig: Live, user: str) -> None:
    """What rests is the owner's, or known: by our id, else by the exchange's."""
    orders = rig.rows("SELECT client_order_id, exchange_order_id FROM orders")
    known = {each for row in orders for each in row}
    strange = [
        order for order in rig.resting(user)
        if order.ask.origin is not Origin.HAND
        and not {order.ask.client_id, str(order.id)} & known
    ]  # fmt: skip
    assert not strange, f"{user} has orders the ledger does not know: {strange}"


def secrets_are_nowhere(rig: Live) -> None:
    """Keys are in the exchange's memory, and nowhere else."""
    assert not list(leaks(rig.folder))

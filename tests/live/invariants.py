"""What must be true after every run, whatever went wrong: asked of the exchange's own book."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

from tests.live.rig import CANARY, SYMBOL, Live

NAKED_LIMIT_S = 7.0  # max_unprotected, and what a look and a close at market take


def check(rig: Live, *users: str, naked_limit_s: float = NAKED_LIMIT_S) -> None:
    """Every invariant, for these users."""
    for user in users:
        _entries(rig, user)
        _protection(rig, user, naked_limit_s)
        _fills(rig, user)
        _open_orders(rig, user)
    _secrets(rig)
    assert rig.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert rig.rows("PRAGMA foreign_key_check") == []


def _entries(rig: Live, user: str) -> None:
    """No signal entered twice, nothing larger than intended."""
    intended = {
        row["client_order_id"]: Decimal(row["quantity"])
        for row in rig.rows(f"SELECT * FROM orders WHERE user_id = '{user}' AND leg = 'entry'")
    }
    entries = [o for o in rig.holder(user).orders.values() if not o.reduce_only]
    ours = [o for o in entries if not o.client_id.startswith(("web_", "ffff"))]
    assert not [o for o in ours if o.client_id not in intended], "an entry nobody intended"
    twice = [each for each, n in Counter(o.client_id for o in ours).items() if n > 1]
    assert not twice, f"{user} entered twice: {twice}"
    assert all(o.filled <= intended[o.client_id] for o in ours)


def _protection(rig: Live, user: str, limit_s: float) -> None:
    holder = rig.holder(user)
    naked_s = rig.venue.book.longest_naked_s(holder)
    assert naked_s < limit_s, f"{user} was without a stop for {naked_s:.1f} s"
    held = holder.position.get(SYMBOL, Decimal(0))
    stops = [o for o in holder.orders.values() if o.is_open and o.kind == "stop"]
    if held:
        assert [o.quantity for o in stops] == [abs(held)], f"{user} holds {held}"


def _fills(rig: Live, user: str) -> None:
    """The ledger has every fill of the exchange, and no other."""
    told = {str(trade.trade_id) for trade in rig.holder(user).trades}
    sql = f"SELECT trade_id FROM fills WHERE user_id = '{user}'"
    booked = {row["trade_id"] for row in rig.rows(sql)}
    assert booked == told, f"{user}: fills"


def _open_orders(rig: Live, user: str) -> None:
    known = {row["client_order_id"] for row in rig.rows("SELECT client_order_id FROM orders")}
    strange = [
        o.client_id for o in rig.holder(user).orders.values()
        if o.is_open and o.client_id not in known and not o.client_id.startswith(("web_", "f"))
    ]  # fmt: skip
    assert not strange, f"{user} has orders the ledger does not know: {strange}"


def _secrets(rig: Live) -> None:
    """Keys are in the exchange's memory, and nowhere else."""
    assert CANARY not in "".join(rig.daemon.raw)
    for file in Path(rig.folder, "state").iterdir():
        if file.is_file():
            assert CANARY.encode() not in file.read_bytes(), file.name

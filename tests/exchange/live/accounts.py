"""A user's account behind a line to a loopback exchange."""

from signalbot.domain.users import AccountSettings, Mode, User, UserId
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ports import Clock
from signalbot.tasks import SystemClock
from tests.exchange.live.loopback_exchange import LoopbackConnection
from tests.exchange.live.wire_fixtures import SWAP


def account_at(
    line: LoopbackConnection, *, symbol: str = SWAP, clock: Clock | None = None
) -> LiveBroker:
    """As it is after a start: it has sent nothing yet."""
    return LiveBroker(
        User(
            user_id=UserId("anna"),
            mode=Mode.LIVE,
            account=AccountSettings(exchange="rig", leverage=5),
        ),
        api=line.api,
        markets=AccountMarkets(
            {line.dialect.capabilities.kind: line.dialect},
            SimulatedMarket(instrument=line.instrument, history=lambda *_: ()),
            [symbol],
        ),
        clock=clock or SystemClock(),
    )

"""Changes of the configuration while signals arrive."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from signalbot.config.problems import InvalidConfig
from signalbot.config.settings import Config
from signalbot.control.configuration import ConfigurationService
from signalbot.control.configuration_activation import ConfigurationActivator
from signalbot.control.credential_reload import CredentialReloader
from signalbot.domain.users import UserId
from signalbot.ledger.definitions import Definitions
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

BEN = UserId("ben")


class InterruptedDefinitions(Definitions):
    """Awaits a callback before the definitions of a change are stored."""

    on_change: Callable[[], Awaitable[object]]

    async def change(self, *tables: Any, **names: Any) -> None:
        await self.on_change()
        await super().change(*tables, **names)


async def _load_no_credentials(*_: object) -> None:
    """There are no live users."""


def _configuration(
    w: Simulation, definitions: Definitions, applied: list[Config] | None = None
) -> ConfigurationService:
    services = w.services
    users = services.control.users

    async def on_change(config: Config) -> None:
        if applied is not None:
            applied.append(config)

    return ConfigurationService(
        services.config,
        activator=ConfigurationActivator(
            users=users,
            strategies=services.control.strategies,
            accounts=services.storage.accounts,
            definitions=definitions,
            exchanges={"sim": w.exchange},
            load_credentials=_load_no_credentials,
            clock=w.clock,
        ),
        credential_reloader=CredentialReloader(
            users=users,
            load_credentials=_load_no_credentials,
            trading_state=services.execution.trading_state,
            key_permissions=services.execution.key_permissions,
        ),
        subscriptions=services.control.subscriptions,
        environ={},
        on_change=on_change,
    )


def test_a_signal_while_a_user_is_removed_opens_nothing_for_that_user(tmp_path: Path) -> None:
    """No position opens between the check and the removal: it would not be managed."""

    async def story(w: Simulation) -> None:
        definitions = InterruptedDefinitions(w.database)
        definitions.on_change = lambda: w.send(w.make())
        (tmp_path / "config.toml").write_text(HEAD + user("anna"))
        await _configuration(w, definitions).reload()
        trades = w.services.storage.trades
        assert BEN not in w.services.control.accounts
        assert await trades.open_positions(BEN) == []
        assert len(await trades.open_positions(UserId("anna"))) == 1

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_a_user_who_cannot_be_removed_trades_on(tmp_path: Path) -> None:
    """Rejected because of an open position, the reload changes nothing."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        (tmp_path / "config.toml").write_text(HEAD + user("anna"))
        applied: list[Config] = []
        with pytest.raises(InvalidConfig, match="open positions"):
            await _configuration(w, Definitions(w.database), applied).reload()
        assert applied == []
        second = await w.send(w.make(key="2", symbol="ETH/USDT:USDT"))
        execution = await w.execution(second, "ben")
        assert execution is not None

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_an_added_user_takes_the_next_signal(tmp_path: Path) -> None:
    """The new account, its subscription and its listener work at once; listeners are notified."""

    async def story(w: Simulation) -> None:
        (tmp_path / "config.toml").write_text(HEAD + user("anna") + user("ben"))
        applied: list[Config] = []
        diff = await _configuration(w, Definitions(w.database), applied).reload()
        assert [each.user_id for each in diff.users.added] == [BEN]
        assert [sorted(each.users) for each in applied] == [["anna", "ben"]]
        signal = await w.send(w.make())
        assert await w.execution(signal, "ben") is not None

    run_in_virtual_time(tmp_path, story, user("anna"))

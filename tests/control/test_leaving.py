"""A user whose account is about to go opens nothing more."""

from pathlib import Path
from typing import Any

import pytest

from signalbot.config.problems import InvalidConfig
from signalbot.control.configuration import ConfigurationService
from signalbot.domain.signals import Signal
from signalbot.domain.users import UserId
from signalbot.ledger.definitions import Definitions
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

BEN = UserId("ben")


class Interrupted(Definitions):
    """While a changed file is written down, a signal comes."""

    world: Simulation
    signal: Signal

    async def change(self, *tables: Any, **names: Any) -> None:
        await self.world.send(self.signal)
        await super().change(*tables, **names)


async def _unlock(*_: object) -> None:
    """Nobody has keys here."""


def _provisioner(w: Simulation, definitions: Definitions) -> ConfigurationService:
    return ConfigurationService(
        w.app.config,
        registry=w.app.registry,
        accounts=w.app.account_store,
        definitions=definitions,
        exchanges={"sim": w.exchange},
        environ={},
        load_credentials=_unlock,
        trading_state=w.app.trading_state,
        key_permissions=w.app.key_rights,
        clock=w.clock,
    )


def test_a_signal_while_a_user_is_removed_opens_nothing_for_that_user(tmp_path: Path) -> None:
    """A position whose user is gone would be followed by no one."""

    async def story(w: Simulation) -> None:
        definitions = Interrupted(w.database)
        definitions.world, definitions.signal = w, w.make()
        (tmp_path / "config.toml").write_text(HEAD + user("anna"))
        await _provisioner(w, definitions).reload()
        assert BEN not in w.app.accounts
        assert await w.app.trades.open_positions(BEN) == []
        assert len(await w.app.trades.open_positions(UserId("anna"))) == 1

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


def test_a_user_who_cannot_be_removed_trades_on(tmp_path: Path) -> None:
    """Refused because of an open position, the reload changes nothing."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        (tmp_path / "config.toml").write_text(HEAD + user("anna"))
        with pytest.raises(InvalidConfig, match="open positions"):
            await _provisioner(w, Definitions(w.database)).reload()
        second = await w.send(w.make(key="2", symbol="ETH/USDT:USDT"))
        execution = await w.execution(second, "ben")
        assert execution is not None

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))

"""What the ledger holds of one live account across restarts: balance, position mode, margins."""

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.account_states import AccountState, AccountStates, MarginSetting


class AccountMemory:
    """``saved`` is from a former process; ``states`` saves for the next one, if given."""

    def __init__(
        self,
        user_id: UserId,
        saved: AccountState | None = None,
        states: AccountStates | None = None,
    ) -> None:
        self.saved = saved or AccountState()
        self._user_id = user_id
        self._states = states

    def save_balance(self, balance: Balance) -> None:
        if self._states is not None:
            self._states.save_balance(self._user_id, balance)

    def save_one_way(self, at_ms: Ms) -> None:
        """Record that the account was in one-way mode."""
        if self._states is not None:
            self._states.save_one_way(self._user_id, at_ms)

    def save_margin(self, symbol: str, setting: MarginSetting) -> None:
        if self._states is not None:
            self._states.save_margin(self._user_id, symbol, setting)

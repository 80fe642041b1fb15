"""The subscriptions in force, by user and by strategy."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from signalbot.domain.users import Subscription, UserId


class SubscriptionRegistry:
    """Owns every subscription that is not cancelled; readers get read-only views or copies."""

    def __init__(self) -> None:
        self._by_user: dict[UserId, dict[str, Subscription]] = {}
        self._users: dict[str, list[UserId]] = {}

    def put(self, subscription: Subscription) -> None:
        """Add a subscription, or replace the user's subscription to the same strategy."""
        user_id, strategy = subscription.user_id, subscription.strategy
        self._by_user.setdefault(user_id, {})[strategy] = subscription
        users = self._users.setdefault(strategy, [])
        if user_id not in users:
            users.append(user_id)

    def remove(self, user_id: UserId, strategy: str) -> None:
        """Remove a subscription, if there is one."""
        self._by_user.get(user_id, {}).pop(strategy, None)
        if user_id in self._users.get(strategy, ()):
            self._users[strategy].remove(user_id)

    def get(self, user_id: UserId, strategy: str) -> Subscription | None:
        """The user's subscription to ``strategy``, or None."""
        return self._by_user.get(user_id, {}).get(strategy)

    def of_user(self, user_id: UserId) -> Mapping[str, Subscription]:
        """A live, read-only view of the user's subscriptions by strategy."""
        return MappingProxyType(self._by_user.setdefault(user_id, {}))

    def users_of(self, strategy: str) -> Sequence[UserId]:
        """The users subscribed to ``strategy``, in the order of their subscription."""
        return tuple(self._users.get(strategy, ()))

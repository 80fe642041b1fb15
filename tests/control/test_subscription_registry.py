"""The one owner of subscriptions: what readers see, and what they cannot change."""

from dataclasses import replace
from typing import Any

import pytest

from signalbot.control.subscription_registry import SubscriptionRegistry
from signalbot.domain.settings import Settings
from signalbot.domain.users import (
    Subscription,
    SubscriptionStatus,
    UserId,
    subscription_id_of,
)

ANNA, BEN = UserId("anna"), UserId("ben")


def subscription(user_id: UserId, strategy: str = "trend") -> Subscription:
    return Subscription(
        subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
        user_id=user_id,
        strategy=strategy,
        settings=Settings(),
    )


def test_users_of_a_strategy_keep_the_order_of_their_subscriptions() -> None:
    """A replaced subscription does not move its user."""
    registry = SubscriptionRegistry()
    for each in (ANNA, BEN):
        registry.put(subscription(each))
    registry.put(replace(subscription(ANNA), status=SubscriptionStatus.PAUSED))
    assert registry.users_of("trend") == (ANNA, BEN)
    assert registry.users_of("other") == ()


def test_a_removed_subscription_is_gone_from_both_sides() -> None:
    """By user and by strategy; removing it again has no effect."""
    registry = SubscriptionRegistry()
    registry.put(subscription(ANNA))
    for _ in range(2):
        registry.remove(ANNA, "trend")
        assert registry.get(ANNA, "trend") is None
        assert registry.users_of("trend") == ()


def test_a_view_follows_changes_and_cannot_make_them() -> None:
    """Listeners hold the view of their user while subscriptions come and go."""
    registry = SubscriptionRegistry()
    view: Any = registry.of_user(ANNA)
    registry.put(subscription(ANNA))
    assert list(view) == ["trend"]
    with pytest.raises(TypeError):
        view["other"] = subscription(ANNA, "other")
    registry.remove(ANNA, "trend")
    assert not view

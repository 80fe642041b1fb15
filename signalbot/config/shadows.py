"""Shadow users: paper accounts that mirror live ones with the same settings, for comparison."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from signalbot.config.sections.users import UserSection
from signalbot.config.validators import DIRECT
from signalbot.domain.users import (
    Mode,
    Subscription,
    User,
    UserId,
    shadow_of,
    subscription_id_of,
)


def shadow_users(tables: Mapping[str, UserSection], users: Mapping[UserId, User]) -> Iterator[User]:
    """Yield a paper user without notifications for every live user with ``account.shadow``."""
    for name, table in tables.items():
        user = users[UserId(name)]
        if not table.account.shadow or user.mode is not Mode.LIVE:
            continue
        account = replace(user.account, egress=DIRECT, allow_withdrawal_keys=False)
        yield replace(
            user,
            user_id=shadow_of(user.user_id),
            mode=Mode.PAPER,
            account=account,
            notify=(),
        )


def shadow_subscriptions(
    subscriptions: tuple[Subscription, ...], users: Mapping[UserId, User]
) -> Iterator[Subscription]:
    """Yield the subscriptions of the shadows among ``users``: those of their owners."""
    for each in subscriptions:
        shadow = shadow_of(each.user_id)
        if shadow in users:
            yield replace(
                each,
                user_id=shadow,
                subscription_id=subscription_id_of(user_id=shadow, strategy=each.strategy),
            )

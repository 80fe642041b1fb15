"""Bodies of requests. Definitions have the structure of the configuration file."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.config.sections.strategies import StrategySection
from signalbot.config.sections.users import UserSection
from signalbot.config.validators import NAME
from signalbot.ledger.views import FOREVER

Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$", examples=["btc-trend"])]
ShortText = Annotated[str, Field(max_length=200)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewStrategy(StrategySection):
    """A strategy as in ``[strategies.NAME]``, with its name."""

    name: Name


class StrategyChange(StrategySection):
    """All settings of a strategy; ``version`` is the one that was read."""

    version: int = Field(ge=1, description="Version these settings replace.")


class NewUser(UserSection):
    """A user as in ``[users.NAME]``, with its name."""

    name: Name


class UserChange(UserSection):
    """All settings of a user; ``version`` is the one that was read."""

    version: int = Field(ge=1, description="Version these settings replace.")


class NewSubscription(Body):
    user: Name | None = Field(
        default=None, description="Subscribing user; default the token's user."
    )
    settings: SettingsLayer = Field(
        default_factory=SettingsLayer, description="Settings that differ from the user's."
    )


class SubscriptionChange(Body):
    settings: SettingsLayer = Field(description="All settings of the subscription.")


class ReasonBody(Body):
    reason: ShortText = ""


class CloseRequest(Body):
    symbol: Annotated[str, Field(max_length=60)] | None = Field(
        default=None, description="Market to close; default all."
    )


class NewToken(Body):
    scope: Literal["admin", "user", "source"]
    subject: Name | None = Field(default=None, description="User, or webhook strategy.")
    label: ShortText = ""
    expires_at_ms: int | None = Field(default=None, ge=0, le=FOREVER)

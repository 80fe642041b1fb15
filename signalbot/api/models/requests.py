"""Bodies of requests. Definitions have the form of the tables of the configuration file."""

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
    """A strategy, as ``[strategies.NAME]`` has it, with its name."""

    name: Name


class StrategyChange(StrategySection):
    """Everything of a strategy but its name; ``version`` is the one that was read."""

    version: int = Field(ge=1, description="The version these settings replace.")


class NewUser(UserSection):
    """A user, as ``[users.NAME]`` has it, with its name."""

    name: Name


class UserChange(UserSection):
    """Everything of a user but the name; ``version`` is the one that was read."""

    version: int = Field(ge=1, description="The version this replaces.")


class NewSubscription(Body):
    user: Name | None = Field(
        default=None, description="Who follows; left out: the token's own user."
    )
    settings: SettingsLayer = Field(
        default_factory=SettingsLayer, description="Settings that differ from the user's."
    )


class SubscriptionChange(Body):
    settings: SettingsLayer = Field(description="The settings from now on, whole.")


class ReasonBody(Body):
    reason: ShortText = ""


class CloseRequest(Body):
    symbol: Annotated[str, Field(max_length=60)] | None = Field(
        default=None, description="One market; left out: everything."
    )


class NewToken(Body):
    scope: Literal["admin", "user", "source"]
    subject: Name | None = Field(
        default=None, description="The user, or the strategy that is the source."
    )
    label: ShortText = ""
    expires_at_ms: int | None = Field(default=None, ge=0, le=FOREVER)

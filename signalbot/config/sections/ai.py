"""``[ai]``: model providers and the daily budget."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from signalbot.config.number_types import Number
from signalbot.config.section import Section
from signalbot.config.validators import BaseUrl, Name, SecretName
from signalbot.settings.ai import AiProviderSettings, AiSettings, ProviderKind


class ProviderSection(Section):
    """One provider of models, under a name of your choice."""

    kind: ProviderKind = Field(
        description='API protocol; "openai-compatible" for local servers and others.'
    )
    base_url: BaseUrl | None = Field(
        default=None, description="Its address, if not the default one."
    )
    api_key: SecretName | None = Field(
        default=None, description='"secret:NAME": its key, kept in the vault.'
    )
    input_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="Price of a million input tokens."
    )
    output_price: Annotated[Decimal, Number(at_least=0)] | None = Field(
        default=None, description="Price of a million output tokens."
    )
    max_output_tokens: Annotated[int, Number(kind=int, at_least=100, at_most=100_000)] = Field(
        default=2_000, description="Maximum output tokens of a response, reasoning included."
    )
    retries: Annotated[int, Number(kind=int, at_least=0, at_most=5)] = Field(
        default=1, description="Retries when it is overloaded or unreachable."
    )


class AiSection(Section):
    """The model providers that users and strategies may use."""

    budget_per_day: Annotated[Decimal, Number(above=0)] | None = Field(
        default=None, description="Spending limit per UTC day, in the currency of the prices."
    )
    providers: dict[Name, ProviderSection] = Field(default={}, description="Providers by name.")


def ai_settings(section: AiSection) -> AiSettings:
    """Convert the section to settings."""
    return AiSettings(
        budget_per_day=section.budget_per_day,
        providers={
            name: AiProviderSettings(name=name, **dict(table))
            for name, table in section.providers.items()
        },
    )

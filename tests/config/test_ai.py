"""``[ai]``: users and strategies that use it have a provider, and costs are computable."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.settings import AiPermission
from tests.config.config_files import MINIMAL, load_text, problems_of

PROVIDER = """
[ai.providers.main]
kind = "anthropic"
api_key = "secret:main-ai"
input_price = 3
output_price = 15
"""
ASKS = "ai = { enabled = true, provider = 'main', model = 'small' }\n"


def test_a_user_with_ai_rules_needs_only_a_provider_and_a_model(tmp_path: Path) -> None:
    """Layers are merged like every other setting."""
    text = MINIMAL + ASKS + "[defaults.ai]\nmay = ['veto']\n" + PROVIDER
    config = load_text(tmp_path, text)
    rules = config.subscriptions[0].settings.ai
    assert (rules.provider, rules.model, rules.may) == ("main", "small", (AiPermission.VETO,))
    assert config.ai.providers["main"].cost(1_000_000, 100_000) == Decimal("4.5")


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    """Not even its name in the vault."""
    assert "secret:" not in repr(load_text(tmp_path, MINIMAL + PROVIDER).ai)


@pytest.mark.parametrize(
    ("added", "path", "message"),
    [
        (
            "ai = { enabled = true, model = 'small' }\n" + PROVIDER,
            "users.alice.subscriptions.trend.ai.enabled",
            "true needs an ai.provider",
        ),
        (
            ASKS.replace("main", "mian") + PROVIDER,
            "users.alice.subscriptions.trend.ai.provider",
            "'mian' is not one of the AI providers of this file: did you mean 'main'?",
        ),
        (
            "[ai.providers.local]\nkind = 'openai-compatible'\n",
            "ai.providers.local.kind",
            "'openai-compatible' needs a base_url",
        ),
        (
            PROVIDER.replace('api_key = "secret:main-ai"', ""),
            "ai.providers.main.kind",
            "'anthropic' needs an api_key = 'secret:NAME'",
        ),
        (
            PROVIDER.replace("secret:main-ai", "sk-ant-1234"),
            "ai.providers.main.api_key",
            "is not 'secret:NAME': put the key into the vault with 'secret set NAME'",
        ),
        (
            PROVIDER.replace("output_price = 15", "") + "[ai]\nbudget_per_day = 5\n",
            "ai.providers.main",
            "has no output_price: ai.budget_per_day needs it",
        ),
        (
            "ai = { deadline = '1h' }\n",
            "users.alice.subscriptions.trend.ai.deadline",
            "is longer than an AI call may take: at most '120s'",
        ),
    ],
)
def test_unusable_providers_and_budgets_are_problems(
    tmp_path: Path, added: str, path: str, message: str
) -> None:
    """With its place in the file, and what would be right."""
    (problem,) = problems_of(tmp_path, MINIMAL + added)
    assert problem.path == path
    assert message in problem.message

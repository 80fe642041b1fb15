"""Advice never increases a risk, whatever the model responds."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.decision.ai_rules import apply_advice, check_advice
from signalbot.decision.decide import ClearedEntry, plan
from signalbot.decision.decision_input import EntryPlan, Skip
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.settings import AiPermission, AiRules, OnAiError
from signalbot.domain.signals import Action
from tests.decision.decision_inputs import decision_input, instruments, with_settings

REQUESTS = st.decimals(min_value=-1_000, max_value=1_000, places=2)
RULES = st.builds(
    AiRules,
    enabled=st.just(True),
    may=st.lists(st.sampled_from(AiPermission), unique=True).map(tuple),
    least_size_percent=st.decimals(min_value=1, max_value=100, places=0),
    most_stop_percent=st.decimals(min_value=1, max_value=90, places=0),
)


def advice(
    verdict: Verdict = Verdict.APPROVE,
    *,
    confidence: float = 1.0,
    size: Decimal = Decimal(100),
    stop: Decimal = Decimal(0),
) -> Advice:
    """A model's advice."""
    return Advice(
        verdict=verdict, confidence=confidence, reason="so", size_percent=size, stop_percent=stop
    )


@given(
    rules=RULES,
    size=REQUESTS,
    stop=REQUESTS,
    action=st.sampled_from((Action.LONG, Action.SHORT)),
    instrument=instruments(),
)
def test_no_answer_makes_a_plan_larger_or_its_stop_further(
    rules: AiRules, size: Decimal, stop: Decimal, action: Action, instrument: object
) -> None:
    """Numbers that no checked answer can hold included: the bounds do not trust the check."""
    s = with_settings(decision_input(action=action, instrument=instrument), ai=rules)  # type: ignore[arg-type]
    before = plan(s, ClearedEntry())
    if not isinstance(before, EntryPlan) or before.stop_loss is None:
        return
    after = apply_advice(s, before, advice(size=size, stop=stop))
    if isinstance(after, Skip):
        assert after.reason is DecisionCode.BELOW_MINIMUM
        return
    sign = after.side.sign
    assert after.stop_loss is not None
    assert 0 < after.quantity <= before.quantity
    assert before.stop_loss * sign <= after.stop_loss * sign < after.price * sign
    assert sum(aim.quantity for aim in after.targets) <= after.quantity
    if AiPermission.SHRINK not in rules.may:
        assert after.quantity == before.quantity
    if AiPermission.STOP not in rules.may:
        assert after.stop_loss == before.stop_loss


@pytest.mark.parametrize(
    ("advised", "rules", "code"),
    [
        (advice(Verdict.DENY), AiRules(), DecisionCode.AI_DENIED),
        (advice(Verdict.DENY), AiRules(may=(AiPermission.SHRINK,)), None),
        (advice(confidence=0.4), AiRules(min_confidence=0.5), DecisionCode.AI_DENIED),
        (advice(confidence=0.5), AiRules(min_confidence=0.5), None),
        (advice(Verdict.ABSTAIN), AiRules(), DecisionCode.AI_FAILED),
        (advice(Verdict.ABSTAIN), AiRules(on_error=OnAiError.FOLLOW), None),
        (advice(Verdict.ABSTAIN), AiRules(may=()), DecisionCode.AI_FAILED),
    ],
)
def test_what_advice_comes_to(advised: Advice, rules: AiRules, code: DecisionCode | None) -> None:
    """A veto counts where it may; silence means what the user has decided."""
    denial = check_advice(advised, rules)
    assert (denial.reason if denial else None) is code

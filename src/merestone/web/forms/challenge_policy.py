"""Which challenges are accepted without anybody deciding: the usual rules as fields, others are left as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

NAMES = ("decide_days", "late_stage", "owned_months", "effect_percent", "managers_agree")
KEEP = ["keep"]


class ChallengePolicyForm(forms.Form):
    """How long challenges may wait, and which need no decision."""

    decide_days = forms.IntegerField(
        label="Days to decide a challenge", required=False, min_value=0, max_value=365,
        help_text="Undecided by then, it expires. Empty: 7.",
    )  # fmt: skip
    late_stage = forms.BooleanField(
        label="The account has an open opportunity in a late stage", required=False,
        help_text="Proposal or negotiation. Whoever owns it now asks to keep it.",
    )  # fmt: skip
    owned_months = forms.IntegerField(
        label="Whoever asks has owned it for at least (months)", required=False, min_value=1, max_value=600,
        help_text="They ask to keep it. Empty: how long does not count.",
    )  # fmt: skip
    effect_percent = forms.FloatField(
        label="Both only while nobody’s balance changes by more than (%)", required=False, min_value=0, max_value=100,
        help_text="Of the mean potential and workload of a rep. Empty: however much it changes.",
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )  # fmt: skip
    managers_agree = forms.BooleanField(
        label="A manager of each side is for it", required=False,
        help_text="They say so in its discussion. Counts for whatever is asked.",
    )  # fmt: skip


def initial_of(policy: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the values of the form for a policy about challenges; None when it has rules the form cannot say."""
    if "decide_days" in policy and policy["decide_days"] is None:
        return None  # as long as the review: a word the form does not have
    found: dict[str, Any] = {"decide_days": policy.get("decide_days")}
    shares = set()
    for rule in policy.get("accept") or ():
        conditions = {name: value for name, value in rule.items() if value not in (None, False)}
        if conditions == {"managers_agree": True}:
            found["managers_agree"] = True
            continue
        kinds, share = conditions.pop("kinds", None), conditions.pop("effect_within", None)
        if list(kinds or ()) != KEEP or len(conditions) != 1 or set(conditions) & set(found):
            return None
        if not set(conditions) <= {"late_stage", "owned_months"}:
            return None
        found |= conditions
        shares.add(share)
    if len(shares) > 1:
        return None
    share = next(iter(shares), None)
    return found | {"effect_percent": None if share is None else float(f"{share * 100:.6g}")}


def policy_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says as a policy about challenges; empty when it says nothing."""
    within = said.get("effect_percent")
    limit = {} if within is None else {"effect_within": within / 100}
    rules: list[dict[str, Any]] = []
    if said.get("late_stage"):
        rules.append({"kinds": KEEP, "late_stage": True, **limit})
    if said.get("owned_months"):
        rules.append({"kinds": KEEP, "owned_months": said["owned_months"], **limit})
    if said.get("managers_agree"):
        rules.append({"managers_agree": True})
    policy: dict[str, Any] = {} if said.get("decide_days") is None else {"decide_days": said["decide_days"]}
    return policy | ({"accept": rules} if rules else {})

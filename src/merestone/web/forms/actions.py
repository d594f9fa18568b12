"""Small forms of the record pages."""

from __future__ import annotations

from django import forms

from merestone.core.model.columns import ACTIVITY_KINDS
from merestone.web.forms.fields import choices_of


class ActivityForm(forms.Form):
    """A touch to log or to plan."""

    kind = forms.ChoiceField(choices=choices_of(ACTIVITY_KINDS))
    occurs_at = forms.DateTimeField(
        label="When", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    subject = forms.CharField(max_length=300)
    notes = forms.CharField(required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}))
    minutes = forms.IntegerField(required=False, min_value=0, max_value=100_000)
    is_done = forms.BooleanField(label="Done", required=False, initial=True)


class LockForm(forms.Form):
    """Why and until when an account may not move."""

    reason = forms.CharField(max_length=300)
    until = forms.DateField(
        required=False, help_text="Empty: until the lock is removed.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )  # fmt: skip

"""Forms of leave, cover, ramps and departures."""

from __future__ import annotations

from typing import Any

from django import forms

from merestone.db.queries import people_changes as queries
from merestone.db.queries import scope
from merestone.web.forms.bulk import ActorForm


def _day(label: str, *, required: bool = True, help_text: str = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=required, help_text=help_text, widget=widget)


class _WithPeople(ActorForm):
    """A form that asks for another person."""

    def __init__(self, *args: Any, besides: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["cover"]
        assert isinstance(field, forms.TypedChoiceField)
        people = queries.choosable(self.actor, on=scope.day(self.actor)).exclude(pk=besides)
        blank = "Choose …" if field.required else "Nobody"
        field.choices = [("", blank), *people.values_list("pk", "name")]


class LeaveForm(_WithPeople):
    """Days away, and who covers."""

    first_day = _day("First day away")
    last_day = _day("Last day away")
    starts_at_noon = forms.BooleanField(label="From noon of the first day", required=False)
    ends_at_noon = forms.BooleanField(label="Back at noon of the last day", required=False)
    cover = forms.TypedChoiceField(
        label="Who covers",
        required=False,
        coerce=int,
        empty_value=None,
        help_text="Sees and works the accounts meanwhile.",
    )
    reason = forms.CharField(
        required=False, max_length=200, help_text="Read by those who manage this rep, and by the rep."
    )
    merge = forms.BooleanField(
        label="Make one leave of this and what it touches",
        required=False,
        help_text="Otherwise overlapping leave is refused.",
    )


class CoverForm(_WithPeople):
    """Who stands in, and when."""

    cover = forms.TypedChoiceField(label="Who stands in", coerce=int)
    first_day = _day("First day")
    last_day = _day("Last day", required=False, help_text="Empty: until it is ended.")
    reason = forms.CharField(required=False, max_length=200)


class RampForm(forms.Form):
    """Since when, and how long until full load."""

    hired_on = _day("Day of hire", required=False)
    ramp_weeks = forms.IntegerField(
        label="Weeks until full load",
        required=False,
        min_value=0,
        max_value=260,
        help_text="Empty: full load at once.",
    )


class DepartureForm(forms.Form):
    """The last day."""

    last_day = _day("Last day of work")
    note = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    deactivates = forms.BooleanField(
        label="End the sign-in with that day", required=False, help_text="For those who manage users."
    )

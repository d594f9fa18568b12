"""Forms asked before many rows are changed at once."""

from __future__ import annotations

from typing import Any

from django import forms

from merestone.core.model.columns import LEAD_STATUSES, LIFECYCLES
from merestone.db.queries import scope
from merestone.web.forms.fields import choices_of


class ActorForm(forms.Form):
    """A form whose choices depend on who asks."""

    def __init__(self, *args: Any, actor: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor


class MoveAccounts(ActorForm):
    """Where to, and why."""

    territory = forms.ChoiceField(
        label="To territory", help_text="The owner of that territory becomes the owner."
    )
    reason = forms.CharField(label="Reason", max_length=300, help_text="Kept with the account's history.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        nodes = scope.visible_nodes(self.actor).filter(type__is_primary=True)
        field = self.fields["territory"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Choose …")] + [
            (node.territory.key, "\u2003" * node.depth + node.name) for node in nodes
        ]


class MoveAccount(MoveAccounts):
    """The same for one account, and where it was when the form was shown."""

    seen_territory = forms.CharField(required=False, widget=forms.HiddenInput)
    seen_owner = forms.IntegerField(required=False, widget=forms.HiddenInput)
    has_seen = forms.BooleanField(required=False, widget=forms.HiddenInput)


class EditAccounts(ActorForm):
    """Fields that make sense for many accounts."""

    lifecycle = forms.ChoiceField(choices=choices_of(LIFECYCLES, blank="Leave as it is"), required=False)
    industry = forms.CharField(required=False, max_length=100)
    potential = forms.DecimalField(required=False, min_value=0, max_digits=17, decimal_places=2)
    workload_hours = forms.FloatField(label="Workload (h)", required=False, min_value=0)


class EditLeads(ActorForm):
    """Fields that make sense for many leads."""

    status = forms.ChoiceField(choices=choices_of(LEAD_STATUSES, blank="Leave as it is"), required=False)
    source = forms.CharField(required=False, max_length=50)


class SaveView(forms.Form):
    """The name of a view."""

    name = forms.CharField(label="Name", max_length=100)
    is_shared = forms.BooleanField(label="Share with everybody", required=False)
    query = forms.CharField(required=False, max_length=4000, widget=forms.HiddenInput)

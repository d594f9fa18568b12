"""From a column of a table contract to a form field."""

from __future__ import annotations

from typing import Any

from django import forms

from merestone.core.model.columns import Column, Kind

UNKNOWN_TEXT_LIMIT = 300


class ListField(forms.CharField):
    """A list of texts, written with ``;`` between them as in files."""

    def prepare_value(self, value: Any) -> Any:
        return "; ".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [part.strip() for part in str(value or "").split(";") if part.strip()]


def choices_of(words: tuple[str, ...], *, blank: str | None = None) -> list[tuple[str, str]]:
    """Return choices with words as people write them, with an empty one at the top when asked."""
    choices = [(word, word.replace("_", " ").capitalize()) for word in words]
    return [("", blank), *choices] if blank is not None else choices


def field_of(column: Column, *, is_required: bool | None = None) -> forms.Field:
    """Return the form field for a column."""
    common: dict[str, Any] = {
        "label": f"{column.label} ({column.unit})" if column.unit else column.label,
        "required": column.required if is_required is None else is_required,
        "help_text": column.help,
    }
    if column.choices:
        blank = None if common["required"] else "–"
        return forms.ChoiceField(choices=choices_of(column.choices, blank=blank), **common)
    if column.kind is Kind.NUMBER:
        limits: dict[str, Any] = {"min_value": column.minimum, "max_value": column.maximum}
        return forms.FloatField(
            **common, **limits, widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
        )
    if column.kind is Kind.MONEY:
        widget = forms.NumberInput(attrs={"step": "0.01", "inputmode": "decimal"})
        return forms.DecimalField(
            **common, min_value=column.minimum, max_digits=17, decimal_places=2, widget=widget
        )
    if column.kind is Kind.DATE:
        return forms.DateField(**common, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    if column.kind is Kind.INSTANT:
        picker = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        return forms.DateTimeField(**common, widget=picker)
    if column.kind is Kind.BOOLEAN:
        return forms.BooleanField(label=column.label, required=False, help_text=column.help)
    if column.kind is Kind.LIST:
        common["help_text"] = common["help_text"] or "Several values: put ; between them."
        return ListField(**common)
    if column.name == "notes":
        return forms.CharField(**common, max_length=20_000, widget=forms.Textarea)
    if column.name == "email":
        return forms.EmailField(**common)
    return forms.CharField(**common, max_length=UNKNOWN_TEXT_LIMIT)

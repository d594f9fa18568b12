"""How documents and rotations name reps."""

from __future__ import annotations

from collections import Counter, defaultdict

from merestone.db.models import Rep


def rep_names() -> dict[int, str]:
    """Return rep id -> the name documents use, unique and lower-case: e-mail, else external id, else name.

    Two reps of one name without e-mail are told apart by their number: ``ana silva #7``.
    """
    found = {
        pk: (email or external_id or name).lower()
        for pk, email, external_id, name in Rep.objects.values_list("id", "email", "external_id", "name")
    }
    shared = Counter(found.values())
    return {pk: f"{name} #{pk}" if shared[name] > 1 else name for pk, name in found.items()}


def rep_ids() -> dict[str, int]:
    """Return what may name a rep, lower-case -> rep id; besides ``rep_names`` any external id or name only one has."""
    candidates: defaultdict[str, set[int]] = defaultdict(set)
    for pk, *texts in Rep.objects.values_list("id", "email", "external_id", "name"):
        for text in texts:
            if text:
                candidates[text.lower()].add(pk)
    alone = {text: next(iter(pks)) for text, pks in candidates.items() if len(pks) == 1}
    return {**alone, **{name: pk for pk, name in rep_names().items()}}

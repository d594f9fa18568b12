"""What goes with a model beside its tree: policies, and the rules of engagement of the model and its territories.

None means that a document does not speak of it, so that applying it leaves it as it is; an empty text withdraws.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Guidelines:
    """Rules of engagement.

    Parameters
    ----------
    text : str
        Markdown, as ``plain_text`` leaves it; empty: there are none (any more).
    must_be_acknowledged : bool
        Whether the people they are for are asked to confirm that they have read them.
    """

    text: str
    must_be_acknowledged: bool = True


@dataclass(frozen=True)
class Terms:
    """What goes with a model beside its tree.

    Parameters
    ----------
    policies : mapping or None
        What happens to open work, to challenges, to approvals.
    guidelines : Guidelines or None
        Of the model.
    territories : mapping of str to Guidelines
        By territory key, those that are spoken of.
    """

    policies: Mapping[str, Any] | None = None
    guidelines: Guidelines | None = None
    territories: Mapping[str, Guidelines] = field(default_factory=dict)

    @property
    def all_guidelines(self) -> dict[str | None, Guidelines]:
        """The guidelines that are spoken of, by territory key; None: the model's."""
        found: dict[str | None, Guidelines] = {key: text for key, text in self.territories.items()}  # noqa: C416
        if self.guidelines is not None:
            found[None] = self.guidelines
        return found

    def over(self, before: Terms) -> Terms:
        """Return what holds once these are applied where ``before`` held."""
        return Terms(
            before.policies if self.policies is None else self.policies,
            before.guidelines if self.guidelines is None else self.guidelines,
            {**before.territories, **self.territories},
        )


def plain_text(text: str) -> str:
    """Return Markdown with one kind of line break, and without blank lines at its ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines).rstrip()


def told(guidelines: Guidelines | None) -> Guidelines | None:
    """Return guidelines that say something, else None."""
    return guidelines if guidelines is not None and guidelines.text else None

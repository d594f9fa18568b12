from datetime import date

import pytest

from merestone.base.interval import Interval
from merestone.core.routing.eligibility import Candidate, eligibility

TODAY = date(2026, 4, 20)
SINCE = Interval(date(2026, 1, 1))


def codes(candidate: Candidate, *, language: str | None = None) -> list[str]:
    result = eligibility([candidate], TODAY, language=language)
    assert len(result.eligible) + len(result.ineligible) == 1
    return [obstacle.code for entry in result.ineligible for obstacle in entry.obstacles]


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (Candidate("a@x", "owner", SINCE), []),
        (Candidate("a@x", "sdr", SINCE), []),
        (Candidate("a@x", "manager", SINCE), ["role"]),
        (Candidate("a@x", "owner", Interval(TODAY)), []),
        (Candidate("a@x", "owner", Interval(date(2026, 4, 21))), ["not-yet-member"]),
        (Candidate("a@x", "owner", Interval(date(2026, 1, 1), TODAY)), ["no-longer-member"]),
        (Candidate("a@x", "owner", Interval(date(2026, 1, 1), date(2026, 4, 21))), []),
        (Candidate("a@x", "owner", SINCE, left_on=TODAY), ["left"]),
        (Candidate("a@x", "owner", SINCE, left_on=date(2026, 4, 21)), []),
        (
            Candidate("a@x", "owner", SINCE, leave=(Interval(date(2026, 4, 1), date(2026, 5, 3)),)),
            ["on-leave"],
        ),
        (Candidate("a@x", "owner", SINCE, leave=(Interval(date(2026, 4, 1), TODAY),)), []),
        (Candidate("a@x", "csm", SINCE, left_on=date(2026, 2, 1)), ["left", "role"]),
    ],
)
def test_dates_leave_and_role_decide(candidate: Candidate, expected: list[str]) -> None:
    assert codes(candidate) == expected


@pytest.mark.parametrize(
    ("spoken", "asked", "expected"),
    [
        ({"en", "es"}, "es", []),
        ({"en", "es"}, "ES", []),
        ({"en"}, "es", ["language"]),
        (set(), "es", ["language"]),
        (set(), None, []),
        (set(), "", []),
    ],
)
def test_language_counts_only_when_the_lead_has_one(
    spoken: set[str], asked: str | None, expected: list
) -> None:
    assert codes(Candidate("a@x", "owner", SINCE, languages=frozenset(spoken)), language=asked) == expected


def test_one_good_role_is_enough() -> None:
    result = eligibility([Candidate("a@x", "manager", SINCE), Candidate("a@x", "sdr", SINCE)], TODAY)
    assert [c.role for c in result.eligible] == ["sdr"]
    assert result.ineligible == ()


def test_leave_is_told_with_its_last_end() -> None:
    leave = (Interval(date(2026, 4, 1), date(2026, 5, 3)), Interval(date(2026, 4, 15), date(2026, 5, 10)))
    result = eligibility([Candidate("a@x", "owner", SINCE, leave=leave)], TODAY)
    assert result.ineligible[0].obstacles[0].text == "is on leave until 10 May 2026"

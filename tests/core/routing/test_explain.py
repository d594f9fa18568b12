import json
from datetime import date
from fractions import Fraction

from merestone.base.interval import Interval
from merestone.core.routing.eligibility import Candidate, Eligibility, eligibility
from merestone.core.routing.explain import routing_reason, say_routing
from merestone.core.routing.rotation import RepTurn

SINCE = Interval(date(2026, 1, 1))
ANA, BEN = (Candidate(f"{n}@x", "owner", SINCE, name=n.title()) for n in ("ana", "ben"))
CARL = Candidate("carl@x", "owner", SINCE, name="Carl", leave=(Interval(date(2026, 4, 1), date(2026, 5, 3)),))
WHO = eligibility([ANA, BEN, CARL], date(2026, 4, 20))


def said(who: Eligibility, standing: list[RepTurn], chosen: str | None, *, at_most: int = 3) -> str:
    reason = routing_reason(
        "nw",
        "state is OR.",
        eligibility=who,
        standing=standing,
        chosen=chosen,
        territory_name="Pacific NW",
    )
    # What is kept is JSON; the sentence must come from that alone.
    return say_routing(json.loads(json.dumps(reason)), at_most=at_most)


def test_equal_turns_are_told_in_counts() -> None:
    assert said(WHO, [RepTurn("ana@x", taken=12), RepTurn("ben@x", taken=13)], "ana@x") == (
        "Matched to Pacific NW because state is OR; Ana's turn: 12 leads so far, Ben has 13; "
        "Carl is on leave until 3 May 2026."
    )


def test_unequal_shares_are_told_with_the_fair_share() -> None:
    standing = [
        RepTurn("ana@x", weight=2, taken=1, due=Fraction(4, 3)),
        RepTurn("ben@x", taken=1, due=Fraction(2, 3)),
    ]
    assert "Ana's turn: 1 lead of a fair share of 1.3 so far, Ben has 1 of a fair share of 0.7;" in said(
        WHO, standing, "ana@x"
    )


def test_nobody_eligible_is_told_as_the_queue() -> None:
    who = eligibility([CARL], date(2026, 4, 20))
    assert said(who, [], None) == (
        "Matched to Pacific NW because state is OR; nobody there can take it: unassigned queue; "
        "Carl is on leave until 3 May 2026."
    )


def test_a_crowd_is_counted() -> None:
    reps = [Candidate(f"r{i}@x", "owner", SINCE) for i in range(6)]
    who = eligibility(reps, date(2026, 4, 20))
    text = said(who, [RepTurn(c.rep) for c in reps], "r0@x", at_most=2)
    assert "r0@x's turn: 0 leads so far, r1@x has 0, r2@x has 0, and 3 more." in text


def test_reason_tells_who_is_ramping_and_until_when() -> None:
    from datetime import date
    from fractions import Fraction

    from merestone.base.interval import Interval
    from merestone.core.routing.eligibility import Candidate, eligibility
    from merestone.core.routing.rotation import Rotation

    always = Interval(date.min)
    team = [
        Candidate("ana@x", "owner", always, "Ana"),
        Candidate("new@x", "owner", always, "Nia", share=Fraction(2, 5), full_from=date(2026, 9, 1)),
    ]
    choice = eligibility(team, date(2026, 6, 1))
    weights = {one.rep: one.share for one in choice.eligible}
    chosen, after = Rotation().take(weights)
    reason = routing_reason(
        "west", "state is CA", eligibility=choice, standing=after.standing(weights), chosen=chosen
    )
    assert "(at 40% of full load until 1 September 2026)" in say_routing(reason)

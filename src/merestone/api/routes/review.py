"""Reviews: what a model does to whoever asks, challenges, approvals, and how it all stands; notices."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Path, Query, Schema
from pydantic import ConfigDict, Field

from merestone.api.access import ApiRequest
from merestone.api.plain import answer
from merestone.api.routing import operation
from merestone.api.schemas import Body, Key, Text
from merestone.app import notices
from merestone.app.policy import Right
from merestone.app.review import approvals, challenges, deciding, inviting, reminders, seeing, summary
from merestone.app.review.drafts import Draft
from merestone.app.review_start import start_review
from merestone.db.queries import review as queries

Model = Path(..., min_length=1, max_length=100, description="Key of the model.")
Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="Id of the challenge.")]
TerritoryKey = Annotated[Text, Field(max_length=100)]


class Review(Schema):
    """A review that is on."""

    model: str
    name: str
    state: str
    ends_on: date | None
    is_asked: bool
    message: str
    looked_at: datetime | None
    to_approve: int = Field(description="Approvals of mine that are missing.")


class Reviews(Schema):
    """Reviews I was asked to, or all that are on for those who plan."""

    items: list[Review]


class Move(Schema):
    """An account that moves; names as far as they are visible."""

    id: int
    external_id: str | None
    name: str
    change: str = Field(description="`gained`, `lost`, `within` or `overlay`.")
    from_name: str | None
    from_owner_name: str | None
    to_name: str | None
    to_owner_name: str | None
    revenue: str | None
    potential: str | None
    workload_hours: float | None
    open_amount: str | None
    why: str


class Weight(Schema):
    """What somebody carries now and after."""

    rep: int
    name: str
    before: dict[str, Any]
    after: dict[str, Any]


class Picture(Schema):
    """What a model does to me, or to those I see."""

    model: str
    name: str
    state: str
    ends_on: date | None
    n_moves: int
    moves: list[Move]
    balance: list[Weight]


class GuestIn(Body):
    """Somebody to ask."""

    user_id: Key
    role: Literal["reviewer", "approver"] = "reviewer"
    territory: TerritoryKey | None = Field(None, description="The subtree concerned; null: the whole model.")


class AskIn(Body):
    """Whom to ask, until when, and what to tell them."""

    guests: list[GuestIn] = Field(max_length=5_000)
    ends_on: date | None = Field(None, description="Last day for challenges, in the company's zone.")
    message: Text = ""

    def people(self) -> list[inviting.Guest]:
        """Return the guests."""
        return [inviting.Guest(one.user_id, one.role, one.territory) for one in self.guests]


class Started(Schema):
    """A review has begun."""

    key: str
    state: str
    version: int
    content_hash: str
    invited: int


class Invited(Schema):
    """How many were told."""

    invited: int


class Suggestions(Schema):
    """Whom to ask."""

    items: list[dict[str, Any]]


class Standing(Schema):
    """An approval the model needs."""

    territory: str | None
    name: str
    who: list[str]
    state: str = Field(description="`approved`, `rejected`, `voided` or `missing`.")
    by: str | None
    at: datetime | None
    note: str | None
    because: str | None = Field(description="Why it was voided.")
    is_mine: bool = False


class Standings(Schema):
    """The approvals I may see."""

    items: list[Standing]


class ReviewSummary(Schema):
    """How a review stands."""

    model_config = ConfigDict(extra="allow")

    model: str
    name: str
    state: str
    ends_on: date | None
    is_closed: bool
    asked: int
    looked: int
    people: list[dict[str, Any]]
    challenges: dict[str, int]
    approvals: list[Standing]
    approved: int
    demanded: int


class WordIn(Body):
    """An approval, or a refusal with its reason."""

    territory: TerritoryKey | None = None
    approve: bool
    note: Text = ""


class Said(Schema):
    """What was said."""

    territory: str | None
    state: str


class ChallengeIn(Body):
    """What is asked for."""

    kind: Literal["keep", "give", "swap"]
    account: Key
    other_account: Key | None = Field(None, description="What is given in return, for a swap.")
    to_territory: TerritoryKey | None = Field(None, description="Null: the one that fits.")
    rep: Key | None = Field(None, description="For whom; null: me.")
    reason: Text = ""

    def draft(self) -> Draft:
        """Return what is asked for."""
        return Draft(self.kind, self.account, self.other_account, self.to_territory, self.rep, self.reason)


class Challenge(Schema):
    """A challenge; names as far as they are visible."""

    model_config = ConfigDict(extra="allow")

    id: int
    kind: str
    state: str
    account: int
    account_name: str
    other_account: int | None
    other_name: str | None
    from_name: str | None
    to_name: str | None
    rep_name: str | None
    reason: str
    opened_at: datetime
    due_on: date | None
    decided_at: datetime | None
    decision: str
    is_automatic: bool


class Challenges(Schema):
    """The challenges I may see, the newest first."""

    items: list[Challenge]


class WholeChallenge(Challenge):
    """A challenge with its discussion and effect."""

    effect: dict[str, Any]
    comments: list[dict[str, Any]]
    clashes: list[int] = Field(description="Other open challenges about one of its accounts.")
    n_hidden_clashes: int


class Effect(Schema):
    """What a challenge would do to the balance of both sides."""

    from_name: str | None
    from_owner_name: str | None
    to_name: str | None
    to_owner_name: str | None
    effect: dict[str, Any]


class Sent(Schema):
    """A challenge was sent; policy may have accepted it at once."""

    id: int
    state: str


class CommentIn(Body):
    """A word in the discussion."""

    text: Text = ""
    stance: Literal["for", "against", ""] = ""


class Spoken(Schema):
    """Whether policy accepted the challenge by it."""

    id: int
    is_settled: bool


class DecisionIn(Body):
    """A decision."""

    accept: bool
    note: Text = ""


class Decided(Schema):
    """What was decided."""

    id: int
    state: str
    voided: int = Field(description="Approvals that this voided.")


class Done(Schema):
    """How many."""

    n: int


class NoticeOut(Schema):
    """Something to know."""

    id: int
    at: datetime
    kind: str
    text: str
    url: str
    read_at: datetime | None


class NoticeList(Schema):
    """My notices, the newest first."""

    unread: int
    items: list[NoticeOut]


@operation("GET", "/reviews", scope="reviews", summary="List reviews", response=Reviews)
def list_reviews(request: ApiRequest) -> HttpResponse:
    """Return the reviews I was asked to, or all that are on for those who plan."""
    return answer({"items": summary.reviews_of(request.services, request.actor)})


@operation("GET", "/reviews/{key}", scope="reviews", summary="Show what a model does to me",
           response=Picture, errors=(404,))  # fmt: skip
def read_review(
    request: ApiRequest,
    key: str = Model,
    limit: int = Query(1_000, ge=0, le=100_000, description="Accounts at most."),
    offset: int = Query(0, ge=0, le=10_000_000, description="Accounts to leave out first."),
) -> HttpResponse:
    """Return the accounts I win and lose with reasons, and my balance before and after; that I looked is kept."""
    found = seeing.picture(request.services, request.actor, key)
    seeing.note_look(request.services, found.viewing)
    model = found.viewing.model
    return answer(
        {
            "model": model.key,
            "name": model.name,
            "state": model.state,
            "ends_on": model.review_ends_on,
            "n_moves": found.moves.num_rows,
            "moves": found.moves.slice(offset, limit).to_pylist(),
            "balance": found.balance,
        }
    )


@operation("POST", "/reviews/{key}/start", scope="reviews", right=Right.PLAN, summary="Start a review",
           response=Started, errors=(404, 409, 422))  # fmt: skip
def start(request: ApiRequest, body: AskIn, key: str = Model) -> HttpResponse:
    """Bring a planning model into review and ask people to look."""
    done = start_review(
        request.services, request.actor, key, body.people(), ends_on=body.ends_on, message=body.message
    )
    return answer(done)


@operation("GET", "/reviews/{key}/suggestions", scope="reviews", right=Right.PLAN, summary="Suggest whom to ask",
           response=Suggestions, errors=(404,))  # fmt: skip
def suggest(request: ApiRequest, key: str = Model) -> HttpResponse:
    """Return everybody whose accounts move, their managers, and who must approve."""
    return answer({"items": inviting.suggested(request.services, request.actor, key)})


@operation("POST", "/reviews/{key}/invitations", scope="reviews", right=Right.PLAN, summary="Ask more people",
           response=Invited, errors=(404, 409, 422))  # fmt: skip
def invite(request: ApiRequest, body: AskIn, key: str = Model) -> HttpResponse:
    """Ask more people to a review that is on."""
    done = inviting.invite(
        request.services, request.actor, key, body.people(), ends_on=body.ends_on, message=body.message
    )
    return answer(done)


@operation("DELETE", "/reviews/{key}/invitations/{invitation}", scope="reviews", right=Right.PLAN,
           summary="Take an invitation back", response=Done, errors=(404,))  # fmt: skip
def uninvite(request: ApiRequest, invitation: Number, key: str = Model) -> HttpResponse:
    """Take an invitation back: that person sees the model no longer."""
    return answer({"n": inviting.uninvite(request.services, request.actor, key, [invitation])})


@operation("GET", "/reviews/{key}/summary", scope="reviews", right=Right.PLAN, summary="Show how a review stands",
           response=ReviewSummary, errors=(404,))  # fmt: skip
def review_summary(request: ApiRequest, key: str = Model) -> HttpResponse:
    """Return who has looked, what was challenged and decided, what is approved."""
    return answer(summary.summary(request.services, request.actor, key))


@operation("POST", "/reviews/{key}/reminders", scope="reviews", right=Right.PLAN, summary="Remind",
           response=Done, errors=(404,))  # fmt: skip
def remind(request: ApiRequest, key: str = Model) -> HttpResponse:
    """Remind those who have not looked or said their word; nobody twice a day."""
    return answer({"n": reminders.remind(request.services, request.actor, key)})


@operation("GET", "/reviews/{key}/approvals", scope="reviews", summary="List approvals", response=Standings,
           errors=(404,))  # fmt: skip
def list_approvals(request: ApiRequest, key: str = Model) -> HttpResponse:
    """Return the approvals the model needs: all for those who plan, else what is mine to approve."""
    return answer({"items": summary.approvals_of(request.services, request.actor, key)})


@operation("POST", "/reviews/{key}/approvals", scope="reviews", right=Right.APPROVE, summary="Approve or reject",
           response=Said, errors=(404, 409, 422))  # fmt: skip
def say_word(request: ApiRequest, body: WordIn, key: str = Model) -> HttpResponse:
    """Approve or reject a subtree as it is now; nobody approves what they wrote or changed."""
    done = approvals.approve(
        request.services, request.actor, key, body.territory, is_approved=body.approve, note=body.note
    )
    return answer(done)


@operation("GET", "/reviews/{key}/challenges", scope="reviews", summary="List challenges", response=Challenges,
           errors=(404,))  # fmt: skip
def list_challenges(request: ApiRequest, key: str = Model) -> HttpResponse:
    """Return the challenges I may see: those I sent, those about what is mine, those of my subtree."""
    return answer({"items": challenges.listed(request.services, request.actor, key)})


@operation("POST", "/reviews/{key}/challenges", scope="reviews", summary="Send a challenge", response=Sent,
           errors=(404, 409, 422))  # fmt: skip
def send_challenge(request: ApiRequest, body: ChallengeIn, key: str = Model) -> HttpResponse:
    """Ask to keep an account, to be given one, or to swap two."""
    return answer(deciding.send(request.services, request.actor, key, body.draft()))


@operation("POST", "/reviews/{key}/effect", scope="reviews", summary="Show the effect of a challenge",
           response=Effect, errors=(404, 422))  # fmt: skip
def challenge_effect(request: ApiRequest, body: ChallengeIn, key: str = Model) -> HttpResponse:
    """Return what a challenge would do to the balance of both sides; nothing is sent."""
    return answer(challenges.drafted(request.services, request.actor, key, body.draft()))


@operation("GET", "/reviews/{key}/challenges/{number}", scope="reviews", summary="Show a challenge",
           response=WholeChallenge, errors=(404,))  # fmt: skip
def read_challenge(request: ApiRequest, number: Number, key: str = Model) -> HttpResponse:
    """Return a challenge with its discussion, and its effect as things are now."""
    told = challenges.told(request.services, request.actor, key, number)
    words = [
        {name: value for name, value in asdict(one).items() if name not in ("challenge_id", "rep_id")}
        for one in told.comments
    ]
    more = {
        "effect": told.effect,
        "comments": words,
        "clashes": told.clashes,
        "n_hidden_clashes": told.n_hidden_clashes,
    }
    return answer({**told.facts, **more})


@operation("POST", "/reviews/{key}/challenges/{number}/comments", scope="reviews", summary="Add a word",
           response=Spoken, errors=(404, 409))  # fmt: skip
def comment(request: ApiRequest, number: Number, body: CommentIn, key: str = Model) -> HttpResponse:
    """Add a word to a discussion, and say whether one is for or against it."""
    done = deciding.speak(request.services, request.actor, key, number, text=body.text, stance=body.stance)
    return answer(done)


@operation("POST", "/reviews/{key}/challenges/{number}/decision", scope="reviews", summary="Decide a challenge",
           response=Decided, errors=(404, 409, 422))  # fmt: skip
def decide(request: ApiRequest, number: Number, body: DecisionIn, key: str = Model) -> HttpResponse:
    """Accept or reject; accepting names the account in the model and voids the approvals this touches."""
    done = deciding.decide(request.services, request.actor, key, number, accept=body.accept, note=body.note)
    return answer(done)


@operation("DELETE", "/reviews/{key}/challenges/{number}", scope="reviews", summary="Take a challenge back",
           response=Done, errors=(404, 409))  # fmt: skip
def withdraw(request: ApiRequest, number: Number, key: str = Model) -> HttpResponse:
    """Take back a challenge of one's own that nobody has decided yet."""
    challenges.withdraw(request.services, request.actor, key, number)
    return answer({"n": 1})


@operation("GET", "/notices", scope="own", summary="List my notices", response=NoticeList)
def list_notices(
    request: ApiRequest, limit: int = Query(50, ge=1, le=500, description="Notices at most.")
) -> HttpResponse:
    """Return what I should know, the newest first."""
    rows = queries.notices(request.actor).values("id", "at", "kind", "text", "url", "read_at")[:limit]
    return answer({"unread": queries.n_unread(request.actor), "items": list(rows)})


@operation("POST", "/notices/read", scope="own", summary="Mark my notices as read", response=Done)
def read_notices(request: ApiRequest) -> HttpResponse:
    """Mark all my notices as read."""
    return answer({"n": notices.mark_read(request.services, request.actor)})

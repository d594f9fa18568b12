"""Training items: for the members of a territory and below, by role, with a due date; done by whom, when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from merestone.app.guidelines.places import LEADING, WRITING, require_any
from merestone.app.notices import tell
from merestone.app.policy import Actor
from merestone.app.ports_guidelines import Item
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.columns import MEMBER_ROLES
from merestone.core.model.terms import plain_text
from merestone.core.rules.document import MAX_GUIDELINES

MAX_TITLE, MAX_URL = 200, 200
LINK = re.compile(r"https?://[^\s/?#\\]+(?:[/?#][^\s\\]*)?", re.IGNORECASE)
MISSING = "There is no such training item."


def save_training(
    services: Services,
    actor: Actor,
    *,
    title: str,
    body: str = "",
    url: str = "",
    territory: str | None = None,
    roles: Sequence[str] = (),
    due_on: date | None = None,
    item_id: int | None = None,
    version: int | None = None,
) -> int:
    """Write a training item (with ``item_id``: change one) and tell those it is for; returns its id.

    Raises
    ------
    ConflictError
        ``stale-version``; ``retired`` items do not change.
    InvalidInputError
        With everything that is wrong.
    """
    require_any(services, actor, WRITING, territory=territory)
    text = plain_text(body)
    problems = list(_problems(title, text, url, roles))
    if problems:
        raise InvalidInputError("The training was not saved.", problems)
    with services.records.transaction(actor, cause=f"training {title.strip()[:100]}"):
        if item_id is not None:
            before = _held(services, actor, item_id)
            if version is not None and before.version != version:
                raise ConflictError(
                    "Somebody else changed this training meanwhile.",
                    code="stale-version",
                    fix="Look at it again.",
                )
        made = services.guidelines.keep_item(
            item_id,
            title=title.strip(),
            body=text,
            url=url.strip(),
            territory=territory,
            roles=[role for role in MEMBER_ROLES if role in roles],
            due_on=due_on,
            by=actor.user_id,
        )
        item = services.guidelines.item(made)
        assert item is not None
        call(services, item, key="new", but=actor.user_id)
    return made


def _problems(title: str, body: str, url: str, roles: Sequence[str]) -> Iterator[Problem]:
    if not title.strip():
        yield Problem("missing-value", "A training needs a title.", "Write one.", "title")
    for name, text, most in (
        ("title", title.strip(), MAX_TITLE),
        ("body", body, MAX_GUIDELINES),
        ("url", url.strip(), MAX_URL),
    ):
        if len(text) > most:
            yield Problem(
                "too-long", f"The {name} has {len(text):,} characters.", f"Write at most {most:,}.", name
            )
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            yield Problem(
                "bad-character", f"The {name} holds a character no database keeps.", "Remove it.", name
            )
    if url.strip() and not _is_link(url.strip()):
        yield Problem("bad-url", f"'{url[:80]}' is no web address.", "Start it with https://.", "url")
    for role in roles:
        if role not in MEMBER_ROLES:
            yield Problem(
                "unknown-role",
                f"'{role[:40]}' is not a role.",
                f"Use one of: {', '.join(MEMBER_ROLES)}.",
                "roles",
            )


def _is_link(url: str) -> bool:
    return LINK.fullmatch(url) is not None


def _held(services: Services, actor: Actor, item_id: int) -> Item:
    """Return an item the actor may change, which nobody else changes before the transaction ends."""
    item = services.guidelines.item(item_id, is_locked=True)
    if item is None:
        raise NotFoundError(MISSING)
    _require(services, actor, item)
    if item.is_retired:
        raise ConflictError("This training is retired.", code="retired", fix="Make a new one.")
    return item


def _require(services: Services, actor: Actor, item: Item, *, is_leading: bool = False) -> None:
    try:
        require_any(services, actor, LEADING if is_leading else WRITING, territory=item.territory)
    except NotFoundError as error:
        raise NotFoundError(MISSING) from error


def retire_training(services: Services, actor: Actor, item_id: int) -> None:
    """Take a training item out of use; who did it stays on record. One that is retired stays so."""
    with services.records.transaction(actor, cause="retire training"):
        item = services.guidelines.item(item_id, is_locked=True)
        if item is None:
            raise NotFoundError(MISSING)
        _require(services, actor, item)
        if not item.is_retired:
            services.guidelines.retire_item(item_id, at=services.clock.now())


def mark_done(services: Services, actor: Actor, item_id: int) -> bool:
    """Note that the actor has done an item that is for them; returns whether that is new."""
    if actor.user_id is None:
        raise ForbiddenError("Only a person can learn.", fix="Sign in, or name a user.")
    with services.records.transaction(actor, cause="training done"):
        item = services.guidelines.item(item_id)
        if item is None or item.is_retired or actor.user_id not in services.guidelines.learners(item_id):
            raise NotFoundError(MISSING)
        return services.guidelines.done(item_id, actor.user_id, at=services.clock.now())


def call(services: Services, item: Item, *, key: str, but: int | None = None) -> int:
    """Tell those an item is for who have not done it; returns how many. The caller holds the transaction."""
    waiting = [
        user for user, at in services.guidelines.learners(item.id).items() if at is None and user != but
    ]
    due = ""
    if item.due_on is not None:
        word = "was due on" if item.due_on < services.clock.today() else "is due by"
        due = f" It {word} {item.due_on:%-d %B %Y}."
    return tell(
        services, waiting, kind="training", text=f"Training for you: “{item.title}”.{due}",
        url=f"/training/{item.id}/", key=f"training:{item.id}:{key}",
    )  # fmt: skip


def remind_learners(services: Services, actor: Actor, item_id: int) -> int:
    """Tell those again who have not done an item, at most once a day; returns how many."""
    item = services.guidelines.item(item_id)
    if item is None or item.is_retired:
        raise NotFoundError(MISSING)
    _require(services, actor, item, is_leading=True)
    with services.records.transaction(actor, cause="remind of training"):
        return call(services, item, key=services.clock.today().isoformat())

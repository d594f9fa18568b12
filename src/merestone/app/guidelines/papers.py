"""Rules of engagement: saved as a new version each time, acknowledged by those they are for."""

from __future__ import annotations

from merestone.app.guidelines.places import LEADING, WRITING, require_any
from merestone.app.notices import tell
from merestone.app.policy import Actor
from merestone.app.ports_guidelines import Version
from merestone.app.services import Services
from merestone.base.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, Problem
from merestone.core.model.terms import Guidelines, plain_text
from merestone.core.rules.document import MAX_GUIDELINES

MISSING = "There are no such rules of engagement."


def save_guidelines(
    services: Services,
    actor: Actor,
    text: str,
    *,
    territory: str | None = None,
    model: str | None = None,
    must_be_acknowledged: bool = True,
    base: int | None = None,
) -> int | None:
    """Write a new version for a territory, a model or (neither) the company, and tell those it is for.

    Parameters
    ----------
    text : str
        Markdown; empty withdraws them.
    base : int, optional
        Id of the version it was made from (0: there was none): refused when there is a newer one.

    Returns
    -------
    int or None
        Id of the new version; None when nothing differs from the one there is.

    Raises
    ------
    ConflictError
        ``stale-version`` when somebody else wrote a version meanwhile.
    """
    require_any(services, actor, WRITING, territory=territory if model is None else None)
    said = Guidelines(_checked(text), must_be_acknowledged)
    where = territory or model or "the company"
    with services.records.transaction(actor, cause=f"guidelines of {where}"):
        services.records.take_turn("accounts")
        before = services.guidelines.in_force(territory, model)
        if base is not None and base != (before.id if before else 0):
            raise ConflictError(
                "Somebody else changed this text meanwhile.",
                code="stale-version",
                fix="Look at the newest version, then save again.",
                difference={"text": [before.guidelines.text if before else "", said.text]},
            )
        if said == (before.guidelines if before else Guidelines("")) or not (said.text or before):
            return None
        made = services.guidelines.keep(
            said, territory=territory, model=model, at=services.clock.now(), by=actor.user_id
        )
        version = services.guidelines.version(made)
        if version is not None and version.is_in_force:
            ask(services, version, but=actor.user_id)
    return made


def _checked(text: str) -> str:
    plain = plain_text(text)
    problems = []
    if len(plain) > MAX_GUIDELINES:
        problems.append(
            Problem("too-long", f"The text has {len(plain):,} characters.", f"Write at most {MAX_GUIDELINES:,}.", "text")
        )  # fmt: skip
    if "\0" in plain or any("\ud800" <= character <= "\udfff" for character in plain):
        problems.append(
            Problem("bad-character", "The text holds a NUL character or half a character.", "Remove it.", "text")
        )  # fmt: skip
    if problems:
        raise InvalidInputError("The text was not saved.", problems)
    return plain


def ask(services: Services, version: Version, *, but: int | None = None, day: str = "") -> int:
    """Tell those a version is for, who have not acknowledged it, that they should; returns how many were told.

    The caller holds the transaction. The same is told once per version, and once more per ``day``.
    """
    said = version.guidelines
    if not said.text or not said.must_be_acknowledged:
        return 0
    waiting = [
        user for user, at in services.guidelines.readers(version.id).items() if at is None and user != but
    ]
    place = (
        "of the whole company" if version.territory is None and version.model is None else f"“{version.name}”"
    )
    return tell(
        services,
        waiting,
        kind="guidelines",
        text=f"Please read the rules of engagement {place} and confirm that you have.",
        url=f"/guidelines/{version.id}/",
        key=f"guideline:{version.id}{day and f':{day}'}",
    )


def remind(services: Services, actor: Actor, version_id: int) -> int:
    """Tell those again who have not acknowledged the version in force, at most once a day; returns how many."""
    version = services.guidelines.version(version_id)
    if version is None or (version.model is not None and not version.is_in_force):
        raise NotFoundError(MISSING)
    require_any(services, actor, LEADING, territory=version.territory)
    if not version.is_in_force:
        raise ConflictError("There is a newer version.", code="stale-version", fix="Remind of that one.")
    with services.records.transaction(actor, cause="remind of guidelines"):
        return ask(services, version, day=services.clock.today().isoformat())


def acknowledge(services: Services, actor: Actor, version_id: int) -> bool:
    """Note that the actor has read a version in force that is for them; returns whether that is new.

    Raises
    ------
    ConflictError
        ``stale-version`` when a newer version is in force.
    NotFoundError
        When there is no such version, or it is not for the actor.
    """
    if actor.user_id is None:
        raise ForbiddenError("Only a person can read.", fix="Sign in, or name a user.")
    with services.records.transaction(actor, cause="acknowledge guidelines"):
        version = services.guidelines.version(version_id)
        if version is None or actor.user_id not in services.guidelines.readers(version_id):
            raise NotFoundError(MISSING)
        if not version.is_in_force:
            if version.model is not None and version.territory is None:
                raise NotFoundError(MISSING)
            raise ConflictError(
                "A newer version is in force.", code="stale-version", fix="Read that one, then confirm it."
            )
        return services.guidelines.acknowledge(version_id, actor.user_id, at=services.clock.now())

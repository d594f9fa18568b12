"""Everything a use case may need, built once in ``boot``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from merestone.app import (
        ports,
        ports_access,
        ports_audit,
        ports_guidelines,
        ports_handouts,
        ports_history,
        ports_lifecycle,
        ports_people_changes,
        ports_review,
        ports_scenarios,
        ports_sign_in,
        ports_staffing,
    )


@dataclass(frozen=True, slots=True)
class Services:
    """The ports, filled.

    Parameters
    ----------
    data_dir : Path
        Folder for stored uploads and hand-outs.
    """

    records: ports.Records
    book: ports.Book
    associations: ports.Associations
    models: ports.Models
    lifecycle: ports_lifecycle.Lifecycle
    matcher: ports.Matcher
    visibility: ports.Visibility
    people: ports.People
    desk: ports.Desk
    imports: ports.Imports
    jobs: ports.Jobs
    gazetteer: ports.Gazetteer
    files: ports.Files
    clock: ports.Clock
    notices: ports_review.Notices
    mail: ports_review.Mail
    reviews: ports_review.Reviews
    sign_ins: ports_sign_in.SignIns
    access: ports_access.Access
    guidelines: ports_guidelines.GuidelineBook
    history: ports_history.History
    people_changes: ports_people_changes.PeopleChanges
    performance: ports_staffing.Performance
    evidence: ports_audit.Evidence
    scenarios: ports_scenarios.Scenarios
    unit_map: ports_scenarios.UnitMap
    outlines: ports_handouts.Outlines
    hand_outs: ports_handouts.HandOutFiles
    data_dir: Path

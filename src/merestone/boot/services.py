"""Builds the services: every port filled with its adapter, once per process."""

from __future__ import annotations

from functools import cache

from merestone.app.services import Services


@cache
def services() -> Services:
    """Return the services of this process."""
    from django.conf import settings

    from merestone.boot.mail import ServerMail
    from merestone.connectors.files import LocalFiles
    from merestone.connectors.files.guard import guard
    from merestone.connectors.geodata import Gazetteer, OutlineMap, UnitMap
    from merestone.connectors.handouts import HandOutWriter
    from merestone.db.stores.access import AccessStore
    from merestone.db.stores.associations import AssociationStore
    from merestone.db.stores.book import BookStore
    from merestone.db.stores.clock import CompanyClock
    from merestone.db.stores.desk import DeskStore
    from merestone.db.stores.guidelines import GuidelineStore
    from merestone.db.stores.history import HistoryStore
    from merestone.db.stores.imports import ImportStore
    from merestone.db.stores.jobs import JobStore
    from merestone.db.stores.lifecycle import LifecycleStore
    from merestone.db.stores.models import ModelStore
    from merestone.db.stores.notices import NoticeStore
    from merestone.db.stores.people import PeopleStore
    from merestone.db.stores.people_changes import PeopleChangeStore
    from merestone.db.stores.performance import PerformanceStore
    from merestone.db.stores.records import RecordStore
    from merestone.db.stores.review import ReviewStore
    from merestone.db.stores.scenarios import ScenarioStore
    from merestone.db.stores.sign_in import SignInStore
    from merestone.db.stores.verify import EvidenceStore
    from merestone.db.stores.visibility import VisibilityStore
    from merestone.engines.kernel import KernelMatcher

    gazetteer = Gazetteer()
    outlines = OutlineMap(gazetteer)
    return Services(
        records=RecordStore(),
        book=BookStore(settings.DATA_DIR / "kept"),
        associations=AssociationStore(),
        models=ModelStore(),
        lifecycle=LifecycleStore(),
        matcher=KernelMatcher(settings.DATA_DIR / "rules"),
        visibility=VisibilityStore(),
        people=PeopleStore(),
        desk=DeskStore(),
        imports=ImportStore(),
        jobs=JobStore(send_job),
        gazetteer=gazetteer,
        files=LocalFiles(),
        clock=CompanyClock(),
        notices=NoticeStore(),
        mail=ServerMail(),
        reviews=ReviewStore(),
        sign_ins=SignInStore(),
        history=HistoryStore(),
        people_changes=PeopleChangeStore(),
        access=AccessStore(),
        guidelines=GuidelineStore(),
        performance=PerformanceStore(),
        evidence=EvidenceStore(),
        scenarios=ScenarioStore(),
        unit_map=UnitMap(gazetteer),
        outlines=outlines,
        hand_outs=HandOutWriter(outlines, guard),
        data_dir=settings.DATA_DIR,
    )


def send_job(job_id: int) -> None:
    """Put a job on the task queue."""
    from django.utils.module_loading import import_string

    # By name: the task itself asks for the services.
    import_string("merestone.boot.tasks.run_job").enqueue(job_id)

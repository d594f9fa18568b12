"""The worker: takes jobs from the queue in the database, keeps their lease alive, takes over from the dead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connection
from django.utils.crypto import get_random_string
from django_tasks import task

from merestone.app import jobs
from merestone.app.policy import SYSTEM, Actor
from merestone.base.errors import MerestoneError
from merestone.boot import timetable
from merestone.boot.due import do_due
from merestone.boot.services import services
from merestone.db import seals
from merestone.db.models import Job
from merestone.db.queries.actors import actor_of_user
from merestone.db.queries.tokens import scopes_of
from merestone.db.stores.jobs import LEASE, JobStore

logger = logging.getLogger(__name__)

NOBODY = Actor(role="nobody", label="nobody")
PERSONAL = ("user:", "token:")
"""How the labels of people and of their tokens begin."""


@task()
def run_job(job_id: int) -> None:
    """Do one job, unless another worker has it."""
    store = services().jobs
    assert isinstance(store, JobStore)
    job = store.claim(job_id)
    if job is None:
        return
    actor = actor_of_job(job)
    try:
        with kept_alive(store, job) as watch:
            result = jobs.run(services(), actor, job.kind, job.payload, watch)
    except MerestoneError as error:
        store.finish(job, error=str(error))
    except Exception:
        logger.exception("Job %s (%s) failed", job_id, job.kind)
        store.finish(job, error="It failed for a reason of ours; the server's log has the details.")
    else:
        store.finish(job, result=result)


def actor_of_job(job: Job) -> Actor:
    """Return who a job is done as: its user with the rights of now, within the limits of the token that asked.

    What a person asked for whose account was deleted since is nobody's any more.
    """
    if job.created_by is None:
        return SYSTEM if job.scopes is None and not job.asked_as.startswith(PERSONAL) else NOBODY
    actor = actor_of_user(job.created_by)
    scopes = None if job.scopes is None else scopes_of(job.scopes)
    return replace(actor, scopes=scopes, label=job.asked_as or actor.label)


BEAT = 0.5  # seconds: whoever asks work to end waits no longer than a second


class JobWatch:
    """Implements ``app.ports.Watch``.

    A use case holds one transaction: what it wrote to the job row would show only at the end, and on SQLite a second
    connection would wait for it. So progress is kept in memory and written by the thread that keeps the lease alive,
    which also looks whether the job is to end.
    """

    def __init__(self, job: Job) -> None:
        self.row = job
        self.seen = (0, 0, "")
        self.details: Mapping[str, Any] | None = None
        self.is_cancelled = False
        self._cancel: Callable[[], None] | None = None

    @property
    def job(self) -> int:
        """The job's id."""
        return self.row.pk

    def __call__(self, done: int, total: int, message: str) -> None:
        """Tell how far it is."""
        self.seen = (done, total, message)

    def tell(self, details: Mapping[str, Any]) -> None:
        """Tell what else it has reached."""
        self.details = dict(details)

    def on_cancel(self, call: Callable[[], None]) -> None:
        """Have this called within a second of somebody asking the work to end."""
        self._cancel = call
        if self.is_cancelled:
            call()

    def beat(self, store: JobStore) -> None:
        """Write progress, and pass on that the job is to end."""
        store.progress(self.row, *self.seen, details=self.details)
        if not self.is_cancelled and store.is_cancel_asked(self.row):
            self.is_cancelled = True
            if self._cancel is not None:
                self._cancel()


@contextmanager
def kept_alive(store: JobStore, job: Job) -> Iterator[JobWatch]:
    """Lengthen the job's lease and write its progress from a thread while the block runs."""
    stop = threading.Event()
    watch = JobWatch(job)

    def beat() -> None:
        try:
            while not stop.wait(BEAT):
                try:
                    watch.beat(store)
                except Exception:  # a busy database: the lease outlives many beats
                    logger.debug("No beat for job %s", job.pk, exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join(timeout=LEASE.total_seconds())


def work(*, once: bool) -> int:
    """Run queued jobs until stopped, or until none is left; returns how many were done."""
    from django_tasks_db.management.commands.db_worker import Worker

    store = services().jobs
    assert isinstance(store, JobStore)
    before = Job.objects.filter(state="done").count()
    stop = threading.Event()
    store.reap()
    do_due()

    def reap() -> None:
        try:
            while not stop.wait(LEASE.total_seconds() / 3):
                try:
                    store.reap()
                    seals.sweep()  # what was written past the use cases and waits
                except Exception:
                    logger.warning("The reaper stumbled", exc_info=True)
                do_due()
        finally:
            connection.close()

    reaper = threading.Thread(target=reap, daemon=True)
    reaper.start()
    timetable.do_all()
    if not once:
        timetable.start(stop)
    worker = Worker(
        queue_names=["default"],
        interval=0.5,
        batch=once,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=get_random_string(32),
        excluded_queue_names=[],
    )
    if not once:
        worker.configure_signals()
    try:
        worker.run()
    finally:
        stop.set()
    return Job.objects.filter(state="done").count() - before

"""Long work: done once, whatever happens to its worker."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from tests.builders import WEST_EAST, add_accounts, add_reps, document, places

from merestone.app import jobs, lifecycle, plans
from merestone.app.exchange import importing
from merestone.app.policy import OPERATOR
from merestone.app.services import Services
from merestone.base.errors import UsageError
from merestone.boot.tasks import run_job
from merestone.db.models import Account, Job
from merestone.db.stores.jobs import LEASE, MAX_ATTEMPTS, JobStore

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


class Queue(list[int]):
    """The messages sent."""


@pytest.fixture
def sent() -> Queue:
    """What was put on the task queue."""
    return Queue()


@pytest.fixture
def store(sent: Queue) -> JobStore:
    """The store, with a queue one can look into."""
    return JobStore(sent.append)


@pytest.fixture
def job(store: JobStore) -> int:
    """A queued job."""
    return store.enqueue("rule run", {}, actor=OPERATOR)


def lapse(job_id: int, **more: Any) -> None:
    """Let the job's lease be over."""
    Job.objects.filter(pk=job_id).update(lease_until=timezone.now() - timedelta(seconds=1), **more)


def test_unknown_kind_is_refused(services: Services) -> None:
    with pytest.raises(UsageError):
        jobs.enqueue(services, OPERATOR, "dance")


def test_job_is_claimed_once(store: JobStore, job: int) -> None:
    claimed = store.claim(job)
    assert claimed is not None
    assert (claimed.state, claimed.attempts) == ("running", 1)
    assert store.claim(job) is None


def test_job_in_good_hands_is_left_alone(store: JobStore, sent: Queue, job: int) -> None:
    store.claim(job)
    assert store.reap() == 0
    assert sent == [job]


def test_job_of_a_dead_worker_is_queued_again_once(store: JobStore, sent: Queue, job: int) -> None:
    store.claim(job)
    lapse(job)
    assert [store.reap(), store.reap()] == [1, 0]
    assert sent == [job, job]
    again = store.claim(job)
    assert again is not None
    assert again.attempts == 2


def test_job_whose_message_died_is_sent_again(store: JobStore, sent: Queue, job: int) -> None:
    assert store.reap() == 0
    Job.objects.filter(pk=job).update(created_at=timezone.now() - LEASE - timedelta(seconds=1))
    assert store.reap() == 1
    assert sent == [job, job]


def test_job_that_kills_its_workers_is_given_up(store: JobStore, sent: Queue, job: int) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert store.claim(job) is not None
        lapse(job)
        store.reap()
    kept = Job.objects.get(pk=job)
    assert (kept.state, store.claim(job)) == ("failed", None)
    assert f"Given up after {MAX_ATTEMPTS} attempts" in kept.error
    assert len(sent) == MAX_ATTEMPTS


def test_worker_that_comes_back_late_does_not_end_what_another_has(store: JobStore, job: int) -> None:
    late = store.claim(job)
    lapse(job)
    store.reap()
    current = store.claim(job)
    assert late is not None
    assert current is not None
    assert not store.progress(late, 1, 2, "late")
    assert not store.finish(late, error="late")
    assert store.finish(current, result={"ok": True})
    kept = Job.objects.get(pk=job)
    assert (kept.state, kept.error, kept.result) == ("done", "", {"ok": True})


def test_worker_kept_from_its_lease_by_a_busy_database_still_ends_its_job(store: JobStore, job: int) -> None:
    mine = store.claim(job)
    lapse(job)
    store.reap()
    assert mine is not None
    assert store.finish(mine, result={"ok": True})
    assert store.claim(job) is None
    assert Job.objects.get(pk=job).state == "done"


def test_cancelled_job_stays_cancelled(store: JobStore, job: int) -> None:
    mine = store.claim(job)
    Job.objects.filter(pk=job).update(state="cancelled")
    assert mine is not None
    assert not store.finish(mine, result={})
    assert Job.objects.get(pk=job).state == "cancelled"


def test_import_killed_before_it_could_say_so_is_done_once(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("name,state,country\nAcme One,CA,US\nBolt Two,NY,US\n")
    run = importing.preview_import(services, OPERATOR, "accounts", path, file_name=path.name).run_id
    job_id = jobs.enqueue(services, OPERATOR, "import", run_id=run)
    store = services.jobs
    assert isinstance(store, JobStore)
    assert store.claim(job_id) is not None
    importing.apply_import(services, OPERATOR, run)  # written, and the worker dies
    lapse(job_id)
    store.reap()
    run_job.func(job_id)
    kept = Job.objects.get(pk=job_id)
    assert (kept.state, kept.result["accepted"], Account.objects.count()) == ("done", 2, 2)


def test_publish_killed_before_it_could_say_so_is_done_once(services: Services) -> None:
    add_reps(services)
    add_accounts(services, [{"state": "CA"}, {"state": "NY"}, {"country": "FR"}])
    plans.apply_document(services, OPERATOR, document(WEST_EAST))
    job_id = jobs.enqueue(services, OPERATOR, "publish", key="m1")
    store = services.jobs
    assert isinstance(store, JobStore)
    assert store.claim(job_id) is not None
    lifecycle.publish(services, OPERATOR, "m1")
    before = places(services), services.associations.history("accounts")
    lapse(job_id)
    store.reap()
    run_job.func(job_id)
    kept = Job.objects.get(pk=job_id)
    assert (kept.state, kept.error) == ("done", "")
    assert kept.result == {"key": "m1", "accounts": 3, "changed": 0, "queued": 1, "leads_routed": 0}
    assert (places(services), services.associations.history("accounts")) == before


def test_undo_killed_before_it_could_say_so_is_done_once(services: Services) -> None:
    add_reps(services)
    add_accounts(services, [{"state": "CA"}, {"state": "NY"}])
    for key in ("m1", "m2"):
        plans.apply_document(services, OPERATOR, document(WEST_EAST, key=key))
        number = lifecycle.publish(services, OPERATOR, key)["publication"]
    with pytest.raises(UsageError):
        jobs.enqueue(services, OPERATOR, "undo publish")
    job_id = jobs.enqueue(services, OPERATOR, "undo publish", publication=number)
    store = services.jobs
    assert isinstance(store, JobStore)
    assert store.claim(job_id) is not None
    undone = lifecycle.undo(services, OPERATOR, publication=number)
    lapse(job_id)
    store.reap()
    run_job.func(job_id)
    kept = Job.objects.get(pk=job_id)
    assert (kept.state, kept.error, kept.result["publication"]) == ("done", "", undone["publication"])
    assert [one["model"] for one in lifecycle.publications(services, OPERATOR)] == ["m1", "m2", "m1"]


def test_failing_job_says_why(services: Services) -> None:
    job_id = jobs.enqueue(services, OPERATOR, "publish", key="nowhere")
    run_job.func(job_id)
    kept = Job.objects.get(pk=job_id)
    assert kept.state == "failed"
    assert "There is no territory model 'nowhere'" in kept.error

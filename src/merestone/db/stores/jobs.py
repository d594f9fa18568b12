"""Long work as rows: claimed under a lease, so that a job whose worker was killed is done by another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from merestone.app.policy import Actor
from merestone.db.models import Job

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 5


class JobStore:
    """Implements ``app.ports.Jobs``.

    Parameters
    ----------
    send : callable
        Puts a job id on the task queue, in the transaction that is open.
    """

    def __init__(self, send: Callable[[int], None]) -> None:
        self.send = send

    def enqueue(self, kind: str, payload: Mapping[str, Any], *, actor: Actor) -> int:
        """Keep a job, with who asked and within which limits, and queue it: both or neither."""
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                payload=dict(payload),
                created_by_id=actor.user_id,
                asked_as=actor.label[:400],
                scopes=None if actor.scopes is None else sorted(right.value for right in actor.scopes),
            )
            self.send(job.pk)
        return job.pk

    def cancel(self, job_id: int) -> None:
        """Ask work to end as soon as it can, with the best it has; what waits yet is not begun."""
        Job.objects.filter(pk=job_id, state="queued").update(state="cancelled", finished_at=timezone.now())
        Job.objects.filter(pk=job_id, state="running").update(is_cancel_asked=True)

    def claim(self, job_id: int) -> Job | None:
        """Take the job for this worker; None when another has it or it is done."""
        now = timezone.now()
        claimed = Job.objects.filter(pk=job_id, state="queued").update(
            state="running", started_at=now, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        return Job.objects.get(pk=job_id) if claimed else None

    def progress(
        self, job: Job, done: int, total: int, message: str, *, details: Mapping[str, Any] | None = None
    ) -> bool:
        """Lengthen the lease and show progress; False when the job is not ours any more."""
        more = {} if details is None else {"details": dict(details)}
        return bool(
            Job.objects.filter(pk=job.pk, state="running", attempts=job.attempts).update(
                done_steps=done,
                total_steps=total,
                message=message[:300],
                lease_until=timezone.now() + LEASE,
                **more,
            )
        )

    def is_cancel_asked(self, job: Job) -> bool:
        """Return whether somebody asked the job to end."""
        return Job.objects.filter(pk=job.pk, is_cancel_asked=True).exists()

    def finish(self, job: Job, *, result: Mapping[str, Any] | None = None, error: str = "") -> bool:
        """End the job as it was claimed, done or failed; False when it is not ours any more.

        A busy database may have kept us from lengthening the lease, and the reaper may have queued the job again:
        until somebody else claims it, it is ours and done.
        """
        mine = Job.objects.filter(pk=job.pk, state__in=("running", "queued"), attempts=job.attempts)
        n_jobs = mine.update(
            state="failed" if error else "done",
            result=None if result is None else dict(result),
            error=error,
            finished_at=timezone.now(),
            lease_until=None,
        )
        return bool(n_jobs)

    def reap(self) -> int:
        """Queue jobs again whose worker is gone; returns how many.

        Running past the lease: the worker died. Queued for longer than a lease: its message may have died with a
        worker between taking it and claiming the job; a second message is harmless, since claiming is exclusive.
        """
        now = timezone.now()
        dead = Job.objects.filter(state="running", lease_until__lt=now)
        dead.filter(attempts__gte=MAX_ATTEMPTS).update(
            state="failed",
            error=f"Given up after {MAX_ATTEMPTS} attempts: the worker died each time.",
            finished_at=now,
        )
        n_jobs = 0
        stuck = Q(state="running", lease_until__lt=now) | Q(
            state="queued", lease_until=None, created_at__lt=now - LEASE
        )
        stuck |= Q(state="queued", lease_until__lt=now)
        for job_id in list(Job.objects.filter(stuck).values_list("pk", flat=True)):
            with transaction.atomic():
                taken = Job.objects.filter(stuck, pk=job_id).update(state="queued", lease_until=now + LEASE)
                if taken:
                    self.send(job_id)
                    n_jobs += 1
        return n_jobs

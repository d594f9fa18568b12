"""Imports, jobs, saved views and mappings, tokens, and the audit log."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from merestone.core.model.columns import TABLES
from merestone.db.models.fields import Row, TransactionField, choices_of
from merestone.db.models.people import User

IMPORT_STATES = ("previewed", "applied", "undone", "failed")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled")


class ImportRun(models.Model):
    """One file taken in, or tried (dry run), with its counts."""

    table = models.CharField(max_length=20, choices=choices_of(tuple(TABLES)))
    file_name = models.CharField(max_length=300)
    file_sha256 = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=20, choices=choices_of(IMPORT_STATES))
    n_rows = models.PositiveIntegerField(default=0)
    n_accepted = models.PositiveIntegerField(default=0)
    n_rejected = models.PositiveIntegerField(default=0)
    n_duplicates = models.PositiveIntegerField(default=0)
    n_unchanged = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list, blank=True)
    stored_file = models.CharField(max_length=300, blank=True, help_text="Name inside the data folder.")
    transaction = models.CharField(max_length=32, blank=True, help_text="Audit transaction that applied it.")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]


class ImportRowError(models.Model):
    """One thing wrong with (or worth telling about) one cell of an imported file."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="errors")
    row = models.PositiveIntegerField(help_text="Line number as a spreadsheet shows it.")
    column = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=50)
    value = models.TextField(blank=True)
    message = models.TextField()
    fix = models.TextField(blank=True)
    is_rejection = models.BooleanField(default=True)

    class Meta:
        ordering = ["row", "id"]


class Job(models.Model):
    """Long work with progress, done by a worker."""

    kind = models.CharField(max_length=50)
    state = models.CharField(max_length=20, choices=choices_of(JOB_STATES), default="queued")
    payload = models.JSONField(default=dict)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    done_steps = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict, blank=True, help_text="What else it has reached, by kind.")
    is_cancel_asked = models.BooleanField(default=False, help_text="It ends as soon as it can.")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_as = models.CharField(max_length=400, blank=True, help_text="How the audit log names who asked.")
    scopes = models.JSONField(
        null=True, blank=True, help_text="Limits of the token that asked; null: there were none."
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="A running job past this is taken over."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "lease_until"])]


class SavedView(Row):
    """A list's filters, order and columns, kept under a name."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="views")
    table = models.CharField(max_length=30)
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True, help_text="The query string of the list's URL.")
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "table", "name"], name="view_name_per_user")]


class SavedMapping(Row):
    """A column mapping to use again, found by the file's headers."""

    table = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    header_key = models.CharField(max_length=64, help_text="Hash of the sorted headers.")
    mapping = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "name"], name="mapping_name_per_table")]


class ApiToken(Row):
    """A key for programs: only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class AuditContext(models.Model):
    """What the triggers read and leave: who writes and why (SQLite), and what is yet to be sealed.

    SQLite: row 1 is the transaction in progress, row 3 holds the token for what is written without context. PostgreSQL:
    a row per transaction without context, gone when it is sealed at its end.
    """

    actor = models.CharField(max_length=200, blank=True)
    cause = models.CharField(max_length=200, blank=True)
    transaction = models.CharField(max_length=32, blank=True)


class AuditEntry(models.Model):
    """One changed row: who, why, and each changed field's old and new value. Written by triggers only."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    cause = models.CharField(max_length=200)
    transaction = models.CharField(max_length=32)
    table_name = models.CharField(max_length=64)
    row_id = models.BigIntegerField()
    operation = models.CharField(max_length=1, choices=[("I", "created"), ("U", "changed"), ("D", "deleted")])
    changes = models.JSONField()
    xid = TransactionField(null=True, editable=False, help_text="PostgreSQL's transaction number.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["table_name", "row_id"]),
            models.Index(fields=["transaction"], name="audit_of_transaction"),  # no second one for LIKE
            # What changed lately among the accounts, which are kept encoded, without reading the rest of the log.
            models.Index(
                fields=["xid", "id"],
                condition=models.Q(table_name="merestone_account"),
                name="audit_of_accounts",
            ),
        ]


class AuditSeal(models.Model):
    """One link of the chain over the audit log: a digest of a transaction's entries and of the link before."""

    at = models.DateTimeField()
    transaction = models.CharField(max_length=32, unique=True, help_text="The audit transaction it seals.")
    actor = models.CharField(max_length=200)
    cause = models.CharField(max_length=200)
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    n_entries = models.PositiveIntegerField()
    previous = models.CharField(
        max_length=64, unique=True, help_text="Digest of the link before; a first link has zeros."
    )
    digest = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["at"], name="seals_by_time"),
            models.Index(fields=["actor"], name="seals_by_actor"),
        ]

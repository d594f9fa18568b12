"""Import runs, saved mappings, and taking a run back from the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from django.db import models
from django.forms.models import model_to_dict
from django.utils import timezone

from merestone.app.exchange.problems import ROW_PROBLEMS
from merestone.app.policy import Actor
from merestone.base.errors import ConflictError, NotFoundError
from merestone.db.models import (
    Account,
    Activity,
    AuditEntry,
    Contact,
    Contract,
    ImportRowError,
    ImportRun,
    Lead,
    Opportunity,
    Product,
    Rep,
    SavedMapping,
    StageChange,
)

MODELS: dict[str, type[models.Model]] = {
    "accounts": Account,
    "contacts": Contact,
    "leads": Lead,
    "opportunities": Opportunity,
    "reps": Rep,
    "products": Product,
    "activities": Activity,
    "contracts": Contract,
}
# What belongs to a record itself and may go with it; anything else pointing at it means somebody built on it.
OWN_PARTS = {"AccountAssociation", "LeadAssociation", "OpportunityOwnership", "StageChange"}
BOOKKEEPING = {"updated_at", "created_at", "version"}
CHUNK = 500


class ImportStore:
    """Implements ``app.ports.Imports``."""

    def keep_run(
        self, run: Mapping[str, Any], errors: pa.Table, *, actor: Actor, run_id: int | None = None
    ) -> int:
        """Write (or rewrite) an import run with its row errors; returns its id."""
        fields = {field.name for field in ImportRun._meta.fields} - {"id", "created_by", "created_at"}
        values = {name: value for name, value in run.items() if name in fields}
        if run_id is None:
            kept = ImportRun.objects.create(**values, created_by_id=actor.user_id)
        else:
            kept = ImportRun.objects.select_for_update().get(pk=run_id)
            for name, value in values.items():
                setattr(kept, name, value)
            kept.save()
            kept.errors.all().delete()
        ImportRowError.objects.bulk_create(
            (
                ImportRowError(
                    run=kept,
                    row=row["row"],
                    column=(row["column"] or "")[:200],
                    code=row["code"],
                    value=row["value"] or "",
                    message=row["message"],
                    fix=row["fix"] or "",
                    is_rejection=row["is_rejection"],
                )
                for row in errors.to_pylist()
            ),
            batch_size=CHUNK,
        )
        return kept.pk

    def run(self, run_id: int) -> dict[str, Any]:
        """Return a run's fields."""
        run = ImportRun.objects.filter(pk=run_id).first()
        if run is None:
            raise NotFoundError(f"There is no import {run_id}.")
        return {**model_to_dict(run), "id": run.pk}

    def errors(self, run_id: int) -> pa.Table:
        """Return a run's row errors."""
        names = [*ROW_PROBLEMS.names, "is_rejection"]
        rows = ImportRowError.objects.filter(run_id=run_id).order_by("row", "id").values(*names)
        return pa.Table.from_pylist(
            list(rows), schema=ROW_PROBLEMS.append(pa.field("is_rejection", pa.bool_()))
        )

    def saved_mapping(self, table: str, header_key: str) -> dict[str, Any] | None:
        """Return the mapping last used for files with these headers."""
        kept = SavedMapping.objects.filter(table=table, header_key=header_key).order_by("-updated_at").first()
        return None if kept is None else kept.mapping

    def keep_mapping(self, table: str, name: str, header_key: str, mapping: Mapping[str, Any]) -> None:
        """Keep a mapping under a name; nothing is written when it is there already."""
        kept = SavedMapping.objects.filter(table=table, name=name[:100]).first()
        if kept is not None and kept.mapping == mapping and kept.header_key == header_key:
            return
        SavedMapping.objects.update_or_create(
            table=table, name=name[:100], defaults={"header_key": header_key, "mapping": dict(mapping)}
        )

    def revert(self, table: str, transaction: str) -> dict[str, Any]:
        """Take back what a transaction did to a table."""
        model = MODELS[table]
        entries = AuditEntry.objects.filter(
            transaction=transaction, table_name=model._meta.db_table, operation__in="IU"
        ).order_by("id")
        made: list[int] = []
        before: dict[int, dict[str, Any]] = {}
        after: dict[int, dict[str, Any]] = {}
        for entry in entries.iterator():
            if entry.operation == "I":
                made.append(entry.row_id)
            elif entry.row_id not in made:
                for field, (old, new) in entry.changes.items():
                    before.setdefault(entry.row_id, {}).setdefault(field, old)
                    after.setdefault(entry.row_id, {})[field] = new
        made_ids = set(made)
        self._require_untouched(model, transaction, made_ids | before.keys())
        self._require_unused(model, made_ids)
        self._delete(model, sorted(made_ids))
        self._restore(model, before)
        return {"deleted": sorted(made_ids), "restored": sorted(before)}

    def _require_untouched(self, model: type[models.Model], transaction: str, ids: set[int]) -> None:
        first = (
            AuditEntry.objects.filter(transaction=transaction)
            .order_by("id")
            .values_list("id", flat=True)
            .first()
        )
        later = AuditEntry.objects.filter(table_name=model._meta.db_table, id__gt=first or 0).exclude(
            transaction=transaction
        )
        touched = ids & set(later.values_list("row_id", flat=True))
        if touched:
            raise ConflictError(
                f"{len(touched)} of the imported records were changed since (for instance {min(touched)}).",
                difference={"changed": sorted(touched)[:100]},
                code="changed-since",
                fix="Correct them by hand, or import a corrected file.",
            )

    def _require_unused(self, model: type[models.Model], ids: set[int]) -> None:
        wanted = sorted(ids)
        for relation in model._meta.related_objects:
            other = relation.related_model
            if other.__name__ in OWN_PARTS:
                continue
            name = relation.field.name
            for start in range(0, len(wanted), CHUNK):
                chunk = wanted[start : start + CHUNK]
                users = other._default_manager.filter(**{f"{name}__in": chunk})
                if other is model:
                    users = users.exclude(pk__in=ids) if len(ids) <= CHUNK else users
                    used = {pk for pk in users.values_list("pk", flat=True) if pk not in ids}
                else:
                    used = set(users.values_list("pk", flat=True)[:1])
                if used:
                    raise ConflictError(
                        f"Imported records are used by {other._meta.verbose_name_plural} added since.",
                        code="used-since",
                        fix="Remove those first, or keep the import.",
                    )

    def _delete(self, model: type[models.Model], ids: list[int]) -> None:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            for relation in model._meta.related_objects:
                if relation.related_model is model:
                    model._default_manager.filter(**{f"{relation.field.name}__in": chunk}).update(
                        **{relation.field.name: None}
                    )
                elif relation.related_model.__name__ in OWN_PARTS:
                    relation.related_model._default_manager.filter(
                        **{f"{relation.field.name}__in": chunk}
                    ).delete()
        for start in range(0, len(ids), CHUNK):
            model._default_manager.filter(pk__in=ids[start : start + CHUNK]).delete()

    def _keep_stages(self, stages: Mapping[int, str]) -> None:
        """Add the way back to the stage history, which loses nothing."""
        now = timezone.now()
        present = Opportunity.objects.in_bulk(list(stages))
        StageChange.objects.bulk_create(
            (
                StageChange(opportunity_id=pk, from_stage=present[pk].stage, stage=stages[pk], changed_at=now)
                for pk in sorted(present)
                if present[pk].stage != stages[pk]
            ),
            batch_size=CHUNK,
        )

    def _restore(self, model: type[models.Model], before: Mapping[int, Mapping[str, Any]]) -> None:
        by_column = {field.column: field for field in model._meta.concrete_fields}
        if model is Opportunity:
            self._keep_stages({row_id: old["stage"] for row_id, old in before.items() if "stage" in old})
        for row_id, old in before.items():
            values = {
                by_column[column].attname: by_column[column].to_python(stored(by_column[column], value))
                for column, value in old.items()
                if column in by_column and column not in BOOKKEEPING
            }
            values["version"] = models.F("version") + 1
            model._default_manager.filter(pk=row_id).update(**values)


def stored(field: models.Field[Any, Any], value: Any) -> Any:
    """Return a value of the log as the field reads it (money is kept in hundredths)."""
    if value is None or field.get_internal_type() != "BigIntegerField" or not hasattr(field, "from_db_value"):
        return value
    return field.from_db_value(value, None, None)

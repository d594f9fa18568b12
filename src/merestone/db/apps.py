"""The Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MerestoneConfig(AppConfig):
    """Registers the models and keeps the triggers in step with the schema after each migration."""

    name = "merestone.db"
    label = "merestone"
    verbose_name = "Merestone"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from merestone.db import audit, ownerships

        post_migrate.connect(audit.install_after_migrate, sender=self, dispatch_uid="merestone-audit")
        # After those of the audit log, so that what it fills in is logged as well.
        post_migrate.connect(
            ownerships.install_after_migrate, sender=self, dispatch_uid="merestone-ownerships"
        )

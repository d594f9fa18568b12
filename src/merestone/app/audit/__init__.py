"""Reading the audit log: what is asked of it."""

from merestone.app.audit.wanted import OPERATIONS, Wanted, read_wanted

__all__ = ["OPERATIONS", "Wanted", "read_wanted"]

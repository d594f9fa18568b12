"""Who had what when, and what was known of it when: of accounts, leads, opportunities, members and quotas."""

from merestone.app.history.moments import end_of, read_moment
from merestone.app.history.owned import OWNED_TABLES, owned_on
from merestone.app.history.quotas import QuotaRow, drop_quotas, enter_quotas, quotas_of, read_quotas
from merestone.app.history.sight import Sight, sight_of
from merestone.app.history.staffing import Post, posts_of
from merestone.app.history.timeline import Stretch, timeline

__all__ = [
    "OWNED_TABLES",
    "Post",
    "QuotaRow",
    "Sight",
    "Stretch",
    "drop_quotas",
    "end_of",
    "enter_quotas",
    "owned_on",
    "posts_of",
    "quotas_of",
    "read_moment",
    "read_quotas",
    "sight_of",
    "timeline",
]

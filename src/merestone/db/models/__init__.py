"""The tables."""

from merestone.db.models.accounts import Account, Contact, CustomField
from merestone.db.models.associations import AccountAssociation, AccountLock, LeadAssociation, Rotation
from merestone.db.models.crm import Activity, Claim, Contract, Lead, Opportunity, Product, StageChange
from merestone.db.models.people import Company, Leave, Rep, User
from merestone.db.models.territories import (
    Member,
    NamedAccount,
    Quota,
    Territory,
    TerritoryModel,
    TerritoryNode,
    TerritoryType,
)
from merestone.db.models.work import (
    ApiToken,
    AuditContext,
    AuditEntry,
    ImportRowError,
    ImportRun,
    Job,
    SavedMapping,
    SavedView,
)

__all__ = [
    "Account", "AccountAssociation", "AccountLock", "Activity", "ApiToken", "AuditContext", "AuditEntry", "Claim",
    "Company", "Contact", "Contract", "CustomField", "ImportRowError", "ImportRun", "Job", "Lead", "LeadAssociation",
    "Leave", "Member", "NamedAccount", "Opportunity", "Product", "Quota", "Rep", "Rotation", "SavedMapping", "SavedView",
    "StageChange", "Territory", "TerritoryModel", "TerritoryNode", "TerritoryType", "User",
]  # fmt: skip

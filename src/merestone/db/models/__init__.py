"""The tables."""

from merestone.db.models.access import Grant
from merestone.db.models.accounts import Account, Contact, CustomField
from merestone.db.models.associations import AccountAssociation, AccountLock, LeadAssociation, Rotation
from merestone.db.models.crm import Activity, Claim, Contract, Lead, Opportunity, Product, StageChange
from merestone.db.models.guidelines import Acknowledgement, Guideline, TrainingDone, TrainingItem
from merestone.db.models.lifecycle import ModelEvent, OpportunityOwnership, Publication
from merestone.db.models.people import Company, Cover, Departure, Handover, Leave, Notice, Rep, User
from merestone.db.models.review import Approval, Challenge, ChallengeComment, Invitation
from merestone.db.models.scenarios import Scenario, ScenarioStep, ScenarioUnits
from merestone.db.models.sign_in import CacheEntry, Identity, SignInEvent
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
    AuditSeal,
    ImportRowError,
    ImportRun,
    Job,
    SavedMapping,
    SavedView,
)

__all__ = [
    "Account", "AccountAssociation", "AccountLock", "Acknowledgement", "Activity", "ApiToken", "Approval", "AuditContext",
    "AuditEntry", "AuditSeal", "CacheEntry", "Challenge", "ChallengeComment", "Claim", "Company", "Contact", "Contract", "Cover",
    "CustomField", "Departure", "Grant", "Guideline", "Handover", "Identity", "ImportRowError", "ImportRun", "Invitation", "Job", "Lead",
    "LeadAssociation", "Leave", "Member", "ModelEvent", "NamedAccount", "Notice", "Opportunity", "OpportunityOwnership",
    "Product", "Publication", "Quota", "Rep", "Rotation", "SavedMapping", "SavedView", "Scenario", "ScenarioStep", "ScenarioUnits", "SignInEvent", "StageChange", "Territory",
    "TerritoryModel", "TerritoryNode", "TerritoryType", "TrainingDone", "TrainingItem", "User",
]  # fmt: skip

"""People, the workspaces they work in, and the sessions they are signed in with."""

from accounts.models.api_token import ApiToken, ApiTokenObject
from accounts.models.installation import Installation
from accounts.models.invitation import Invitation
from accounts.models.mail import OutgoingMail
from accounts.models.proofs import EmailChange, FactorChallenge, PasswordReset
from accounts.models.scim import ScimUser
from accounts.models.session import LoginSession
from accounts.models.sso import SsoAttempt, SsoConnection, SsoDomain, SsoIdentity
from accounts.models.user import ServiceAccount, User, UserManager, clean_email
from accounts.models.workspace import CustomRole, Membership, Workspace, WorkspaceGroup

__all__ = [
    "ApiToken",
    "ApiTokenObject",
    "CustomRole",
    "EmailChange",
    "FactorChallenge",
    "Installation",
    "Invitation",
    "LoginSession",
    "Membership",
    "OutgoingMail",
    "PasswordReset",
    "ScimUser",
    "ServiceAccount",
    "SsoAttempt",
    "SsoConnection",
    "SsoDomain",
    "SsoIdentity",
    "User",
    "UserManager",
    "Workspace",
    "WorkspaceGroup",
    "clean_email",
]

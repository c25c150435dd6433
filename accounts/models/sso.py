"""Signing in through another house: a workspace's connections to identity providers, and whom they know as whom."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accounts.models.proofs import DIGEST_LENGTH
from accounts.models.session import LoginSession
from accounts.models.user import User
from core.models import Identified, WorkspaceOwned

SUBJECT_LENGTH = 500


class SsoConnection(WorkspaceOwned):
    """One identity provider of a workspace.

    `endpoints` is what its discovery document or its metadata said, `mapping` a list of `{group, role, groups}` of which
    the first that fits gives the role. `configured_at` moves with every change of what is trusted: a test before it proves
    nothing.
    """

    id_prefix: ClassVar[str] = "sso"

    class Kind(models.TextChoices):
        OIDC = "oidc"
        SAML = "saml"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=120)
    issuer = models.CharField(max_length=SUBJECT_LENGTH, help_text="The OIDC issuer, or the SAML entity id.")
    client_id = models.CharField(max_length=300, blank=True)
    secret = models.TextField(blank=True, editable=False)
    key = models.TextField(blank=True, editable=False, help_text="SAML: our private key, sealed.")
    certificate = models.TextField(blank=True, editable=False)
    sign_requests = models.BooleanField(default=False, help_text="SAML: our requests are signed.")
    require_encrypted = models.BooleanField(default=False, help_text="SAML: only encrypted assertions count.")
    endpoints = models.JSONField(default=dict)
    domains = models.JSONField(default=list, help_text="They count once an operator has approved them.")
    groups_claim = models.CharField(max_length=300, default="groups")
    default_role = models.CharField(max_length=64, blank=True, help_text="Empty: only those in a mapped group get in.")
    mapping = models.JSONField(default=list)
    enabled = models.BooleanField(default=True)
    enforced = models.BooleanField(default=False)
    configured_at = models.DateTimeField()
    opens_admin_since = models.DateTimeField(
        null=True, help_text="When an operator said that operators may open the operator admin through it."
    )

    class Meta:
        verbose_name = "single sign-on connection"
        verbose_name_plural = "single sign-on connections"
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"

    @property
    def opens_admin(self) -> bool:
        """Whether operators get in through it. What is trusted must be what the operator who said so looked at."""
        return self.opens_admin_since is not None and self.opens_admin_since >= self.configured_at


class SsoDomain(WorkspaceOwned):
    """An e-mail domain that a workspace says is its own. It counts from the moment an operator has approved it."""

    id_prefix: ClassVar[str] = "dom"

    domain = models.CharField(max_length=253)
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", editable=False)

    class Meta:
        verbose_name = "single sign-on domain"
        verbose_name_plural = "single sign-on domains"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "domain"], name="one_row_per_domain_of_a_workspace"),
            models.UniqueConstraint(
                fields=["domain"],
                condition=models.Q(approved_at__isnull=False),
                name="one_workspace_per_approved_domain",
            ),
        ]

    def __str__(self) -> str:
        return self.domain


class SsoIdentity(Identified):
    """Who a person is in another house: found by connection, issuer and subject, to the letter, and by nothing else."""

    id_prefix: ClassVar[str] = "idn"

    connection = models.ForeignKey(SsoConnection, on_delete=models.CASCADE, related_name="identities")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sso_identities")
    issuer = models.CharField(max_length=SUBJECT_LENGTH)
    subject = models.CharField(max_length=SUBJECT_LENGTH)
    called = models.CharField(max_length=254, blank=True, help_text="The address that the other house gave last.")
    role_given = models.CharField(max_length=64, blank=True, help_text="The role that the mapping gave last.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "single sign-on identity"
        verbose_name_plural = "single sign-on identities"
        constraints = [
            models.UniqueConstraint(fields=["connection", "issuer", "subject"], name="one_person_per_subject")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.connection_id}"


class SsoAttempt(Identified):
    """A way to another house and back: once, within minutes, in one browser.

    `secrets` holds the sealed nonce and code verifier; `answer` what the other house said, sealed too, while a second step
    is due (SAML) and after a test.
    """

    id_prefix: ClassVar[str] = "att"

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in"
        LINK = "link"
        REAUTHENTICATE = "reauthenticate"
        TEST = "test"

    connection = models.ForeignKey(SsoConnection, on_delete=models.CASCADE, related_name="attempts")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    client = models.CharField(max_length=10, choices=LoginSession.Client.choices, default=LoginSession.Client.WEB)
    state_digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    browser_digest = models.CharField(max_length=DIGEST_LENGTH)
    finish_digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, null=True)
    secrets = models.TextField(editable=False)
    answer = models.TextField(blank=True, editable=False)
    next = models.CharField(max_length=500, blank=True)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(LoginSession, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    passed_at = models.DateTimeField(null=True, help_text="When a test came to a good end.")

    def __str__(self) -> str:
        return f"{self.purpose} through {self.connection_id}"

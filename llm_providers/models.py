"""Connections to vendors, the models they offer, what these cost, and what was used. Private to this app."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from accounts.sharing import OPEN, RESTRICTED, register_sharing
from core.authz import Actor, Permission
from core.ids import ID_LENGTH
from core.models import Identified, WorkspaceOwned
from core.money import Money
from llm_providers.protocol import Capabilities
from llm_providers.registry import kind_info, kinds
from llm_providers.sharing import PROVIDER


def kind_choices() -> list[tuple[str, str]]:
    return [(info.kind, info.label) for info in kinds()]


class Provider(WorkspaceOwned):
    """A connection to one vendor. `revision` rises with everything that changes how it is reached."""

    id_prefix: ClassVar[str] = "prv"

    class Health(models.TextChoices):
        UNKNOWN = "unknown"
        OK = "ok"
        FAILING = "failing"

    kind = models.CharField(max_length=32, choices=kind_choices)
    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=2_000, blank=True)
    options = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    visibility = models.CharField(
        max_length=12, choices=[(OPEN, OPEN), (RESTRICTED, RESTRICTED)], default=OPEN, db_default=OPEN
    )
    health_state = models.CharField(max_length=8, choices=Health.choices, default=Health.UNKNOWN)
    health_detail = models.CharField(max_length=1_000, blank=True)
    health_checked_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="one_provider_per_name")]
        indexes = [models.Index(fields=["workspace", "-created_at", "-id"])]
        permissions = [
            ("run_provider", "Can use the models of this provider"),
            ("edit_provider", "Can change this provider"),
            ("manage_provider", "Can share this provider"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> Q:
        """Theirs it was shared with, and theirs whose role may edit any; unless restricted, all may use its models."""
        return PROVIDER.reach_q(cls, actor, PROVIDER.level_of(permission))

    @property
    def is_local(self) -> bool:
        info = kind_info(self.kind)
        return info is not None and info.local


register_sharing(Provider, PROVIDER)


class ProviderUserGrant(UserObjectPermissionBase):
    """Where django-guardian keeps what was granted on a provider to a person."""

    content_object = models.ForeignKey(Provider, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "provider shared with a person"
        verbose_name_plural = "providers shared with people"


class ProviderGroupGrant(GroupObjectPermissionBase):
    """The same for groups."""

    content_object = models.ForeignKey(Provider, on_delete=models.CASCADE)

    class Meta:
        verbose_name = "provider shared with a group"
        verbose_name_plural = "providers shared with groups"


class ProviderCredential(Identified):
    """The key of a provider, encrypted, and the origin it was entered for. Read and written through the vault only."""

    id_prefix: ClassVar[str] = "crd"

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="credential")
    secret = models.TextField(editable=False)
    key_hint = models.CharField(max_length=8, blank=True, editable=False)
    origin = models.CharField(max_length=300, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"key of {self.provider_id}"


class LanguageModel(WorkspaceOwned):
    """A model that a provider offers. It keeps its id when the vendor stops offering it (`gone_at`) and comes back."""

    id_prefix: ClassVar[str] = "mdl"

    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="models")
    name = models.CharField(max_length=200, help_text="The vendor's name for it.")
    label = models.CharField(max_length=200, blank=True)
    calls_tools = models.BooleanField(default=True)
    reasons = models.BooleanField(default=False)
    sees_images = models.BooleanField(default=False)
    context_window = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens; empty when unknown.")
    enabled = models.BooleanField(default=True)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "model"
        verbose_name_plural = "models"
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="one_model_per_name")]
        indexes = [models.Index(fields=["workspace", "name", "id"])]

    def __str__(self) -> str:
        return self.label or self.name

    @classmethod
    def access_q(cls, actor: Actor, permission: Permission) -> Q:
        """A model is reached as its provider is."""
        return PROVIDER.reach_q(Provider, actor, PROVIDER.level_of(permission), through="provider__")

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(tools=self.calls_tools, reasoning=self.reasons, vision=self.sees_images)

    @property
    def usable(self) -> bool:
        """Whether a run may use it now: it and its provider are enabled and the vendor still offers it."""
        return self.enabled and self.gone_at is None and self.provider.enabled

    @property
    def price(self) -> Price | None:
        """The price that holds now, None when unknown. Prefetch `prices` for lists."""
        moment = timezone.now()
        valid = [price for price in self.prices.all() if price.valid_from <= moment]
        return max(valid, key=lambda price: (price.valid_from, price.id), default=None)


class Price(Identified):
    """What a model costs per million tokens from a moment on. Rows are added, never changed."""

    id_prefix: ClassVar[str] = "prc"

    class Source(models.TextChoices):
        TABLE = "table", "price table"
        MANUAL = "manual"

    model = models.ForeignKey(LanguageModel, on_delete=models.CASCADE, related_name="prices")
    input = models.DecimalField(max_digits=18, decimal_places=8, help_text="Per million input tokens.")
    output = models.DecimalField(max_digits=18, decimal_places=8, help_text="Per million output tokens.")
    cached_input = models.DecimalField(
        max_digits=18,
        decimal_places=8,
        null=True,
        blank=True,
        help_text="Per million cached input tokens, if different.",
    )
    currency = models.CharField(max_length=3, default="USD")
    valid_from = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.MANUAL)

    class Meta:
        indexes = [models.Index(fields=["model", "-valid_from"])]
        constraints = [
            models.CheckConstraint(condition=models.Q(input__gte=0, output__gte=0), name="price_not_negative")
        ]

    def __str__(self) -> str:
        return f"{self.input} / {self.output} {self.currency}"

    def input_money(self) -> Money:
        return Money(Decimal(self.input), self.currency)

    def output_money(self) -> Money:
        return Money(Decimal(self.output), self.currency)


class UsageRecord(WorkspaceOwned):
    """One model call: who for, how many tokens, what it cost. Written once, at the end of the call."""

    id_prefix: ClassVar[str] = "usg"

    model = models.ForeignKey(LanguageModel, null=True, on_delete=models.SET_NULL, related_name="+")
    model_name = models.CharField(max_length=200)
    provider_kind = models.CharField(max_length=32)
    # Plain ids: this app knows no agents and no runs, and the record outlives them.
    agent = models.CharField(max_length=ID_LENGTH, blank=True)
    user = models.CharField(max_length=ID_LENGTH, blank=True)
    run = models.CharField(max_length=ID_LENGTH, blank=True)
    step = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveBigIntegerField(default=0)
    output_tokens = models.PositiveBigIntegerField(default=0)
    reasoning_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    cost_amount = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    cost_currency = models.CharField(max_length=3, blank=True)
    estimated = models.BooleanField(default=False)
    outcome = models.CharField(max_length=40, help_text="ok, interrupted, or the error's code.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "model call"
        verbose_name_plural = "model calls"
        indexes = [
            models.Index(fields=["workspace", "at"]),
            models.Index(fields=["run"]),
        ]

    def __str__(self) -> str:
        return f"{self.model_name}: {self.input_tokens} + {self.output_tokens}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("usage records are written once")
        super().save(*args, **kwargs)

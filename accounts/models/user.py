"""People and service accounts: whoever can act."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from core.ids import ID_LENGTH, new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=clean_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=clean_email(username or ""))


def clean_email(email: str) -> str:
    """One person, one spelling: e-mail addresses are kept in lower case."""
    return email.strip().lower()


class User(AbstractBaseUser, PermissionsMixin):
    """A person; the e-mail address is the name they sign in with. Or a service account, which never signs in."""

    id_prefix: ClassVar[str] = "usr"

    class Kind(models.TextChoices):
        PERSON = "person"
        SERVICE = "service"

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the operator admin.")
    created_at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PERSON, editable=False)
    service_of = models.ForeignKey(
        "accounts.Workspace", null=True, on_delete=models.CASCADE, related_name="+", editable=False
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_user_per_email"),
            models.CheckConstraint(
                condition=models.Q(kind="person", service_of=None)
                | models.Q(kind="service", service_of__isnull=False, is_staff=False, is_superuser=False),
                name="service_accounts_belong_to_a_workspace",
            ),
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.id:
            self.id = new_id(self.id_prefix)

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """How the audit log and lists name them."""
        return self.name if self.kind == self.Kind.SERVICE else self.email


class _ServiceAccounts(models.Manager["ServiceAccount"]):
    def get_queryset(self) -> models.QuerySet[ServiceAccount]:
        return super().get_queryset().filter(kind=User.Kind.SERVICE)


class ServiceAccount(User):
    """The service accounts among the users, for the operator admin's page of their own."""

    objects = _ServiceAccounts()  # type: ignore[assignment,misc]

    class Meta:
        proxy = True

"""People, the workspaces they work in, and the sessions they are signed in with."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from accounts.roles import Role
from core.ids import ID_LENGTH, new_id
from core.models import Identified, WorkspaceOwned


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
    """A person. The e-mail address is the name they sign in with."""

    id_prefix: ClassVar[str] = "usr"

    id = models.CharField(primary_key=True, max_length=ID_LENGTH, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the operator admin.")
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.id:
            self.id = new_id(self.id_prefix)

    def __str__(self) -> str:
        return self.email


class Workspace(Identified):
    """The only tenant boundary: everything belongs to exactly one."""

    id_prefix: ClassVar[str] = "wsp"

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(WorkspaceOwned):
    """A person's role in a workspace."""

    id_prefix: ClassVar[str] = "mbr"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="one_role_per_person")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"


class LoginSession(Identified):
    """One sign-in, from a browser or an API client. Its access tokens die with it.

    `refresh_id` is the id of the only refresh token that is valid now; `previous_refresh_id` the one before it, which a
    second tab may still send for a few seconds after `rotated_at`.
    """

    id_prefix: ClassVar[str] = "ses"

    class Client(models.TextChoices):
        WEB = "web"
        API = "api"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_sessions")
    client = models.CharField(max_length=10, choices=Client.choices)
    refresh_id = models.CharField(max_length=ID_LENGTH)
    previous_refresh_id = models.CharField(max_length=ID_LENGTH, blank=True)
    rotated_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    ip = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.client} sign-in of {self.user_id}"


class Installation(models.Model):
    """The one row that says whether the first set-up has happened, and the installation's id."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name_id = models.CharField(max_length=ID_LENGTH, help_text="Distinguishes the cookies of two installations.")
    set_up_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return self.name_id

"""Settings that every way of running shares. Plain assignments; the environment is read by platform_site.env only."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from platform_site import env, keys, trace_settings

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = env.read_folder("DATA_DIR", BASE_DIR / "data")

VERSION = "0.1.0"
DEBUG = False
PRODUCTION = False
VENDOR_ENVIRONMENT = env.take_vendor_environment()
#: Where spans go and what they say (platform_site.trace_settings); None: none are made.
TRACES = trace_settings.read_trace_settings()

SECRET_KEY = keys.secret_key(DATA_DIR)
ENCRYPTION_KEYS = keys.encryption_keys(DATA_DIR)
AUDIT_KEYS = keys.audit_keys(DATA_DIR)
MIN_SECRET_LENGTH = 32

PORT = env.read_int("PORT", 8000, low=0, high=65535)
BIND = env.read_text("AAP_BIND", "127.0.0.1")
ALLOWED_HOSTS = list(env.read_list("AAP_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"))
ALLOWED_ORIGINS = env.read_origins("AAP_ALLOWED_ORIGINS")
CSRF_TRUSTED_ORIGINS = list(ALLOWED_ORIGINS)
TRUSTED_PROXIES = env.read_networks("AAP_TRUSTED_PROXIES")
# Only theirs is left when Django looks: ForwardedSchemeMiddleware.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
#: Who may open /admin/; everybody when empty.
ADMIN_NETWORKS = env.read_networks("AAP_ADMIN_NETWORKS")
_OLLAMA = VENDOR_ENVIRONMENT.get("OLLAMA_HOST", "127.0.0.1:11434")
OLLAMA_BASE_URL = _OLLAMA if "://" in _OLLAMA else f"http://{_OLLAMA}"
ALLOWED_PRIVATE_HOSTS = env.read_list("AAP_ALLOWED_PRIVATE_HOSTS", "127.0.0.1:11434,localhost:11434,[::1]:11434")
METRICS_TOKEN = env.read_text("AAP_METRICS_TOKEN")
#: A worker's own door for probes and Prometheus; 0: none.
METRICS_PORT = env.read_int("AAP_METRICS_PORT", 0, low=0, high=65535)
METRICS_BIND = env.read_text("AAP_METRICS_BIND", "127.0.0.1")
RATE_LIMITS = env.read_factor("AAP_RATE_LIMITS")
#: Runs that go on or wait; times RATE_LIMITS.
MAX_OPEN_RUNS = 50
MAX_OPEN_RUNS_OF_WORKSPACE = 1_000
MAX_QUEUED_RUNS = 5_000
SOCKETS_PER_USER: float = 50

#: Where people reach the product: links in mails begin with it, and security keys are bound to its host name.
PUBLIC_URL = env.read_public_url("AAP_PUBLIC_URL", f"http://localhost:{PORT}")
_MAIL_URL = env.read("AAP_MAIL_URL")
#: The fields of core.egress.mail.MailServer; None: no mail is sent, links are shown to whoever may pass them on.
MAIL_SERVER = env.parse_mail_url(_MAIL_URL) if _MAIL_URL else None
MAIL_FROM = env.read_text("AAP_MAIL_FROM")
if MAIL_SERVER and "@" not in MAIL_FROM:
    raise env.BadEnvironment("AAP_MAIL_FROM is missing: the address that mails come from, such as agents@example.com.")

INSTALLED_APPS = [
    # Its app gives Django's `runserver` sockets; to load Twisted is a fifth of any other command's start.
    *(["daphne"] if "runserver" in sys.argv[1:2] else []),
    "platform_site",  # before Django's own apps: commands of the same name are ours
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    # Of allauth: the tables and the proofs of second factors. Its account app is there because those import it; none of its
    # pages, middleware or sessions are used (docs/adr).
    "accounts.allauth_apps.AccountTables",
    "allauth.mfa",
    "django_prometheus",
    "limits",
    "audit",
    "accounts",
    "llm_providers",
    "agents",
    "privacy",
]

MIDDLEWARE = [
    "platform_site.middleware.forwarded_scheme.ForwardedSchemeMiddleware",
    "platform_site.middleware.request_id.RequestIdMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "platform_site.middleware.page_policy.PagePolicyMiddleware",
    "platform_site.middleware.request_guard.RequestGuardMiddleware",
    "platform_site.middleware.static_files.StaticFilesMiddleware",
    "platform_site.middleware.database_away.DatabaseAwayMiddleware",
    "platform_site.middleware.address_limit.AddressLimitMiddleware",
    "platform_site.middleware.admin_only.AdminSessionMiddleware",
    "platform_site.middleware.admin_only.AdminCommonMiddleware",
    "platform_site.middleware.admin_only.AdminCsrfMiddleware",
    "platform_site.middleware.admin_only.AdminAuthenticationMiddleware",
    "platform_site.middleware.admin_only.AdminSignInMiddleware",
    "platform_site.middleware.admin_only.AdminMessageMiddleware",
    "platform_site.middleware.admin_only.AdminConfirmMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

if TRACES is not None:  # around the rest: the access line shall stand in the trace
    MIDDLEWARE.insert(1, "platform_site.middleware.trace.TraceMiddleware")

ROOT_URLCONF = "platform_site.urls"
ASGI_APPLICATION = "platform_site.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_DATABASE_URL = env.read("DATABASE_URL")
#: Given when DATABASE_URL leads to a pooler that hands a server's session to somebody else after each transaction: the way
#: to the server itself, for what needs a session of its own.
_DATABASE_DIRECT_URL = env.read("DATABASE_DIRECT_URL") if _DATABASE_URL else None
DATABASES = {
    "default": env.parse_database_url(_DATABASE_URL, through_pooler=_DATABASE_DIRECT_URL is not None)
    if _DATABASE_URL
    else {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA_DIR / "platform.sqlite3",
        "CONN_MAX_AGE": None,  # the threads are few and our own; opening costs more than holding
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",  # a deferred one fails at once when it turns from reading to writing
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;",
        },
    }
}
if _DATABASE_DIRECT_URL:
    DATABASES["direct"] = env.parse_database_url(_DATABASE_DIRECT_URL, name="DATABASE_DIRECT_URL")
#: In a process that serves or works, the database server ends a statement that takes longer; 0: none is ended.
STATEMENT_SECONDS = env.read_int("AAP_STATEMENT_SECONDS", 10, low=0, high=3600)
ON_POSTGRES = DATABASES["default"]["ENGINE"] == "core.postgresql"
if ON_POSTGRES:  # the queue between processes; its tables exist on PostgreSQL only
    INSTALLED_APPS.insert(INSTALLED_APPS.index("limits"), "procrastinate.contrib.django")
#: Carries bells and live frames between several processes, counts rates and keeps sums; holds nothing that may not be lost.
REDIS_URL = env.read("REDIS_URL") if ON_POSTGRES else None
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "core.shared_cache.InRedis",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"aap:cache:{keys.derived(SECRET_KEY, 'cache')[:16]}",  # one Redis may serve several installations
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 300}}
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "accounts.passwords.GuessedFirstValidator"},
    {"NAME": "accounts.passwords.KnownWordsValidator"},
]
PASSWORD_KNOWN_WORDS = (
    "agentic",
    "agents",
    "agent",
    "platform",
    "admin",
    "operator",
    "workspace",
    "password",
    "welcome",
)

#: Who is asked whether a new password is one of a known breach (the range API's form); nobody when empty.
BREACHED_PASSWORDS_URL = env.read_service("AAP_BREACHED_PASSWORDS_URL")

#: Everybody who signs in needs a second factor, in every workspace and in the operator admin.
REQUIRE_SECOND_FACTOR = env.read_flag("AAP_REQUIRE_SECOND_FACTOR")
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_LOGIN_METHODS = {"email"}
MFA_ADAPTER = "accounts.second_factor.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "AI Agentic Platform"
MFA_RECOVERY_CODE_DIGITS = 12
MFA_WEBAUTHN_USER_VERIFICATION = "preferred"

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "core.rest.problem.exception_handler",
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.rest.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["core.rest.renderer.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.rest.parser.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
#: Key of the digests that are kept of API tokens.
TOKEN_PEPPER = keys.derived(SECRET_KEY, "api-token")
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": keys.derived(SECRET_KEY, "jwt"),
    "ISSUER": "agentic-platform",
    "AUDIENCE": "agentic-platform",
    "USER_ID_CLAIM": "sub",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AI Agentic Platform",
    "DESCRIPTION": "Create, manage and run AI agents on local and cloud models.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "LevelEnum": "accounts.rest.sharing.LEVEL_NAMES",
        "VisibilityEnum": "accounts.rest.sharing.VISIBILITIES",
        "PermissionEnum": "accounts.api.people_bodies.PERMISSIONS",
        "DecisionKindEnum": "agents.api.decision_bodies.DECISION_KINDS",
        "DecisionStatusEnum": "agents.api.decision_bodies.DECISION_STATES",
        "StatusEnum": "agents.api.serializers.RUN_STATES",
        "SsoKindEnum": "accounts.api.sso_bodies.SSO_KINDS",
        "InvitationKindEnum": "accounts.api.invitation_bodies.KINDS",
        "FactorMethodEnum": "accounts.api.sign_in_bodies.METHODS",
        "NewFactorMethodEnum": "accounts.api.sign_in_bodies.NEW_METHODS",
        "KindEnum": "llm_providers.api.serializers.KIND_NAMES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "platform_site.openapi.add_common_answers",
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["platform_site.formats"]

WHITENOISE_ALLOW_ALL_ORIGINS = False
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.read_text("AAP_STATIC_ROOT", str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CLIENT_BUILD = Path(env.read_text("AAP_CLIENT_BUILD", str(BASE_DIR / "frontend" / "out")))

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
MAX_MESSAGE_BYTES = 256 * 1024

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_NAME = "aap_admin"
SESSION_COOKIE_PATH = "/admin/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600  # a working day; then an operator signs in again
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_NAME = "aap_admin_csrf"
CSRF_COOKIE_PATH = "/admin/"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"

AGENT_TOOL_MODULES = ["agents.tools.builtin"]
#: Whether the server carries runs on itself; if not, `manage.py worker` processes do.
SERVE_WORKER = env.read_flag("AAP_SERVE_WORKER", default=True) or not ON_POSTGRES
WORKER_CONCURRENCY = env.read_int("AAP_WORKER_CONCURRENCY", 100, low=1, high=2_000)
#: How long a stopping worker waits for its runs to end by themselves before it hands them over, in seconds.
WORKER_PATIENCE = env.read_int("AAP_WORKER_PATIENCE", 20, low=0, high=600)
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None
PROCRASTINATE_IMPORT_PATHS = ["jobs.queue"]

#: Runs are deleted so many days after their end in every workspace that has not said otherwise; 0: kept.
RUN_DAYS = env.read_int("AAP_RUN_DAYS", 0, low=0, high=20 * 366)

#: Where signed heads of the audit log go: file:/path, s3://bucket/prefix or https://…; and how often.
AUDIT_EXPORT = env.read_places("AAP_AUDIT_EXPORT")
AUDIT_WEBHOOK_SECRET = env.read_text("AAP_AUDIT_WEBHOOK_SECRET")
AUDIT_S3_KEY_ID = env.read_text("AAP_AUDIT_S3_KEY_ID")
AUDIT_S3_SECRET = env.read_text("AAP_AUDIT_S3_SECRET")
AUDIT_EXPORT_SECONDS = env.read_int("AAP_AUDIT_EXPORT_SECONDS", 300, low=5, high=86_400)

LOG_LEVEL = env.read_log_level("AAP_LOG_LEVEL", "INFO")
LOGGING_CONFIG = None  # platform_site.logs configures logging

UNFOLD = {
    "SITE_TITLE": "Operator admin",
    "SITE_HEADER": "AI Agentic Platform",
    "SITE_SUBHEADER": "Operator admin",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": True,
    "LOGIN": {"form": "accounts.admin_login.OperatorSignIn"},
    "DASHBOARD_CALLBACK": "platform_site.admin_site.dashboard",
    "STYLES": [f"{STATIC_URL}operator_admin.css"],
    "SCRIPTS": [f"{STATIC_URL}operator_admin.js"],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(0.98 0.015 190)",
            "100": "oklch(0.95 0.03 190)",
            "200": "oklch(0.9 0.05 190)",
            "300": "oklch(0.82 0.08 190)",
            "400": "oklch(0.72 0.1 190)",
            "500": "oklch(0.6 0.1 190)",
            "600": "oklch(0.48 0.085 190)",
            "700": "oklch(0.42 0.075 190)",
            "800": "oklch(0.36 0.06 190)",
            "900": "oklch(0.3 0.05 190)",
            "950": "oklch(0.22 0.04 190)",
        }
    },
}

SENTRY_DSN = env.read_sentry_address("SENTRY_DSN")
#: Where reports say that they come from.
RELEASE = env.read_text("AAP_RELEASE", VERSION)
ENVIRONMENT = env.read_text("AAP_ENVIRONMENT", "local")

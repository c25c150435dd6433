"""What the operator admin shows beyond the apps' own pages."""

from platform_site import audit_admin  # noqa: F401  # registers its pages

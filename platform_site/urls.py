"""Every address of the product, in the order in which they are tried."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from accounts.admin_password import own_password
from platform_site import client_pages, docs_views, health
from platform_site.errors import bad_request, not_found, server_error

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("favicon.ico", client_pages.favicon),
    path("api/v1/", include("platform_site.api")),
    path("api/schema/", docs_views.schema),
    path("api/docs/", docs_views.docs),
    path("api/docs/script.js", docs_views.docs_script),
    path("api/docs/errors/", docs_views.error_reference),
    re_path(r"^api(/.*)?$", not_found),
    path("scim/v2/", include("accounts.api.scim_urls")),
    path("admin/password_change/", admin.site.admin_view(own_password), name="own_password"),
    path("admin/sso/", include("accounts.admin_sso_doors")),
    path("admin/", include("platform_site.operator_pages")),
    path("admin/", admin.site.urls),
    re_path(r"^(?!admin/|api/|scim/|static/|ws/|metrics).*$", client_pages.client_page),
]

handler400 = bad_request
handler404 = not_found
handler500 = server_error

"""The URL table of the API, composed of every app's own."""

from __future__ import annotations

from django.urls import include, path

from accounts.api.urls import root_urls
from accounts.api.urls import workspace_urls as accounts_urls
from agents.api.urls import workspace_urls as agents_urls
from llm_providers.api.urls import workspace_urls as providers_urls
from platform_site.page_errors import PageErrors
from privacy.api.urls import root_urls as privacy_root
from privacy.api.urls import workspace_urls as privacy_urls

urlpatterns = [
    *root_urls,
    *privacy_root,
    path("page-errors/", PageErrors.as_view()),
    path("workspaces/<str:workspace>/", include([*accounts_urls, *providers_urls, *agents_urls, *privacy_urls])),
]

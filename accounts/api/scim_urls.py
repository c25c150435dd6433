"""Addresses of SCIM, which ends none of them with a slash."""

from __future__ import annotations

from django.urls import path, re_path

from accounts.api import scim

urlpatterns = [
    path("ServiceProviderConfig", scim.ProviderConfig.as_view()),
    path("ResourceTypes", scim.ResourceTypes.as_view()),
    path("ResourceTypes/<str:name>", scim.ResourceTypes.as_view()),
    path("Schemas", scim.Schemas.as_view()),
    path("Schemas/<str:name>", scim.Schemas.as_view()),
    path(".search", scim.Search.as_view()),
    path("Users", scim.Users.as_view()),
    path("Users/.search", scim.UserSearch.as_view()),
    path("Users/<str:pk>", scim.OneUser.as_view()),
    path("Groups", scim.Groups.as_view()),
    path("Groups/.search", scim.GroupSearch.as_view()),
    path("Groups/<str:pk>", scim.OneGroup.as_view()),
    re_path(r"^(?P<rest>.*)$", scim.not_found),
]

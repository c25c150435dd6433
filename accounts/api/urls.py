"""Addresses of the account endpoints."""

from __future__ import annotations

from django.urls import path

from accounts.api import views

root_urls = [
    path("setup/", views.SetUp.as_view()),
    path("auth/token/", views.Token.as_view()),
    path("auth/token/refresh/", views.TokenRefresh.as_view()),
    path("auth/logout/", views.Logout.as_view()),
    path("auth/session/", views.WebSession.as_view()),
    path("auth/session/refresh/", views.WebSessionRefresh.as_view()),
    path("me/", views.Me.as_view()),
    path("me/password/", views.MyPassword.as_view()),
]

workspace_urls = [
    path("", views.WorkspaceDetail.as_view()),
    path("members/", views.MemberList.as_view()),
    path("audit/", views.AuditList.as_view()),
]

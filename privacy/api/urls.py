"""Addresses of the privacy endpoints."""

from __future__ import annotations

from django.urls import path

from privacy.api import views

root_urls = [
    path("me/export/", views.MyData.as_view()),
    path("me/erase/", views.MyErasure.as_view()),
    path("erasures/proof/", views.ErasureProof.as_view()),
]

workspace_urls = [
    path("retention/", views.RetentionDetail.as_view()),
]

"""The routes under a workspace, included by the composition root."""

from django.urls import path

from llm_providers.api import sharing, views

workspace_urls = [
    path("providers/", views.ProviderList.as_view(), name="providers"),
    path("providers/kinds/", views.ProviderKinds.as_view(), name="provider-kinds"),
    path("providers/discovered/", views.ProvidersDiscovered.as_view(), name="providers-discovered"),
    path("providers/check/", views.ProviderCheck.as_view(), name="provider-check"),
    path("providers/<str:provider>/", views.ProviderDetail.as_view(), name="provider"),
    path("providers/<str:provider>/test/", views.ProviderTest.as_view(), name="provider-test"),
    path("providers/<str:provider>/sync/", views.ProviderSync.as_view(), name="provider-sync"),
    path("providers/<str:provider>/visibility/", sharing.ProviderVisibility.as_view()),
    path("providers/<str:provider>/grants/", sharing.ProviderGrantList.as_view()),
    path("providers/<str:provider>/grants/<str:grantee>/", sharing.ProviderGrantDetail.as_view()),
    path("providers/<str:provider>/access/", sharing.ProviderAccess.as_view()),
    path("models/", views.ModelList.as_view(), name="models"),
    path("models/<str:model>/", views.ModelDetail.as_view(), name="model"),
]

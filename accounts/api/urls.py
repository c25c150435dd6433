"""Addresses of the account endpoints."""

from __future__ import annotations

from django.urls import path

from accounts.api import audit, credentials, invitations, my_sessions, people, recovery, second_factors, views

root_urls = [
    path("setup/", views.SetUp.as_view()),
    path("auth/token/", views.Token.as_view()),
    path("auth/token/refresh/", views.TokenRefresh.as_view()),
    path("auth/token/second-factor/", second_factors.TokenSecondFactor.as_view()),
    path("auth/logout/", views.Logout.as_view()),
    path("auth/session/", views.WebSession.as_view()),
    path("auth/session/refresh/", views.WebSessionRefresh.as_view()),
    path("auth/session/second-factor/", second_factors.WebSessionSecondFactor.as_view()),
    path("auth/password/reset/", recovery.PasswordResetStart.as_view()),
    path("auth/password/reset/confirm/", recovery.PasswordResetConfirm.as_view()),
    path("auth/email/confirm/", recovery.EmailConfirm.as_view()),
    path("invitations/look/", invitations.InvitationLook.as_view()),
    path("invitations/accept/", invitations.InvitationAccept.as_view()),
    path("me/", views.Me.as_view()),
    path("me/password/", views.MyPassword.as_view()),
    path("me/email/", recovery.MyEmail.as_view()),
    path("me/sessions/", my_sessions.MySessions.as_view()),
    path("me/sessions/<str:session_id>/", my_sessions.MySession.as_view()),
    path("me/reauthenticate/", second_factors.Reauthenticate.as_view()),
    path("me/second-factors/", second_factors.MyFactors.as_view()),
    path("me/second-factors/begin/", second_factors.BeginFactor.as_view()),
    path("me/second-factors/recovery-codes/", second_factors.RecoveryCodes.as_view()),
    path("me/second-factors/<str:factor_id>/", second_factors.MyFactor.as_view()),
]

workspace_urls = [
    path("", views.WorkspaceDetail.as_view()),
    path("invitations/", invitations.InvitationList.as_view()),
    path("invitations/<str:invitation_id>/", invitations.InvitationDetail.as_view()),
    path("invitations/<str:invitation_id>/resend/", invitations.InvitationResend.as_view()),
    path("members/", people.MemberList.as_view()),
    path("members/<str:member_id>/", people.MemberDetail.as_view()),
    path("roles/", people.RoleList.as_view()),
    path("roles/<str:role_id>/", people.RoleDetail.as_view()),
    path("groups/", people.GroupList.as_view()),
    path("groups/<str:group_id>/", people.GroupDetail.as_view()),
    path("groups/<str:group_id>/members/", people.GroupMemberList.as_view()),
    path("groups/<str:group_id>/members/<str:user_id>/", people.GroupMemberDetail.as_view()),
    path("api-tokens/", credentials.TokenList.as_view()),
    path("api-tokens/<str:token_id>/", credentials.TokenDetail.as_view()),
    path("api-tokens/<str:token_id>/rotate/", credentials.TokenRotate.as_view()),
    path("service-accounts/", credentials.ServiceAccountList.as_view()),
    path("service-accounts/<str:account_id>/", credentials.ServiceAccountDetail.as_view()),
    path("service-accounts/<str:account_id>/api-tokens/", credentials.ServiceAccountTokenList.as_view()),
    path("audit/", audit.AuditList.as_view()),
    path("audit/export/", audit.AuditExport.as_view()),
    path("audit/verify/", audit.AuditVerify.as_view()),
]

"""A person's own data, a workspace's retention, over HTTP."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import NothingIn
from accounts.rest.views import ApiView, WorkspaceView
from core.authz import Permission
from core.clock import now
from core.errors import ValidationFailed
from privacy import erasure, retention
from privacy.api import serializers as s
from privacy.archive import archive_of
from privacy.services import begin_export


class MyData(ApiView):
    permissions = {"POST": "signed_in"}
    rates = {"POST": "export"}

    @extend_schema(
        operation_id="me_export", request=NothingIn, responses={(200, "application/zip"): OpenApiTypes.BINARY}
    )
    def post(self, request: Request) -> Any:
        """A copy of everything about me, as a ZIP of JSON and Markdown. Needs a fresh proof of who I am."""
        self.read(NothingIn)
        begin_export(self.actor)
        answer = StreamingHttpResponse(archive_of(self.principal.user_id), content_type="application/zip")
        answer["Content-Disposition"] = f'attachment; filename="my-data-{now():%Y-%m-%d}.zip"'
        answer["Cache-Control"] = "no-store"
        return answer


class MyErasure(ApiView):
    permissions = {"POST": "signed_in"}

    @extend_schema(operation_id="me_erase", request=s.EraseIn, responses={202: s.ErasureOut})
    def post(self, request: Request) -> Response:
        """Forget me: my access ends now, then what I left is deleted. It cannot be undone."""
        user = self.principal.load_user()
        if self.read(s.EraseIn)["confirm"].strip().lower() != user.email:
            raise ValidationFailed.on("confirm", "not_confirmed", "This is not your e-mail address. Nothing was done.")
        row, code = erasure.ask_to_erase(self.actor, user_id=user.pk)
        return self.ok({"id": row.pk, "code": code, "requested_at": row.requested_at}, status=202)


class ErasureProof(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="erasure_proof", request=s.ProofIn, responses=s.ProofOut, auth=[])
    def post(self, request: Request) -> Response:
        """What became of an erasure, for whoever has its code."""
        row = erasure.find_proof(self.read(s.ProofIn)["code"])
        return self.ok(
            {
                "id": row.pk,
                "subject": row.subject,
                "state": "done" if row.finished_at else "under_way",
                "requested_at": row.requested_at,
                "finished_at": row.finished_at,
                "deleted": row.deleted,
                "key": row.key,
                "proof": row.proof,
                "genuine": erasure.is_genuine(row),
            }
        )


class RetentionDetail(WorkspaceView):
    permissions = {"GET": Permission.RETENTION_VIEW, "PATCH": Permission.RETENTION_EDIT}

    @extend_schema(operation_id="retention", responses=s.RetentionOut)
    def get(self, request: Request, workspace: str) -> Response:
        """For how long this workspace keeps what."""
        return self.ok(s.RetentionOut(retention.retention_of(self.workspace.id)).data)

    @extend_schema(operation_id="retention_update", request=s.RetentionIn, responses=s.RetentionOut)
    def patch(self, request: Request, workspace: str) -> Response:
        """Change it. What is older than a new, shorter time is deleted within the hour and cannot be brought back."""
        policy = retention.edit_retention(self.actor, changes=self.read(s.RetentionIn))
        return self.ok(s.RetentionOut(policy).data)

"""The earlier messages of a run's conversation, as the model gets them. Deterministic: only ended, earlier runs count."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from agents.models import Message
from core.prepared import Prepared
from llm_providers.protocol import AssistantMessage, ChatMessage, ToolCallPart, ToolResultMessage, UserMessage

#: At most as many messages are loaded, and as many characters; older ones are counted only.
MAX_MESSAGES = 400
MAX_CHARACTERS = 2_000_000


def _earlier(conversation: str, run: str) -> QuerySet[Message]:
    earlier = Message.objects.filter(conversation_id=conversation, run_id__lt=run)
    return earlier.filter(Q(run__superseded_after=None) | Q(seq__lte=F("run__superseded_after")))


_EARLIER = Prepared(
    lambda value: (
        _earlier(value("conversation"), value("run"))
        .order_by("-run_id", "-seq")
        .values_list("run_id", "role", "text", "tool_calls")[: MAX_MESSAGES + 1]
    )
)


def load_history(
    conversation: str, *, before: str, max_characters: int = MAX_CHARACTERS
) -> tuple[tuple[ChatMessage, ...], int]:
    """(messages before the run `before`, oldest first; how many still older ones were not loaded)."""
    rows = _EARLIER.rows(conversation=conversation, run=before)
    if not rows:
        return (), 0
    kept, size = 0, 0
    for _, _, text, calls in rows[:MAX_MESSAGES]:
        size += len(text) + sum(len(call.get("result") or "") for call in calls)
        if size > max_characters:
            break
        kept += 1
    rows_kept = rows[:kept]
    while rows_kept and rows_kept[-1][1] != "user":  # begin with a question, never in the middle of an answer
        rows_kept.pop()
    omitted = 0
    if len(rows_kept) < len(rows):
        omitted = _earlier(conversation, before).count() - len(rows_kept)
    messages: list[ChatMessage] = []
    for _, role, text, calls in reversed(rows_kept):
        messages.extend(_as_messages(role, text, calls))
    return tuple(messages), omitted


def _as_messages(role: str, text: str, calls: list[dict[str, object]]) -> list[ChatMessage]:
    if role == "user":
        return [UserMessage(text)]
    if not text and not calls:
        return []  # an answer that failed before its first word
    parts = tuple(ToolCallPart(str(c["call"]), str(c["name"]), c["arguments"]) for c in calls)  # type: ignore[arg-type]
    answer: list[ChatMessage] = [AssistantMessage(text, parts)]
    for call in calls:
        result = call.get("result")
        known = str(result) if result is not None else "The outcome of this call is not known."
        answer.append(ToolResultMessage(str(call["call"]), str(call["name"]), known, call.get("outcome") != "ok"))
    return answer

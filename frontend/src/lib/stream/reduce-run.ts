// The pure fold of a run's frames: events are numbered densely, text carries offsets. Whatever the connection does,
// the same frames give the same text, once.
import type { Finish } from "@/lib/api/types";
import { codePoints, dropCodePoints } from "./code-points";
import type { DeltaFrame, EventFrame, RunFrame } from "./frames";
import { applyEvent } from "./reduce-event";
import type { MessageState, RunState } from "./run-state";

export type Effect = "resubscribe" | null;
export type Reduced = { state: RunState; effect: Effect };

const same = (state: RunState): Reduced => ({ state, effect: null });

/** A hole in what we hold: ask once, then wait for the answer to catch up. */
function gap(state: RunState): Reduced {
  return state.resyncing ? same(state) : { state: { ...state, resyncing: true, caughtUp: false }, effect: "resubscribe" };
}

export function reduceRun(state: RunState, frame: RunFrame): Reduced {
  if (frame.run !== state.run) return same(state);
  if (frame.type === "caught_up") {
    if (frame.seq > state.seq) return gap({ ...state, resyncing: false });
    return same({ ...state, caughtUp: true, loaded: true, resyncing: false });
  }
  return frame.type === "event" ? event(state, frame) : delta(state, frame);
}

function event(state: RunState, frame: EventFrame): Reduced {
  if (frame.seq <= state.seq) return same(state);
  if (frame.seq > state.seq + 1) return gap(state);
  const logged = { seq: frame.seq, at: frame.at, event: frame.event };
  return same(applyEvent({ ...state, seq: frame.seq, loaded: true, log: [...state.log, logged] }, frame.event, frame.at));
}

function delta(state: RunState, frame: DeltaFrame): Reduced {
  const message = state.messages[frame.message];
  if (!message || message.phase !== "open") return same(state);
  const reasoning = frame.part === "reasoning";
  const have = reasoning ? message.reasoningLength : message.length;
  if (frame.offset > have) return gap(state);
  const added = frame.offset < have ? dropCodePoints(frame.text, have - frame.offset) : frame.text;
  if (!added) return same(state);
  const next: MessageState = reasoning
    ? { ...message, reasoning: message.reasoning + added, reasoningLength: have + codePoints(added) }
    : { ...message, text: message.text + added, length: have + codePoints(added) };
  return same({ ...state, messages: { ...state.messages, [frame.message]: next } });
}

/** What a test or a transcript compares: the agent's text that stands, in order. */
export function textOf(state: RunState): { id: string; text: string; finish: Finish | null }[] {
  return state.order.flatMap((id) => {
    const message = state.messages[id];
    return message?.role === "assistant" ? [{ id, text: message.text, finish: message.finish }] : [];
  });
}

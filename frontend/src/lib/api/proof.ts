// Dangerous actions need a fresh proof of who one is. Whatever call is refused for that waits here while somebody asks
// for it, and then goes on by itself: the forms behind it know nothing of it and lose nothing.
import { Problem } from "./problem";

type Waiting = { promise: Promise<boolean>; settle: (proved: boolean) => void };
type Listener = () => void;

let waiting: Waiting | null = null;
const listeners = new Set<Listener>();
const enrolment = new Set<Listener>();

/** Whether the person proved who they are. Calls that come together are answered by one proof. */
export function proveIdentity(): Promise<boolean> {
  if (!waiting) {
    let settle: (proved: boolean) => void = () => undefined;
    const promise = new Promise<boolean>((done) => { settle = done; });
    waiting = { promise, settle };
    listeners.forEach((listener) => listener());
  }
  return waiting.promise;
}

export function settleProof(proved: boolean): void {
  const over = waiting;
  waiting = null;
  listeners.forEach((listener) => listener());
  over?.settle(proved);
}

export const isProofAsked = (): boolean => waiting !== null;
export const onProofAsked = (listener: Listener): Listener => (listeners.add(listener), () => void listeners.delete(listener));

export const notProved = (): Problem =>
  new Problem(-1, "not_proved", "Not done", "You did not confirm that it is you, so nothing was changed.", null, [], {});

/** A workspace asks for a second factor that this sign-in does not have: whoever shows the doors wants to know. */
export const tellEnrolment = (): void => enrolment.forEach((listener) => listener());
export const onEnrolmentAsked = (listener: Listener): Listener => (enrolment.add(listener), () => void enrolment.delete(listener));

// Why a run ended early, and what the reader can do about it. The server's own detail is shown beside these words.
type Words = { title: string; next: string; /** The server's detail does not say what to do. */ always?: boolean };

const words: Record<string, Words> = {
  provider_auth_failed: { title: "The model's provider refused the key", next: "Replace the key under Models, then try again." },
  provider_rate_limited: { title: "The provider is limiting requests", next: "Wait a minute, then try again." },
  provider_overloaded: { title: "The provider is overloaded", next: "Try again in a moment, or choose another model." },
  provider_timed_out: { title: "The model did not answer in time", next: "Check under Models that the provider answers, then try again." },
  provider_rejected: { title: "The provider did not accept the request", next: "Often the model's name or a setting is wrong.", always: true },
  provider_protocol: { title: "The provider sent something that could not be read", next: "Check the provider's address under Models." },
  context_too_long: { title: "The chat is longer than the model can read", next: "Start a new chat, or choose a model with a larger context." },
  refused: { title: "The model declined to answer", next: "Put the question another way, or choose another model." },
  model_gone: { title: "The agent's model is not available any more", next: "Choose another model in the agent and publish it, then send the message again." },
  max_steps: { title: "The agent reached its limit of steps", next: "Continue lets it go on with the same limit. To give it more, raise the limit in the agent." },
  max_tokens: { title: "The agent reached its limit of tokens", next: "Continue lets it go on with the same limit. To give it more, raise the limit in the agent." },
  max_seconds: { title: "The agent reached its time limit", next: "Continue lets it go on with the same limit. To give it more, raise the limit in the agent." },
  max_cost: { title: "The agent reached its limit of cost", next: "Continue lets it go on with the same limit. To give it more, raise the limit in the agent." },
  no_progress: { title: "The agent went in circles", next: "Say it in other words, or look at what the tool answers." },
  internal_error: { title: "The server could not finish this run", next: "Try again. If it fails once more, give the run id to whoever runs this server." },
};

export function failureWords(code: string): Words {
  return words[code] ?? { title: `The run failed (${code.replaceAll("_", " ")})`, next: "Try again. If it fails once more, give the run id to whoever runs this server." };
}

/** What to do next, where the server's own detail does not say it already. */
export function adviceBeside(code: string, detail: string | undefined): string {
  const { next, always } = failureWords(code);
  return always || !detail ? next : "";
}

export function stopReason(code: string | null): string {
  if (!code) return "–";
  if (code === "completed") return "Completed";
  if (code === "cancelled") return "Stopped by a person";
  return failureWords(code).title;
}

"use client";
// The chat page, for a new chat and for one with an address. Starting a chat only changes the address: nothing is
// loaded again and the answer begins at once.
import { useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { LuBot, LuPlug } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { ButtonLink } from "@/components/ui/Button";
import { Empty, ProblemPanel, Skeleton } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { AgentPicker } from "@/features/chat/AgentPicker";
import { ChatPane } from "@/features/chat/ChatPane";
import { ConversationMenu } from "@/features/conversations/ConversationMenu";
import { toProblem } from "@/lib/api/problem";
import { useAgents } from "@/lib/api/resources/agents";
import { useConversation, useConversationActions } from "@/lib/api/resources/conversations";
import type { Agent } from "@/lib/api/types";
import { useRouteId } from "@/lib/route/use-route-id";
import { useSession } from "@/lib/session/SessionProvider";

const KEY = "aap.agent";
const lastAgent = (): string | null => { try { return localStorage.getItem(KEY); } catch { return null; } };
const rememberAgent = (id: string) => { try { localStorage.setItem(KEY, id); } catch { /* the first agent is offered again */ } };

export function ChatScreen() {
  const id = useRouteId("chats");
  return id ? <OldChat key={id} id={id} /> : <NewChat />;
}

function useRunnable() {
  const agents = useAgents();
  return { ...agents, runnable: agents.items?.filter((agent) => agent.published && agent.permissions.includes("run")) };
}

function NewChat() {
  const { runnable, items, problem, retry } = useRunnable();
  const { can } = useSession();
  const actions = useConversationActions();
  const [wanted, setWanted] = useState<string | null>(lastAgent);
  const agent = runnable?.find((one) => one.id === wanted) ?? runnable?.[0] ?? null;
  // Whoever types and presses Enter before the agents are read need not wait, nor send again.
  const waiting = useRef<((agent: Agent) => void)[]>([]);
  useEffect(() => { if (agent) waiting.current.splice(0).forEach((go) => go(agent)); }, [agent]);
  const start = async (text: string, key: string) => {
    const chosen = agent ?? await new Promise<Agent>((go) => { waiting.current.push(go); });
    rememberAgent(chosen.id);
    return actions.start(chosen.id, text, key);
  };
  const open = (conversation: string) => {
    window.history.pushState(null, "", `/chats/${encodeURIComponent(conversation)}/`);
  };
  if (problem) return <><PageHeader title="New chat" /><ProblemPanel problem={problem} onRetry={retry} /></>;
  if (runnable?.length === 0) return <><PageHeader title="New chat" /><NoAgent agents={items ?? []} mayCreate={can("agent.create")} mayConnect={can("provider.create")} /></>;
  return (
    <>
      <PageHeader title="New chat" />
      <ChatPane
        conversation={null} place="new" onStarted={open} starters={agent ? startersOf(agent) : undefined} placeholder={agent && agent.name.length <= SHORT ? `Ask ${agent.name}` : "Write a message"}
        start={start}
        left={agent ? <AgentPicker agents={runnable ?? []} value={agent.id} name={agent.name} model={agent.published?.model_name ?? null} onChange={setWanted} /> : <Skeleton className="h-4 w-32" />}
        hero={
          <div className="text-center">
            {agent ? <p title={agent.name} className="line-clamp-2 text-title font-semibold text-balance [overflow-wrap:anywhere]">{agent.name}</p> : <Skeleton className="mx-auto h-7 w-48" />}
            <p title={agent?.description} className="mx-auto mt-1 line-clamp-3 max-w-[520px] text-body text-pretty text-muted [overflow-wrap:anywhere]">{agent?.description || "What would you like to know or get done?"}</p>
          </div>
        }
      />
    </>
  );
}

/** A longer name would not fit into the box of a phone. */
const SHORT = 28;
const startersOf = (agent: Agent): string[] => agent.draft.starters.filter((one) => one.trim()).slice(0, 4);

function NoAgent({ agents, mayCreate, mayConnect }: { agents: Agent[]; mayCreate: boolean; mayConnect: boolean }) {
  const unpublished = agents.find((agent) => agent.permissions.includes("publish"));
  if (unpublished) return <Empty icon={LuBot} title={`${unpublished.name} is not published yet`} action={<ButtonLink href={`/agents/${unpublished.id}/`} look="primary">Open the agent</ButtonLink>}>Publish it, then chat with it here.</Empty>;
  // There are some, but this person may only look at them.
  if (!mayCreate && agents.some((agent) => agent.published)) return <Empty icon={LuBot} title="You may look at agents, but not chat with them" action={<ButtonLink href="/agents/">Go to agents</ButtonLink>}>An owner or admin of this workspace can give you a role that may.</Empty>;
  if (!mayCreate) return <Empty icon={LuBot} title="No agent is shared with you yet">Ask an owner or admin of this workspace to publish one.</Empty>;
  return <Empty icon={LuBot} title="A chat needs an agent" action={<div className="flex flex-wrap justify-center gap-2"><ButtonLink href="/agents/new/" look="primary" icon={LuBot}>Make an agent</ButtonLink>{mayConnect ? <ButtonLink href="/providers/" icon={LuPlug}>Connect a model</ButtonLink> : null}</div>}>An agent is a model with instructions and tools, for example one that answers questions about your notes.</Empty>;
}

function OldChat({ id }: { id: string }) {
  const router = useRouter();
  const { value: chat, problem } = useConversation(id);
  const { runnable } = useRunnable();
  const actions = useConversationActions();
  const change = async (agent: string) => {
    try { await actions.edit(id, { agent }); rememberAgent(agent); } catch (error) { toast(`Agent not changed: ${toProblem(error).detail}`); }
  };
  const agent = runnable?.find((one) => one.id === chat?.agent?.id);
  return (
    <>
      <PageHeader title={chat ? chat.title || "New chat" : problem ? "Chat" : ""}>{chat ? <ConversationMenu conversation={chat} onRemoved={() => router.push("/")} /> : null}</PageHeader>
      <ChatPane
        conversation={id} place={id} start={() => Promise.reject(new TypeError("this chat exists"))} onStarted={() => undefined} hero={null}
        left={chat?.agent ? <AgentPicker agents={runnable ?? []} value={chat.agent.id} name={chat.agent.name} model={agent?.published?.model_name ?? null} onChange={(next) => void change(next)} /> : null}
      />
    </>
  );
}

"use client";
import { useState } from "react";
import { LuBraces, LuMonitorSmartphone, LuShieldCheck, LuWrench } from "react-icons/lu";
import { Button } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { Card } from "@/components/ui/Page";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { loginActions, useLogins } from "@/lib/api/resources/account";
import type { Login } from "@/lib/api/types";
import { plural } from "@/lib/format/format";

const clients = {
  web: { word: "This website", icon: LuMonitorSmartphone }, api: { word: "A program, over the API", icon: LuBraces }, admin: { word: "Operator admin", icon: LuWrench },
};

export function Sessions() {
  const list = useLogins();
  const [ending, setEnding] = useState<Login | "others" | null>(null);
  const others = list.items?.some((login) => !login.current) ?? false;
  return (
    <Card flush title="Where you are signed in" note="End what you do not know, then change your password." action={others ? <Button size="small" onClick={() => setEnding("others")}>End all others</Button> : null}>
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={3} label="Loading sessions" /> : null}
      {list.items?.length === 0 ? <Empty icon={LuMonitorSmartphone} title="No session is listed" /> : null}
      <ul className="divide-y divide-border">{list.items?.map((login) => <LoginRow key={login.id} login={login} onEnd={() => setEnding(login)} />)}</ul>
      {list.hasMore ? <div className="flex justify-center border-t border-border p-2"><Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button></div> : null}
      <Confirm
        open={ending !== null} onClose={() => setEnding(null)} title={ending === "others" ? "End all other sessions?" : "End this session?"} act={ending === "others" ? "End all others" : "End session"}
        text={ending === "others" ? "Every other browser and program that signed in as you has to sign in again. API tokens go on working." : `${ending?.device || "It"} is signed out at once.`}
        onConfirm={async () => {
          if (ending === "others") toast(`${plural(await loginActions.endOthers(), "session")} ended`);
          else if (ending) { await loginActions.end(ending.id); toast("Session ended"); }
        }}
      />
    </Card>
  );
}

function LoginRow({ login, onEnd }: { login: Login; onEnd: () => void }) {
  const { word, icon: Icon } = clients[login.client];
  return (
    <li className="flex min-h-16 items-center gap-3 px-4 py-2.5">
      <Icon size={20} aria-hidden className="shrink-0 text-muted" />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1 font-medium"><span className="[overflow-wrap:anywhere]">{login.device || "Unknown device"}</span>{login.current ? <Tag tone="accent">this one</Tag> : null}{login.second_factor ? <span className="inline-flex items-center gap-1 text-meta font-normal text-muted"><LuShieldCheck size={14} aria-hidden />second factor</span> : null}</p>
        <p className="text-small text-muted">{word}{login.ip ? <> · <span className="tabular">{login.ip}</span></> : null} · since <Time at={login.created_at} />{login.current ? null : <> · last used <Time at={login.last_used_at} /></>}</p>
      </div>
      {login.current ? null : <Button size="small" aria-label={`End the session of ${login.device || "an unknown device"}`} onClick={onEnd}>End</Button>}
    </li>
  );
}

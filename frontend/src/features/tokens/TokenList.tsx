"use client";
import { useState } from "react";
import { LuEllipsis, LuKeyRound, LuPencil, LuPlus, LuRefreshCw, LuTrash2 } from "react-icons/lu";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm } from "@/components/ui/Dialog";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { Empty, ProblemPanel, SkeletonRows } from "@/components/ui/Panels";
import { Tag } from "@/components/ui/State";
import { Time } from "@/components/ui/Time";
import { toast } from "@/components/ui/Toast";
import { useTokenActions, useTokens } from "@/lib/api/resources/tokens";
import type { Token, TokenSecret } from "@/lib/api/types";
import { plural } from "@/lib/format/format";
import { inShort } from "@/lib/rights/permissions";
import { EditToken, RotateToken } from "./ChangeToken";
import { NewToken } from "./NewToken";
import { SecretOnce } from "./SecretOnce";
import { stateOf } from "./token-draft";

/** The tokens of one holder: mine, or a service account's. `held` is what the holder may do. */
export function TokenList({ account, held, whose, mayEdit }: { account: string | null; held: string[]; whose: string; mayEdit: boolean }) {
  const list = useTokens(account);
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<TokenSecret | null>(null);
  const [dead, setDead] = useState(false);
  const now = new Date();
  const live = list.items?.filter((token) => stateOf(token, now) === "live") ?? [];
  const over = (list.items?.length ?? 0) - live.length;
  const shown = dead ? list.items : live;
  const add = mayEdit ? <Button size="small" look="primary" icon={LuPlus} onClick={() => setAdding(true)}>New token</Button> : null;
  return (
    <>
      {list.problem ? <ProblemPanel problem={list.problem} onRetry={list.retry} /> : null}
      {list.loading ? <SkeletonRows rows={3} label="Loading tokens" /> : null}
      {list.items && live.length === 0 ? <Empty icon={LuKeyRound} title={over ? "No token is in use" : "No tokens yet"} action={add}>{mayEdit ? `A token lets a program act as ${whose}, for example a script that starts an agent every night.` : "Your role cannot make any."}</Empty> : null}
      {shown?.length ? <ul className="divide-y divide-border">{shown.map((token) => <TokenRow key={token.id} token={token} account={account} held={held} mayEdit={mayEdit} onSecret={setMade} />)}</ul> : null}
      {list.items && (live.length > 0 || over > 0 || list.hasMore) ? (
        <div className="flex flex-wrap items-center justify-between gap-2 border-t border-border px-4 py-2 empty:hidden">
          <span className="flex gap-2">
            {over ? <Button size="small" look="quiet" aria-pressed={dead} onClick={() => setDead(!dead)}>{dead ? "Hide those that are over" : `Show ${plural(over, "token")} that ${over === 1 ? "is" : "are"} over`}</Button> : null}
            {list.hasMore ? <Button size="small" look="quiet" busy={list.loadingMore} onClick={list.loadMore}>Show more</Button> : null}
          </span>
          {live.length ? add : null}
        </div>
      ) : null}
      {adding ? <NewToken account={account} held={held} whose={whose} onClose={() => setAdding(false)} onMade={(secret) => { setAdding(false); setMade(secret); }} /> : null}
      {made ? <SecretOnce made={made} onClose={() => setMade(null)} /> : null}
    </>
  );
}

function TokenRow({ token, account, held, mayEdit, onSecret }: { token: Token; account: string | null; held: string[]; mayEdit: boolean; onSecret: (made: TokenSecret) => void }) {
  const [doing, setDoing] = useState<"edit" | "rotate" | "revoke" | null>(null);
  const actions = useTokenActions(account);
  const now = new Date();
  const state = stateOf(token, now);
  const limits = [token.objects ? `only ${plural((token.objects as string[]).length, "agent")}` : "", token.networks.length ? `only from ${token.networks.join(", ")}` : "", token.per_minute ? `${token.per_minute} a minute` : ""].filter(Boolean).join(" · ");
  return (
    <li className="flex items-start gap-3 px-4 py-3">
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-2 gap-y-1"><span className="font-medium [overflow-wrap:anywhere]">{token.name}</span>{state === "live" ? null : <Tag>{state}</Tag>}<code className="font-mono text-meta text-muted">{token.prefix}…</code></p>
        <p className="text-small text-muted">{inShort(token.scopes, held)}{limits ? ` · ${limits}` : ""}</p>
        <p className="text-small text-muted">
          {token.last_used_at ? <>Last used <Time at={token.last_used_at} />{token.last_used_ip ? <> from <span className="tabular">{token.last_used_ip}</span></> : null}</> : "Never used"}
          {state === "revoked" ? <> · revoked <Time at={token.revoked_at} /></> : token.expires_at ? <> · {state === "expired" ? "ended" : "ends"} <Time at={token.expires_at} /></> : " · never ends"}
          {token.old_secret_until && Date.parse(token.old_secret_until) > now.getTime() ? <> · the old secret works until <Time at={token.old_secret_until} /></> : null}
        </p>
      </div>
      {mayEdit && state !== "revoked" ? (
        <Menu trigger={<IconButton icon={LuEllipsis} label={`More for ${token.name}`} />}>
          <MenuItem icon={LuPencil} onSelect={() => setDoing("edit")}>Change name, end or networks</MenuItem>
          <MenuItem icon={LuRefreshCw} onSelect={() => setDoing("rotate")}>Make a new secret</MenuItem>
          <MenuLine />
          <MenuItem icon={LuTrash2} danger onSelect={() => setDoing("revoke")}>Revoke</MenuItem>
        </Menu>
      ) : null}
      {doing === "edit" ? <EditToken token={token} account={account} onClose={() => setDoing(null)} /> : null}
      {doing === "rotate" ? <RotateToken token={token} account={account} onClose={() => setDoing(null)} onMade={(secret) => { setDoing(null); onSecret(secret); }} /> : null}
      <Confirm open={doing === "revoke"} onClose={() => setDoing(null)} title={`Revoke ${token.name}?`} act="Revoke token" text="Programs that use it are refused from the next request on. It cannot be taken back." onConfirm={async () => { await actions.revoke(token.id); toast("Token revoked"); }} />
    </li>
  );
}

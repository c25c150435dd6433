"use client";
import { useState } from "react";
import { LuArchive, LuArchiveRestore, LuEllipsis, LuPencil, LuPin, LuPinOff, LuShare2, LuTrash2 } from "react-icons/lu";
import { Sharing } from "@/components/sharing/Sharing";
import { Button, IconButton } from "@/components/ui/Button";
import { Confirm, Dialog } from "@/components/ui/Dialog";
import { TextInput } from "@/components/ui/Field";
import { Menu, MenuItem, MenuLine } from "@/components/ui/Menu";
import { ProblemNote } from "@/components/ui/Panels";
import { toast } from "@/components/ui/Toast";
import { toProblem, type Problem } from "@/lib/api/problem";
import { useConversationActions } from "@/lib/api/resources/conversations";
import type { Conversation } from "@/lib/api/types";

export function ConversationMenu({ conversation, onRemoved }: { conversation: Conversation; onRemoved?: () => void }) {
  const [doing, setDoing] = useState<"rename" | "share" | "delete" | null>(null);
  const actions = useConversationActions();
  const { id, pinned, archived, title } = conversation;
  const may = (act: string) => conversation.permissions.includes(act);
  const edit = async (input: { pinned?: boolean; archived?: boolean }, done: string) => {
    try { await actions.edit(id, input); toast(done); } catch (error) { toast(`Not changed: ${toProblem(error).detail}`); }
  };
  return (
    <>
      <Menu trigger={<IconButton icon={LuEllipsis} label={`More for ${title || "this chat"}`} />}>
        <MenuItem icon={LuPencil} onSelect={() => setDoing("rename")}>Rename</MenuItem>
        <MenuItem icon={pinned ? LuPinOff : LuPin} onSelect={() => void edit({ pinned: !pinned }, pinned ? "Unpinned" : "Pinned")}>{pinned ? "Unpin" : "Pin"}</MenuItem>
        <MenuItem icon={archived ? LuArchiveRestore : LuArchive} onSelect={() => void edit({ archived: !archived }, archived ? "Moved back to chats" : "Archived")}>{archived ? "Move back to chats" : "Archive"}</MenuItem>
        {may("share") ? <MenuItem icon={LuShare2} onSelect={() => setDoing("share")}>Share</MenuItem> : null}
        {may("delete") ? <><MenuLine /><MenuItem icon={LuTrash2} danger onSelect={() => setDoing("delete")}>Delete</MenuItem></> : null}
      </Menu>
      {doing === "rename" ? <Rename conversation={conversation} onClose={() => setDoing(null)} /> : null}
      <Sharing shared={doing === "share" ? { kind: "conversation", object: `conversations/${id}`, name: title || "this chat" } : null} onClose={() => setDoing(null)} />
      <Confirm
        open={doing === "delete"} onClose={() => setDoing(null)} title="Delete this chat?" act="Delete chat"
        text={`“${title || "New chat"}” and its messages go for good. Its runs stay in the audit trail.`}
        onConfirm={async () => { await actions.remove(id); toast("Chat deleted"); onRemoved?.(); }}
      />
    </>
  );
}

function Rename({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const [title, setTitle] = useState(conversation.title);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const actions = useConversationActions();
  const save = async () => {
    setBusy(true);
    try { await actions.edit(conversation.id, { title: title.trim() }); onClose(); } catch (error) { setProblem(toProblem(error)); } finally { setBusy(false); }
  };
  return (
    <Dialog open onClose={onClose} title="Rename chat" footer={<><Button onClick={onClose}>Cancel</Button><Button look="primary" busy={busy} disabled={!title.trim()} onClick={() => void save()}>Save</Button></>}>
      <form className="flex flex-col gap-3" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <TextInput label="Title" value={title} onChange={(event) => setTitle(event.target.value)} error={problem?.field("title")} autoFocus maxLength={200} />
        {problem && !problem.field("title") ? <ProblemNote problem={problem} /> : null}
      </form>
    </Dialog>
  );
}

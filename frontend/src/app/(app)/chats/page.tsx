import { LuSquarePen } from "react-icons/lu";
import { PageHeader } from "@/components/frame/PageHeader";
import { ButtonLink } from "@/components/ui/Button";
import { PageBody } from "@/components/ui/Page";
import { ConversationList } from "@/features/conversations/ConversationList";

export default function ChatsPage() {
  return (
    <>
      <PageHeader title="Chats"><ButtonLink href="/" look="primary" size="small" icon={LuSquarePen}>New chat</ButtonLink></PageHeader>
      <PageBody narrow><ConversationList /></PageBody>
    </>
  );
}

import { ChatScreen } from "../../_chat/ChatScreen";

export const dynamicParams = false;
export const generateStaticParams = () => [{ id: "_" }];

export default function ChatPage() {
  return <ChatScreen />;
}

import { ChatScreen } from "./_chat/ChatScreen";

export default function NewChatPage() {
  return <ChatScreen />;
}

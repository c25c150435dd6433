"use client";
import { ConnectProvider } from "@/features/providers/ConnectProvider";
import { SetupFlow } from "@/features/setup/SetupFlow";

export default function SetupPage() {
  return <SetupFlow connect={(done, back) => <ConnectProvider act="Continue" onCancel={back} onDone={(provider) => done(provider.id)} />} />;
}

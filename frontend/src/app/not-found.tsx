import { LuSearchX } from "react-icons/lu";
import { ButtonLink } from "@/components/ui/Button";

export default function NotFound() {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-6 text-center">
      <LuSearchX size={28} className="text-muted" aria-hidden />
      <h1 className="text-title font-semibold">There is no page here</h1>
      <p className="max-w-[420px] text-muted">The address may be mistyped, or the page may have moved.</p>
      <ButtonLink href="/" look="primary">Go to chat</ButtonLink>
    </main>
  );
}

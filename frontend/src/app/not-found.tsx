import { LuSearchX } from "react-icons/lu";
import { ButtonLink } from "@/components/ui/Button";

export default function NotFound() {
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 px-6 text-center">
      <span className="flex size-10 items-center justify-center rounded-card border border-border bg-raised text-muted"><LuSearchX size={20} aria-hidden /></span>
      <div className="max-w-[420px]">
        <h1 className="text-title font-semibold">There is no page here</h1>
        <p className="mt-1 text-muted text-balance">The address may be mistyped, or the page may have moved.</p>
      </div>
      <ButtonLink href="/" look="primary">Go to chat</ButtonLink>
    </main>
  );
}

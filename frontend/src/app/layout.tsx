import type { Metadata, Viewport } from "next";
import { GeistSans } from "geist/font/sans";
import localFont from "next/font/local";
import type { ReactNode } from "react";
import { ProofGate } from "@/components/proof/ProofGate";
import { Toasts } from "@/components/ui/Toast";
import { SessionProvider } from "@/lib/session/SessionProvider";
import { THEME_SCRIPT } from "@/lib/theme/theme-script";
import "@/styles/globals.css";

// As geist/font/mono has it, but fetched only when a page shows code: few pages do at first sight.
const GeistMono = localFont({
  src: "../../node_modules/geist/dist/fonts/geist-mono/GeistMono-Variable.woff2", variable: "--font-geist-mono", weight: "100 900",
  preload: false, adjustFontFallback: false, fallback: ["ui-monospace", "SFMono-Regular", "Menlo", "Liberation Mono", "monospace"],
});

export const metadata: Metadata = { title: "Agent platform", description: "Build agents, talk to them, and see what they did." };
export const viewport: Viewport = { width: "device-width", initialScale: 1, viewportFit: "cover" };

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={`${GeistSans.variable} ${GeistMono.variable}`} suppressHydrationWarning>
      <head><script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} /></head>
      <body>
        <SessionProvider>{children}<ProofGate /></SessionProvider>
        <Toasts />
      </body>
    </html>
  );
}

import type { Metadata, Viewport } from "next";
import { GeistMono } from "geist/font/mono";
import { GeistSans } from "geist/font/sans";
import type { ReactNode } from "react";
import { Toasts } from "@/components/ui/Toast";
import { SessionProvider } from "@/lib/session/SessionProvider";
import { THEME_SCRIPT } from "@/lib/theme/theme-script";
import "@/styles/globals.css";

export const metadata: Metadata = { title: "Agent platform", description: "Build agents, talk to them, and see what they did." };
export const viewport: Viewport = { width: "device-width", initialScale: 1, viewportFit: "cover" };

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={`${GeistSans.variable} ${GeistMono.variable}`} suppressHydrationWarning>
      <head><script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} /></head>
      <body>
        <SessionProvider>{children}</SessionProvider>
        <Toasts />
      </body>
    </html>
  );
}

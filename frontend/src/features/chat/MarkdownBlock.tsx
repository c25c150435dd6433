"use client";
// Text from a model is not trusted: no raw HTML, no pictures fetched from anywhere, links only to http, https and mail.
import { memo, type ReactNode } from "react";
import Markdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { CopyButton } from "@/components/ui/CopyButton";

const ALLOWED = ["p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "input",
  "a", "img", "table", "thead", "tbody", "tr", "th", "td", "sup", "section"];
const SAFE = /^(https?:|mailto:)/i;
const safeUrl = (url: string): string => (SAFE.test(url.trim()) ? url.trim() : "");

function OutLink({ href, children }: { href?: string; children?: ReactNode }) {
  if (!href) return <>{children}</>;
  return <a href={href} title={href} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}

function plainText(node: unknown): string {
  const one = node as { value?: string; children?: unknown[] } | undefined;
  return one?.value ?? one?.children?.map(plainText).join("") ?? "";
}

const components: Components = {
  a: ({ href, children }) => <OutLink href={href}>{children}</OutLink>,
  // A picture's address can carry data out; it is shown as the link it is.
  img: ({ src, alt }) => (typeof src === "string" && src ? <OutLink href={src}>{alt ? `${alt} (${src})` : src}</OutLink> : <>{alt}</>),
  table: ({ children }) => <div className="table block!" role="group" aria-label="Table" tabIndex={0}><table>{children}</table></div>,
  pre: ({ node, children }) => {
    const code = node?.children[0] as { properties?: { className?: unknown } } | undefined;
    const names = Array.isArray(code?.properties?.className) ? code.properties.className : [];
    const language = names.map(String).find((name) => name.startsWith("language-"))?.slice(9) ?? "";
    return (
      <div className="code" dir="ltr">
        <div className="flex h-9 items-center justify-between border-b border-border pl-4 pr-1 font-sans text-meta text-muted">
          <span>{language || "text"}</span>
          <CopyButton words label="Copy" text={() => plainText(node).replace(/\n$/, "")} className="h-7! text-meta!" />
        </div>
        <pre tabIndex={0} aria-label={language ? `Code, ${language}` : "Code"}>{children}</pre>
      </div>
    );
  },
  input: ({ checked }) => <input type="checkbox" checked={Boolean(checked)} readOnly disabled aria-label={checked ? "done" : "open"} />,
};

function Block({ source }: { source: string }) {
  // Each block runs the way its own text is written; code always from left to right.
  return <div className="md-block" dir="auto"><Markdown remarkPlugins={[remarkGfm]} allowedElements={ALLOWED} unwrapDisallowed urlTransform={safeUrl} components={components} skipHtml>{source}</Markdown></div>;
}

export default memo(Block);

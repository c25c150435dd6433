import Link from "next/link";
import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import type { IconType } from "react-icons";
import { LuLoaderCircle } from "react-icons/lu";
import { cx } from "./classes";

type Look = "primary" | "plain" | "quiet" | "danger";
type Size = "normal" | "small";

const looks: Record<Look, string> = {
  primary: "bg-accent text-accent-text hover:bg-accent-hover border-transparent",
  plain: "bg-raised text-text border-border hover:bg-hover",
  quiet: "bg-transparent text-text border-transparent hover:bg-hover",
  danger: "bg-raised text-failed border-border hover:bg-hover",
};
const sizes: Record<Size, string> = {
  normal: "h-9 px-3 text-body gap-2 max-md:h-10",
  small: "h-8 px-2.5 text-small gap-1.5",
};
const shape = "inline-flex items-center justify-center rounded-control border font-medium whitespace-nowrap select-none transition-colors duration-[120ms] disabled:opacity-50 disabled:cursor-not-allowed";

export const buttonClass = (look: Look = "plain", size: Size = "normal", extra?: string): string => cx(shape, looks[look], sizes[size], extra);

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look; size?: Size; icon?: IconType; busy?: boolean; ref?: Ref<HTMLButtonElement> };

export function Button({ look = "plain", size = "normal", icon: Icon, busy, children, className, disabled, type = "button", ...rest }: Props) {
  return (
    <button type={type} className={buttonClass(look, size, className)} disabled={disabled || busy} aria-busy={busy || undefined} {...rest}>
      {busy ? <LuLoaderCircle className="spin" size={16} aria-hidden /> : Icon ? <Icon size={16} aria-hidden /> : null}
      {children}
    </button>
  );
}

export function ButtonLink({ href, look, size, icon: Icon, children, className }: { href: string; look?: Look; size?: Size; icon?: IconType; children: ReactNode; className?: string }) {
  return (
    <Link href={href} className={buttonClass(look, size, className)}>
      {Icon ? <Icon size={16} aria-hidden /> : null}
      {children}
    </Link>
  );
}

type IconProps = ButtonHTMLAttributes<HTMLButtonElement> & { label: string; icon: IconType; large?: boolean; ref?: Ref<HTMLButtonElement> };

/** A button that is only a picture always has its word as label and as tip. */
export function IconButton({ label, icon: Icon, large, className, type = "button", ...rest }: IconProps) {
  return (
    <button
      type={type} aria-label={label} title={label}
      className={cx("inline-flex shrink-0 items-center justify-center rounded-control text-muted hover:bg-hover hover:text-text disabled:opacity-50 disabled:cursor-not-allowed transition-colors duration-[120ms]", large ? "size-10" : "size-8 max-md:size-10", className)}
      {...rest}
    >
      <Icon size={large ? 20 : 16} aria-hidden />
    </button>
  );
}

/** The mark: a prompt and its answer. */
export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill="none" aria-hidden>
      <rect x="0.5" y="0.5" width="19" height="19" rx="5" fill="var(--accent)" />
      <path d="M5.5 6.5 9 10l-3.5 3.5" stroke="var(--accent-text)" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
      <path d="M11 13.5h4" stroke="var(--accent-text)" strokeWidth="1.8" strokeLinecap="round" />
    </svg>
  );
}

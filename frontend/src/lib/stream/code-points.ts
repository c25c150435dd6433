// The server counts text in code points. JavaScript counts UTF-16 units, so an emoji would be two.
export function codePoints(text: string): number {
  let n = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next <= 0xdfff) { n--; i++; }
    }
  }
  return n;
}

/** The text without its first `n` code points. */
export function dropCodePoints(text: string, n: number): string {
  let i = 0;
  for (let left = n; left > 0 && i < text.length; left--) i += (text.codePointAt(i) ?? 0) > 0xffff ? 2 : 1;
  return text.slice(i);
}

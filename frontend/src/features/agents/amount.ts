/** What people type for an amount, as the server reads it: some keyboards have only a comma, and "0." is not done yet. */
export const decimal = (text: string): string => text.trim().replace(",", ".").replace(/^\./, "0.").replace(/\.$/, "");

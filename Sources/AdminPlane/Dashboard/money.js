// Amounts are decimal texts, and whole nano-dollars where they are added up. None is ever a binary fraction.

const NANOS = 1_000_000_000n;

/** The nano-dollars of a decimal text as the gateway writes it; null for any other text. */
export function nanos(text) {
  const parts = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text ?? "");
  if (!parts) return null;
  const amount = BigInt(parts[2]) * NANOS + BigInt((parts[3] ?? "").padEnd(9, "0"));
  return parts[1] ? -amount : amount;
}

/** The decimal text of nano-dollars: at least two fraction digits, no further zeros. */
export function decimal(amount) {
  const size = amount < 0n ? -amount : amount;
  const fraction = String(size % NANOS).padStart(9, "0").replace(/0{1,7}$/, "");
  return `${amount < 0n ? "-" : ""}${size / NANOS}.${fraction}`;
}

/** A decimal text's three parts: sign and dollars, in groups of three digits; cents; and what is smaller than a cent. */
export function parts(text) {
  const [whole, fraction = "00"] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), fraction.slice(0, 2), fraction.slice(2)];
}

/** The same as one text, with its sign of currency. */
export function dollars(text) {
  const [whole, cents, rest] = parts(text);
  return whole.startsWith("-") ? `-$${whole.slice(1)}.${cents}${rest}` : `$${whole}.${cents}${rest}`;
}

/** How much of a whole a part is, for lengths on the screen: the only place where an amount becomes a fraction. */
export function ratio(part, whole) {
  return whole > 0n ? Number((part * 1_000_000n) / whole) / 1_000_000 : 0;
}

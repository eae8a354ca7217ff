const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const digits = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** 1234567 → "1,234,567". */
export function count(value: number): string {
  return whole.format(value);
}

/** For axes, where room is scarce: 12500 → "12.5K". */
export function compact(value: number): string {
  return short.format(value);
}

/** For narrow columns: whole, or, where the largest of the column has a million, all short: "51.4M" above "849K". */
export function narrow(value: number, most: number): string {
  return most >= 1_000_000 ? short.format(value) : whole.format(value);
}

/** "1 event", "2 events". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Binary units: 1536 → "1.5 KiB". */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${digits.format(value)} ${units[unit]}`;
}

/** The two largest units: 93784 s → "1 d 2 h"; under ten seconds with one decimal: "0.4 s". */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 9.95 && !Number.isInteger(seconds) ? seconds.toFixed(1) : whole.format(Math.floor(seconds))} s`;
  const steps: [number, string][] = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const first = steps.findIndex(([size]) => seconds >= size);
  let rest = Math.floor(seconds);
  const parts: string[] = [];
  for (const [size, name] of steps.slice(first, first + 2)) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${name}`);
  }
  return parts.join(" ");
}

/** The clock of an instant as the server gave it: "2026-11-24T14:03:00Z" → "14:03". The browser's time zone is not asked. */
export function clock(iso: string): string {
  return iso.slice(11, 16);
}

/** A text of which nothing can be seen, such as one of blanks, gets the name of no text. */
export function visible(text: string, otherwise: string): string {
  return /[^\s\p{Cc}\p{Cf}]/u.test(text) ? text : otherwise;
}

/** "not_ready" → "Not ready". */
export function sentence(name: string): string {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

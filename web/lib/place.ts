let regions: Intl.DisplayNames | undefined;
let languages: Intl.DisplayNames | undefined;

/** "DE" → "Germany"; what is no code stays as it is. */
export function countryName(code: string): string {
  if (!/^[A-Z]{2}$/.test(code)) return code;
  try {
    regions ??= new Intl.DisplayNames("en", { type: "region" });
    return regions.of(code) ?? code;
  } catch {
    return code;
  }
}

/** "de-AT" → "Austrian German"; what is no tag stays as it is. */
export function languageName(tag: string): string {
  try {
    languages ??= new Intl.DisplayNames("en", { type: "language" });
    return (tag && languages.of(tag)) || tag;
  } catch {
    return tag;
  }
}

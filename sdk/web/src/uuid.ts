import { attempt } from "./guard";

/** A UUIDv7 (RFC 9562): 48 bits of time, then random ones. */
export function uuid(): string {
  // Where there is no crypto an id has to differ from others, and need not be secret.
  const random = attempt(() => crypto.getRandomValues(new Uint8Array(36)));
  const time = Date.now().toString(16).padStart(12, "0");
  return `${time.replace(/.{8}/, "$&-")}-7xxx-8xxx-xxxxxxxxxxxx`.replace(/x/g, (_, at: number) =>
    ((random ? random[at]! : Math.random() * 16) & 15).toString(16),
  );
}

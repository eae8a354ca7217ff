import { text } from "./json";

/** An option as a script gives it, or as the text of a data attribute. What is absent is on; for the others write `?? false`. */
export function isOn(value: unknown): boolean {
  return text(value) != "false";
}

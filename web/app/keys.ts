/** Where a key has a meaning of its own: fields, what arrows move through or scroll, and all that lies over the page. */
const OWN = "input, select, textarea, [contenteditable], [role=slider], [role=tablist], [role=menu], .scroll, dialog";

/** The key that was pressed for the page as a whole, "←" and "→" by the direction of reading; undefined where it was meant for something
 *  else. */
export function pageKey(event: KeyboardEvent): string | undefined {
  const { key, target } = event;
  if (event.defaultPrevented || event.repeat || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if ((target instanceof Element && target.closest(OWN)) || document.querySelector("dialog[open]")) return undefined;
  const forward = getComputedStyle(document.documentElement).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  if (key === "ArrowLeft" || key === "ArrowRight") return key === forward ? "\u2192" : "\u2190";
  return key.toUpperCase();
}

// The form of a condition, which stands in the filter dialog, in groups, and in the dialogs of goals and steps.

/** Fills in the form in an open dialog and sends it. With `option` the suggestion of this name is waited for and taken by Enter; otherwise
 *  the value is what was typed. */
export async function addCondition(dialog, dimension, value, { option } = {}) {
  const page = dialog.page();
  await dialog.getByRole("combobox", { name: "Filter by" }).fill(dimension);
  await page.keyboard.press("Enter");
  await dialog.getByLabel("Value", { exact: true }).fill(value);
  if (option) {
    await page.getByRole("option", { name: option, exact: true }).waitFor();
    await page.keyboard.press("Enter");
  }
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
}

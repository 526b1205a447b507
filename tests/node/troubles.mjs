// What goes wrong while somebody goes through the wizard in a real browser; and the wizard by the keyboard alone.
// It asks whoever started it, one line each, to do what is to happen to servers.
//
// Usage: node troubles.mjs SCENE ADDRESS TOKEN FILE
import assert from "node:assert/strict";
import { check, enter, launch, please, signIn, upload } from "./browser.mjs";

const [scene, address, token, file] = process.argv.slice(2);
const browser = await launch();

/** The console goes away while an import runs, and comes back. */
async function lostConnection(page) {
  await upload(page, file);
  await check(page);
  await please("stop the worker");
  await page.getByRole("button", { name: /Import Users/ }).click();
  await page.waitForURL("**/imports/*");
  const text = page.locator("#progress-text");
  await text.getByText("Waiting for its turn").waitFor();
  await please("stop the console");
  await text.getByText("Connection lost; reconnecting. The import continues in the meantime.").waitFor();
  await please("start the console");
  await text.getByText("Waiting for its turn").waitFor({ timeout: 60_000 });
  await please("start the worker");
  await page.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
}

/** The session ends, and the user signs in again in another tab. */
async function endedSession(page) {
  const ended = page.getByText("Your session has ended. What you entered is still here.");
  const other = await page.context().newPage();
  const back = async () => signIn(other, address, token, "/users");
  await upload(page, file);
  // A choice that is saved at every change.
  await please("end the session");
  await page.getByRole("checkbox", { name: /digits only/ }).setChecked(true);
  await ended.waitFor();
  const kept = await page.locator("main form").evaluate((form) => new URLSearchParams(new FormData(form)).toString());
  await page.getByRole("button", { name: "Check the file" }).click();
  await ended.waitFor();
  await back();
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.waitForURL("**/check");
  await page.getByRole("button", { name: /Import Users/ }).waitFor({ timeout: 60_000 });
  await page.getByRole("link", { name: "Fields", exact: true }).click();
  await page.waitForURL("**/fields");
  const later = await page.locator("main form").evaluate((form) => new URLSearchParams(new FormData(form)).toString());
  assert.equal(later, kept);
  // A corrected cell, which is sent with the button.
  await check(page);
  await please("end the session");
  const cell = page.getByLabel("Email, row 4");
  await cell.fill("dora@example.com");
  await page.getByRole("button", { name: /Save corrections/ }).click();
  await ended.waitFor();
  assert.equal(await cell.inputValue(), "dora@example.com");
  await back();
  await page.getByRole("button", { name: /Save corrections/ }).click();
  await page.getByRole("button", { name: "Import Users (4)" }).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Import Users (4)" }).click();
  await page.waitForURL("**/imports/*");
  // Here too, while an import is followed.
  await page.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
}

/** A server is away when Import is pressed. */
async function serversAway(page) {
  await upload(page, file);
  await check(page);
  const here = page.url();
  for (const [server, words] of [["broker", "The service cannot forward it"], ["storage", "The service cannot reach its files"]]) {
    await please(`take the ${server} away`);
    await page.getByRole("button", { name: /Import Users/ }).click();
    await page.getByRole("alert").getByText(words).waitFor({ timeout: 60_000 });
    assert.equal(page.url(), here);
    await please(`give the ${server} back`);
  }
  await page.getByRole("button", { name: /Import Users/ }).click();
  await page.waitForURL("**/imports/*", { timeout: 60_000 });
  await page.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
}

/** Presses Tab until the element with this name has the focus, which must be visible. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 150; presses += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element.labels?.[0] ?? document.getElementById(element.getAttribute("aria-labelledby")) ?? element;
      const seen = element.matches("input[type=file]") ? element.closest(".drop").querySelector("label.button") : element;
      return {
        name: element.getAttribute("aria-label") ?? label.innerText.trim(),
        outline: getComputedStyle(seen).outlineStyle,
      };
    });
    if (!name.test(at.name)) continue;
    assert.notEqual(at.outline, "none", `the focus on ${name} is not visible`);
    return;
  }
  assert.fail(`${name} is not reached by Tab on ${page.url()}`);
}

/** The chooser of files. A busy browser may ignore the first key press; a person who sees nothing happen tries again. */
async function chooserByKey(page) {
  for (let tries = 1; ; tries += 1) {
    await tabTo(page, /^Browse/);
    const chooser = page.waitForEvent("filechooser", { timeout: 10_000 }).catch((error) => error);
    await page.keyboard.press("Space");
    const found = await chooser;
    if (!(found instanceof Error)) return found;
    if (tries === 3) throw found;
  }
}

/** From the file to the new users, without a pointer. */
async function keyboardAlone(page) {
  const press = (key) => page.keyboard.press(key);
  const focused = (what) => page.evaluate(what);
  await tabTo(page, /^Create from file/);
  await press("Enter");
  await page.waitForURL("**/users/create");
  const chooser = await chooserByKey(page);
  await chooser.setFiles(file);
  // The next step is within reach.
  await page.waitForFunction(() => document.activeElement.id === "upload-go");
  await press("Enter");
  await page.waitForURL("**/uploads/*");
  // A list is changed by its arrows, is kept, and keeps the focus.
  await tabTo(page, /^UTF-8, separated by comma · Change/);
  await press("Enter");
  await tabTo(page, /^Encoding/);
  const [answer] = await Promise.all([page.waitForResponse((response) => response.request().method() === "GET"), press("ArrowDown")]);
  assert.ok(answer.ok());
  await page.waitForFunction(() => document.activeElement.id === "encoding" && document.activeElement.value === "utf-8");
  await tabTo(page, /^Map the fields/);
  await press("Enter");
  await page.waitForURL("**/fields");
  await tabTo(page, /digits only/);
  await press("Space");
  await page.waitForFunction(() => !document.querySelector("form[aria-busy]"));
  assert.ok(await focused(() => document.activeElement.checked), "what was ticked has the focus and is ticked");
  await press("Space");
  await page.waitForFunction(() => !document.querySelector("form[aria-busy]"));
  await tabTo(page, /^Check the file/);
  await press("Enter");
  await page.waitForURL("**/check");
  await page.getByRole("button", { name: /Import Users/ }).waitFor({ timeout: 60_000 });
  // The table of problems is scrolled, and a cell of it corrected.
  await tabTo(page, /^Email, row 4/);
  await press("Control+a");
  await page.keyboard.type("dora@example.com");
  await tabTo(page, /^Save corrections/);
  await press("Enter");
  await page.getByRole("button", { name: "Import Users (4)" }).waitFor({ timeout: 60_000 });
  await tabTo(page, /^Import Users/);
  await press("Space");
  await page.waitForURL("**/imports/*");
  await page.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
  // A dialogue takes the focus, and gives it back.
  await tabTo(page, /^Continue/);
  await press("Enter");
  await page.getByRole("dialog").waitFor();
  await press("Escape");
  assert.match(await focused(() => document.activeElement.innerText), /^Continue/);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  assert.match(await focused(() => document.activeElement.innerText), /Success/);
  await Promise.all([page.waitForEvent("download"), press("Enter")]);
  await page.getByText("Success details downloaded").waitFor();
  await tabTo(page, /^Continue/);
  await press("Enter");
  await page.waitForURL(/[/]users[?]new=/);
}

const scenes = { lostConnection, endedSession, serversAway, keyboardAlone };
try {
  const page = await enter(browser, address, token, "/users", { isDisturbed: scene !== "keyboardAlone" });
  await scenes[scene](page);
} finally {
  await browser.close();
}
process.exit();

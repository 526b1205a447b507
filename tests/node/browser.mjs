// A browser for the scripts beside this one, and the users who look at the console in it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline/promises";
import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** Checks the page with axe-core, and its width, in both colour schemes; `name` says which page it is. */
export async function inspect(page, name, pictures) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} pixels wider than ${width}`);
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
    const { violations } = await page.evaluate(`${axe}; axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] })`);
    const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
    assert.deepEqual(found, [], `${name}, ${colorScheme}`);
  }
}

/** A page of somebody who comes in by a link. An error in its script is an error of the page; so is one that the
 *  browser's console reports, unless a server is taken away on purpose. */
export async function enter(browser, address, token, home, { isDisturbed = false } = {}) {
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`${page.url()}: ${error}`));
  if (!isDisturbed) page.on("console", (said) => assert.notEqual(said.type(), "error", `${page.url()}: ${said.text()}`));
  await signIn(page, address, token, home);
  return page;
}

export async function signIn(page, address, token, home) {
  await page.goto(`http://${address}/sign-in#token=${token}`);
  await page.waitForURL(`**${home}`);
  assert.ok(!page.url().includes(token), "the token stays in the address");
}

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Asks whoever started this script to do something, and waits until it is done. */
export async function please(deed) {
  console.log(deed);
  const { value, done } = await answers.next();
  assert.ok(!done, `nobody did this: ${deed}`);
  return value;
}

export async function download(page, name) {
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).first().click()]);
  return readFile(await saved.path(), "utf8");
}

/** From the Users table to the fields of the file. */
export async function upload(page, file) {
  await page.getByRole("link", { name: "Create from file" }).first().click();
  await page.waitForURL("**/users/create");
  await page.setInputFiles("#file", file);
  await page.getByRole("button", { name: "Upload" }).click();
  await page.waitForURL("**/uploads/*");
  await page.getByRole("link", { name: "Map the fields" }).click();
  await page.waitForURL("**/fields");
}

/** From there to the result of the check. */
export async function check(page) {
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.waitForURL("**/check");
  await page.getByRole("button", { name: /Import Users/ }).waitFor({ timeout: 60_000 });
}

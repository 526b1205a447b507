// The console in a real browser: an administrator plays the steps of the wizard with a file, an operator looks at his pages. Every
// page is held against axe-core, in both colour schemes, and must fit a telephone and a desk.
//
// Usage: node console.mjs ADDRESS ADMINISTRATORS_TOKEN OPERATORS_TOKEN FILE [FOLDER FOR PICTURES]
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [address, administrator, operator, file, pictures] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ],
});

/** Holds the page against axe-core and its width, in both colour schemes; `name` says which page it is. */
async function inspect(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} pixels wider than ${width}`);
      if (pictures) await page.screenshot({ path: `${pictures}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
    const { violations } = await page.evaluate(`${axe}; axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] })`);
    const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`);
    assert.deepEqual(found, [], `${name}, ${colorScheme}`);
  }
}

/** A page of somebody who comes in by a link. What the browser's console says is an error of the page. */
async function enter(token, home) {
  const context = await browser.newContext({ acceptDownloads: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`${page.url()}: ${error}`));
  page.on("console", (said) => assert.notEqual(said.type(), "error", `${page.url()}: ${said.text()}`));
  await page.goto(`http://${address}/sign-in#token=${token}`);
  await page.waitForURL(`**${home}`);
  assert.ok(!page.url().includes(token), "the token stays in the address");
  return page;
}

async function download(page, name) {
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).first().click()]);
  return readFile(await saved.path(), "utf8");
}

try {
  const page = await enter(administrator, "/users");
  await inspect(page, "users");
  await page.getByRole("link", { name: "Create from file" }).first().click();
  await page.waitForURL("**/users/create");
  await inspect(page, "create");

  // By the keyboard alone: the file is chosen by the browser's own dialogue, the button is reached and pressed.
  await page.setInputFiles("#file", file);
  await page.locator("#upload-go").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/uploads/*");
  await inspect(page, "preview");
  await page.getByRole("link", { name: "Map the fields" }).click();
  await page.waitForURL("**/fields");
  await inspect(page, "fields");
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.waitForURL("**/check");
  await page.getByRole("button", { name: /Import Users/ }).waitFor({ timeout: 60_000 });
  await inspect(page, "check");
  const check = page.url();
  await page.reload();
  await page.getByRole("button", { name: /Import Users/ }).click();
  await page.waitForURL("**/imports/*");
  const success = page.getByRole("link", { name: /Download Success Details/ }).first();
  await success.waitFor({ timeout: 60_000 });
  await inspect(page, "import");

  // Whoever goes without the passwords is asked.
  await page.getByRole("link", { name: /^Continue/ }).click();
  await page.getByRole("dialog").waitFor();
  await inspect(page, "leave");
  await page.getByRole("button", { name: "Stay" }).click();
  const report = await download(page, /Download Success Details/);
  const errors = await download(page, /Download Error Details/);
  // The page sees that the passwords were fetched, and asks no more.
  await page.getByText("Success details downloaded").waitFor();
  const importId = new URL(page.url()).pathname.split("/").pop();
  await page.getByRole("link", { name: /^Continue/ }).click();
  await page.waitForURL(/[/]users[?]new=/);
  await inspect(page, "new-users");
  const users = await page.locator("table tbody tr").count();
  await page.goto(`http://${address}/imports`);
  await inspect(page, "imports");
  // What was imported is not imported again by going back.
  await page.goto(check);
  assert.equal(await page.getByRole("button", { name: /Import Users/ }).count(), 0, "it can be imported twice");

  const night = await enter(operator, "/operators");
  await inspect(night, "overview");

  // An operator is told what a pause will do, pauses with a reason, and resumes.
  await night.getByRole("button", { name: "Pause everything …" }).click();
  await night.getByRole("dialog").getByText("no user created").waitFor();
  await inspect(night, "pause");
  await night.getByRole("dialog").getByLabel("Reason").fill("their PBX is being moved");
  await night.getByRole("button", { name: "Pause all tenants" }).click();
  await night.getByText("The imports of all tenants are paused").waitFor();
  await inspect(night, "overview-paused");
  await night.getByRole("button", { name: "Resume …" }).click();
  await night.getByRole("dialog").getByLabel("Reason").fill("it was moved");
  await inspect(night, "resume");
  await night.getByRole("button", { name: "Resume all tenants" }).click();
  await night.getByText("The imports of all tenants are paused").waitFor({ state: "hidden" });
  for (const path of ["imports", `imports/${importId}`, "dead", "audit", "doctor"]) {
    const answer = await night.goto(`http://${address}/operators/${path}`);
    assert.equal(answer.status(), 200, path);
    await inspect(night, `operators-${path.split("/")[0]}${path.includes("/") ? "-one" : ""}`);
  }
  console.log(JSON.stringify({ report, errors, users }));
} finally {
  await browser.close();
}

// The console in a real browser: an administrator goes through the wizard with a file, an operator looks at his pages.
// Every page is checked with axe-core, in both colour schemes, and must fit a telephone and a desk.
//
// Usage: node console.mjs ADDRESS ADMINISTRATORS_TOKEN OPERATORS_TOKEN FILE [FOLDER FOR PICTURES]
import assert from "node:assert/strict";
import { check as checked, download, enter as enterBrowser, inspect as inspected, launch } from "./browser.mjs";

const [address, administrator, operator, file, pictures] = process.argv.slice(2);
const browser = await launch();
const inspect = (page, name) => inspected(page, name, pictures);
const enter = (token, home) => enterBrowser(browser, address, token, home);

try {
  const page = await enter(administrator, "/users");
  await inspect(page, "users");
  await page.getByRole("link", { name: "Create from file" }).first().click();
  await page.waitForURL("**/users/create");
  await inspect(page, "create");

  // By the keyboard alone: the file is chosen in the browser's own dialogue, the button is reached and pressed.
  await page.setInputFiles("#file", file);
  await page.locator("#upload-go").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/uploads/*");
  await inspect(page, "preview");
  await page.locator("#reading > summary").click();
  await inspect(page, "preview-reading");
  await page.getByRole("link", { name: "Map the fields" }).click();
  await page.waitForURL("**/fields");
  await inspect(page, "fields");
  await checked(page);
  await inspect(page, "check");
  const check = page.url();
  await page.reload();
  await page.getByRole("button", { name: /Import Users/ }).click();
  await page.waitForURL("**/imports/*");
  const success = page.getByRole("link", { name: /Download Success Details/ }).first();
  await success.waitFor({ timeout: 60_000 });
  await inspect(page, "import");

  // Whoever leaves without the passwords is asked.
  await page.getByRole("link", { name: /^Continue/ }).click();
  await page.getByRole("dialog").waitFor();
  await inspect(page, "leave");
  await page.getByRole("button", { name: "Back" }).click();
  const errors = await download(page, /Download Error Details/);
  const importId = new URL(page.url()).pathname.split("/").pop();
  const report = await download(page, /Download Success Details/);
  // At once: whoever has downloaded the passwords is not asked.
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
  await night.getByRole("dialog").getByText("no user is created").waitFor();
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

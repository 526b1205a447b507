// Who else comes to the console, and how: two tenants at once, an operator who resumes what failed, somebody who drops
// a file, who leaves cells that were not sent, who comes back after a session has ended. It asks whoever
// started it to do what is to happen to servers.
//
// Usage: node visits.mjs SCENE ADDRESS TOKEN OTHER_TOKEN IMPORT_ID FILE
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { check, download, enter, inspect, launch, please, upload } from "./browser.mjs";

const [scene, address, token, otherToken, importId, file] = process.argv.slice(2);
const browser = await launch();
const at = (path) => `http://${address}${path}`;
const visit = (whose, home) => enter(browser, address, whose, home, { isDisturbed: true });

/** From the file to the end of its import. */
async function imported(page) {
  await upload(page, file);
  await check(page);
  await page.getByRole("button", { name: /Import Users/ }).click();
  await page.waitForURL("**/imports/*");
  await page.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
}

async function twoTenants() {
  const [ours, theirs] = await Promise.all([visit(token, "/users"), visit(otherToken, "/users")]);
  await Promise.all([imported(ours), imported(theirs)]);
  const address = theirs.url();
  // Each sees its own import and users, and cannot reach those of the other.
  for (const page of [ours, theirs]) {
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(at("/imports"));
    assert.equal(await page.locator("table tbody tr").count(), 1);
    await page.goto(at("/users"));
    assert.equal(await page.locator("table tbody tr").count(), 3);
  }
  assert.equal((await ours.goto(address)).status(), 404);
}

async function operatorsReplay() {
  const night = await visit(otherToken, "/operators");
  const ours = await visit(token, "/users");
  await ours.goto(at(`/imports/${importId}`));
  await ours.getByText("The import stopped because of a problem on our side").waitFor();
  await night.goto(at(`/operators/imports/${importId}`));
  await night.getByRole("button", { name: "Replay …" }).click();
  await inspect(night, "replay");
  await night.getByRole("dialog").getByLabel("Reason").fill("the storage is back");
  await night.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
  await night.getByText("New attempt").waitFor();
  await please("start the worker");
  await night.mouse.move(2, 2);
  await night.locator(".title").getByText("Completed").waitFor({ timeout: 60_000 });
  // Whoever waits for the import sees it continue.
  await ours.getByRole("link", { name: /Download Success Details/ }).first().waitFor({ timeout: 60_000 });
}

async function droppedFile() {
  const page = await visit(token, "/users");
  await page.goto(at("/users/create"));
  const transfer = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.csv", { type: "text/csv" }));
    return transfer;
  }, await readFile(file, "utf8"));
  await page.dispatchEvent("#drop", "dragover", { dataTransfer: transfer });
  assert.ok(await page.locator("#drop.over").count(), "it does not show where the file goes");
  await page.dispatchEvent("#drop", "drop", { dataTransfer: transfer });
  await page.getByText("dropped.csv").waitFor();
  await page.getByRole("button", { name: "Upload" }).click();
  await page.waitForURL("**/uploads/*");
}

async function cellsNotSent() {
  const page = await visit(token, "/users");
  await upload(page, file);
  // The focus goes to what is missing.
  await page.locator("[id=username]").selectOption("");
  await page.waitForFunction(() => !document.querySelector("form[aria-busy]"));
  await page.getByRole("button", { name: "Check the file" }).click();
  await page.waitForFunction(() => document.activeElement.id === "username" && document.activeElement.closest(".wrong"));
  await page.locator("[id=username]").selectOption({ index: 1 });
  await page.waitForFunction(() => !document.querySelector("form[aria-busy]"));
  await check(page);
  const here = page.url(), asked = [];
  page.on("dialog", (dialog) => { asked.push(dialog.type()); dialog.dismiss(); });
  const isPrimary = (name) => page.getByRole("button", { name }).evaluate((button) => button.classList.contains("primary"));
  assert.deepEqual([await isPrimary(/Save corrections/), await isPrimary(/Import Users/)], [false, true]);
  await page.getByLabel("Email, row 4").fill("dora@example.com");
  assert.deepEqual([await isPrimary(/Save corrections/), await isPrimary(/Import Users/)], [true, false]);
  await page.getByRole("status").filter({ hasText: "1 corrected cell is not checked yet" }).waitFor();
  // A dialog of the page asks before the file is imported without it.
  await page.getByRole("button", { name: /Import Users/ }).click();
  const question = page.getByRole("dialog");
  await question.getByRole("button", { name: "Import without 1 corrected cell" }).waitFor();
  await inspect(page, "cells-not-sent");
  await question.getByRole("button", { name: "Back" }).click();
  await question.waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "Imports" }).click({ noWaitAfter: true });
  await page.waitForTimeout(500);
  assert.deepEqual(asked, ["beforeunload"]);
  assert.equal(page.url(), here);
  await page.getByRole("button", { name: /Import Users/ }).click();
  await question.getByRole("button", { name: "Import without 1 corrected cell" }).click();
  await page.waitForURL("**/imports/*");
  // What is typed on the page of the result stays when the passwords are downloaded.
  const cell = page.getByLabel("Email, row 4");
  await cell.fill("dora@example.com", { timeout: 60_000 });
  // To check them leaves the page too, without the passwords.
  await page.getByRole("button", { name: "Check the corrected rows" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "Leave without 3 passwords" }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Back" }).click();
  await download(page, /Download Success Details/);
  await page.getByText("Success details downloaded").waitFor();
  assert.equal(await cell.inputValue(), "dora@example.com");
  await page.getByRole("button", { name: "Check the corrected rows" }).click();
  await page.getByRole("button", { name: "Import Users (1)" }).waitFor({ timeout: 60_000 });
}

async function comingBack() {
  const page = await visit(token, "/users");
  await upload(page, file);
  const here = page.url();
  await please("end the session");
  await page.reload();
  await page.getByRole("heading", { name: "Your session has ended" }).waitFor();
  await page.goto(at(`/sign-in#token=${token}`));
  await page.waitForURL(here);
}

const scenes = { twoTenants, operatorsReplay, droppedFile, cellsNotSent, comingBack };
try {
  await scenes[scene]();
} finally {
  await browser.close();
}
process.exit();

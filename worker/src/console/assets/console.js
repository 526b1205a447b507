// What pages cannot do by themselves: exchange the token, send files, save forms and send them. Every change is a form of
// the page.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const each = (selector, act, within = document) => within.querySelectorAll(selector).forEach(act);

// Shows a sentence for some seconds, or for as long as it is true; the page stays as it is.
let toasting;
function toast(text, link, stays = Boolean(link)) {
  const place = find("#toast");
  place.textContent = text;
  if (link) place.append(" ", link);
  place.hidden = false;
  clearTimeout(toasting);
  if (!stays) toasting = setTimeout(() => { place.hidden = true; }, 6000);
}

function signedOut(text = "Your session has ended. What you entered is still here.") {
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.textContent = "Sign in in another tab, then continue here";
  toast(text, link);
}

// Requests of somebody who is not signed in are redirected to the page for that.
const isSignedOut = (response) =>
  response.status === 401 || response.redirected && new URL(response.url).pathname === "/sign-in";

const withStatus = (response) => `The console answered with status ${response.status}. Try again.`;

async function failure(response) {
  try {
    return (await response.json()).message;
  } catch {
    return withStatus(response);
  }
}

// The message of a page that shows an error.
const failureOf = (html) => new DOMParser().parseFromString(html, "text/html").querySelector("[data-failure]");

// --- signing in

// The page to go back to when the session has ended: one of this console, in this tab.
const BACK = "back";

function goBack() {
  const back = sessionStorage.getItem(BACK) ?? "/";
  sessionStorage.removeItem(BACK);
  location.replace(back);
}

async function signIn(section) {
  if (section.dataset.back) sessionStorage.setItem(BACK, section.dataset.back);
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) {
    // A link from elsewhere comes without the cookie, which may exist all the same.
    const session = await fetch("/api/session").catch(() => null);
    if (session?.ok) goBack();
    return;
  }
  // The token must not stay in the history.
  history.replaceState(null, "", location.pathname);
  const say = (text) => {
    find("#sign-in-wait", section).hidden = true;
    find("#sign-in-help", section).hidden = false;
    const error = find("#sign-in-error", section);
    error.textContent = text;
    error.hidden = false;
  };
  find("#sign-in-wait", section).hidden = false;
  find("#sign-in-help", section).hidden = true;
  try {
    const response = await fetch("/api/session", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }),
    });
    if (!response.ok) return say(await failure(response));
    const kept = await fetch("/api/session");
    if (!kept.ok) return say("Your browser did not keep the session cookie. The console requires HTTPS and cookies.");
    goBack();
  } catch {
    say("The console is not responding. Try again.");
  }
}

each("[data-sign-in]", signIn);
// A second link that is opened in the same tab changes the fragment only.
addEventListener("hashchange", () => each("[data-sign-in]", signIn));

// --- files

// Sizes as the console writes them: rounded up to a tenth.
const UNITS = [[1048576, "MB"], [1024, "KB"], [1, "bytes"]];
const unitOf = (bytes) => UNITS.find(([size]) => bytes >= size) ?? UNITS[2];
const sizeOf = (bytes, [size, name] = unitOf(bytes)) => `${Math.ceil(bytes * 10 / size) / 10} ${name}`;

each("[data-upload]", (form) => {
  const input = find("#file", form), drop = find("#drop", form), go = find("#upload-go", form);
  const error = find("#upload-error", form), progress = find("#upload-progress", form), bar = find("#upload-bar", form);
  const most = Number(form.dataset.maxBytes);
  let file = null, sending = null;

  const say = (text) => { error.textContent = text; error.hidden = !text; };
  const choose = (chosen) => {
    if (!chosen || sending) return;
    file = chosen;
    find("#file-name", form).textContent = `${file.name} (${sizeOf(file.size)})`;
    const tooLarge = file.size > most;
    say(tooLarge ? `The file has ${sizeOf(file.size, unitOf(most))}; the maximum is ${sizeOf(most)}. Split it into several files.` : "");
    go.disabled = tooLarge;
    if (!tooLarge) go.focus();
  };
  input.addEventListener("change", () => choose(input.files[0]));
  ["dragover", "dragenter"].forEach((kind) => drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  }));
  ["dragleave", "drop"].forEach((kind) => drop.addEventListener(kind, () => drop.classList.remove("over")));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length > 1) return say("One file at a time, please.");
    choose(event.dataTransfer.files[0]);
  });
  // A file that is dropped elsewhere must not replace the page.
  ["dragover", "drop"].forEach((kind) => addEventListener(kind, (event) => event.preventDefault()));

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!file || sending) return;
    say("");
    sending = new XMLHttpRequest();
    progress.hidden = false;
    go.disabled = true;
    const ended = (text) => {
      sending = null;
      progress.hidden = true;
      go.disabled = false;
      say(text);
    };
    sending.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total * 100; });
    sending.addEventListener("load", () => {
      let answer = {};
      try { answer = JSON.parse(sending.responseText); } catch { /* said below */ }
      if (sending.status === 201) return location.assign(`/uploads/${answer.upload_id}`);
      if (sending.status === 401) signedOut();
      ended(answer.message || withStatus(sending));
    });
    sending.addEventListener("error", () => ended("The connection was lost before the whole file was sent. Try again; nothing was imported."));
    sending.addEventListener("abort", () => ended("Stopped. Nothing was imported."));
    sending.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    sending.setRequestHeader("content-type", "text/csv");
    sending.send(file);
  });
  find("#upload-stop", form).addEventListener("click", () => sending?.abort());
});

// --- forms that are saved at every change: the answer is the page as it is then

// A selector that finds an element again in the page that replaces this one.
function same(element) {
  if (element.id) return `#${CSS.escape(element.id)}`;
  if (!element.name) return null;
  const choice = element.matches("[type=checkbox], [type=radio]") ? `[value="${CSS.escape(element.value)}"]` : "";
  return `[name="${CSS.escape(element.name)}"]${choice}`;
}

// Tables with scroll bars of their own keep their position.
function keepScrolled(region, replace) {
  const places = new Map();
  each(".scroll", (table) => places.set(table.getAttribute("aria-label"), [table.scrollLeft, table.scrollTop]), region);
  replace();
  each(".scroll", (table) => {
    const [left, top] = places.get(table.getAttribute("aria-label")) ?? [0, 0];
    table.scrollTo(left, top);
  }, region);
}

function putInPlace(html, address) {
  const next = new DOMParser().parseFromString(html, "text/html");
  // With a script, what is for pages without one would only add buttons.
  each("noscript", (part) => part.remove(), next);
  const opened = [...document.querySelectorAll("details[id][open]")].map((details) => details.id);
  const focused = same(document.activeElement);
  const scrolled = { x: scrollX, y: scrollY };
  keepScrolled(document, () => find("#main").replaceWith(next.querySelector("#main")));
  if (address) history.replaceState(null, "", address);
  opened.map((id) => document.getElementById(id)).forEach((details) => { if (details) details.open = true; });
  if (focused) find(focused)?.focus({ preventScroll: true });
  scrollTo(scrolled.x, scrolled.y);
  prepare();
}

function keepLive(form) {
  const entries = () => new URLSearchParams(new FormData(form)).toString();
  let kept = entries(), sending = false;
  const send = async () => {
    const sent = entries();
    if (sending || sent === kept) return;
    sending = true;
    form.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(form.getAttribute("action"), {
        method: "POST", body: sent, headers: { "content-type": "application/x-www-form-urlencoded" }, redirect: "follow",
      });
      if (isSignedOut(response)) return signedOut();
      const html = await response.text();
      if (!response.ok) {
        const why = failureOf(html)?.querySelector("p").textContent;
        return toast(`That was not saved. ${why ?? withStatus(response)} What you entered is still here.`);
      }
      kept = sent;
      find("#toast").hidden = true;
      // What was typed meanwhile is sent first, and not replaced.
      if (form.isConnected && entries() === sent) putInPlace(html);
    } catch {
      toast("No connection to the console. What you entered is still here, and will be saved once it is back.");
    } finally {
      sending = false;
      form.removeAttribute("aria-busy");
      if (form.isConnected && entries() !== sent) send();
      else if (form.isConnected && kept !== sent) setTimeout(send, 5000);
    }
  };
  form.addEventListener("change", send);
  // The only button of the form does more than save.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input:not([type=checkbox], [type=radio])")) return;
    event.preventDefault();
    send();
  });
  // What is typed is not saved before that.
  form.addEventListener("input", () => each("[data-saved]", (words) => { words.hidden = true; }, form));
  // Leaving the page in the middle of a word raises no change event.
  addEventListener("pagehide", () => {
    if (!form.isConnected || entries() === kept) return;
    fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(entries()), keepalive: true, redirect: "manual" });
  });
}

// --- forms that are sent: once, and so that nothing entered is lost if that fails

// Whether the page is left by a button or link of its own.
let leaving = false;

// Cells of the table of corrections that were changed and not sent, and how many they are.
const correctedCells = () => [...document.querySelectorAll("[data-corrections] :is(input, textarea)")]
  .filter((cell) => cell.value !== cell.defaultValue);
const corrected = () => correctedCells().length;
const isCorrected = () => corrected() > 0;
const cells = (number) => `${number} corrected ${number === 1 ? "cell" : "cells"}`;

// The button for corrections is the one to press as soon as there are some.
function countCorrected() {
  const number = corrected();
  each("[data-corrected]", (words) => {
    const text = number ? `${cells(number)} ${number === 1 ? "is" : "are"} not checked yet` : "";
    // Screen readers say again what is set again.
    if (words.textContent !== text) words.textContent = text;
  });
  each("[data-takes]", (button) => button.classList.toggle("primary", number > 0));
  each("[data-yields]", (button) => button.classList.toggle("primary", number === 0));
}
document.addEventListener("input", (event) => { if (event.target.closest("[data-corrections]")) countCorrected(); });
// A browser may have kept what was entered.
addEventListener("pageshow", countCorrected);

// Asks whether a form is to be sent without the cells that were corrected.
let asking = null;
function ask(form, button) {
  const dialog = find("#unsent"), words = form.dataset.without ?? "Continue";
  asking = () => submit(form, button);
  find("h2", dialog).textContent = `${words} without your corrections?`;
  find("[data-continues]", dialog).textContent = `${words} without ${cells(corrected())}`;
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-continues]")) return;
  event.target.closest("dialog").close();
  asking?.();
});

// Says next to a button why it did not do what it says.
function refused(form, button, title, text) {
  each(".refused", (notice) => notice.remove());
  const notice = document.createElement("div"), words = document.createElement("div"), strong = document.createElement("strong");
  notice.className = "notice bad refused";
  notice.setAttribute("role", "alert");
  strong.textContent = title;
  words.append(strong, " ", text);
  notice.append(words);
  const dialog = (button ?? form).closest("dialog");
  if (dialog) dialog.prepend(notice);
  else (button?.closest("form .go") ?? form.closest(".card, .title") ?? form).before(notice);
  notice.scrollIntoView({ block: "nearest" });
}

async function send(form, button) {
  const say = (title, text) => refused(form, button, title, text);
  const body = new URLSearchParams(new FormData(form));
  if (button?.name) body.append(button.name, button.value);
  let response, html;
  try {
    const action = button?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
    response = await fetch(action, { method: "POST", body });
    html = await response.text();
  } catch {
    return say("No connection to the console.", "What you entered is still here: reload to see whether it was done, or try again.");
  }
  if (isSignedOut(response)) return signedOut();
  // It was done, whatever happens to the page that follows.
  if (response.redirected) {
    leaving = true;
    return location.assign(response.url);
  }
  const failed = failureOf(html);
  if (failed) return say(find("h1", failed).textContent + ":", find("p", failed).textContent);
  if (html.includes('<main id="main"')) {
    // The same page, which says what is missing.
    putInPlace(html);
    const wrong = find(".wrong :is(input, select, textarea)") ?? find("#main [role=alert]");
    if (!wrong) return scrollTo(0, 0);
    if (wrong.matches("[role=alert]")) wrong.tabIndex = -1;
    wrong.focus();
  } else say("Something went wrong:", withStatus(response));
}

async function submit(form, button) {
  if (form.dataset.sent) return;
  form.dataset.sent = "1";
  form.setAttribute("aria-busy", "true");
  await send(form, button);
  if (leaving) return;
  form.removeAttribute("aria-busy");
  delete form.dataset.sent;
}

// What is done once somebody has said that the page is left without the passwords; else its link leads on.
let leaveBy = null;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post" || form.getAttribute("action") === "/sign-out") return;
  event.preventDefault();
  if (!form.matches("[data-corrections]") && isCorrected()) return ask(form, event.submitter);
  if (find("[data-unsaved]")) {
    leaveBy = () => submit(form, event.submitter);
    return find("#leave").showModal();
  }
  submit(form, event.submitter);
});

// Back from the next page: the browser may have kept this one.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  leaving = false;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    form.removeAttribute("aria-busy");
    delete form.dataset.sent;
  }
});

// What pages cannot do by themselves: exchange the token, send files, follow imports. Every change is a form of the page.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const each = (selector, act, within = document) => within.querySelectorAll(selector).forEach(act);

// A sentence that stands for some seconds; the page stays as it is.
let toasting;
function toast(text, link) {
  const place = find("#toast");
  place.textContent = text;
  if (link) place.append(" ", link);
  place.hidden = false;
  clearTimeout(toasting);
  if (!link) toasting = setTimeout(() => { place.hidden = true; }, 6000);
}

function signedOut() {
  const link = document.createElement("a");
  link.href = "/sign-in";
  link.target = "_blank";
  link.textContent = "Sign in in another tab, and go on here";
  toast("Your session has ended. What you entered is still here.", link);
}

async function failure(response) {
  try {
    return (await response.json()).message;
  } catch {
    return `The console answered with status ${response.status}. Try again.`;
  }
}

// --- signing in

async function signIn(section) {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
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
    if (!kept.ok) return say("Your browser did not keep the session's cookie. The console needs HTTPS and cookies.");
    location.replace("/");
  } catch {
    say("The console does not answer. Try again.");
  }
}

each("[data-sign-in]", signIn);
// A second link that is opened in the same tab changes the fragment only.
addEventListener("hashchange", () => each("[data-sign-in]", signIn));

// --- files

const sizeOf = (bytes) => bytes >= 1048576 ? `${(bytes / 1048576).toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;

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
    say(tooLarge ? `The file has ${sizeOf(file.size)}, ${sizeOf(most)} are allowed: divide it into several files.` : "");
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
  // A file that misses its place must not replace the page.
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
      ended(answer.message || `The console answered with status ${sending.status}. Try again.`);
    });
    sending.addEventListener("error", () => ended("The connection broke before the whole file was sent. Try again; nothing was imported."));
    sending.addEventListener("abort", () => ended("Stopped. Nothing was imported."));
    sending.open("POST", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    sending.setRequestHeader("content-type", "text/csv");
    sending.send(file);
  });
  find("#upload-stop", form).addEventListener("click", () => sending?.abort());
});

// --- forms that are kept at every change: the answer is the page as it is then

function putInPlace(html, address) {
  const next = new DOMParser().parseFromString(html, "text/html");
  const focused = document.activeElement?.id;
  const scrolled = { x: scrollX, y: scrollY };
  find("#main").replaceWith(next.querySelector("#main"));
  if (address) history.replaceState(null, "", address);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
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
      if (response.redirected && new URL(response.url).pathname === "/sign-in") return signedOut();
      if (response.status === 401) return signedOut();
      if (!response.ok) return toast("That was not kept: the console does not answer. What you entered is still here.");
      const html = await response.text();
      kept = sent;
      // What was typed meanwhile is sent first, and not replaced.
      if (form.isConnected && entries() === sent) putInPlace(html);
    } catch {
      toast("No connection to the console. What you entered is still here, and is kept when it is back.");
    } finally {
      sending = false;
      form.removeAttribute("aria-busy");
      if (form.isConnected && entries() !== sent) send();
    }
  };
  form.addEventListener("change", send);
}

// --- an import under way

function follow(section) {
  const bar = find("progress", section), text = find("#progress-text", section);
  const source = new EventSource(section.dataset.progress);
  const rows = (number) => `${number.toLocaleString("en")} ${number === 1 ? "row" : "rows"}`;
  source.addEventListener("progress", (event) => {
    const now = JSON.parse(event.data);
    if (now.is_final) {
      source.close();
      // The page as it is then; the address stays.
      return location.reload();
    }
    if (now.state === "waiting") text.textContent = "Waiting for a worker to take it …";
    else if (now.state === "unknown") text.textContent = "The database does not answer; the import goes on when it does.";
    else if (!now.total) text.textContent = "Reading the file …";
    else {
      bar.max = now.total;
      bar.value = now.total - now.pending;
      text.textContent = `${(now.total - now.pending).toLocaleString("en")} of ${rows(now.total)}`
        + (now.pending === 0 ? ": writing the reports …" : "");
    }
    if (now.is_delayed) text.textContent += " · waiting after an error, goes on by itself";
  });
  source.addEventListener("error", () => {
    text.textContent = "The connection was lost; trying again. The import goes on meanwhile.";
    // A browser tries again by itself, unless it was refused.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
}

// --- passwords that nobody has saved yet

let leaving = false;
addEventListener("beforeunload", (event) => {
  if (!leaving && find("[data-unsaved]")) event.preventDefault();
});
addEventListener("pageshow", () => { leaving = false; });
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  if (link.hasAttribute("data-saves")) {
    // A download does not leave the page; whether it came to its end, the server knows.
    leaving = true;
    setTimeout(async () => {
      leaving = false;
      try {
        const response = await fetch(location.href);
        if (response.ok && !response.redirected) putInPlace(await response.text());
      } catch { /* the page stays as it is, and warns */ }
    }, 1500);
  } else if (link.hasAttribute("data-leave")) {
    event.preventDefault();
    find("#leave").showModal();
  } else if (link.hasAttribute("data-goes")) {
    leaving = true;
  } else if (link.hasAttribute("download")) {
    leaving = true;
    setTimeout(() => { leaving = false; }, 1000);
  }
});

// --- dialogs that say what a button will do

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
});

// A form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.getAttribute("method") !== "post" || form.hasAttribute("data-upload")) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  leaving = true;
  setTimeout(() => { delete form.dataset.sent; leaving = false; }, 4000);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});

// --- numbers that change by themselves; never under the hand or the eye of whoever reads

function refresh(region) {
  if (!region.dataset.refresh) return;
  const timer = setInterval(async () => {
    if (!region.isConnected) return clearInterval(timer);
    const reading = document.hidden || find("dialog[open]") || region.matches(":hover, :focus-within") || !getSelection().isCollapsed;
    if (reading) return;
    try {
      const response = await fetch(location.href);
      if (!response.ok || response.redirected) return;
      const next = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-refresh]");
      const still = document.hidden || find("dialog[open]") || region.matches(":hover, :focus-within");
      if (next && !still) region.replaceChildren(...next.childNodes);
      if (!next) { clearInterval(timer); location.reload(); }
    } catch { /* the next try may work */ }
  }, Number(region.dataset.refresh) * 1000);
}

// A button says with how many it does what it does.
function countChosen(form) {
  const boxes = form.querySelectorAll("input[name=letter]");
  const say = () => {
    const chosen = [...boxes].filter((box) => box.checked).length;
    each("[data-counts]", (button) => {
      button.textContent = `${button.dataset.counts} ${chosen} dead ${chosen === 1 ? "letter" : "letters"}`;
      button.disabled = chosen === 0;
    }, form);
  };
  form.addEventListener("change", say);
  say();
}

function prepare() {
  each("[data-refresh]", refresh);
  each("#letters", countChosen);
  each("form[data-live]", keepLive);
  each("[data-progress]", follow);
}
prepare();

// What updates by itself, and what asks before a change: imports that are followed, passwords that nobody has saved,
// dialogs.
"use strict";

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
    if (now.is_paused) text.textContent = "Paused by an operator; it continues when the pause ends.";
    else if (now.state === "waiting") text.textContent = "Waiting for its turn …";
    else if (now.state === "unknown") text.textContent = "The service is not responding; the import continues when it is back.";
    else if (!now.total) text.textContent = "Reading the file …";
    else {
      bar.max = now.total;
      bar.value = now.total - now.pending;
      text.textContent = `${(now.total - now.pending).toLocaleString("en")} of ${rows(now.total)}`
        + (now.pending === 0 ? ": writing the reports …" : "");
    }
    if (now.is_delayed && !now.is_paused) text.textContent += " · waiting after an error, continues automatically";
  });
  // A browser tries again by itself, unless it was refused: because a session has ended, or by a server in between.
  const again = async () => {
    if (!section.isConnected) return;
    try {
      const response = await fetch(location.href);
      if (isSignedOut(response)) signedOut();
      else if (response.ok) return location.reload();
    } catch { /* the next try may work */ }
    setTimeout(again, 5000);
  };
  source.addEventListener("error", () => {
    text.textContent = "Connection lost; reconnecting. The import continues in the meantime.";
    if (source.readyState === EventSource.CLOSED) setTimeout(again, 5000);
  });
}

// --- passwords that nobody has saved yet, and cells that were corrected and not sent

addEventListener("beforeunload", (event) => {
  if (!leaving && (find("[data-unsaved]") || isCorrected())) event.preventDefault();
});
addEventListener("pageshow", () => { leaving = false; });

// A download does not leave the page; whether it has begun, the server knows.
let saving = null;
async function saved() {
  for (const milliseconds of [100, 300, 600, 1000, 2000]) {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    try {
      const response = await fetch(location.href);
      if (!response.ok || response.redirected) continue;
      const html = await response.text();
      if (html.includes("data-unsaved")) continue;
      const typed = correctedCells().map((cell) => [cell.name, cell.value]);
      putInPlace(html);
      for (const [name, value] of typed)
        each(`[data-corrections] [name="${CSS.escape(name)}"]`, (cell) => { cell.value = value; });
      countCorrected();
      return true;
    } catch { /* the page stays as it is, and warns */ }
  }
  return false;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  if (link.hasAttribute("data-leave")) {
    event.preventDefault();
    leaveBy = null;
    if (!saving || !await saving) return find("#leave")?.showModal();
    leaving = !isCorrected();
    location.assign(link.href);
  } else if (link.hasAttribute("data-goes") && leaveBy) {
    event.preventDefault();
    link.closest("dialog").close();
    leaveBy();
  } else if (link.hasAttribute("data-goes")) {
    leaving = !isCorrected();
  } else if (link.hasAttribute("download")) {
    leaving = true;
    setTimeout(() => { leaving = false; }, 1000);
    if (link.hasAttribute("data-saves")) saving = saved();
  }
});

// --- dialogs that say what a button will do

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  // What the form still lacks is beside the button, not in the dialog.
  if (opener.hasAttribute("data-complete") && !opener.form.reportValidity()) return;
  document.getElementById(opener.dataset.opens).showModal();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
});

// --- numbers that update by themselves, but not while somebody uses or reads them

// What must not be replaced under the mouse or the keyboard; the rest of a page is only looked at.
const USED = "a, button, input, select, textarea, summary, time";
const IN_USE = `:is(${USED}):is(:hover, :focus), [tabindex]:focus-visible`;

// Why a region stays as it is for the moment.
function whyKept(region) {
  if (find("dialog[open]")) return "a dialog is open";
  if (find(IN_USE, region)) return "something in it is in use";
  if (!getSelection().isCollapsed) return "text is selected";
  return null;
}

function sayKept(region, why) {
  const place = find("[data-as-of]", region);
  if (!place) return;
  const note = find("span", place) ?? place.appendChild(document.createElement("span"));
  note.textContent = ` · not updating while ${why}`;
}

// Details that are open stay open.
function renew(region, next) {
  const open = new Set([...region.querySelectorAll("details[open]")].map((details) => details.id));
  keepScrolled(region, () => region.replaceChildren(...next.childNodes));
  each("details", (details) => { details.open = open.has(details.id); }, region);
}

function refresh(region) {
  if (!region.dataset.refresh) return;
  let isOld = false;
  const say = (show) => {
    if (!isOld) show();
    isOld = true;
  };
  const timer = setInterval(async () => {
    if (!region.isConnected) return clearInterval(timer);
    // A reader is told too that the page is getting old.
    if (document.hidden) return;
    try {
      const response = await fetch(location.href);
      if (isSignedOut(response)) return say(() => signedOut("Your session has ended: this page no longer updates."));
      if (!response.ok) throw new Error(withStatus(response));
      const next = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-refresh]");
      if (isOld) find("#toast").hidden = true;
      isOld = false;
      if (document.hidden) return;
      const why = whyKept(region);
      if (why) return sayKept(region, why);
      if (next) return renew(region, next);
      clearInterval(timer);
      location.reload();
    } catch {
      say(() => toast("The console is not responding: this page does not update.", null, true));
    }
  }, Number(region.dataset.refresh) * 1000);
}

// A button says how many dead letters it applies to.
function countChosen(form) {
  const boxes = form.querySelectorAll("input[name=letter]");
  const say = () => {
    const chosen = [...boxes].filter((box) => box.checked).length;
    each("[data-chosen]", (bar) => { bar.hidden = chosen === 0; }, form);
    each("[data-none-chosen]", (bar) => { bar.hidden = chosen > 0; }, form);
    each("[data-counts]", (button) => {
      button.textContent = button.dataset.counts.replace("#", `${chosen} dead ${chosen === 1 ? "letter" : "letters"}`);
      button.disabled = chosen === 0;
    }, form);
    const all = find("#all-letters", form);
    if (!all) return;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && !all.checked;
  };
  form.addEventListener("change", (event) => {
    if (event.target.id === "all-letters") boxes.forEach((box) => { box.checked = event.target.checked; });
    say();
  });
  say();
}

function prepare() {
  each("[data-refresh]", refresh);
  each("#letters", countChosen);
  each("form[data-live]", keepLive);
  each("[data-progress]", follow);
}
prepare();

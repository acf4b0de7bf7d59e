// What pages can do beyond forms: keep attempts up to date, take a file that is dropped, send a form once, copy a cell.
"use strict";

async function refresh(part) {
  try {
    const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh && fresh.outerHTML !== part.outerHTML) replace(part, fresh);
    }
  } catch {
    // The network is away for a moment: the next try shows what happened.
  }
  watch(part);
}

// The element stays, so that screen readers notice what is new in it. When all is done, the page has more to offer.
function replace(part, fresh) {
  const typing = document.activeElement && document.activeElement.matches("input, textarea, select");
  if (!fresh.dataset.live && !typing) return location.reload();
  part.className = fresh.className;
  if (fresh.dataset.seconds) part.dataset.seconds = fresh.dataset.seconds;
  else delete part.dataset.seconds;
  part.replaceChildren(...fresh.childNodes);
}

function watch(part) {
  const seconds = Number(part.dataset.seconds || 0);
  if (seconds > 0) setTimeout(() => (document.hidden ? watch(part) : refresh(part)), 1000 * seconds);
}

for (const part of document.querySelectorAll("[data-live]")) watch(part);

for (const area of document.querySelectorAll("[data-drop]")) {
  const input = area.querySelector("input[type=file]");
  const over = (event) => { event.preventDefault(); area.classList.add("over"); };
  area.addEventListener("dragover", over);
  area.addEventListener("dragenter", over);
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    if (event.dataTransfer.files.length === 1) {
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change"));
    }
  });
}

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) setTimeout(() => { button.disabled = true; });
  });
  window.addEventListener("pageshow", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = false;
  });
}

/* Conveniences of the share page; everything that matters works without them. */
"use strict";
(() => {
  const say = (button, text) => {
    const label = button.querySelector("span") || button;
    const before = label.textContent;
    label.textContent = text;
    const status = document.querySelector("[data-said]");
    if (status) status.textContent = text;
    setTimeout(() => { label.textContent = before; if (status) status.textContent = ""; }, 2000);
  };
  // What was shared by these buttons only this script knows; links that are clicked speak for themselves.
  const shared = (channel) => document.dispatchEvent(new CustomEvent("referral:shared", { detail: { channel } }));

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = document.createElement("textarea");
      field.value = text;
      field.setAttribute("readonly", "");
      field.className = "unseen";
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  };

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await copy(button.dataset.copy);
      say(button, button.dataset.done);
      if (button.dataset.by) shared(button.dataset.by);
    });
  }
  for (const field of document.querySelectorAll("[data-select]")) {
    field.addEventListener("focus", () => field.select());
  }
  if (navigator.share) {
    for (const item of document.querySelectorAll("[data-needs-share]")) item.hidden = false;
    for (const button of document.querySelectorAll("[data-share]")) {
      button.addEventListener("click", async () => {
        try {
          await navigator.share({ title: button.dataset.title, text: button.dataset.text, url: button.dataset.share });
          shared(button.dataset.by);
        } catch { /* the person changed their mind */ }
      });
    }
  }
})();

// Inside the framed share panel: tells the site around it how high it is and what was shared. widget.js is its other
// half.
//
//   <script src="…/embed.js" data-origins="https://shop.example https://www.shop.example"></script>
//
// In the head, so that the theme is there before the first paint. `data-origins` are the program's embed_origins.
(() => {
  "use strict";

  // What passes between this frame and the page around it; the other half is widget.js.
  const MESSAGES = Object.freeze({
    theme: "referral:theme", // from the page, once this frame is loaded: {theme: "auto" | "light" | "dark"}
    height: "referral:height", // to the page: {height, title}, in CSS pixels
    shared: "referral:shared", // to the page: {channel}, such as "whatsapp"
  });
  const root = document.documentElement;
  const origins = (document.currentScript.dataset.origins || "").split(/\s+/).filter(Boolean);
  if (window.parent === window) return;

  // Known once it has spoken: nothing is told to a page that has not shown which of the origins it is.
  let parentOrigin = null;
  let height = 0;

  const tell = (message) => {
    if (parentOrigin !== null) window.parent.postMessage(message, parentOrigin);
  };

  const tellHeight = () => {
    const now = Math.ceil(root.getBoundingClientRect().height);
    if (now === height || parentOrigin === null) return;
    height = now;
    tell({ type: MESSAGES.height, height, title: document.title });
  };

  // The style sheet reads the attribute; without it the visitor's own setting counts.
  const setTheme = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !origins.includes(event.origin)) return;
    const message = event.data;
    if (message === null || typeof message !== "object" || message.type !== MESSAGES.theme) return;
    parentOrigin = event.origin;
    setTheme(message.theme);
    height = 0;
    tellHeight();
  });

  // A link or button with data-channel shares by being clicked. Where only the page's own script knows whether
  // something was shared, that dispatches `referral:shared` with {channel} on the document instead.
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-channel]") : null;
    if (button) tell({ type: MESSAGES.shared, channel: button.dataset.channel });
  });
  document.addEventListener(MESSAGES.shared, (event) => {
    if (event.detail) tell({ type: MESSAGES.shared, channel: event.detail.channel });
  });

  setTheme(new URLSearchParams(location.search).get("theme"));
  new ResizeObserver(tellHeight).observe(root);
})();

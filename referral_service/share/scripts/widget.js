// Puts a customer's share panel into this site: a frame of the referral service that grows with what it holds.
(() => {
  "use strict";

  const PROGRAM = "{{program}}";
  // What passes between this page and the frame; the other half is embed.js. Each says who it is by `type`.
  const MESSAGES = Object.freeze({
    theme: "referral:theme", // to the frame, once it is loaded: {theme: "auto" | "light" | "dark"}
    height: "referral:height", // from the frame: {height, title}, in CSS pixels
    shared: "referral:shared", // from the frame: {channel}, such as "whatsapp"
  });
  const THEMES = ["auto", "light", "dark"];
  const HEIGHT_MAX = 10000;
  const ANSWER_MILLISECONDS_MAX = 5000;
  const CHANNEL = /^[a-z0-9_-]{1,32}$/;

  const script = document.currentScript;
  if (!script || !script.src) {
    console.warn("The referral widget is a classic script with a src.");
    return;
  }
  // Where this script came from is where the panel is, also behind a path of its own.
  const service = new URL(script.src, location.href).href.replace(/\/widget\/[^/]*$/, "");
  const serviceOrigin = new URL(service).origin;

  const themeOf = (text) => (THEMES.includes(text) ? text : "auto");

  const addressOf = (token, theme, locale) => {
    const query = new URLSearchParams({ theme });
    if (locale) query.set("lang", locale);
    return `${service}/me/${encodeURIComponent(token)}/embed?${query}`;
  };

  const styled = (frame) => {
    // Through the object model, which no content security policy minds.
    Object.assign(frame.style, { border: "0", display: "block", width: "100%", height: "24rem" });
    return frame;
  };

  // Puts the panel at the end of `target`. Answers a handle to change its theme and to take it away.
  const mount = (target, options) => {
    let theme = themeOf(options.theme);
    let isLoaded = false;
    let hasAnswered = false;
    const frame = styled(document.createElement("iframe"));
    const tell = (type, detail) => target.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
    const sendTheme = () => {
      // Of the same scheme as the page inside: browsers put a ground of their own behind any other, corners included.
      frame.style.colorScheme = theme === "auto" ? "light dark" : theme;
      if (isLoaded) frame.contentWindow.postMessage({ type: MESSAGES.theme, theme }, serviceOrigin);
    };

    const onMessage = (event) => {
      // Only this frame, and only while the service's page is in it.
      if (event.source !== frame.contentWindow || event.origin !== serviceOrigin) return;
      const message = event.data;
      if (message === null || typeof message !== "object") return;
      const { channel } = message;
      if (message.type === MESSAGES.height && message.height > 0 && message.height <= HEIGHT_MAX) {
        hasAnswered = true;
        frame.style.display = "block";
        const height = Math.ceil(message.height);
        frame.style.height = `${height}px`;
        if (typeof message.title === "string" && message.title) frame.title = message.title.slice(0, 200);
        tell(MESSAGES.height, { height });
      } else if (message.type === MESSAGES.shared && typeof channel === "string" && CHANNEL.test(channel)) {
        tell(MESSAGES.shared, { channel });
      }
    };

    const onLoad = () => {
      isLoaded = true;
      sendTheme();
      setTimeout(() => {
        if (hasAnswered || !frame.isConnected) return;
        frame.style.display = "none"; // Rather than the browser's page about a refused frame.
        console.warn(`The referral widget got no answer. Is ${location.origin} one of the program's embed_origins?`);
      }, ANSWER_MILLISECONDS_MAX);
    };

    window.addEventListener("message", onMessage);
    frame.addEventListener("load", onLoad);
    frame.title = options.title || "Referral program";
    frame.loading = "lazy";
    frame.referrerPolicy = "no-referrer";
    frame.allow = "clipboard-write; web-share";
    frame.src = addressOf(options.token, theme, options.locale);
    sendTheme();
    target.append(frame);

    return {
      frame,
      setTheme(another) {
        theme = themeOf(another);
        sendTheme();
      },
      remove() {
        window.removeEventListener("message", onMessage);
        frame.remove();
      },
    };
  };

  const { token, target: selector, theme, locale, title } = script.dataset;
  const mountHere = () => {
    let target = selector ? document.querySelector(selector) : null;
    if (!target && !selector) {
      target = document.createElement("div");
      script.after(target);
    }
    if (target) mount(target, { token, theme, locale, title });
    else console.warn(`The referral widget found nothing at ${selector}.`);
  };
  const start = () => {
    try {
      mountHere();
    } catch (error) {
      console.warn("The referral widget could not start.", error);
    }
  };

  // For pages that learn the token later: ReferralWidget.mount(element, {token, theme, locale, title}).
  window.ReferralWidget = { program: PROGRAM.id, mount };
  if (token) {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
    else start();
  }
})();

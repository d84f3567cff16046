// Keeps who sent a visitor, on this site's own origin, until the visitor signs up. Sends nothing, sets no cookie.
(() => {
  "use strict";

  const PROGRAM = "{{program}}";
  const KEY = "referral:" + PROGRAM.id;
  const TOUCHES_MAX = 10; // what one claim may carry
  const CODE = /^[A-Za-z0-9-]{1,64}$/;
  const CLICK_TOKEN = /^[A-Za-z0-9._~-]{1,255}$/;
  const PARAMETERS = [PROGRAM.code_parameter, PROGRAM.click_parameter];
  const isFirst = PROGRAM.touch === "first";
  const script = document.currentScript;
  const clean = script !== null && "clean" in script.dataset;

  const before = window.Referral;
  const isPrimary = !(before && before.programs);
  if (!isPrimary && before.programs[PROGRAM.id]) return; // The same script twice.

  // Until there is consent, and where the browser lets nothing be stored, a touch lives as long as the page.
  let memory = [];
  let isDenied = false;
  let isGranted = !PROGRAM.consent;

  // --- storage: every access may throw, and what is found may be anything ------------------------------------------

  const attempt = (action, otherwise) => {
    try {
      return action();
    } catch {
      return otherwise;
    }
  };
  // The second is for when the first is blocked or full.
  const STORES = [() => window.localStorage, () => window.sessionStorage];
  const erase = (stores) => stores.forEach((store) => attempt(() => store().removeItem(KEY)));

  // What was kept without consent, before the program began to ask for it, does not count.
  const read = () =>
    STORES.map((store) => attempt(() => JSON.parse(store().getItem(KEY)), null)).filter(
      (record) => record && Array.isArray(record.touches) && (record.consent === true || !PROGRAM.consent)
    );

  const write = (touches) => {
    const text = JSON.stringify({ touches, consent: PROGRAM.consent });
    const written = STORES.find((store) => attempt(() => (store().setItem(KEY, text), true), false));
    if (written) erase(STORES.filter((store) => store !== written));
    return Boolean(written);
  };

  // --- touches: {code, click_token, at}, oldest first; `at` in milliseconds -----------------------------------------

  const matching = (text, pattern) => (typeof text === "string" && pattern.test(text) ? text : null);

  const checked = (touch) => {
    if (touch === null || typeof touch !== "object" || !Number.isFinite(touch.at)) return null;
    const code = matching(touch.code, CODE);
    const click_token = matching(touch.click_token, CLICK_TOKEN);
    return code || click_token ? { code, click_token, at: Math.min(touch.at, Date.now()) } : null;
  };

  const isSame = (one, other) =>
    one.click_token || other.click_token ? one.click_token === other.click_token : one.code === other.code;

  // Seen again, a click stays where it was, since its token says when it happened; a bare code is the newest again.
  const withAnother = (touches, touch) => {
    const known = touches.find((other) => isSame(other, touch));
    if (known && (touch.click_token || isFirst)) return touches;
    return [...touches.filter((other) => other !== known), touch];
  };

  const trimmed = (touches) => {
    const oldest = Date.now() - PROGRAM.window_days * 86400e3;
    const left = touches.filter((touch) => touch.at >= oldest).sort((one, other) => one.at - other.at);
    while (left.length > TOUCHES_MAX) {
      // A click token proves a click; a bare code may be anything that somebody put into a link, so it goes first.
      const bare = left.map((touch) => !touch.click_token);
      const at = isFirst ? bare.lastIndexOf(true) : bare.indexOf(true);
      left.splice(at >= 0 ? at : isFirst ? left.length - 1 : 0, 1);
    }
    return left;
  };

  // Storage that another page of the site, or another tab, has written since is seen.
  const kept = () => {
    if (isDenied) return [];
    const records = read();
    if (records.length) isGranted = true; // Written after consent, so it is the memory of it.
    const all = [...records.flatMap((record) => record.touches), ...memory].map(checked).filter(Boolean);
    return trimmed(all.reduce(withAnother, []));
  };

  const keep = () => {
    const touches = kept();
    memory = touches;
    if (isGranted && !isDenied && touches.length && write(touches)) {
      memory = [];
      if (clean) attempt(cleanAddress);
    }
    fillForms();
  };

  // --- the address ---------------------------------------------------------------------------------------------------

  const fromAddress = () => {
    // What a hidden frame opens is no visit.
    if (window.self !== window.top) return null;
    const query = new URLSearchParams(location.search);
    const [code, click_token] = PARAMETERS.map((name) => (query.get(name) || "").trim());
    return checked({ code, click_token, at: Date.now() });
  };

  // The rest of the query stays as it was written.
  const cleanAddress = () => {
    const pairs = location.search.slice(1).split("&");
    const rest = pairs.filter((pair) => !PARAMETERS.some((name) => new URLSearchParams(pair).has(name)));
    if (rest.length === pairs.length) return;
    const query = rest.join("&");
    history.replaceState(history.state, "", location.pathname + (query && "?" + query) + location.hash);
  };

  // --- forms ---------------------------------------------------------------------------------------------------------

  const current = () => {
    const touches = kept();
    return touches[isFirst ? 0 : touches.length - 1] || null;
  };

  // As a claim takes them: one piece of evidence each.
  const claimable = () =>
    kept().map(({ code, click_token }) => (click_token ? { click_token } : { code }));

  const fillForms = () =>
    attempt(() => {
      const forms = document.querySelectorAll("form[data-referral]");
      if (!forms.length) return; // Called for every change of the page: storage is not read for nothing.
      const touch = current();
      const values = {
        referral_touches: touch ? JSON.stringify(claimable()) : "",
        referral_code: (touch && touch.code) || "",
        referral_click_token: (touch && touch.click_token) || "",
      };
      for (const form of forms) {
        const wanted = form.getAttribute("data-referral");
        if (wanted === PROGRAM.id || (wanted === "" && isPrimary)) {
          for (const name in values) setField(form, name, values[name]);
        }
      }
    });

  const setField = (form, name, value) => {
    let field = [...form.querySelectorAll("input")].find((input) => input.name === name);
    if (!field) {
      if (!value) return;
      field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.setAttribute("data-referral-field", "");
      form.append(field);
    }
    // A field of the same name that the page made is the page's.
    if (field.hasAttribute("data-referral-field") && field.value !== value) field.value = value;
  };

  // --- what the page may call ----------------------------------------------------------------------------------------

  const referral = {
    program: PROGRAM.id,
    touches: claimable,
    current,
    clear() {
      memory = [];
      erase(STORES);
      fillForms();
    },
    grant() {
      isGranted = true;
      isDenied = false;
      keep();
    },
    deny() {
      isDenied = true;
      isGranted = false;
      referral.clear();
    },
    // Later than this script or before it: `window.Referral = {onReady(referral) {…}}` is called as well.
    onReady(callback) {
      queueMicrotask(() => callback(referral));
    },
  };

  const start = () => {
    if (PROGRAM.consent && !read().length) erase(STORES);
    const touch = fromAddress();
    if (touch) memory.push(touch);
    keep();
    new MutationObserver(fillForms).observe(document, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ["data-referral"],
    });
    document.addEventListener("submit", fillForms, true);
    window.addEventListener("pageshow", fillForms); // Back again, out of the browser's cache.
    window.addEventListener(
      "referral:consent",
      (event) => (event.detail === false ? referral.deny() : referral.grant()),
      true
    );
  };

  attempt(() => {
    if (isPrimary) {
      referral.programs = {};
      window.Referral = referral;
    }
    window.Referral.programs[PROGRAM.id] = referral;
    // A page that is only rendered ahead has not been opened yet.
    if (document.prerendering) document.addEventListener("prerenderingchange", () => attempt(start), { once: true });
    else start();
    if (isPrimary && before && typeof before.onReady === "function") referral.onReady((ready) => before.onReady(ready));
  });
})();

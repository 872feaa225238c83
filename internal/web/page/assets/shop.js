// Comforts for browsers that run scripts. Every form works without this file.
// Nodes are moved or made, never parsed from text: the policy of the shop
// (Trusted Types "none") forbids the rest.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const say = (text) => { byId("news").textContent = text; };

  // Mistakes come first.
  const wrong = byId("wrong");
  if (wrong) wrong.focus();

  // Product: the price and stock of the variant picked.
  const picked = () => document.querySelector("input[name=variant_id]:checked") ||
    byId("variant")?.selectedOptions[0];
  const showVariant = () => {
    const v = picked(), price = byId("price"), stock = byId("stock");
    if (!v?.dataset.price || !price) return;
    price.textContent = v.dataset.price;
    price.parentNode.querySelector(".from")?.remove();
    stock.textContent = v.dataset.stock;
  };
  document.addEventListener("change", (e) => {
    if (e.target.name === "variant_id") showVariant();
  });
  showVariant();

  // Cart: the same forms, sent without leaving the page. The answer is the
  // cart page, and its main part takes the place of this one.
  let running = null, timer = 0;
  const inCart = (form) => location.pathname === "/cart" && form.method === "post" &&
    new URL(form.action).pathname.startsWith("/cart/");

  const send = (form) => {
    if (running) running.abort();
    const main = byId("main"), focus = document.activeElement?.id;
    const r = running = new XMLHttpRequest();
    main.setAttribute("aria-busy", "true");
    r.open("POST", form.action);
    r.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    r.responseType = "document";
    r.onload = () => {
      running = null;
      const fresh = r.response?.getElementById("main");
      const path = new URL(r.responseURL).pathname;
      if (r.status !== 200 || !fresh || (path !== "/cart" && path !== "/cart/estimate")) {
        form.submit();
        return;
      }
      main.replaceChildren(...[...fresh.childNodes].map((n) => document.importNode(n, true)));
      main.removeAttribute("aria-busy");
      byId("count").textContent = r.response.getElementById("count").textContent;
      steppers();
      (byId(focus) || main).focus({ preventScroll: true });
      const flash = main.querySelector(".flash p")?.textContent || "";
      const news = main.querySelector("[data-news]")?.dataset.news || "";
      say((flash + " " + news).trim() || main.querySelector("h1").textContent);
    };
    r.onerror = () => { running = null; form.submit(); };
    r.send(new URLSearchParams(new FormData(form)));
  };

  const stepper = (input, by, sign) => {
    const b = document.createElement("button");
    b.type = "button";
    b.className = "step";
    b.id = input.id + (by < 0 ? "-less" : "-more");
    b.textContent = sign;
    b.setAttribute("aria-label", (by < 0 ? input.dataset.less : input.dataset.more));
    b.addEventListener("click", () => {
      const n = Math.min(999, Math.max(0, Number(input.value) + by));
      if (String(n) === input.value) return;
      input.value = n;
      clearTimeout(timer);
      timer = setTimeout(send, 300, input.form);
    });
    return b;
  };

  const steppers = () => {
    for (const form of document.querySelectorAll("form.count")) {
      const input = form.elements.quantity;
      form.querySelector("button").hidden = true;
      input.before(stepper(input, -1, "−"));
      input.after(stepper(input, +1, "+"));
    }
  };
  steppers();

  document.addEventListener("change", (e) => {
    const form = e.target.form;
    if (form?.classList.contains("count") && form.reportValidity()) send(form);
  });

  // Every submit passes here: cart forms are sent quietly, paying happens once.
  document.addEventListener("submit", (e) => {
    const form = e.target, button = form.querySelector("[data-working]");
    if (inCart(form)) {
      e.preventDefault();
      clearTimeout(timer);
      send(form);
    } else if (button) {
      if (button.getAttribute("aria-disabled")) {
        e.preventDefault();
        return;
      }
      button.setAttribute("aria-disabled", "true");
      button.textContent = button.dataset.working;
      say(button.dataset.working);
    }
  });
  // A page from the back-forward cache is as old as the visit before. A form
  // keeps what was typed, as long as its cart is still this browser's.
  addEventListener("pageshow", (e) => {
    if (!e.persisted) return;
    if (!byId("details")) {
      if (/^\/(cart|checkout|orders)/.test(location.pathname)) location.reload();
      return;
    }
    const r = new XMLHttpRequest();
    r.open("HEAD", location.href);
    r.onload = () => { if (r.status !== 200 || r.responseURL !== location.href.split("#")[0]) location.reload(); };
    r.send();
  });

  // An order that waits to be paid: its goods are kept until a time, and that
  // is said before it comes.
  const held = byId("held");
  if (held) {
    const left = Date.parse(held.dateTime) - Date.parse(held.dataset.now), note = byId("held-note");
    const tell = () => { note.hidden = false; say(note.textContent); };
    if (left > 0) {
      setTimeout(tell, Math.max(1000, left - 180000));
      setTimeout(() => location.reload(), left + 2000);
    }
  }

  // Checkout: the country decides which fields are asked.
  const country = (select) => {
    const at = select.id.replace("address_country", ""), d = select.selectedOptions[0].dataset;
    const rename = (id, text) => { if (text) byId(id).labels[0].firstChild.textContent = text + " "; };
    const must = (id, needed) => {
      const mark = byId(id).labels[0].querySelector(".must");
      mark.textContent = needed ? select.dataset.must : select.dataset.may;
      byId(id).toggleAttribute("aria-required", needed);
      if (needed) byId(id).setAttribute("aria-required", "true");
    };
    rename(at + "postal_code", d.post);
    rename(at + "address_region", d.region);
    must(at + "postal_code", !("nopost" in d || "anypost" in d));
    must(at + "address_region", "region" in d);
    byId(at + "postal_code-field").hidden = "nopost" in d;
    byId(at + "address_region-field").hidden = !("region" in d) && !byId(at + "address_region").value;
    const hint = byId(at + "postal_code-hint");
    if (hint) {
      hint.textContent = d.like ? select.dataset.like.replace("%", d.like) : "";
      hint.hidden = !d.like;
    }
  };
  document.addEventListener("change", (e) => {
    if (!e.target.id.endsWith("address_country")) return;
    country(e.target);
    const code = byId(e.target.id.replace("address_country", "postal_code"));
    if (code.value.trim()) code.dispatchEvent(new Event("focusout", { bubbles: true }));
  });

  // Checks on leaving a field, gone as soon as it is mended. They are milder
  // than the shop's own, which tidies a good deal before it refuses.
  const countryOf = (el) => byId(el.id.replace("postal_code", "address_country"))?.selectedOptions?.[0]?.dataset;
  const signs = { 9: "[0-9OIL]", N: "[1-9OIL]", A: "[A-Z0]", "*": "[A-Z0-9]" };
  const fits = (form, code) => form.split("|").some((f) =>
    new RegExp("^(?:[A-Z]{1,3})?" + [...f.replace(/[ -]/g, "")].map((c) => signs[c] || c.toUpperCase()).join("") + "$").test(code) ||
    new RegExp("^" + [...f.replace(/[ -]|^[a-z]+/g, "")].map((c) => signs[c] || c.toUpperCase()).join("") + "$").test(code));
  const looksRight = (el) => {
    const v = el.value.trim();
    if (el.type === "email") return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(v);
    if (el.type === "tel") return /^[+\d\s().\/\u2010-\u2015-]+$/.test(v) && v.replace(/\D/g, "").length > 5;
    if (el.id.endsWith("postal_code")) {
      const form = countryOf(el)?.form;
      return !form || fits(form, v.normalize("NFKC").toUpperCase().replace(/[\s.,;-]/g, ""));
    }
    return /[\p{L}\p{N}]/u.test(v);
  };
  const clear = (el) => {
    el.closest(".field").classList.remove("wrong");
    el.removeAttribute("aria-invalid");
    byId(el.id + "-wrong")?.remove();
    describe(el, el.id + "-wrong", false);
  };
  const describe = (el, id, on) => {
    const ids = (el.getAttribute("aria-describedby") || "").split(" ").filter((x) => x && x !== id);
    if (on) ids.unshift(id);
    el.setAttribute("aria-describedby", ids.join(" "));
  };
  const blame = (el) => {
    if (byId(el.id + "-wrong")) return;
    const p = document.createElement("p");
    p.className = "say";
    p.id = el.id + "-wrong";
    p.textContent = el.dataset.check.replace("%", countryOf(el)?.like || "");
    el.labels[0].after(p);
    el.closest(".field").classList.add("wrong");
    el.setAttribute("aria-invalid", "true");
    describe(el, p.id, true);
  };
  const details = byId("details");
  details?.addEventListener("focusout", (e) => {
    const el = e.target, field = el.closest(".field");
    if (!field || !el.dataset.check) return;
    const typed = el.value.trim() !== "", right = typed && looksRight(el);
    field.classList.toggle("fine", right);
    if (typed && !right) blame(el);
    if (right) clear(el);
  });
  details?.addEventListener("input", (e) => {
    const el = e.target;
    if (el.getAttribute("aria-invalid") && el.dataset.check && el.value && looksRight(el)) clear(el);
  });
  details?.addEventListener("change", (e) => {
    const el = e.target;
    if (el.getAttribute("aria-invalid") && !el.dataset.check && el.value.trim()) clear(el);
  });

  // A password that is being typed: what is to be said of it stands beside it.
  // It goes to this shop alone and is kept nowhere.
  for (const el of document.querySelectorAll("input[data-meter]")) {
    const said = el.closest(".field").querySelector("[data-said]");
    let wait = 0, asked = null;
    el.addEventListener("input", () => {
      clearTimeout(wait);
      asked?.abort();
      if (!el.value) said.textContent = "";
      else wait = setTimeout(() => {
        const r = asked = new XMLHttpRequest();
        r.open("POST", el.dataset.meter);
        r.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
        r.onload = () => { if (r.status === 200) said.textContent = r.responseText; };
        r.send(new URLSearchParams({ password: el.value, email: el.form.elements.email?.value || "" }));
      }, 400);
    });
  }
  for (const el of document.querySelectorAll("input[data-show]")) {
    const b = document.createElement("button");
    const hide = (yes) => {
      el.type = yes ? "password" : "text";
      b.textContent = yes ? el.dataset.show : el.dataset.hide;
    };
    b.type = "button";
    b.className = "plain";
    b.addEventListener("click", () => hide(el.type === "text"));
    el.form.addEventListener("submit", () => hide(true));
    hide(true);
    el.after(b);
  }

  // On the way to paying: what is on the page and not the shop's own is told to the
  // shop, by its origin alone. Whoever takes the policy off a page on its way may
  // forget this.
  const odd = () => {
    const found = [];
    const foreign = (url) => new URL(url, location).origin !== location.origin;
    const tell = (effectiveDirective, blockedURL) => found.push({
      type: "page-difference", url: location.origin + location.pathname, body: { effectiveDirective, blockedURL },
    });
    for (const s of document.scripts) {
      if (s.type !== "application/ld+json" && (!s.src || !s.integrity || foreign(s.src))) tell("script-src-elem", s.src || "inline");
    }
    for (const f of document.querySelectorAll("iframe, frame, object, embed")) tell("frame-src", f.src || f.data || "inline");
    for (const f of document.forms) {
      if (foreign(f.getAttribute("action") || "")) tell("form-action", f.getAttribute("action"));
    }
    if (found.length) {
      navigator.sendBeacon("/reports", new Blob([JSON.stringify(found.slice(0, 20))], { type: "application/reports+json" }));
    }
  };
  if (/^\/(cart|checkout|orders)/.test(location.pathname)) {
    addEventListener("load", odd);
    addEventListener("submit", odd);
  }
})();

// Card fields of a payment service, in frames of its own origin. The texts are the
// page's. This carries the session's secret to the service's script and shows what that
// says; no card number is ever in this document.
//
//   <div id="card" hidden data-key="…" data-secret="…" data-origin="…" data-failed="…" data-working="…">
//     <input id="card-mail" type="email"> <div id="card-fields"></div>
//     <p id="card-said" role="alert"></p> <button type="button" id="card-pay" hidden>…</button>
//   </div>
"use strict";
(() => {
  const at = (id) => document.getElementById(id), box = at("card");
  if (!box) return;
  const { key, secret, origin, failed, working } = box.dataset;
  // The one policy of Trusted Types on this page: scripts come from the service's own
  // origin, and text becomes no document and no code at all.
  if (window.trustedTypes) {
    trustedTypes.createPolicy("default", { createScriptURL: (url) => new URL(url, location.href).origin === origin ? url : null });
  }
  const say = (text, look = "summary") => {
    at("card-said").className = look;
    at("card-said").textContent = text;
  };
  const asked = (answer) => {
    if (answer.type !== "error") return true;
    say(answer.error.message || failed);
    return false;
  };
  document.addEventListener("DOMContentLoaded", async () => {
    try {
      const checkout = window.Stripe(key).initCheckoutElementsSdk({ clientSecret: secret });
      checkout.createPaymentElement().mount("#card-fields");
      const loaded = await checkout.loadActions();
      if (!asked(loaded)) return;
      const pay = at("card-pay");
      at("card-without").hidden = true;
      box.hidden = pay.hidden = false;
      pay.addEventListener("click", async () => {
        if (pay.getAttribute("aria-disabled") === "true") return;
        pay.setAttribute("aria-disabled", "true");
        say(working, "notice");
        try {
          if (asked(await loaded.actions.updateEmail(at("card-mail").value))) asked(await loaded.actions.confirm());
        } catch { say(failed); }
        pay.removeAttribute("aria-disabled");
      });
    } catch { say(failed); }
  });
})();

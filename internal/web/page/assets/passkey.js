// Passkeys, on forms that say data-passkey. The texts are the page's, the
// decisions the server's: this carries bytes between it and the browser.
//
//   <form method="post" action="…/finish" data-passkey="register|sign-in|step-up"
//       data-begin="…/begin" data-working="…" data-cancelled="…" data-enrolled="…" data-failed="…">
//     <input type="hidden" name="csrf" value="…"> <input type="hidden" name="credential">
//     <button type="button" hidden data-passkey-start>…</button>
//     <p role="status" data-passkey-said></p>
//   </form>
//
// A field with data-passkey-conditional (and autocomplete="username webauthn")
// offers passkeys as one types; choosing one sends the form for signing in.
"use strict";
(() => {
  const api = window.PublicKeyCredential, box = navigator.credentials;
  if (!api || !box) return;

  // The JSON forms of Level 3 by hand: older browsers have no parse…FromJSON,
  // and the toJSON of some password managers throws.
  const bytes = (s) => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (b) => b && btoa(String.fromCharCode(...new Uint8Array(b)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  const read = (o) => {
    o.challenge = bytes(o.challenge);
    if (o.user) o.user.id = bytes(o.user.id);
    for (const c of [...(o.excludeCredentials || []), ...(o.allowCredentials || [])]) c.id = bytes(c.id);
    return o;
  };
  const write = (c) => {
    const r = c.response, response = {};
    for (const k of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (r[k]) response[k] = text(r[k]);
    }
    if (r.getTransports) response.transports = r.getTransports();
    return JSON.stringify({
      id: c.id, rawId: text(c.rawId), type: c.type, response,
      authenticatorAttachment: c.authenticatorAttachment || undefined, clientExtensionResults: {},
    });
  };

  const say = (form, what) => {
    const place = form.querySelector("[data-passkey-said]") || document.querySelector("[data-passkey-said]");
    if (place) place.textContent = form.dataset[what] || "";
  };

  // One ceremony at a time: a browser refuses a second one.
  let running = null;
  const run = async (form, quiet) => {
    running?.abort();
    const mine = running = new AbortController(), { signal } = mine;
    if (!quiet) say(form, "working");
    try {
      const answer = await fetch(form.dataset.begin, {
        method: "POST", signal, body: new URLSearchParams({ csrf: form.elements.csrf?.value || "" }),
      });
      if (!answer.ok) throw new Error(answer.status);
      const publicKey = read(await answer.json());
      const credential = form.dataset.passkey === "register" ? await box.create({ publicKey, signal }) :
        await box.get({ publicKey, signal, ...(quiet && { mediation: "conditional" }) });
      form.elements.credential.value = write(credential);
      form.submit();
    } catch (e) {
      if (signal.aborted || quiet) return; // another took its place, or nobody asked
      say(form, { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "enrolled" }[e.name] || "failed");
      offer();
    }
  };

  // Offers begin again before the server forgets them.
  let timer = 0;
  const offer = async () => {
    const form = document.querySelector("form[data-passkey=sign-in]");
    if (!form || !document.querySelector("[data-passkey-conditional]")) return;
    if (!await api.isConditionalMediationAvailable?.()) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (document.hidden) document.addEventListener("visibilitychange", offer, { once: true });
      else offer();
    }, 240000);
    run(form, true);
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const start = form.querySelector("[data-passkey-start]");
    if (!start) continue; // only offered
    start.hidden = false;
    start.addEventListener("click", () => { clearTimeout(timer); run(form); });
  }
  addEventListener("pageshow", offer); // also when it comes back from the cache

  // What password managers should forget, where browsers can tell them.
  const told = document.querySelector("[data-passkey-rp]")?.dataset;
  const quietly = (promise) => promise?.catch(() => {});
  if (told?.passkeyUnknown) {
    quietly(api.signalUnknownCredential?.({ rpId: told.passkeyRp, credentialId: told.passkeyUnknown }));
  }
  if (told?.passkeyUser) {
    quietly(api.signalAllAcceptedCredentials?.({
      rpId: told.passkeyRp, userId: told.passkeyUser, allAcceptedCredentialIds: (told.passkeyAccepted || "").split(" ").filter(Boolean),
    }));
  }
})();

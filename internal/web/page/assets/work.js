// The short sum that a form asks for while the shop is under attack: the number
// for which SHA-256 of salt and number is the challenge (ALTCHA, version 1). It
// runs in small helpings, so the page stays usable. A form without this script
// waits for a minute instead.
"use strict";
for (const field of document.querySelectorAll("input[data-challenge]")) {
  if ("on" in field.dataset) continue; // two forms, and this script twice
  field.dataset.on = "";
  const { challenge, salt, signature, max, working, done } = field.dataset, form = field.form;
  const said = form.querySelector("[data-work-said]"), text = new TextEncoder();
  let busy = !!crypto.subtle, waits = null;
  if (!busy) continue;
  said.textContent = working;
  form.addEventListener("submit", (e) => {
    if (!busy) return;
    e.preventDefault(); // it is sent as soon as the sum is done
    e.stopImmediatePropagation();
    waits = e.submitter || true;
  }, true);
  const like = (sum) => [...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("") === challenge;
  const first = parseInt(challenge.slice(0, 8), 16);
  (async () => {
    for (let from = 0; from <= max; from += 500) {
      const sums = [];
      for (let n = from; n < from + 500 && n <= max; n++) sums.push(crypto.subtle.digest("SHA-256", text.encode(salt + n)));
      for (const [i, sum] of (await Promise.all(sums)).entries()) {
        if (new DataView(sum).getUint32(0) !== first || !like(sum)) continue;
        field.value = btoa(JSON.stringify({ algorithm: "SHA-256", challenge, number: from + i, salt, signature }));
        return;
      }
    }
  })().finally(() => {
    busy = false;
    if (field.value) said.textContent = done;
    if (waits) form.requestSubmit(waits === true ? undefined : waits);
  });
}

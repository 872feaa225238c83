// Cartkeep's button and cart for any other site. It keeps the id and the token
// of a cart here, and nothing about anybody; prices and sums come from the
// shop, and who orders is asked on the shop's own pages.
(() => {
  'use strict';
  const shop = new URL(document.currentScript.src).origin;
  const place = 'cartkeep ' + shop;
  const here = new EventTarget(); // tells every element on this page that the cart changed

  // Where storage is forbidden, the cart lasts as long as the page.
  let held = null;
  const memory = {
    get() {
      try { return JSON.parse(localStorage.getItem(place)); } catch { return held; }
    },
    set(cart) {
      held = cart;
      try {
        if (cart) localStorage.setItem(place, JSON.stringify(cart));
        else localStorage.removeItem(place);
      } catch { /* held is enough */ }
    },
  };

  class Refused extends Error {
    constructor(status, problem) {
      const first = (problem.errors || [])[0];
      super((first && first.detail) || problem.detail || 'The shop did not answer. Please try again.');
      this.status = status;
      this.type = problem.type || '';
    }
  }

  const ask = async (method, path, body, token) => {
    const headers = {};
    if (token) headers['Cart-Token'] = token;
    if (body) headers['Content-Type'] = 'application/json';
    let answer, data = {};
    try {
      answer = await fetch(shop + '/api/v1' + path, {
        method, headers, body: body && JSON.stringify(body), credentials: 'omit', referrerPolicy: 'no-referrer',
      });
      data = await answer.json();
    } catch {
      throw new Refused(0, {});
    }
    if (!answer.ok) throw new Refused(answer.status, data);
    return data;
  };

  // A cart that has ended, was ordered or moved to the shop is none any more.
  const over = (e) => e.status === 404 || e.type === '/problems/cart-closed';

  const inCart = async (method, path, body) => {
    const c = memory.get();
    if (!c) return null;
    try {
      return await ask(method, '/carts/' + encodeURIComponent(c.id) + path, body, c.token);
    } catch (e) {
      if (!over(e) || path.includes('/lines/')) throw e;
      memory.set(null);
      return null;
    }
  };

  const tell = (cart) => here.dispatchEvent(new CustomEvent('cart', { detail: cart }));

  const add = async (variant, quantity) => {
    const line = { variant_id: variant, quantity };
    let cart = await inCart('POST', '/lines', line);
    if (!cart) {
      const made = await ask('POST', '/carts', {});
      memory.set({ id: made.id, token: made.token });
      cart = await inCart('POST', '/lines', line);
    }
    tell(cart);
  };

  const words = (amount) => {
    const lang = document.documentElement.lang || undefined;
    const make = (l) => new Intl.NumberFormat(l, { style: 'currency', currency: amount.currency });
    let form;
    try { form = make(lang); } catch { form = make(); }
    return form.format(amount.amount / 10 ** form.resolvedOptions().maximumFractionDigits);
  };

  // el makes an element; text is text, never markup.
  const el = (name, attrs, ...inside) => {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attrs || {})) {
      if (typeof v === 'function') e.addEventListener(k, v);
      else if (v !== false && v != null) e.setAttribute(k, v === true ? '' : v);
    }
    e.append(...inside.filter((i) => i != null && i !== ''));
    return e;
  };

  // Colours follow the page: its text colour, its scheme. A page that wants
  // others sets the custom properties, or styles the parts.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
:host{display:block;margin-block:1rem;font:var(--cartkeep-font,inherit);color:var(--cartkeep-ink,inherit);max-inline-size:var(--cartkeep-width,28rem)}
:host([hidden]){display:none}
*{box-sizing:border-box;font:inherit;color:inherit}
::slotted(*){font:inherit}
.box{background:var(--cartkeep-paper,transparent);border:1px solid color-mix(in srgb,currentColor 28%,transparent);border-radius:var(--cartkeep-radius,4px);padding:1rem}
h2,p,ul{margin:0;padding:0}
h2,.title{font-size:1.0625em;font-weight:600}
ul{list-style:none}
p+p{margin-block-start:.25rem}
.row{display:flex;flex-wrap:wrap;gap:.5rem .75rem;align-items:center;margin-block-start:.75rem}
.end{margin-inline-start:auto;text-align:end;font-variant-numeric:tabular-nums}
li{padding-block:.75rem;border-block-end:1px solid color-mix(in srgb,currentColor 18%,transparent)}
li .row{margin-block-start:.25rem}
.soft{font-size:.9375em;opacity:.85}
.row+.soft{margin-block-start:.25rem}
s{opacity:.8}
button,input,select{min-block-size:2.75rem;border-radius:var(--cartkeep-radius,4px);border:1px solid color-mix(in srgb,currentColor 60%,transparent);background:transparent;padding:.25rem .75rem}
input{inline-size:5rem}
select{max-inline-size:100%}
select option{color:CanvasText;background:Canvas}
button{cursor:pointer}
button.go{border-color:transparent;font-weight:600;padding-inline:1.25rem;background:#1e4d3b;color:#fff;background:var(--cartkeep-accent,light-dark(#1e4d3b,#a8d5c0));color:var(--cartkeep-accent-ink,light-dark(#fff,#0f231b))}
button:disabled{opacity:.55;cursor:default}
button.bare{border-color:transparent;text-decoration:underline;padding-inline:.25rem}
:focus-visible{outline:3px solid currentColor;outline-offset:2px}
.off{position:absolute;inline-size:1px;block-size:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
[role=status]:not(:empty),[role=alert]:not(:empty){margin-block-start:.75rem}
@media(forced-colors:active){button.go{border-color:ButtonText}}
`);

  // Until the shop has answered, and whenever it does not, what stands inside
  // the element shows: the plain link.
  class Base extends HTMLElement {
    constructor() {
      super();
      this.root = this.attachShadow({ mode: 'open' });
      this.root.adoptedStyleSheets = [sheet];
      this.root.append(el('slot'));
      this.said = el('p', { role: 'status', part: 'status' });
      this.wrong = el('p', { role: 'alert', part: 'error' });
    }
    // during runs one act at a time and shows what went wrong. While it runs,
    // busy is the promise of its end.
    during(act) {
      return this.busy || (this.busy = (async () => {
        this.wrong.textContent = this.said.textContent = '';
        try { await act(); } catch (e) {
          this.wrong.textContent = e instanceof Refused ? e.message : 'That did not work. Please try again.';
        }
        this.busy = null;
      })());
    }
  }

  class Button extends Base {
    static observedAttributes = ['product', 'variant', 'quantity'];
    connectedCallback() { this.load(); }
    attributeChangedCallback() { if (this.isConnected) this.load(); }

    async load() {
      const handle = this.getAttribute('product') || '';
      const turn = this.turn = {};
      try {
        const product = await ask('GET', '/products/' + encodeURIComponent(handle));
        if (turn === this.turn) this.show(product);
      } catch {
        if (turn === this.turn) this.root.replaceChildren(el('slot'));
      }
    }

    show(product) {
      const wanted = this.getAttribute('variant');
      const all = product.variants.filter((v) => !wanted || v.id === wanted || v.sku === wanted);
      if (!all.length) return this.root.replaceChildren(el('slot'));
      const price = el('span', { part: 'price' });
      const stock = el('span', { part: 'stock', class: 'soft' });
      const go = el('button', { part: 'button', class: 'go', type: 'button' }, 'Add to cart', el('span', { class: 'off' }, ': ' + product.title));
      const start = Math.min(999, Math.max(1, parseInt(this.getAttribute('quantity'), 10) || 1));
      const number = el('input', { part: 'quantity', type: 'number', min: 1, max: 999, step: 1, value: start, 'aria-label': 'Quantity: ' + product.title });
      let now = all.find((v) => v.available) || all[0];
      const choice = all.length > 1 && el('select', {
        part: 'variant', 'aria-label': 'Kind: ' + product.title,
        change: () => { now = all[choice.selectedIndex]; paint(); },
      }, ...all.map((v) => el('option', { selected: v === now }, v.title)));
      const paint = () => {
        price.replaceChildren(words(now.price));
        if (now.compare_at_price) price.append(' ', el('s', {}, el('span', { class: 'off' }, 'before: '), words(now.compare_at_price)));
        stock.textContent = now.available ? 'In stock' : 'Sold out';
        go.disabled = !now.available;
      };
      paint();
      go.addEventListener('click', () => this.during(async () => {
        const n = Number(number.value);
        if (!Number.isInteger(n) || n < 1 || n > 999) {
          this.wrong.textContent = 'Choose a quantity from 1 to 999.';
          number.focus();
          return;
        }
        await add(now.id, n);
        this.said.textContent = n + ' × ' + product.title + ' is in the cart.';
      }));
      this.root.replaceChildren(el('div', { class: 'box', part: 'box', role: 'group', 'aria-label': product.title },
        el('p', { part: 'title', class: 'title' }, product.title),
        el('p', {}, price, ' ', stock),
        el('div', { class: 'row' }, choice || '', number, go), this.said, this.wrong));
    }
  }

  class Cart extends Base {
    connectedCallback() {
      this.off = new AbortController();
      const signal = { signal: this.off.signal };
      here.addEventListener('cart', (e) => this.show(e.detail), signal);
      addEventListener('storage', (e) => { if (e.key === place) this.load(); }, signal);
      addEventListener('pageshow', (e) => { if (e.persisted) this.load(); }, signal);
      this.load();
    }
    disconnectedCallback() { this.off.abort(); }

    async load() {
      try { this.show(await inCart('GET', '')); } catch { this.root.replaceChildren(el('slot')); }
    }

    // change does something to a line and shows what came of it.
    change(path, method, body, after) {
      return this.during(async () => {
        let cart;
        try { cart = await inCart(method, '/lines/' + encodeURIComponent(path), body); } catch (e) {
          this.show(await inCart('GET', ''));
          throw over(e) ? new Refused(e.status, { detail: 'That is not in the cart any more.' }) : e;
        }
        tell(cart);
        if (after) after();
      });
    }

    // show keeps the frame and its live regions in place, or nobody would hear
    // what changes in them.
    show(cart) {
      const lines = cart ? cart.lines : [];
      const count = lines.reduce((n, l) => n + l.quantity, 0);
      const had = this.root.activeElement && this.root.activeElement.id;
      if (!this.box) {
        this.said.className = 'off'; // what it says can be seen beside it
        this.count = el('span', { class: 'soft' });
        this.heading = el('h2', { part: 'title', id: 'title', tabindex: '-1' }, 'Cart', this.count);
        this.inner = el('div');
        this.box = el('section', { class: 'box', part: 'box', 'aria-labelledby': 'title' }, this.heading, this.inner, this.said, this.wrong);
      }
      if (!this.box.isConnected) this.root.replaceChildren(this.box);
      this.count.textContent = ' (' + count + ')';
      const was = this.total;
      this.total = count ? words(cart.totals.total) : '';
      this.inner.replaceChildren(...(count ? [
        el('ul', { part: 'lines' }, ...lines.map((l) => this.line(l))),
        el('div', { class: 'row' }, 'Total', el('strong', { class: 'end', part: 'total' }, this.total)),
        el('p', { class: 'soft' }, 'The shop tells the cost of delivery before you order.'), this.form(),
      ] : [el('p', { class: 'soft' }, 'Your cart is empty.')]));
      if (was !== undefined && was !== this.total) this.said.textContent = count ? 'Total: ' + this.total : 'Your cart is empty.';
      const again = had && this.root.getElementById(had);
      if (again) again.focus();
    }

    line(l) {
      const number = el('input', {
        id: 'n' + l.id, part: 'quantity', type: 'number', min: 1, max: 999, step: 1, value: l.quantity, 'aria-label': 'Quantity: ' + l.title,
        change: () => this.change(l.id, 'PATCH', { quantity: Math.min(999, Math.max(1, Math.round(Number(number.value)) || 1)) }),
      });
      const remove = el('button', {
        class: 'bare', part: 'remove', type: 'button',
        click: () => this.change(l.id, 'DELETE', null, () => this.heading.focus()),
      }, 'Remove', el('span', { class: 'off' }, ' ' + l.title));
      const why = { 'not-for-sale': 'No longer for sale.', 'sold-out': 'Sold out.', 'not-enough': 'Only ' + l.left + ' left.' }[l.problem] ||
        (l.changed_from && 'The price was ' + words(l.changed_from) + ' before.');
      return el('li', { part: 'line' }, el('p', {}, l.title), why ? el('p', { part: 'problem', class: 'soft' }, why) : '',
        el('div', { class: 'row' }, number, remove, el('span', { class: 'end' }, words(l.total))));
    }

    // The way to the shop is a form, so that the token stands in no address.
    form() {
      const cart = el('input', { type: 'hidden', name: 'cart' });
      const token = el('input', { type: 'hidden', name: 'token' });
      const pass = el('input', { type: 'hidden', name: 'pass' });
      const form = el('form', {
        class: 'row', method: 'post', action: shop + '/cart/adopt', target: '_top',
        submit: async (e) => {
          e.preventDefault();
          await this.busy; // a quantity that was typed just before
          this.during(async () => {
            // Where this page hides its origin, the pass stands in for it: a
            // request that is read tells the origin, a form does not.
            const c = memory.get(), made = await inCart('POST', '/hand-over', {});
            if (!made) return this.show(null);
            pass.value = made.pass;
            cart.value = c.id;
            token.value = c.token;
            if (!form.isConnected) { // the cart was drawn anew meanwhile
              form.hidden = true;
              this.root.append(form);
            }
            form.submit();
          });
        },
      }, cart, token, pass, el('button', { class: 'go', part: 'checkout' }, 'Checkout'));
      return form;
    }
  }

  customElements.define('cartkeep-button', Button);
  customElements.define('cartkeep-cart', Cart);
})();

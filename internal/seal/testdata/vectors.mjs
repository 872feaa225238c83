// Makes vectors.json from the format drawn in the package comment, with nothing
// but Node's own crypto, so that the Go code is checked against a second reading
// of the format:   node vectors.mjs > vectors.json
import { createCipheriv, createHmac, hkdfSync, createHash } from "node:crypto";

const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32BE(n); return b; };
const lp = (s) => { const b = Buffer.from(s); return Buffer.concat([u32(b.length), b]); };
// Bytes that look random and are the same every time.
const bytes = (label, n) => Buffer.concat([0, 1].map((i) => createHash("sha256").update(label + i).digest())).subarray(0, n);

function gcm(key, nonce, aad, plain) {
  const c = createCipheriv("aes-256-gcm", key, nonce);
  c.setAAD(aad);
  return Buffer.concat([c.update(plain), c.final(), c.getAuthTag()]);
}

// HKDF-Expand by hand (RFC 5869, section 2.3): Node has only the whole HKDF.
const expand32 = (prk, info) => createHmac("sha256", prk).update(info).update(Buffer.from([1])).digest();

function wrap(epochKey, epoch, o, nonce, dossierKey) {
  const info = Buffer.concat([Buffer.from("cartkeep/wrap/v1"), lp(o.dossier), lp(o.subject), lp(o.purpose), lp(o.case)]);
  const keys = Buffer.from(hkdfSync("sha256", epochKey, Buffer.alloc(0), info, 64));
  const head = Buffer.concat([Buffer.from([1]), u32(epoch)]);
  return Buffer.concat([head, keys.subarray(32), nonce, gcm(keys.subarray(0, 32), nonce, head, dossierKey)]);
}

function value(dossierKey, dossier, p, nonce, plain) {
  const head = Buffer.concat([Buffer.from([1]), Buffer.from(dossier.replaceAll("-", ""), "hex")]);
  const aad = Buffer.concat([Buffer.from("cartkeep/value/v1"), lp(p.table), lp(p.column), lp(p.row), head]);
  const text = Buffer.concat([u32(plain.length), plain]);
  const padded = Buffer.concat([text, Buffer.alloc((32 - (text.length % 32)) % 32)]);
  return Buffer.concat([head, nonce, gcm(expand32(dossierKey, "cartkeep/value/v1"), nonce, aad, padded)]);
}

const hex = (b) => b.toString("hex");
const cases = [
  { name: "guest fulfilment", dossier: "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b", subject: "01985a2e-0000-7000-8000-000000000001", purpose: "fulfilment", case: "order-1", epoch: 1, table: "orders", column: "ship_to", row: "order-1", plain: "Ada, 12 Analytical Way" },
  { name: "no case, nothing inside", dossier: "00000000-0000-0000-0000-000000000000", subject: "shop", purpose: "shop", case: "", epoch: 4294967295, table: "t", column: "c", row: "", plain: "" },
  { name: "28 bytes fill one step", dossier: "ffffffff-ffff-4fff-bfff-ffffffffffff", subject: "s", purpose: "gift", case: "c", epoch: 258, table: "orders", column: "gift_note", row: "r", plain: "x".repeat(28) },
  { name: "29 bytes need two", dossier: "ffffffff-ffff-4fff-bfff-fffffffffffe", subject: "s", purpose: "gift", case: "c", epoch: 258, table: "orders", column: "gift_note", row: "r", plain: "x".repeat(29) },
  { name: "beyond ASCII", dossier: "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5c", subject: "søren", purpose: "courier", case: "注文", epoch: 2, table: "orders", column: "note", row: "行", plain: "請放在門口 🌱" },
];

const keys = { index: hex(bytes("index", 32)), mac: hex(bytes("mac", 32)) };
process.stdout.write(JSON.stringify({
  dossiers: cases.map((c) => {
    const epochKey = bytes(c.name + "/epoch", 32), dossierKey = bytes(c.name + "/dossier", 32);
    return { ...c, epoch_key: hex(epochKey), dossier_key: hex(dossierKey),
      wrap: hex(wrap(epochKey, c.epoch, c, bytes(c.name + "/n1", 12), dossierKey)),
      value: hex(value(dossierKey, c.dossier, c, bytes(c.name + "/n2", 12), Buffer.from(c.plain))) };
  }),
  indexes: [["email", "ada@example.org"], ["phone", "+4930123456"], ["", ""]].map(([field, normalised]) => ({
    key: keys.index, field, normalised,
    hash: hex(createHmac("sha256", Buffer.from(keys.index, "hex")).update(lp(field)).update(normalised).digest().subarray(0, 16)) })),
  macs: [["order-token", ["order-1"]], ["request", ["a", "", "bc"]], ["none", []]].map(([label, parts]) => ({
    key: keys.mac, label, parts,
    sum: hex(createHmac("sha256", Buffer.from(keys.mac, "hex")).update(Buffer.concat([label, ...parts].map(lp))).digest()) })),
}, null, 1) + "\n");

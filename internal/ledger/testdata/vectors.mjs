// Makes events.json and export.jsonl from the formats drawn in the package
// comment, with nothing but Node's own crypto, so that the Go code is checked
// against a second reading of them:   node vectors.mjs   (in this folder)
import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { writeFileSync } from "node:fs";

const sha = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const salt = (label) => sha(Buffer.from(label)).subarray(0, 16);
const b64 = (b) => b.toString("base64");

const events = [
  { id: "e1", at: 1777896000000, action: "order.placed", actor: "guest:01985a2e", subject: "01985a2e", object: "order:1", detail: '{"lines":2}' },
  { id: "e2", at: 1777896000001, action: "order.paid", actor: "provider:sandbox", subject: "01985a2e", object: "order:1", detail: "" },
  { id: "e3", at: 0, action: "a", actor: "system:søn", subject: "", object: "", detail: "" },
  { id: "e4", at: 1777896000002, action: "key.epoch-begun", actor: "os:root", subject: "", object: "epoch:2", detail: '{"n":1}' },
  { id: "e5", at: 4102444800000, action: "x".repeat(64), actor: "staff:1", subject: "s", object: "o", detail: "[]" },
];
for (const e of events) e.salts = ["actor", "subject", "object", "detail"].map((p) => salt(e.id + p).toString("hex"));

function leaf(e) {
  const at = Buffer.alloc(8);
  at.writeBigInt64BE(BigInt(e.at));
  const action = Buffer.from(e.action);
  const commitments = ["actor", "subject", "object", "detail"].map((part, i) =>
    createHmac("sha256", Buffer.from(e.salts[i], "hex")).update("cartkeep/commit/v1/" + part).update(e[part]).digest());
  return Buffer.concat([Buffer.from([1]), at, Buffer.from([action.length]), action, ...commitments]);
}

// RFC 6962, section 2.1.
const leafHash = (b) => sha(Buffer.from([0]), b);
function root(hashes) {
  if (hashes.length === 0) return sha();
  if (hashes.length === 1) return hashes[0];
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return sha(Buffer.from([1]), root(hashes.slice(0, k)), root(hashes.slice(k)));
}

// A signed note (C2SP signed-note) with Ed25519.
const origin = "shop.example/ledger";
const seed = sha(Buffer.from("seed"));
const key = createPrivateKey({ key: Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]), format: "der", type: "pkcs8" });
const pub = Buffer.concat([Buffer.from([1]), createPublicKey(key).export({ format: "der", type: "spki" }).subarray(-32)]);
const keyHash = sha(Buffer.from(origin + "\n"), pub).subarray(0, 4);

const leaves = events.map(leaf), hashes = leaves.map(leafHash), top = root(hashes);
const text = `${origin}\n${events.length}\n${b64(top)}\n`;
const note = `${text}\n— ${origin} ${b64(Buffer.concat([keyHash, sign(null, Buffer.from(text), key)]))}\n`;

const emptied = 2;
const lines = leaves.map((l, i) => i === emptied
  ? { index: i, hash: b64(hashes[i]) }
  : { index: i, leaf: b64(l), leaf_hash: b64(hashes[i]) });
lines.push({ checkpoint: note });
writeFileSync("export.jsonl", lines.map((l) => JSON.stringify(l) + "\n").join(""));
writeFileSync("events.json", JSON.stringify({
  events: events.map((e, i) => ({ ...e, leaf: leaves[i].toString("hex") })),
  root: top.toString("hex"), seed: seed.toString("hex"), origin, note,
  verifier_key: `${origin}+${keyHash.toString("hex")}+${b64(pub)}`,
}, null, 1) + "\n");

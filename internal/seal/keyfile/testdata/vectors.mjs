// Makes plain.key from the form drawn in the package comment, with nothing but
// Node's own crypto, as a second reading of it:   node vectors.mjs > plain.key
import { createHash } from "node:crypto";

const sha = (s) => createHash("sha256").update(s).digest();
const shop = "01985a2e-6a4e-7c3b-9a1e-0c9d8e7f6a5b";
const epoch = (id, at) => {
  const line = `epoch: ${id} ${at} ${sha("epoch" + id).toString("base64")}`;
  return `${line} ${sha(shop + "\n" + line).subarray(0, 4).toString("hex")}\n`;
};
const text = `cartkeep key file v1
# This file holds the keys of a Cartkeep shop. Without it nobody, not even you, can read what the shop's customers entrusted to it:
# keep it secret, keep a copy apart from the database and its backups, and do not edit it.
shop: ${shop}
protection: none
${epoch(1, "2026-05-04T12:00:00.000Z")}${epoch(12, "2027-04-30T23:59:59.999Z")}`;
process.stdout.write(text + `check: ${sha(text).toString("hex")}\n`);

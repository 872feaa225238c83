// Signs call-backs with the official library for Node, which shares no code with
// the shop's. Standard input is one JSON object a line, {"secret","at","body"}; each
// is written out again with the "header" that Stripe would send.
import Stripe from 'stripe';
import { createInterface } from 'node:readline';

const stripe = new Stripe('sk_test_this_calls_nobody');
for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === '') continue;
  const one = JSON.parse(line);
  one.header = stripe.webhooks.generateTestHeaderString({ payload: one.body, secret: one.secret, timestamp: one.at });
  process.stdout.write(JSON.stringify(one) + '\n');
}

// Receives what the referral service sends. To try it:
//
// npm install standardwebhooks
// WEBHOOK_SECRET=whsec_… PORT=3000 node receive.mjs

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const LARGEST = 1024 * 1024;
const webhook = new Webhook(process.env.WEBHOOK_SECRET);

// These two stand for tables of your database; here they last as long as the program. There, put both statements
// (INSERT … ON CONFLICT) into one transaction with what you do about a message: if that fails, the id is forgotten,
// too, and the next attempt is no duplicate.
const messages = new Set();
const objects = new Map();

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > LARGEST) throw new Error("The body is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function receive(request) {
  if (request.method !== "POST" || request.url !== "/hooks") return 404;
  // The raw body: parsed and written anew it has other bytes, and the signature is wrong.
  const body = await bodyOf(request);
  let message;
  try {
    message = webhook.verify(body, request.headers);
  } catch {
    return 401;
  }
  const id = request.headers["webhook-id"];
  if (!messages.has(id)) {
    handle(message);
    messages.add(id);
  }
  return 204;
}

// Keeps each object's newest state. Be quick: what takes long is for a queue.
function handle({ type, object_id: name, sequence, data: { state } }) {
  if (sequence <= (objects.get(name)?.sequence ?? 0)) return;
  objects.set(name, { sequence, state });
  console.log(`${type}: ${name} is ${state}`);
}

createServer(async (request, response) => {
  const status = await receive(request).catch((error) => (console.error(error), 500));
  response.writeHead(status).end();
}).listen(Number(process.env.PORT ?? 3000), "127.0.0.1");

// A webhook receiver in Node alone: node receiver.mjs 9000, with WEBHOOK_SECRET set.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const mostBytes = 64 * 1024;
const mostSeconds = 300;
const seen = new Set(); // in earnest: a table with a unique key

function isSigned(id, timestamp, body, signatures) {
  if (!/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > mostSeconds) return false;
  const digest = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${digest}`);
  return signatures.split(" ").some((one) => {
    const given = Buffer.from(one);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

createServer((request, response) => {
  const parts = [];
  let size = 0;
  request.on("data", (part) => {
    size += part.length;
    if (size <= mostBytes) parts.push(part);
  });
  request.on("end", () => {
    const body = Buffer.concat(parts);
    const header = (name) => request.headers[name] ?? "";
    const id = header("webhook-id");
    if (size > mostBytes) return response.writeHead(413).end();
    if (!isSigned(id, header("webhook-timestamp"), body, header("webhook-signature"))) return response.writeHead(401).end();
    response.writeHead(204).end(); // answer first, work afterwards: a receiver that is slow is asked again
    if (seen.has(id)) return; // the same alert again: our answer to the first one was lost
    seen.add(id);
    const message = JSON.parse(body);
    if (message.type.startsWith("alert.") && message.data.alert) console.log(message.data.alert.headline);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");

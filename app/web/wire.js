// The wire to the API: pages by cursor, and the stream of alerts, which falls back to polling while it cannot be had.

const POLL_MS = 5000;
const SILENT_MS = 45000;

export class Refused extends Error {}

export class Wire {
  #key = sessionStorage.getItem("watchdesk-key");

  useKey(key) {
    this.#key = key;
    sessionStorage.setItem("watchdesk-key", key);
  }

  get keyed() {
    return Boolean(this.#key);
  }

  async fetch(path, given = {}) {
    const headers = { Accept: "application/json", ...given.headers };
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    const reply = await fetch(path, { ...given, headers, credentials: "omit", redirect: "error" });
    if (reply.status === 401 || reply.status === 421) throw new Refused(path);
    return reply;
  }

  async json(path) {
    const reply = await this.fetch(path);
    const body = await reply.json();
    if (reply.status === 410) return { restart: true, body };
    if (!reply.ok) throw new Error(body.detail ?? `HTTP ${reply.status}`);
    return { restart: false, body };
  }

  // Calls back with alerts, states and resets for ever. `cursor` is where the page that is shown ends.
  async follow(cursor, on) {
    let at = cursor;
    for (;;) {
      try {
        at = await this.#stream(at, on);
      } catch (error) {
        if (error instanceof Refused) throw error;
      }
      at = await this.#poll(at, on);
    }
  }

  async #stream(cursor, on) {
    let at = cursor;
    const stop = new AbortController();
    let watch = setTimeout(() => stop.abort(), SILENT_MS);
    try {
      const reply = await this.fetch("/v1/alerts/stream", {
        headers: { Accept: "text/event-stream", "Last-Event-ID": at }, signal: stop.signal, cache: "no-store",
      });
      if (!reply.ok) return at;
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      let held = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return at;
        clearTimeout(watch);
        watch = setTimeout(() => stop.abort(), SILENT_MS);
        held += value;
        const blocks = held.split("\n\n");
        held = blocks.pop();
        for (const block of blocks) {
          const event = parse(block);
          if (event.id || event.kind) on.link("live");
          if (event.id) at = event.id;
          if (event.kind === "alert") on.alert(JSON.parse(event.data));
          if (event.kind === "state") on.state(JSON.parse(event.data));
          if (event.kind === "reset") on.reset();
        }
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      return at;
    } finally {
      clearTimeout(watch);
      stop.abort();
    }
  }

  async #poll(cursor, on) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    try {
      const { restart, body } = await this.json(`/v1/alerts?limit=200&cursor=${encodeURIComponent(cursor)}`);
      if (restart) {
        on.reset();
        return body.oldest;
      }
      on.link("polling");
      on.state({ stale_since: body.stale_since, database: "up" });
      for (const alert of body.items) on.alert(alert);
      return body.next;
    } catch (error) {
      if (error instanceof Refused) throw error;
      on.link("down");
      return cursor;
    }
  }
}

function parse(block) {
  const event = { kind: "", id: "", data: "" };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const value = line.slice(at + 1).replace(/^ /, "");
    if (line.startsWith("event:")) event.kind = value;
    if (line.startsWith("id:")) event.id = value;
    if (line.startsWith("data:")) event.data += value;
  }
  return event;
}

// The desk's page: fetches what stands, follows what comes, and keeps the two lists.

import { alertCard, element, incidentCard, postQuote } from "./cards.js";
import { when } from "./format.js";
import { Refused, Wire } from "./wire.js";

const KEPT = 200;
const INCIDENTS_MS = 4000;
const wire = new Wire();
const at = (id) => document.getElementById(id);
const incidents = new Map();
const alerts = new Map();
let incidentCursor = null;
let unseen = 0;

function showLink(state) {
  const words = { live: "live", polling: "polling every 5 s", down: "no connection, trying again", connecting: "connecting…" };
  at("link").textContent = words[state];
  at("link").dataset.state = state;
  if (state === "down") at("stale").hidden = at("stale").textContent === "";
}

function showState(state) {
  const texts = [];
  if (state.database === "down") texts.push("The database cannot be reached: what you see may be old.");
  if (state.stale_since) texts.push(at("demo").hidden
    ? `Nothing new came in since ${when(state.stale_since)}: no news, or something is broken.`
    : "The recording has been played to its end: nothing new comes in. A desk at work says here since when it heard nothing.");
  at("stale").textContent = texts.join(" ");
  at("stale").hidden = texts.length === 0;
}

function showCounts() {
  at("alert-count").textContent = alerts.size ? `(${alerts.size})` : "";
  at("incident-count").textContent = incidents.size ? `(${incidents.size})` : "";
  at("no-alerts").hidden = alerts.size > 0;
  at("no-incidents").hidden = incidents.size > 0;
  at("fresh").hidden = unseen === 0;
  at("fresh").textContent = `${unseen} new`;
}

function replaceKeepingOpen(old, made) {
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  [...made.querySelectorAll("details")].forEach((one, index) => { one.open = open[index] ?? false; });
  old.replaceWith(made);
}

function addAlert(alert, isNew) {
  if (alerts.has(alert.id)) return;
  alerts.set(alert.id, alert);
  const card = alertCard(alert, incidents.get(alert.incident));
  if (isNew) card.classList.add("new");
  at("alert-list").prepend(card);
  while (at("alert-list").children.length > KEPT) at("alert-list").lastElementChild.remove();
  if (isNew && window.scrollY > 200) unseen += 1;
}

function wanted(incident) {
  const level = at("level").value;
  return (!level || incident.level === level) && (!at("open-only").checked || incident.state === "open");
}

function drawIncidents() {
  const shown = [...incidents.values()].filter(wanted).sort((a, b) => (a.last_at < b.last_at ? 1 : -1)).slice(0, KEPT);
  const open = new Set([...at("incident-list").querySelectorAll("article")].filter((one) => one.querySelector("details[open]")).map((one) => one.id));
  at("incident-list").replaceChildren(...shown.map((incident) => {
    const old = document.getElementById(`incident-${incident.id}`);
    if (old && old.incident === incident) return old;
    const card = incidentCard(incident);
    card.incident = incident;
    if (open.has(card.id) && old) {
      [...old.querySelectorAll("details")].forEach((one, index) => { card.querySelectorAll("details")[index].open = one.open; });
    }
    return card;
  }));
}

async function loadIncidents() {
  let changed = false;
  for (;;) {
    const query = incidentCursor === null ? "start=newest&limit=500" : `limit=500&cursor=${encodeURIComponent(incidentCursor)}`;
    const { restart, body } = await wire.json(`/v1/incidents?${query}`);
    if (restart) {
      incidents.clear();
      incidentCursor = null;
      continue;
    }
    incidentCursor = body.next;
    for (const incident of body.items) {
      incidents.set(incident.id, incident);
      changed = true;
      for (const alert of alerts.values()) {
        if (alert.incident !== incident.id) continue;
        const old = document.getElementById(`alert-${alert.id}`);
        if (old) replaceKeepingOpen(old, alertCard(alert, incident));
      }
    }
    if (!body.more) break;
  }
  if (changed) drawIncidents();
  at("incident-list").setAttribute("aria-busy", "false");
  showCounts();
}

async function loadAlerts() {
  const { body } = await wire.json("/v1/alerts?start=newest&limit=100");
  for (const alert of body.items) addAlert(alert, false);
  at("alert-list").setAttribute("aria-busy", "false");
  showState({ stale_since: body.stale_since, database: "up" });
  showCounts();
  return body.next;
}

async function fillPosts(details) {
  const slot = details.querySelector(".slot");
  try {
    const { body } = await wire.json(`/v1/incidents/${encodeURIComponent(details.dataset.incident)}`);
    const test = body.exercise ? [element("span", { className: "test", textContent: "TEST" })] : [];
    slot.replaceChildren(...test, ...body.post_details.map(postQuote));
    for (const one of body.actions) slot.append(element("p", { className: "soft" }, `${when(one.at)}: `, element("bdi", { textContent: one.who }), ` ${one.action} `, element("bdi", { textContent: one.why })));
  } catch (error) {
    slot.textContent = `These cannot be shown now: ${error.message}`;
  }
}

async function showJson(path) {
  const { body } = await wire.json(path);
  at("json").querySelector("pre").textContent = JSON.stringify(body, null, 2);
  at("json").showModal();
}

function move(step) {
  const cards = [...document.querySelectorAll("article")];
  const next = cards[cards.indexOf(document.activeElement) + step] ?? cards[0];
  next?.focus();
}

function listen() {
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.posts") && event.target.open) fillPosts(event.target);
  }, true);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.json");
    if (!link || !wire.keyed) return;
    event.preventDefault(); // a plain link would go without the key
    showJson(link.getAttribute("href"));
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
    if (event.key === "t") at("theme").click();
    if (event.key === "o") document.activeElement.querySelectorAll?.("details").forEach((one) => { one.open = !one.open; });
  });
  at("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    localStorage.setItem("watchdesk-theme", document.documentElement.dataset.theme);
  });
  at("fresh").addEventListener("click", () => { window.scrollTo({ top: 0 }); unseen = 0; showCounts(); });
  for (const id of ["level", "open-only"]) at(id).addEventListener("change", drawIncidents);
  at("key").addEventListener("submit", (event) => {
    event.preventDefault();
    wire.useKey(at("secret").value.trim());
    at("secret").value = "";
    at("key").hidden = true;
    start();
  });
}

async function keepIncidents() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, INCIDENTS_MS));
    if (document.hidden) continue;
    try {
      await loadIncidents();
    } catch { /* the link line says that the connection is gone; the next turn tries again */ }
  }
}

async function start() {
  showLink("connecting");
  for (;;) {
    try {
      await loadIncidents();
      const cursor = await loadAlerts();
      keepIncidents();
      await wire.follow(cursor, {
        link: showLink,
        state: showState,
        alert: (alert) => { addAlert(alert, true); loadIncidents().catch(() => {}); showCounts(); },
        reset: () => location.reload(),
      });
    } catch (error) {
      if (error instanceof Refused) {
        at("key").hidden = false;
        showLink("down");
        return;
      }
      showLink("down");
      await new Promise((resolve) => setTimeout(resolve, INCIDENTS_MS));
    }
  }
}

const theme = localStorage.getItem("watchdesk-theme");
if (theme) document.documentElement.dataset.theme = theme;
listen();
start();

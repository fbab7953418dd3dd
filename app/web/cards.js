// Alerts, incidents and posts -> elements. Text from outside only ever becomes textContent, each piece in an element of its own.

import { actorName, clock, firstIn, kindName, levelMark, mapUrl, radius, range, safeUrl, stepName, when } from "./format.js";

export function element(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name === "data") Object.assign(made.dataset, value);
    else if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

const said = (text) => element("bdi", { dir: "auto", textContent: text });

function list(words) {
  return words.flatMap((word, index) => (index ? [", ", said(word)] : [said(word)]));
}

function time(moment) {
  return element("time", { dateTime: moment ?? "", textContent: when(moment) });
}

function outward(href, text) {
  return element("a", { href, target: "_blank", rel: "noreferrer noopener", textContent: text });
}

function whereLine(place) {
  const sure = `±${radius(place.radius_km)} km, ${Math.round(place.confidence * 100)} % sure`;
  return element("li", {}, said(place.name), ` (${place.country}) `, element("span", { className: "soft", textContent: sure }),
    " ", outward(mapUrl(place), "map"));
}

function originsLine(origins, posts) {
  const count = `${origins.length} ${origins.length === 1 ? "origin" : "origins"}`;
  return element("li", {}, `${count}: `, ...list(origins), element("span", { className: "soft", textContent: ` · ${posts} ${posts === 1 ? "post" : "posts"}` }));
}

function why(reasons) {
  return element("details", {}, element("summary", { textContent: "Why" }),
    element("ul", { className: "why" }, ...reasons.map((reason) => element("li", {}, said(reason)))));
}

function links(json, incident) {
  return element("p", { className: "links" }, element("a", { href: json, className: "json", textContent: "JSON" }),
    incident ? element("a", { href: `#incident-${incident}`, textContent: "incident" }) : "");
}

function postsSlot(incident) {
  return element("details", { className: "posts", data: { incident } }, element("summary", { textContent: "Posts: who said it, when" }),
    element("div", { className: "slot", textContent: "…" }));
}

function headline(text) {
  return element("h3", {}, said(text));
}

function tags(level, ...rest) {
  return element("div", { className: "tags" }, element("span", { className: "level", textContent: levelMark(level) }), ...rest);
}

export function alertCard(alert, incident) {
  const first = firstIn(alert.quiet_days, [...alert.reasons, ...(incident?.reasons ?? [])]);
  const facts = element("ul", { className: "facts" },
    incident ? whereLine(incident.place) : "",
    originsLine(alert.origins, alert.posts),
    first ? element("li", { className: "first" }, said(first)) : "");
  return element("article", { tabIndex: 0, id: `alert-${alert.id}`, data: { level: alert.level, gone: alert.step === "withdrawn" ? "yes" : "no" } },
    tags(alert.level, element("span", { className: "step", textContent: stepName(alert.step) }), time(alert.created_at),
      element("span", {}, "watch ", said(alert.watch))),
    headline(alert.headline), facts, why(alert.reasons), postsSlot(alert.incident), links(`/v1/alerts/${encodeURIComponent(alert.id)}`, alert.incident));
}

export function incidentCard(incident) {
  const toll = [range(incident.killed, "killed"), range(incident.wounded, "wounded")].filter(Boolean).join(", ");
  const first = firstIn(incident.quiet_days, incident.reasons);
  const facts = element("ul", { className: "facts" },
    whereLine(incident.place), originsLine(incident.origins, incident.posts.length),
    toll ? element("li", { textContent: toll }) : "",
    first ? element("li", { className: "first" }, said(first)) : "",
    incident.related.length ? element("li", { className: "soft", textContent: `${incident.related.length} related: denials, threats, doubts` }) : "");
  const name = element("h3", {}, kindName(incident.kind), incident.actors.length ? " · " : "", ...list(incident.actors.map(actorName)));
  return element("article", { tabIndex: 0, id: `incident-${incident.id}`, data: { level: incident.level, gone: incident.state === "open" ? "no" : "yes" } },
    tags(incident.level, incident.state === "open" ? "" : element("span", { className: "step", textContent: incident.state }),
      element("span", {}, time(incident.first_at), " to ", element("time", { dateTime: incident.last_at, textContent: clock(incident.last_at) }))),
    name, facts, why(incident.reasons), postsSlot(incident.id), links(`/v1/incidents/${encodeURIComponent(incident.id)}`, null));
}

export function postQuote(post) {
  const url = post.url ? safeUrl(post.url) : null;
  const text = post.text === null ? element("p", { className: "soft", textContent: `Text withheld: ${post.withheld}.` })
    : element("p", { dir: "auto", lang: post.lang ?? "und", textContent: post.text });
  return element("blockquote", {},
    element("div", { className: "tags" }, said(post.author_name ?? post.author), element("span", {}, post.platform, " ", said(`@${post.author}`)),
      element("span", { className: "step", textContent: post.role })),
    text,
    element("div", { className: "tags" }, element("span", {}, "posted ", time(post.created_at)), element("span", {}, "seen ", time(post.seen_at)),
      url ? outward(url, "original") : post.url ? said(post.url) : ""));
}

// Values -> what people read. Nothing here touches the page.

const LEVEL_MARKS = { reported: "○ reported", likely: "◑ likely", confirmed: "● confirmed" };
const STEPS = { first: "first alert", promoted: "promoted", updated: "updated", corrected: "corrected", withdrawn: "withdrawn" };
const ACTORS = {
  RuAF: "Russian Air Force", SyAAF: "Syrian Air Force", SAA: "Syrian army", IDF: "Israeli forces", RSF: "RSF", SAF: "Sudanese forces",
  UA_forces: "Ukrainian forces", RU_forces: "Russian forces", coalition: "coalition", unknown: "unknown actor",
};
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const levelMark = (level) => LEVEL_MARKS[level] ?? level;
export const stepName = (step) => STEPS[step] ?? step;
export const actorName = (actor) => ACTORS[actor] ?? actor;
export const kindName = (kind) => kind.replaceAll("_", " ");
export const clock = (moment) => `${new Date(moment).toISOString().slice(11, 16)} UTC`;

export function when(moment) {
  if (!moment) return "time unknown";
  const at = new Date(moment);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} ${clock(moment)}`;
}

export function range(pair, word) {
  if (!pair) return "";
  return pair[0] === pair[1] ? `${pair[0]} ${word}` : `${pair[0]} to ${pair[1]} ${word}`;
}

// The reason that tells of the lull says more (the last one before, the coverage) than its number of days.
export function firstIn(days, reasons) {
  if (days === null) return "";
  const told = reasons.find((reason) => new RegExp(`\\b${days} days?\\b`).test(reason));
  return told ?? `First in ${days} ${days === 1 ? "day" : "days"}`;
}

export function mapUrl(place) {
  const zoom = Math.max(5, Math.min(14, Math.round(14 - Math.log2(Math.max(place.radius_km, 0.5)))));
  return `https://www.openstreetmap.org/?mlat=${place.lat}&mlon=${place.lon}#map=${zoom}/${place.lat}/${place.lon}`;
}

export const radius = (km) => (km < 10 ? String(Math.round(km * 10) / 10) : String(Math.round(km)));

// A link of a post is followed only where it is plain http(s) without a password in it.
export function safeUrl(text) {
  try {
    const url = new URL(text);
    const plain = (url.protocol === "https:" || url.protocol === "http:") && !url.username && !url.password;
    return plain && text.length < 2048 ? url.href : null;
  } catch {
    return null;
  }
}

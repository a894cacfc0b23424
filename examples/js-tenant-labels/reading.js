// What a rule reads: the settings, the body of a request, the engine's objects. What cannot be read is refused.

import { body } from "sockgate:policy/call@0.1.0";
import { inspect } from "sockgate:policy/engine@0.1.0";
import { ANY, CLIENT, EMPTY } from "./fields.js";

export function refuse(message, status) {
  throw Object.assign(new Error(message), { status });
}

export function readSettings(text) {
  const settings = JSON.parse(text || "{}");
  const isClient = (client) => only(CLIENT, client).tenant && (client.listener || Number.isInteger(client.uid));
  if (!/^[^=]+$/.test(settings.label ?? "") || !settings.clients?.every(isClient))
    refuse('expected {"label": "team", "clients": [{"listener": "unix:///run/a.sock", "uid": 1000, "tenant": "a"}]}');
  return settings;
}

// Who asks: of the first client that fits. Undefined if none does.
export function tenantOf(clients, { attributes }) {
  const { listener, "peer.uid": uid } = Object.fromEntries(attributes);
  const is = (client) => (client.listener ?? listener) === listener && `${client.uid ?? uid}` === `${uid}`;
  return clients.find(is)?.tenant;
}

// The body, with no fields but these.
export function read(fields) {
  const { tag, val } = body();
  return only(fields, tag === "empty" ? {} : JSON.parse(val)) ?? {};
}

// A value with no fields but these: any other is as good as left out.
export function only(fields, value) {
  if (fields === ANY) return value;
  if (Array.isArray(fields)) for (const item of value ?? []) only(fields[0], item);
  else
    for (const [name, inner] of Object.entries(value ?? {})) {
      const known = Object.hasOwn(fields, name) ? fields[name] : fields["*"];
      if (known !== undefined && known !== EMPTY) only(known, inner);
      else if (inner && !(known === EMPTY && isEmpty(inner))) refuse(`${name} is not for you to set`);
    }
  return value;
}

const isEmpty = (value) => typeof value === "object" && Object.keys(value).length === 0;

// What the engine says of an object; undefined if it has none of that name.
export function find(kind, reference) {
  try {
    return reference ? JSON.parse(inspect(kind, reference)) : undefined;
  } catch ({ payload }) {
    if (payload?.tag !== "not-found") refuse(`cannot look up ${kind} ${reference}: ${payload?.val ?? "no JSON"}`);
  }
}

// The first of several parameters with a name, as the engine acts on.
export const first = (query, wanted) => query.find(([name]) => name === wanted)?.[1];

// What a HostConfig mounts, Binds in the form of Mounts. A volume without a source is a new one.
export function mountsOf({ Binds, Mounts }) {
  const sources = (Binds ?? []).map((bind) => (bind.includes(":") ? bind.split(":")[0] : ""));
  return [...sources.map((Source) => ({ Type: Source.startsWith("/") ? "bind" : "volume", Source })), ...(Mounts ?? [])];
}

// The container that a link leads to, and what it is called there: "/db:/web/db", as an inspection shows it, is "db:db".
export function linkOf(link) {
  const [other, alias = other, ...more] = link.split(":");
  if (more.length > 0) refuse(`${link} is no link`);
  return alias !== other && other.startsWith("/") ? [other.slice(1), alias.slice(alias.lastIndexOf("/") + 1)] : [other, alias];
}

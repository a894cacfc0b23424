// What a rule reads: the body of a request and the engine's objects. What cannot be read is refused.

import { body } from "sockgate:policy/call@0.1.0";
import { inspect } from "sockgate:policy/engine@0.1.0";

export function refuse(message, status) {
  throw Object.assign(new Error(message), { status });
}

// The body, with no fields but these.
export function read(fields) {
  const { tag, val } = body();
  return only(fields, tag === "empty" ? {} : JSON.parse(val));
}

// An object with no fields but these: any other is at its default. For MaskedPaths that is null: an empty list unmasks.
export function only(fields, object) {
  for (const [name, value] of Object.entries(object ?? {}))
    if (!fields.includes(name) && (!isDefault(value) || (name.endsWith("Paths") && value)))
      refuse(`${name} is not for you to set`);
  return object ?? {};
}

function isDefault(value) {
  if (Array.isArray(value)) return value.length === 0;
  return value !== null && typeof value === "object" ? Object.values(value).every(isDefault) : !value;
}

// What the engine says of an object; undefined if it has none of that name.
export function find(kind, reference) {
  try {
    return reference ? JSON.parse(inspect(kind, reference)) : undefined;
  } catch ({ payload }) {
    if (payload?.tag !== "not-found") refuse(`cannot look up ${kind} ${reference}: ${payload?.val ?? "no JSON"}`);
  }
}

// The mounts of a HostConfig; of its Binds those that name a source, in the same form.
export function mountsOf({ Binds, Mounts }) {
  const sources = (Binds ?? []).filter((bind) => bind.includes(":")).map((bind) => bind.split(":")[0]);
  const binds = sources.map((Source) => ({ Type: Source.startsWith("/") ? "bind" : "volume", Source }));
  return [...binds, ...(Mounts ?? [])];
}

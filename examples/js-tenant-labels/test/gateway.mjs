// Stands in for the gateway: what the policy imports, answered from `engine` and `call`.

export const engine = { objects: {} }; // "container web": what the engine says of it; a string: why it does not say
export const call = { body: { tag: "empty" } };

export const body = () => call.body;

export function inspect(kind, reference) {
  const found = engine.objects[`${kind} ${reference}`];
  if (found === undefined) throw { payload: { tag: "not-found" } };
  if (typeof found === "string") throw { payload: { tag: "unavailable", val: found } };
  return JSON.stringify(found);
}

// Node's hook for imports: `sockgate:policy/…` is this file.
export const resolve = (name, context, next) =>
  name.startsWith("sockgate:") ? { url: import.meta.url, shortCircuit: true } : next(name, context);

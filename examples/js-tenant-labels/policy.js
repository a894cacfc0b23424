// Tenants that share an engine: each sees, touches and makes only what carries its own label.
//
// The rule: what is not named here is refused, be it an operation, a field of a body or a value. What is named goes on
// to the next policy and the env flags (`defer`): by itself this policy allows nothing.
// The exception: images are common to all, and so are the networks `bridge` and `none`.

import { BODIES, LISTS, OF_A_CONTAINER, words } from "./fields.js";
import { find, first, linkOf, mountsOf, read, readSettings, refuse, tenantOf } from "./reading.js";

// The settings, such as {"label": "team", "clients": [{"listener": "unix:///run/team-a.sock", "tenant": "a"}]}, and who
// asks: each decision has an instance of its own.
let settings, tenant;

const rules = new Map();
const rule = (operations, judge) => words(operations).forEach((operation) => rules.set(operation, judge));

rule("SystemPing SystemPingHead SystemVersion ImageList ImageInspect", () => {});
rule("ImageCreate", ({ query }) => query.some(([name]) => name === "fromSrc") && refuse("images are only pulled"));
rule(LISTS, ({ query }) => {
  const { label } = JSON.parse(first(query, "filters") || "{}");
  if (Array.isArray(label) ? !label.includes(pair()) : label?.[pair()] !== true)
    refuse(`ask for your own: add --filter label=${pair()}`);
});
rule(OF_A_CONTAINER, ({ subject }) => own("container", subject, 404));
rule("ContainerStart ContainerRestart", ({ subject, query }) => {
  const { NetworkSettings } = own("container", subject, 404);
  if (query.some(([name]) => name.startsWith("checkpoint"))) refuse("a checkpoint could be of any container");
  // A network that it has never been in stands there by name, and that may be another's by now.
  for (const [network, endpoint] of Object.entries(NetworkSettings.Networks ?? {})) endpoint?.NetworkID || join(network);
});
rule("ExecStart ExecResize ExecInspect", ({ subject }) => own("container", find("exec", subject)?.ContainerID, 404));
rule("NetworkInspect NetworkDelete VolumeInspect VolumeDelete", ({ family, subject }) =>
  named(family.slice(0, -1), subject, 404)); // networks: network
rule("NetworkConnect NetworkDisconnect", ({ subject }, { Container, EndpointConfig }) => {
  named("container", Container);
  join(subject, EndpointConfig, Container);
});
rule("NetworkCreate VolumeCreate", ({ family }, { Name, Labels, Driver, IPAM }) => {
  const taken = find(family.slice(0, -1), Name); // the engine would hand out the volume, or make a second such network
  if (taken && !isMine(taken.Labels)) refuse(`${Name} exists and is not yours`, 409);
  for (const driver of [Driver ?? "", IPAM?.Driver ?? ""])
    if (!["", "default", "bridge", "local"].includes(driver)) refuse(`driver ${driver} is not allowed`);
  nameable(Name || undefined);
  labelled(Labels);
});
rule("ContainerCreate", (_, { name, Image, Labels, HostConfig, NetworkingConfig }) => {
  nameable(name);
  labelled(Labels);
  if (carriesIt(find("image", Image))) refuse(`${Image} carries the label ${pair()} itself: use an image without it`);
  const { VolumesFrom, NetworkMode, Links } = HostConfig ?? {};
  for (const { Type, Source } of mountsOf(HostConfig ?? {})) {
    if (Type === "volume") Source && named("volume", Source);
    else if (Type !== "tmpfs") refuse(`${Type} mounts are not allowed: use a volume of yours`);
  }
  for (const other of VolumesFrom ?? []) named("container", other.split(":")[0]);
  join(NetworkMode, { Links });
  Object.entries(NetworkingConfig?.EndpointsConfig ?? {}).forEach(([network, endpoint]) => join(network, endpoint));
});

const pair = () => `${settings.label}=${tenant}`;
const isMine = (labels) => labels?.[settings.label] === tenant;
const labelled = (labels) => isMine(labels) || refuse(`what you make needs your label: add --label ${pair()}`);

// What every place has to hold that makes a name. The engine prefers a name to the start of an id: who writes the id of
// another's would get this. And it takes a link's alias as a path: "../x" names the container x.
function nameable(name) {
  if (!/^[a-zA-Z0-9][\w.-]*$/.test(name ?? "x")) refuse(`${name} is no name: use letters, digits, _, . and -`);
  if (/^([0-9a-f]{12,}|[0-9a-z]{25})$/.test(name)) refuse(`${name} could be an id: choose another name`);
}

// What is another's is refused in the words for what is not there.
function own(kind, reference, status) {
  const object = find(kind, reference);
  const isOwn = kind === "container" ? isOwnContainer : ({ Labels }) => isMine(Labels);
  return object && isOwn(object) ? object : refuse(`no ${kind} ${reference ?? ""} with label ${pair()}`, status);
}

// A label that a container has from its image counts for nothing: whoever made the image has put it there.
function isOwnContainer({ Config, Image }) {
  if (!isMine(Config.Labels)) return false;
  const image = find("image", Image) ?? refuse(`its image ${Image} is gone, so nobody knows whose the label ${pair()} is`);
  return !carriesIt(image);
}

const carriesIt = (image) => isMine(image?.Config?.Labels);

// Only a container in the path is pinned. Anything else, named by the start of its id, could be another's a moment later.
function named(kind, reference, status) {
  const { Id = reference } = own(kind, reference, status); // a volume has none
  if (/^[0-9a-f]+$/.test(reference) && reference !== Id) refuse(`write the whole id of ${kind} ${reference}`);
}

// A container joins a network: a common one, one of the tenant's, or that of its other container. Compose 1.x calls it
// by the start of its own id, too.
function join(network, endpoint, container) {
  if (network?.startsWith("container:")) named("container", network.slice("container:".length));
  else if (!["", "default", "bridge", "none"].includes(network ?? "")) named("network", network);
  for (const [other, alias] of (endpoint?.Links ?? []).map(linkOf)) {
    named("container", other);
    nameable(alias);
  }
  const isOwnId = (alias) => /^[0-9a-f]{64}$/.test(container) && container.startsWith(alias);
  for (const alias of endpoint?.Aliases ?? []) isOwnId(alias) || nameable(alias);
}

export const decisionPoint = {
  configure(text) {
    settings = readSettings(text);
    return { name: "tenant-labels", version: "0.1.0", inspect: Object.keys(BODIES), attributes: [] };
  },

  decide(request) {
    try {
      tenant = tenantOf(settings.clients, request) ?? refuse("this client belongs to no tenant");
      const judge = rules.get(request.operation) ?? refuse(`${request.method} ${request.path} is not for tenants`);
      nameable(first(request.query, "name")?.replace(/^\//, "") || undefined); // of a container; others are in the body
      judge(request, BODIES[request.operation] && read(BODIES[request.operation]));
      return { tag: "defer" };
    } catch ({ message, status }) {
      return { tag: "deny", val: { message, status } };
    }
  },
};

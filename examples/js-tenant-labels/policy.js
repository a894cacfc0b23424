// Tenants that share an engine: each sees, touches and makes only what carries its own label.
//
// The rule: what is not named here is refused, be it an operation, a field of a body or a value. What is named goes on
// to the next policy and the env flags (`defer`): by itself this policy allows nothing.
// The exception: images are common to all, and so are the networks `bridge` and `none`.

import { BODIES, ENDPOINT, HOST, MOUNT, words } from "./fields.js";
import { find, mountsOf, only, read, refuse } from "./reading.js";

// The settings, such as {"label": "team", "clients": [{"listener": "unix:///run/team-a.sock", "tenant": "a"}]}, and who
// asks: each decision has an instance of its own.
let settings, tenant;

const rules = new Map();
const rule = (operations, judge) => words(operations).forEach((operation) => rules.set(operation, judge));

rule("SystemPing SystemPingHead SystemVersion ImageList ImageInspect", () => {});
rule("ImageCreate", ({ query }) => query.some(([name]) => name === "fromSrc") && refuse("images are only pulled"));
rule("ContainerList SystemEvents NetworkList VolumeList ContainerPrune NetworkPrune VolumePrune", ({ query }) => {
  const { label } = JSON.parse(query.find(([name]) => name === "filters")?.[1] || "{}"); // the engine acts on the first
  if (Array.isArray(label) ? !label.includes(pair()) : label?.[pair()] !== true)
    refuse(`ask for your own: add --filter label=${pair()}`);
});
rule(`ContainerInspect ContainerTop ContainerLogs ContainerChanges ContainerExport ContainerStats ContainerResize
  ContainerStart ContainerStop ContainerRestart ContainerKill ContainerUpdate ContainerRename ContainerPause
  ContainerUnpause ContainerAttach ContainerAttachWebsocket ContainerWait ContainerDelete ContainerArchiveInfo
  ContainerArchive PutContainerArchive ContainerExec`, ({ subject }) => own("container", subject, 404));
rule("ExecStart ExecResize ExecInspect", ({ subject }) => own("container", find("exec", subject)?.ContainerID, 404));
rule("NetworkInspect NetworkDelete VolumeInspect VolumeDelete", ({ family, subject }) =>
  named(family.slice(0, -1), subject, 404)); // networks: network
rule("NetworkConnect NetworkDisconnect", ({ subject }, { Container, EndpointConfig }) => {
  join(subject, EndpointConfig);
  named("container", Container);
});
rule("NetworkCreate VolumeCreate", ({ family }, { Name, Labels, Driver }) => {
  const taken = find(family.slice(0, -1), Name); // the engine would hand out the volume, or make a second such network
  if (taken && !isMine(taken.Labels)) refuse(`${Name} exists and is not yours`, 409);
  if (!["", "bridge", "local"].includes(Driver ?? "")) refuse(`driver ${Driver} is not allowed`);
  labelled(Labels);
});
rule("ContainerCreate", (_, { Labels, HostConfig, NetworkingConfig }) => {
  labelled(Labels);
  const host = only(HOST, HostConfig);
  for (const mount of mountsOf(host)) {
    if (only(MOUNT, mount).Type === "volume") named("volume", mount.Source);
    else if (mount.Type !== "tmpfs") refuse(`${mount.Type} mounts are not allowed: use a volume of yours`);
  }
  for (const other of host.VolumesFrom ?? []) named("container", other.split(":")[0]);
  join(host.NetworkMode, { Links: host.Links });
  Object.entries(NetworkingConfig?.EndpointsConfig ?? {}).forEach(([network, endpoint]) => join(network, endpoint));
});

const pair = () => `${settings.label}=${tenant}`;
const isMine = (labels) => labels?.[settings.label] === tenant;
const labelled = (labels) => isMine(labels) || refuse(`what you make needs your label: add --label ${pair()}`);

// What is another's is refused in the words for what is not there.
function own(kind, reference, status) {
  const object = find(kind, reference);
  if (!isMine(kind === "container" ? object?.Config.Labels : object?.Labels))
    refuse(`no ${kind} ${reference ?? ""} with label ${pair()}`, status);
  return object;
}

// Only a container in the path is pinned. Anything else, named by the start of its id, could be another's a moment later.
function named(kind, reference, status) {
  const { Id = reference } = own(kind, reference, status); // a volume has none
  if (/^[0-9a-f]+$/.test(reference) && reference !== Id) refuse(`write the whole id of ${kind} ${reference}`);
}

// A container joins a network: a common one, one of the tenant's, or that of its other container.
function join(network, endpoint) {
  if (network?.startsWith("container:")) named("container", network.slice("container:".length));
  else if (!["", "default", "bridge", "none"].includes(network ?? "")) named("network", network);
  for (const link of only(ENDPOINT, endpoint).Links ?? []) named("container", link.split(":")[0]);
}

export const decisionPoint = {
  configure(text) {
    settings = JSON.parse(text || "{}");
    const isClient = (client) =>
      only(["listener", "uid", "tenant"], client).tenant && (client.listener || Number.isInteger(client.uid));
    if (!/^[^=]+$/.test(settings.label ?? "") || !settings.clients?.every(isClient))
      refuse('expected {"label": "team", "clients": [{"listener": "unix:///run/a.sock", "uid": 1000, "tenant": "a"}]}');
    return { name: "tenant-labels", version: "0.1.0", inspect: Object.keys(BODIES), attributes: [] };
  },

  decide(request) {
    const { listener, "peer.uid": uid } = Object.fromEntries(request.attributes);
    const is = (client) => (client.listener ?? listener) === listener && `${client.uid ?? uid}` === `${uid}`;
    try {
      tenant = settings.clients.find(is)?.tenant ?? refuse("this client belongs to no tenant");
      const judge = rules.get(request.operation) ?? refuse(`${request.method} ${request.path} is not for tenants`);
      judge(request, BODIES[request.operation] && read(BODIES[request.operation]));
      return { tag: "defer" };
    } catch ({ message, status }) {
      return { tag: "deny", val: { message, status } };
    }
  },
};

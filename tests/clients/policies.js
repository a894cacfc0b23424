// The example policies, as the npm package `dockerode` meets them. Arguments: the policy, a name for what is made.
//
// The gateway's address is in DOCKER_HOST, the packages' folder in NODE_PATH, containers that others made are in VICTIM and
// LISTED. Each policy is a function that fails by throwing. Without arguments the names of all are printed.
'use strict';

const assert = require('node:assert/strict');
const { PassThrough } = require('node:stream');
const { text } = require('node:stream/consumers');
const Docker = require('dockerode');

const IMAGE = 'e2e/busybox:1';
const docker = new Docker(); // reads DOCKER_HOST

const policies = {
  async no_shell(name) {
    assert.equal(await run(), 'hello\n');
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['sleep', '1000'], name, OpenStdin: true });
    await container.start();
    try {
      (await container.attach({ stream: true, stdout: true, stderr: true, stdin: false })).destroy();
      await refused('nobody gets into', container.exec({ Cmd: ['true'] }));
      await refused('nobody gets into', container.putArchive(Buffer.alloc(0), { path: '/tmp' }));
      await refused('nobody gets into', container.attach({ stream: true, hijack: true, stdin: true, stdout: true }));
    } finally {
      await container.remove({ force: true });
    }
  },

  async image_allowlist() {
    assert.equal(await run(), 'hello\n');
    const { Id } = await docker.getImage(IMAGE).inspect();
    await (await docker.createContainer({ Image: Id, Cmd: ['true'] })).remove();
    await refused('is not allowed; allowed are', docker.createContainer({ Image: 'other:1', Cmd: ['true'] }));
    await refused('is not allowed; allowed are', docker.pull('evil/miner:1'));
    await refused('would get around', docker.getImage(IMAGE).tag({ repo: 'e2e/other', tag: '1' }));
  },

  async start_stop_only() {
    const [listed, other] = ['LISTED', 'VICTIM'].map((name) => docker.getContainer(process.env[name]));
    await listed.stop({ t: 0 });
    await listed.start({});
    await listed.restart({ t: 0 });
    assert.equal((await listed.inspect()).State.Running, true);
    for (const how of ['stop', 'start', 'restart']) await refused('is not among the containers', other[how]());
    for (const how of ['kill', 'pause', 'remove']) await refused('nothing else changed', listed[how]());
    await refused('nothing else changed', listed.exec({ Cmd: ['true'] }));
    await refused('nothing else changed', docker.createContainer({ Image: IMAGE, Cmd: ['true'] }));
  },

  async restrict_create(name) {
    await withinABox(name, {});
    await refused('is not of a listed registry', docker.createContainer({ Image: 'evil/miner:1', Cmd: ['true'] }));
  },

  async tenant_labels(name) {
    await withinABox(name, { team: 'a' });
    await refused('what you make needs your label', docker.createContainer({ Image: IMAGE, Cmd: ['true'] }));
    await refused('add --filter label=team=a', docker.listContainers());
    const listed = await docker.listContainers({ all: true, filters: { label: ['team=a'] } });
    assert.ok(Array.isArray(listed));
    await refused('with label team=a', docker.getContainer(process.env.VICTIM).inspect());
  },
};

// What both the policy of tenants and that of new containers let through.
async function withinABox(name, Labels) {
  assert.equal(await run({ Labels }), 'hello\n');
  const network = await docker.createNetwork({ Name: `${name}-net`, Labels, CheckDuplicate: true });
  await docker.createVolume({ Name: `${name}-data`, Labels });
  const container = await docker.createContainer({
    Image: IMAGE, Cmd: ['sleep', '1000'], name, platform: '', Labels, Env: ['A=b'], Volumes: {}, Tty: false,
    ExposedPorts: { '80/tcp': {} }, OpenStdin: true,
    HostConfig: {
      Binds: [`${name}-data:/data`], PortBindings: { '80/tcp': [{ HostPort: '' }] }, RestartPolicy: { Name: 'no' },
      Privileged: false, Devices: [], CapAdd: [], SecurityOpt: [], Sysctls: {}, LogConfig: { Type: '', Config: {} },
    },
  });
  try {
    await container.start();
    const exec = await container.exec({ Cmd: ['echo', 'within'], AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({ hijack: true, stdin: false });
    const out = new PassThrough();
    docker.modem.demuxStream(stream, out, out);
    stream.on('end', () => out.end());
    assert.equal(await text(out), 'within\n');
    await network.connect({ Container: container.id, EndpointConfig: { Aliases: ['web'] } });
    await network.disconnect({ Container: container.id });
    await container.update({ CpuShares: 512 });
    await container.rename({ name: `${name}-x` });
    await container.restart({ t: 0 });
    const make = (more) => docker.createContainer({ Image: IMAGE, Cmd: ['true'], Labels, ...more });
    await (await make({ HostConfig: { Links: [`${name}-x:db`] } })).remove();
    for (const [bad, words] of [['../8df7222bb245', 'name'], ['8df7222bb245', 'could be an id'], ['a/b', 'name']]) {
      await refused(words, make({ HostConfig: { Links: [`${name}-x:${bad}`] } }));
      await refused(words, make({ name: bad }));
      await refused(words, container.rename({ name: bad }));
    }
    for (const wrong of [{ Privileged: true }, { PidMode: 'host' }, { Binds: ['/etc:/host'] }, { NetworkMode: 'host' },
      { CapAdd: ['SYS_ADMIN'] }, { Sysctls: { 'net.ipv4.ip_forward': '' } }, { OfTomorrow: {} }])
      await refused('', make({ HostConfig: wrong }));
    await refused('Privileged', container.exec({ Cmd: ['true'], Privileged: true }));
  } finally {
    await container.remove({ force: true });
    await network.remove();
    await docker.getVolume(`${name}-data`).remove();
  }
}

async function run(more = {}) {
  const out = new PassThrough();
  const [, container] = await docker.run(IMAGE, ['echo', 'hello'], [out, out], { Tty: false, ...more });
  out.end();
  await container.remove();
  return text(out);
}

async function refused(words, promise) {
  await assert.rejects(promise, ({ statusCode, message }) => {
    assert.ok([403, 404].includes(statusCode) && message.includes(words), message);
    assert.ok(message.includes('(policy '), message);
    return true;
  });
}

const [wanted, name] = process.argv.slice(2);
if (wanted === undefined) {
  console.log(Object.keys(policies).join('\n'));
} else {
  policies[wanted](name).then(
    () => {
      console.log(`done: ${wanted}`);
      process.exit(0); // a refused attach leaves its request open
    },
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
}

// Scenarios of the npm package `dockerode`. Arguments: the scenario, a name for what it makes in the engine.
//
// The engine's address is in DOCKER_HOST, the packages' folder in NODE_PATH. Each scenario is a function that fails by
// throwing. Without arguments the names of all scenarios are printed, so that the tests can tell whether they run all.
'use strict';

const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const { PassThrough, Readable } = require('node:stream');
const { buffer, text } = require('node:stream/consumers');
const Docker = require('dockerode');
const tar = require('tar-stream');

const IMAGE = 'e2e/busybox:1';
const docker = new Docker(); // reads DOCKER_HOST

const scenarios = {
  async ps_inspect_rename_and_remove(name) {
    const made = await docker.createContainer({ Image: IMAGE, Cmd: ['true'], name, Labels: { team: 'blue' } });
    const [listed] = await docker.listContainers({ all: true, filters: { name: [`^/${name}$`] } });
    assert.equal(listed.Id, made.id);
    assert.deepEqual((await made.inspect()).Config.Labels, { team: 'blue' });
    await made.rename({ name: `${name}-renamed` });
    assert.equal((await docker.getContainer(`${name}-renamed`).inspect()).Id, made.id);
    await made.remove();
    await assert.rejects(made.inspect(), { statusCode: 404, message: /no such container/i });
  },

  async attach_carries_stdin_to_its_end(name) {
    const container = await docker.createContainer(piped(name, 'cat; echo after the end'));
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    const output = demuxed(stream);
    await container.start();
    const sent = randomBytes(1 << 20);
    stream.end(sent); // closes this direction only
    const received = await buffer(output.out);
    assert.ok(received.equals(Buffer.concat([sent, Buffer.from('after the end\n')])), `${received.length} bytes`);
    assert.equal((await container.wait()).StatusCode, 0);
    await container.remove();
  },

  async run_pipes_output_and_tells_the_exit_code() {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3'];
    const [result, container] = await docker.run(IMAGE, command, [out, err], { Tty: false });
    out.end();
    err.end();
    assert.equal(result.StatusCode, 3);
    assert.deepEqual([await text(out), await text(err)], ['out\n', 'err\n']);
    await container.remove();
  },

  async exec_with_and_without_a_terminal(name) {
    const container = await sleeping(name);
    let exec = await container.exec({ Cmd: ['sh', '-c', 'cat; exit 6'], AttachStdin: true, AttachStdout: true });
    let stream = await exec.start({ hijack: true, stdin: true });
    const output = demuxed(stream);
    stream.end('to the end');
    assert.equal(await text(output.out), 'to the end');
    assert.equal((await exec.inspect()).ExitCode, 6);

    const script = "trap 'stty size; exit' WINCH; echo begin; while :; do read -r _; done";
    exec = await container.exec({ Cmd: ['sh', '-c', script], Tty: true, AttachStdin: true, AttachStdout: true });
    stream = await exec.start({ hijack: true, stdin: true, Tty: true });
    const pieces = stream[Symbol.asyncIterator]();
    assert.match(String((await pieces.next()).value), /^begin/);
    await exec.resize({ h: 41, w: 121 });
    assert.match(String((await pieces.next()).value), /41 121/);
    stream.destroy();
    await container.remove({ force: true });
  },

  async logs_follow_until_the_container_ends(name) {
    const script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done";
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['sh', '-c', script], name });
    await container.start();
    const lines = demuxed(await container.logs({ follow: true, stdout: true, stderr: true })).out;
    const pieces = lines[Symbol.asyncIterator]();
    assert.equal(String((await pieces.next()).value), 'ready\n'); // while the container runs
    const ended = container.wait();
    await container.kill({ signal: 'TERM' });
    assert.equal((await pieces.next()).done, true);
    assert.equal((await ended).StatusCode, 9);
    await container.remove();
  },

  async events_arrive_while_they_happen(name) {
    const stream = await docker.getEvents({ since: 0, filters: { container: [name] } });
    const events = objects(stream);
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['true'], name });
    assert.equal((await events.next()).value.Action, 'create');
    await container.start();
    assert.equal((await events.next()).value.Action, 'start');
    assert.equal((await events.next()).value.Action, 'die');
    await container.remove();
    assert.equal((await events.next()).value.Action, 'destroy');
    stream.destroy();
  },

  async stats_are_told_once_and_again(name) {
    const container = await sleeping(name);
    assert.equal((await container.stats({ stream: false })).name, `/${name}`);
    const stream = await container.stats({ stream: true });
    const samples = objects(stream);
    const [first, second] = [(await samples.next()).value, (await samples.next()).value];
    assert.ok(first.read < second.read, `${first.read} ${second.read}`);
    stream.destroy();
    await container.remove({ force: true });
  },

  async archives_go_in_and_out(name) {
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['true'], name });
    const sent = randomBytes(3 << 20);
    await container.putArchive(await tarOf('a b', sent), { path: '/tmp' });
    const info = await container.infoArchive({ path: '/tmp/a b' });
    assert.ok(info.headers?.['x-docker-container-path-stat'] ?? info, 'HEAD tells about the file');
    const archive = await container.getArchive({ path: '/tmp/a b' });
    assert.ok((await fileOf(archive, 'a b')).equals(sent));
    assert.ok((await fileOf(await container.export(), 'tmp/a b')).equals(sent));
    await container.remove();
  },

  async a_large_image_survives_save_and_load(name) {
    const content = randomBytes(100 << 20);
    const context = await tarOf('blob', content, `FROM scratch\nCOPY blob /blob\nCMD ["none"]\n`);
    await progress(await docker.buildImage(Readable.from([context]), { t: `${name}:1` }));
    const image = docker.getImage(`${name}:1`);
    const { Id } = await image.inspect();
    const saved = await buffer(await image.get());
    await image.remove();
    await progress(await docker.loadImage(Readable.from([saved])));
    assert.equal((await image.inspect()).Id, Id);
    const container = await docker.createContainer({ Image: `${name}:1`, name });
    const back = await fileOf(await container.getArchive({ path: '/blob' }), 'blob');
    assert.equal(sha256(back), sha256(content));
    await container.remove();
    await image.remove();
  },

  async a_build_tells_its_steps(name) {
    const dockerfile = `FROM ${IMAGE}\nCOPY note /note\nRUN echo a step ran | tr a-z A-Z\n`;
    const context = await tarOf('note', Buffer.from('noted'), dockerfile);
    const told = await progress(await docker.buildImage(Readable.from([context]), { t: name }));
    assert.ok(told.some((line) => line.stream?.includes('A STEP RAN')), JSON.stringify(told));
    const image = docker.getImage(name);
    await image.tag({ repo: `localhost:5000/${name}/sub`, tag: 'v1' });
    assert.equal((await docker.getImage(`localhost:5000/${name}/sub:v1`).inspect()).Id, (await image.inspect()).Id);
    await docker.getImage(`localhost:5000/${name}/sub:v1`).remove();
    await image.remove();
  },

  async networks_and_volumes_come_and_go(name) {
    const network = await docker.createNetwork({ Name: name, Labels: { owner: name } });
    const volume = await docker.createVolume({ Name: name, Labels: { owner: name } });
    const HostConfig = { Binds: [`${name}:/data`] };
    const container = await docker.createContainer({ Image: IMAGE, Cmd: ['true'], name, HostConfig });
    await network.connect({ Container: name });
    assert.ok((await container.inspect()).NetworkSettings.Networks[name]);
    await network.disconnect({ Container: name });
    await container.remove();
    const pruned = await docker.pruneNetworks({ filters: { label: [`owner=${name}`] } });
    assert.deepEqual(pruned.NetworksDeleted, [name]);
    await (volume.remove ? volume : docker.getVolume(name)).remove();
    await assert.rejects(docker.getVolume(name).inspect(), { statusCode: 404 });
  },

  async the_engine_tells_about_itself() {
    assert.equal(String(await docker.ping()), 'OK');
    const { Version, ApiVersion } = await docker.version();
    assert.equal(Version, process.env.ENGINE_VERSION);
    assert.equal(ApiVersion, process.env.ENGINE_API_VERSION);
    assert.equal((await docker.info()).ServerVersion, Version);
    assert.ok('LayersSize' in (await docker.df()));
  },

  // Behind a gateway with CONTAINERS=1 alone.
  async a_refusal_is_an_error_that_names_the_flag(name) {
    const victim = docker.getContainer('victim');
    const upload = await tarOf('stolen', Buffer.alloc(10 << 20));
    for (const [statusCode, flag, attempt] of [
      [405, 'POST=1', () => docker.createContainer({ Image: IMAGE, name })],
      [405, 'POST=1', () => victim.exec({ Cmd: ['true'] })],
      [405, 'POST=1', () => victim.attach({ stream: true, hijack: true, stdin: true, stdout: true })],
      [405, 'DELETE=1', () => victim.remove({ force: true })],
      [405, 'PUT=1', () => victim.putArchive(upload, { path: '/' })],
      [403, 'IMAGES=1', () => docker.listImages()],
      [403, 'INFO=1', () => docker.info()],
    ]) {
      await assert.rejects(attempt, { statusCode, message: new RegExp(flag) });
    }
    assert.deepEqual((await docker.listContainers()).map(({ Names }) => Names), [['/victim']]);
  },
};

function piped(name, script) {
  return { Image: IMAGE, Cmd: ['sh', '-c', script], name, OpenStdin: true, StdinOnce: true, AttachStdin: true };
}

async function sleeping(name) {
  const container = await docker.createContainer({ Image: IMAGE, Cmd: ['sleep', '1000'], name });
  await container.start();
  return container;
}

function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => [out, err].forEach((side) => side.end()));
  return { out, err };
}

// The objects of a stream of JSON lines.
async function* objects(stream) {
  let rest = '';
  for await (const piece of stream) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    yield* lines.filter((line) => line.trim()).map((line) => JSON.parse(line));
  }
}

function progress(stream) {
  const finished = (resolve, reject) => (error, told) => (error ? reject(error) : resolve(told));
  return new Promise((resolve, reject) => docker.modem.followProgress(stream, finished(resolve, reject)));
}

function tarOf(name, content, dockerfile) {
  const pack = tar.pack();
  pack.entry({ name }, content);
  if (dockerfile) pack.entry({ name: 'Dockerfile' }, dockerfile);
  pack.finalize();
  return buffer(pack);
}

async function fileOf(archive, wanted) {
  let found;
  const extract = tar.extract();
  extract.on('entry', (header, content, next) => {
    if (header.name === wanted) buffer(content).then((bytes) => { found = bytes; }).then(next, next);
    else content.on('end', next).resume();
  });
  await new Promise((resolve, reject) => archive.pipe(extract).on('finish', resolve).on('error', reject));
  return found;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const [scenario, name] = process.argv.slice(2);
if (scenario === undefined) {
  console.log(Object.keys(scenarios).join('\n'));
} else {
  scenarios[scenario](name).then(
    () => { console.log(`done: ${scenario}`); process.exit(0); }, // idle keep-alive connections would hold it
    (error) => { console.error(error); process.exit(1); },
  );
}

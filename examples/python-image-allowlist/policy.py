"""Images come from a list: what a container, a service or a pull names must match one of its patterns.

The rule: names are compared as the engine completes them, `alpine` as `docker.io/library/alpine:latest`, and a digest
in place of the tag beside it. What lets a client give an image any name (build, commit, tag, load, import) is refused:
the list would mean nothing. So is what runs images in other ways: plugins, and swarms, whose join tokens let engines
in that nobody asks. The rest is left to the next policy and the env flags.
The exception: an image named by its id may run if one of the names that the engine has for it matches.
"""

import json
import re
from fnmatch import fnmatchcase

from componentize_py_types import Err
from wit_world.imports import call, engine
from wit_world.imports.types import Decision_Defer, Decision_Deny, Denial, Manifest

INSPECTED = ["ContainerCreate", "ServiceCreate", "ServiceUpdate"]
REFUSED = """ImageBuild ImageCommit ImageLoad ImageTag Session Grpc PluginCreate PluginPull PluginUpgrade
    SwarmInit SwarmJoin SwarmUpdate SwarmInspect SwarmUnlockkey""".split()
PATTERN = re.compile(r"[a-z0-9.-]+(:[0-9]+)?/.*[*:@].*")  # the registry in plain letters, and something for the tag
PART = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
NAME = re.compile(rf"[a-z0-9.-]+(:[0-9]+)?/{PART}(/{PART})*(:\w[\w.-]*|@sha256:[0-9a-f]{{64}})", re.ASCII)

allowed = []  # patterns, from the settings


class Refused(Exception):
    pass


def complete(image):
    """The whole name: registry, repository, and tag or digest."""
    name, at, digest = image.partition("@")
    host, slash, path = name.partition("/")
    if not slash or not (host == "localhost" or "." in host or ":" in host):
        host, path = "docker.io", name
    host = "docker.io" if host == "index.docker.io" else host
    path, colon, tag = path.partition(":")
    path = f"library/{path}" if host == "docker.io" and "/" not in path else path
    return f"{host}/{path}@{digest}" if at else f"{host}/{path}:{tag if colon else 'latest'}"


def of_container(spec, mounts):
    """All names of the images that a container is made from."""
    images = [spec.get("Image")] + [mount.get("Source") for mount in mounts or [] if mount.get("Type") == "image"]
    for image in images:
        if not image:
            raise Refused("name an image")
        yield names_of(image) if re.fullmatch("(sha256:)?[0-9a-f]+", image) else [image]


def names_of(image_id):
    try:
        image = json.loads(engine.inspect(engine.Kind.IMAGE, image_id))
    except Err as error:
        raise Refused(f"cannot look up image {image_id}: {error.value}")
    return [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]


def of_service(spec, query):
    """All names of the images of a service's tasks."""
    task = spec.get("TaskTemplate") or {}
    # The engine runs what Runtime says, whatever else there is. That it is there counts, even without entries.
    others = [task.get("PluginSpec"), task.get("NetworkAttachmentSpec")]
    if task.get("Runtime") not in (None, "", "container") or others != [None, None]:
        raise Refused("services run containers only")
    if first_of(query, "rollback"):
        raise Refused("a rollback runs an image that the request does not name: update the service to it")
    container = task.get("ContainerSpec") or {}
    return of_container(container, container.get("Mounts"))


def first_of(query, name):
    """A parameter; the engine acts on the first of several."""
    return dict(reversed(query)).get(name, "")


def of_pull(query):
    """The name of the image that is pulled."""
    image, tag = first_of(query, "fromImage"), first_of(query, "tag")
    if not image:
        raise Refused("images are pulled, not imported")
    if bool(tag) == (":" in image.rpartition("/")[2]):
        raise Refused(f"name one tag or one digest of {image}: with none, all tags would be pulled")
    return image if not tag else f"{image}@{tag}" if tag.startswith("sha256:") else f"{image}:{tag}"


def images_of(request):
    """What the request runs or pulls: for each image its names, one of which must match."""
    body = json.loads(getattr(call.body(), "value", "{}")) or {} if request.operation in INSPECTED else {}
    if request.operation == "ContainerCreate":
        return of_container(body, (body.get("HostConfig") or {}).get("Mounts"))
    if request.operation in ("ServiceCreate", "ServiceUpdate"):
        return of_service(body, request.query)
    if request.operation == "ImageCreate":
        return [[of_pull(request.query)]]
    if request.operation in REFUSED or not request.operation:
        raise Refused(f"{request.operation or request.path} would get around the list of images")
    return []


def matches(name):
    return NAME.fullmatch(name) and any(fnmatchcase(name, pattern) for pattern in allowed)


class DecisionPoint:
    """Each call gets an object of its own; what `configure` leaves to `decide` is the module's."""

    def configure(self, settings):
        try:
            allowed[:] = json.loads(settings)["allowed"]
            wrong = [pattern for pattern in allowed if not PATTERN.fullmatch(pattern)]
        except (ValueError, TypeError, KeyError):
            raise Err('expected {"allowed": ["docker.io/library/*", "registry.example.com/team/app:1.*"]}')
        if wrong:
            raise Err(f"allowed: {wrong[0]} is no whole name with a tag, such as docker.io/library/alpine:3.*")
        return Manifest("image-allowlist", "0.1.0", INSPECTED, [])

    def decide(self, request):
        try:
            for names in images_of(request):
                if not any(matches(complete(name)) for name in names):
                    raise Refused(f"image {', '.join(names)} is not allowed; allowed are {', '.join(allowed)}")
        except Refused as refused:
            return Decision_Deny(Denial(str(refused), None))
        return Decision_Defer()

#!/bin/sh
# dockerd.sh DIR [ROOT]: keeps one dockerd, this machine's or that of another Debian in the folder ROOT, in a box of its
# own for as long as this script's stdin stays open, then removes every trace.
#
# The tests hold the other end of stdin, so the engine goes with them however they end: passed, panicked or killed.
# The box is a network, mount and process namespace: bridges, firewall rules, overlay mounts and containers live in
# it and die with it, so several engines run side by side and the machine's own network and engine are not touched.
# Only cgroups reach outside; they all are below one parent, which is removed at the end.
set -u
dir=$1 root=${2-}

if [ "${3-}" != inside ]; then
    unshare --net --mount --pid --fork --mount-proc --kill-child -- sh "$0" "$dir" "$root" inside
    find /sys/fs/cgroup -depth -type d -path "*/$(basename "$dir")*" -exec rmdir {} + 2>/dev/null
    rm -rf -- "$dir"
    exit
fi

exec 3<&0 # a background job's own stdin is /dev/null

ip link set lo up
if [ -n "$root" ]; then
    set -- sh "$(dirname "$0")/in_root.sh" "$root" dockerd
else
    # A private /run: an engine or containerd that the machine runs is not found there, and neither is systemd.
    mount -t tmpfs tmpfs /run
    set -- /usr/sbin/dockerd # not whichever is first on PATH
fi

# --config-file      an empty one: not the settings of an engine that the machine may run
# --data-root, --exec-root, --pidfile   all state below the folder that is removed at the end
# --cgroup-parent    lets the cgroups be found and removed
# --exec-opt         the other cgroup driver needs systemd, which is not in the box
# --log-level=warn   the log is shown when the start fails: without hundreds of lines about gRPC
echo '{}' >"$dir/daemon.json"
"$@" \
    --host "unix://$dir/docker.sock" \
    --config-file "$dir/daemon.json" \
    --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
    --cgroup-parent "/$(basename "$dir")" --exec-opt native.cgroupdriver=cgroupfs \
    --log-level=warn >"$dir/log" 2>&1 </dev/null &
engine=$!

# Either end will do: the tests let go of stdin, or the engine stops by itself. When this shell ends, the kernel kills
# what is left in the box.
{ cat <&3 >/dev/null; kill -KILL "$engine"; } 2>/dev/null &
wait "$engine"

#!/bin/sh
# in_root.sh ROOT PROGRAM [ARGUMENT...]: becomes PROGRAM of another Debian, whose root folder is ROOT.
#
# Must be run by `unshare --mount`: what is mounted here belongs to that mount namespace and ends with it. ROOT itself is
# read-only for PROGRAM, so that many run side by side. The folders for temporary files are where they are outside, so a
# test's sockets and files have one path, and its working folder stays if it is among them. chroot would not do for an
# engine, which mounts over `/` to unpack a layer.
set -eu
root=$1
shift
here=$PWD

mkdir -p "$root${TMPDIR:-/tmp}"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
for folder in /proc /sys /dev /tmp ${TMPDIR:+"$TMPDIR"}; do
    mount --rbind "$folder" "$root$folder"
done
mount -t tmpfs tmpfs "$root/run" # none of the sockets that the machine or another engine has there
cd "$root"
pivot_root . mnt
umount --lazy /mnt
cd "$here" 2>/dev/null || cd /
exec "$@"

#!/bin/sh
# Runs the script that mounts data disks on three loop devices: one with a file system, an empty one, and one with a
# partition table and nothing else. As root. Ends with 77 and the reason where loop devices are not to be had.
set -eu
script=$1
dir=$2
export DISK_LINKS="$dir/links" MOUNT_BASE="$dir/data" DISK_WAIT=1
mkdir -p "$DISK_LINKS" "$MOUNT_BASE"
loops=

tidy() {
  for lun in 0 1 2; do umount "$MOUNT_BASE/lun$lun" 2>/dev/null || true; done
  for loop in $loops; do losetup -d "$loop" || true; done
}
trap tidy EXIT

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

disk() {
  truncate -s 32M "$dir/$1.img"
  if ! loop=$(losetup -f --show "$dir/$1.img" 2>&1); then
    echo "$loop" >&2
    exit 77
  fi
  loops="$loops $loop"
  ln -s "$loop" "$DISK_LINKS/$2"
}

is_mounted() { mountpoint -q "$MOUNT_BASE/lun$1"; }

disk full 0
mkfs.ext4 -q "$DISK_LINKS/0"
before=$(blkid -p -o value -s UUID "$DISK_LINKS/0")
disk empty lun1

# What is empty is not formatted unless that is permitted; the disk before it is mounted.
if said=$(sh "$script" 2>&1); then fail "an empty disk was taken without leave: $said"; fi
case $said in *"is empty; set FORMAT_EMPTY=yes"*) ;; *) fail "the refusal says: $said" ;; esac
is_mounted 0 || fail "the disk with a file system is not mounted"
[ -z "$(wipefs --no-act --noheadings "$DISK_LINKS/lun1")" ] || fail "the empty disk was written to"

FORMAT_EMPTY=yes sh "$script"
is_mounted 1 || fail "the empty disk is not mounted"
echo kept > "$MOUNT_BASE/lun0/file"
echo kept > "$MOUNT_BASE/lun1/file"

# Again, and again after a restart of the node.
[ -z "$(FORMAT_EMPTY=yes sh "$script")" ] || fail "the second run did something"
umount "$MOUNT_BASE/lun0" "$MOUNT_BASE/lun1"
FORMAT_EMPTY=yes sh "$script"
[ "$(cat "$MOUNT_BASE/lun0/file" "$MOUNT_BASE/lun1/file")" = "kept
kept" ] || fail "files are lost"
[ "$(blkid -p -o value -s UUID "$DISK_LINKS/0")" = "$before" ] || fail "a disk with a file system was formatted"

# A partition table is something, although it is no file system.
sed 's/^luns=.*/luns="2"/' "$script" > "$dir/third.sh"
if said=$(sh "$dir/third.sh" 2>&1); then fail "a disk that is not there was mounted: $said"; fi
case $said in *"there is no disk with LUN 2"*) ;; *) fail "the missing disk is called: $said" ;; esac
disk table 2
printf '\000\000\002\000\203\000\020\000\000\010\000\000\000\020\000\000' |
  dd of="$DISK_LINKS/2" bs=1 seek=446 conv=notrunc 2>/dev/null
printf '\125\252' | dd of="$DISK_LINKS/2" bs=1 seek=510 conv=notrunc 2>/dev/null
if said=$(FORMAT_EMPTY=yes sh "$dir/third.sh" 2>&1); then fail "a partition table was written over: $said"; fi
case $said in *"it is left alone"*) ;; *) fail "the partition table is called: $said" ;; esac
echo "all as it should be"

#!/bin/sh
# Mounts the data disks of a node's image by their LUNs, each below one folder: /mnt/data/lun0, /mnt/data/lun1, …
# It needs root, and may run again at any time: what is mounted already stays. A disk that holds anything is never
# formatted. A disk that holds nothing is formatted only when FORMAT_EMPTY is "yes"; otherwise the script fails.
#
# MOUNT_BASE    the folder; /mnt/data when it is not set
# FORMAT_EMPTY  "yes" makes an ext4 file system on a disk that holds nothing
# DISK_WAIT     for how many seconds a disk is waited for; 60 when it is not set
# DISK_LINKS    folder with a link for each LUN, where it is not Azure's own
set -eu

luns="@LUNS@"
base=${MOUNT_BASE:-/mnt/data}
wait=${DISK_WAIT:-60}

fail() {
  echo "mount-data-disks: $*" >&2
  exit 1
}

# The block device of a LUN. Azure's rules for udev make the links: "data/by-lun" for SCSI and NVMe, "scsi1" before that.
device() {
  for link in "${DISK_LINKS:-/dev/disk/azure/data/by-lun}/$1" "${DISK_LINKS:-/dev/disk/azure/scsi1}/lun$1"; do
    if [ -e "$link" ]; then
      readlink -f "$link"
      return 0
    fi
  done
  return 1
}

await_device() {
  left=$wait
  while ! device "$1"; do
    [ "$left" -gt 0 ] || fail "there is no disk with LUN $1"
    left=$((left - 1))
    sleep 1
  done
}

# What a device holds: the word of its file system, or nothing.
file_system() {
  blkid -p -o value -s TYPE "$1" || true
}

# Whether nothing at all is known to be on a device. What cannot be read is not empty.
is_empty() {
  signatures=$(wipefs --no-act --noheadings "$1") || fail "$1 cannot be read"
  [ -z "$signatures" ]
}

partitions() {
  lsblk --noheadings --raw --paths --output NAME,TYPE "$1" | while read -r name type; do
    if [ "$type" = part ]; then echo "$name"; fi
  done
}

# Mounts one device on one folder, unless it is mounted there.
mount_on() {
  if mountpoint -q "$2"; then
    mounted=$(findmnt --noheadings --output SOURCE --mountpoint "$2" | tail -n 1)
    [ "$(readlink -f "$mounted")" = "$1" ] || fail "$2 has another disk, $mounted; it should have $1"
    return 0
  fi
  mkdir -p "$2"
  mount "$1" "$2"
  echo "mount-data-disks: $1 is on $2"
}

mount_lun() {
  disk=$(await_device "$1")
  system=$(file_system "$disk")
  if [ -n "$system" ]; then
    mount_on "$disk" "$base/lun$1"
    return 0
  fi
  number=0
  for part in $(partitions "$disk"); do
    number=$((number + 1))
    [ -n "$(file_system "$part")" ] || continue
    mount_on "$part" "$base/lun$1-part$number"
  done
  [ "$number" -eq 0 ] || return 0
  is_empty "$disk" || fail "the disk with LUN $1 ($disk) holds something that is no file system; it is left alone"
  [ "${FORMAT_EMPTY:-no}" = yes ] ||
    fail "the disk with LUN $1 ($disk) is empty; set FORMAT_EMPTY=yes to make a file system on it"
  mkfs.ext4 -q "$disk"
  mount_on "$disk" "$base/lun$1"
}

[ "$(id -u)" -eq 0 ] || fail "it needs root: let the start task run elevated"
for lun in $luns; do
  mount_lun "$lun"
done

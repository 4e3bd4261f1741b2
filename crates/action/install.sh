#!/usr/bin/env bash
# Finds the azure-batch-pool binary for action.yml and writes its path to the step output `path`.
# It never runs the binary.
#
# In this order: the file that AZURE_BATCH_POOL_BINARY names; a build from the action's own source, when
# AZURE_BATCH_POOL_BUILD is true; the release of the action's version. The SHA-256 of a release lies in the action's own
# source (checksums.txt), so a pin by commit fixes the binary too; for a version tag the release's own list will do.
# Nothing is compiled unless it is asked for, and nothing that cannot be verified is handed over.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
work="${RUNNER_TEMP:-$(mktemp -d)}/azure-batch-pool"

fail() {
  printf '::error title=azure-batch-pool::%s\n' "$1"
  exit 1
}

hand_over() {
  printf 'azure-batch-pool: %s\n' "$1"
  printf 'path=%s\n' "$1" >>"${GITHUB_OUTPUT:-/dev/stdout}"
  exit 0
}

platform() {
  local system machine
  case "$(uname -s)" in
    Linux) system=linux ;;
    Darwin) system=darwin ;;
    MINGW* | MSYS* | CYGWIN*) system=windows ;;
    *) return 1 ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) machine=amd64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) return 1 ;;
  esac
  printf '%s_%s' "$system" "$machine"
}

sha256_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1" | cut -d ' ' -f 1
  else
    shasum -a 256 "$1" | cut -d ' ' -f 1
  fi
}

# Fetches $1 into $2. A file that is not there is told from a network that fails: the remedies differ.
download() {
  local status=0 said
  said="$(curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 \
    --retry 3 --connect-timeout 20 --max-time 300 "$1" --output "$2" 2>&1)" || status=$?
  case $status in
    0) return 0 ;;
    22) fail "there is no file $1 (${said//$'\n'/ }): is it a release of this repository? A mirror of the releases is named in AZURE_BATCH_POOL_MIRROR, a program of your own in AZURE_BATCH_POOL_BINARY" ;;
    *) fail "cannot download $1 (${said//$'\n'/ }): check the network and HTTPS_PROXY; without internet, name a mirror in AZURE_BATCH_POOL_MIRROR or the program in AZURE_BATCH_POOL_BINARY" ;;
  esac
}

# The sum of file $1 in list $2; nothing when it is not listed.
listed() {
  awk -v name="$1" '$2 == name || $2 == "*" name { print $1; exit }' "$2"
}

# Hands the released binary over.
take_release() {
  local version name suffix='' place base expected found
  version="v$(awk -F '"' '/^version = / { print $2; exit }' "$root/Cargo.toml")"
  name="$(platform)" ||
    fail "there is no release for $(uname -s) on $(uname -m); build it with AZURE_BATCH_POOL_BUILD=true"
  [[ "$name" == windows_* ]] && suffix='.exe'
  place="${RUNNER_TOOL_CACHE:-$work}/azure-batch-pool/$version/$name/azure-batch-pool$suffix"
  name="azure-batch-pool_${version}_$name$suffix"
  # On GitHub Enterprise the action itself comes from github.com too, so that is where its releases are.
  base="${AZURE_BATCH_POOL_MIRROR:-https://github.com/${ACTION_REPOSITORY:-azure-batch-tools/packer-plugin-azure-batch}/releases/download}"
  base="${base%/}/$version"
  mkdir -p "$work" "$(dirname "$place")"
  expected="$(listed "$name" "$here/checksums.txt")"
  if [[ -z "$expected" ]]; then
    # Only a tag says that this source is a release; of any other commit the release's program may differ.
    [[ "${ACTION_REF:-}" == "$version" ]] ||
      fail "'${ACTION_REF:-a local checkout}' is not a release, so there is no program of it to download: pin the tag $version or the commit of a release, or build it with AZURE_BATCH_POOL_BUILD=true"
    download "$base/azure-batch-pool_${version}_SHA256SUMS" "$work/SHA256SUMS"
    expected="$(listed "$name" "$work/SHA256SUMS")"
  fi
  if [[ ! -f "$place" || "$(sha256_of "$place")" != "$expected" ]]; then
    download "$base/$name" "$place"
  fi
  found="$(sha256_of "$place")"
  if [[ -z "$expected" || "$found" != "$expected" ]]; then
    rm -f "$place"
    fail "the checksum of $name is $found, and it should be '$expected'; nothing was run"
  fi
  chmod +x "$place"
  hand_over "$place"
}

# Without the release profile's whole-program optimisation, which takes minutes longer and gains nothing here.
build() {
  local suffix=''
  [[ "$(uname -s)" =~ ^(MINGW|MSYS|CYGWIN) ]] && suffix='.exe'
  command -v cargo >/dev/null || fail "AZURE_BATCH_POOL_BUILD is true and there is no cargo to build with; install Rust first"
  mkdir -p "$work"
  (
    cd "$root"
    CARGO_TARGET_DIR="$work/target" cargo build --quiet --release --locked --package azure-batch-pool \
      --config 'profile.release.lto="off"' --config 'profile.release.codegen-units=16'
  ) || fail "azure-batch-pool could not be built from source; the reason is above"
  hand_over "$work/target/release/azure-batch-pool$suffix"
}

if [[ -n "${AZURE_BATCH_POOL_BINARY:-}" ]]; then
  [[ -x "$AZURE_BATCH_POOL_BINARY" ]] || fail "AZURE_BATCH_POOL_BINARY names no program: $AZURE_BATCH_POOL_BINARY"
  printf 'taken from AZURE_BATCH_POOL_BINARY, which this step or an earlier one has set\n'
  hand_over "$AZURE_BATCH_POOL_BINARY"
fi
if [[ "${AZURE_BATCH_POOL_BUILD:-}" == true ]]; then
  build
fi
take_release

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

# Whose action this is, and at which ref. The runner's variables are those of the outermost action when a composite action
# calls this one (actions/runner#2473); the folder into which it downloads an action is always the action's own.
repository="${ACTION_REPOSITORY:-azure-batch-tools/packer-plugin-azure-batch}"
reference="${ACTION_REF:-}"
if [[ "${root//\\//}" =~ /_actions/([^/]+/[^/]+)/(.+)$ ]]; then
  repository="${BASH_REMATCH[1]}"
  reference="${BASH_REMATCH[2]}"
fi

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

# What curl reads as its configuration: the mirror's token, so that it stands on no command line.
mirror_header() {
  if [[ -n "${AZURE_BATCH_POOL_MIRROR:-}" && -n "${AZURE_BATCH_POOL_MIRROR_TOKEN:-}" ]]; then
    printf 'header = "Authorization: Bearer %s"\n' "$AZURE_BATCH_POOL_MIRROR_TOKEN"
  fi
}

# Where a run on GitHub Enterprise is reminded of where it downloads from.
elsewhere() {
  if [[ -z "${AZURE_BATCH_POOL_MIRROR:-}" && "${GITHUB_SERVER_URL:-https://github.com}" != https://github.com ]]; then
    printf '; this job runs on %s, and the releases are on github.com' "$GITHUB_SERVER_URL"
  fi
}

# Fetches $1 into $2. The kinds of failure have different remedies, so each has its own text.
download() {
  local status=0 said
  said="$(mirror_header | curl --config - --fail --silent --show-error --location --proto '=https' --tlsv1.2 \
    --retry 3 --connect-timeout 20 --max-time 300 "$1" --output "$2" 2>&1)" || status=$?
  said="${said//$'\n'/ }"
  case "$status $said" in
    0\ *) return 0 ;;
    22\ *error:\ 40[137]*) fail "access to $1 was refused ($said): a mirror that asks who you are needs AZURE_BATCH_POOL_MIRROR_TOKEN, a proxy its user and password in HTTPS_PROXY$(elsewhere)" ;;
    22\ *error:\ 404*) fail "there is no file $1 ($said): is it a release of this repository? A mirror of the releases is named in AZURE_BATCH_POOL_MIRROR, a program of your own in AZURE_BATCH_POOL_BINARY$(elsewhere)" ;;
    22\ *) fail "the server failed with $1 ($said): run the job again later, or name a mirror in AZURE_BATCH_POOL_MIRROR$(elsewhere)" ;;
    *) fail "cannot download $1 ($said): check the network and HTTPS_PROXY; without internet, name a mirror in AZURE_BATCH_POOL_MIRROR or the program in AZURE_BATCH_POOL_BINARY$(elsewhere)" ;;
  esac
}

# The sum of file $1 in list $2; nothing when it is not listed.
listed() {
  awk -v name="$1" '$2 == name || $2 == "*" name { print $1; exit }' "$2"
}

# Hands the released program over. The tool cache keeps the archive, whose sum is compared each time.
take_release() {
  local version name suffix='' place base expected found
  version="v$(awk -F '"' '/^version = / { print $2; exit }' "$root/Cargo.toml")"
  name="$(platform)" ||
    fail "there is no release for $(uname -s) on $(uname -m); build it with AZURE_BATCH_POOL_BUILD=true"
  [[ "$name" == windows_* ]] && suffix='.exe'
  place="${RUNNER_TOOL_CACHE:-$work}/azure-batch-pool/$version"
  name="azure-batch-pool_${version}_$name.tar.gz"
  # On GitHub Enterprise the action itself comes from github.com too, so that is where its releases are.
  base="${AZURE_BATCH_POOL_MIRROR:-https://github.com/$repository/releases/download}"
  base="${base%/}/$version"
  mkdir -p "$work" "$place"
  expected="$(listed "$name" "$here/checksums.txt")"
  if [[ -z "$expected" ]]; then
    # Only a tag says that this source is a release; of any other commit the release's program may differ.
    [[ "$reference" == "$version" ]] ||
      fail "'${reference:-a local checkout}' is not a release, so there is no program of it to download: pin the tag $version or the commit of a release, or build it with AZURE_BATCH_POOL_BUILD=true"
    download "$base/azure-batch-pool_${version}_SHA256SUMS" "$work/SHA256SUMS"
    expected="$(listed "$name" "$work/SHA256SUMS")"
  fi
  if [[ ! -f "$place/$name" || "$(sha256_of "$place/$name")" != "$expected" ]]; then
    download "$base/$name" "$place/$name"
  fi
  found="$(sha256_of "$place/$name")"
  if [[ -z "$expected" || "$found" != "$expected" ]]; then
    rm -f "$place/$name"
    fail "the checksum of $name is $found, and it should be '$expected'; nothing was run"
  fi
  # With names only: GNU tar takes the colon of a Windows path for that of another machine.
  cp "$place/$name" "$work/$name"
  (cd "$work" && tar -xzf "$name" "azure-batch-pool$suffix") || fail "$name holds no program that can be unpacked"
  rm -f "${work:?}/$name"
  chmod +x "$work/azure-batch-pool$suffix"
  hand_over "$work/azure-batch-pool$suffix"
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

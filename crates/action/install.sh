#!/usr/bin/env bash
# Finds the azure-batch-pool binary for action.yml and writes its path to the step output `path`.
# It never runs the binary.
#
# In this order: the file AZURE_BATCH_POOL_BINARY names; the release of the action's own version tag, with its SHA-256
# verified; a build from the action's own source. A pin by SHA is always built: a release could be changed later, the
# source of a SHA cannot.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="${RUNNER_TEMP:-$(mktemp -d)}/azure-batch-pool"

fail() {
  printf '::error title=azure-batch-pool::%s\n' "$1"
  exit 1
}

hand_over() {
  printf '%s\n' "$1"
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

download() {
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 \
    --retry 3 --connect-timeout 20 --max-time 300 "$1" --output "$2"
}

# Hands the released binary over; returns when there is no release to take it from.
take_release() {
  local base expected found name place="$work/azure-batch-pool$suffix" prefix="azure-batch-pool_${ACTION_REF}"
  name="${prefix}_$(platform)$suffix" || return 0
  base="${SERVER_URL:-https://github.com}/${ACTION_REPOSITORY}/releases/download/${ACTION_REF}"
  download "$base/${prefix}_SHA256SUMS" "$work/SHA256SUMS" || return 0
  download "$base/$name" "$place" || return 0
  expected="$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")"
  found="$(sha256_of "$place")"
  if [[ -z "$expected" || "$found" != "$expected" ]]; then
    rm -f "$place"
    fail "the checksum of $name is $found, the release $ACTION_REF says '${expected}'; nothing was run"
  fi
  chmod +x "$place"
  hand_over "$place"
}

# Without the release profile's whole-program optimisation, which takes minutes longer and gains nothing here.
build() {
  command -v cargo >/dev/null ||
    fail "there is no release for '${ACTION_REF:-a local checkout}' and no cargo to build with; pin a version tag, or install Rust first"
  (
    cd "$root"
    CARGO_TARGET_DIR="$work/target" cargo build --quiet --release --locked --package azure-batch-pool \
      --config 'profile.release.lto="off"' --config 'profile.release.codegen-units=16'
  ) || fail "azure-batch-pool could not be built from source; the reason is above"
  hand_over "$work/target/release/azure-batch-pool$suffix"
}

if [[ -n "${AZURE_BATCH_POOL_BINARY:-}" ]]; then
  [[ -x "$AZURE_BATCH_POOL_BINARY" ]] || fail "AZURE_BATCH_POOL_BINARY names no program: $AZURE_BATCH_POOL_BINARY"
  hand_over "$AZURE_BATCH_POOL_BINARY"
fi

suffix=''
[[ "$(uname -s)" =~ ^(MINGW|MSYS|CYGWIN) ]] && suffix='.exe'
mkdir -p "$work"
if [[ "${ACTION_REF:-}" =~ ^v[0-9]+(\.[0-9]+)*$ && -n "${ACTION_REPOSITORY:-}" ]]; then
  take_release
  printf 'no release %s for this machine, building from source\n' "$ACTION_REF"
fi
build

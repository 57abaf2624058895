#!/bin/sh
# Installs sunup: /opt/sunup-<version>, the link /opt/sunup to it, and /usr/local/bin/sunup. Run again, it changes nothing.
# Whatever goes wrong, what was installed before is as it was: the new one is made beside it, tried, and swung in last.
set -eu

usage() {
  cat <<'USAGE'
usage: install.sh --archive FILE|URL --sha256 HEX
       install.sh                                  from an archive that is unpacked already: the one beside it

  --archive FILE|URL   sunup-<version>-linux-<arch>.tar.gz
  --sha256 HEX         its checksum, from SHA256SUMS
  --no-git             do not install git where it is missing

As root, on Debian, Ubuntu, Amazon Linux 2023, Fedora, RHEL and their kin, x86-64 or arm64.
USAGE
}

fail() { # MESSAGE [CODE]
  echo "install.sh: $1" >&2
  exit "${2:-1}"
}

archive= sha256= git=1
while [ $# -gt 0 ]; do
  case $1 in
    --archive | --sha256)
      [ $# -ge 2 ] || fail "$1 needs a value" 64
      if [ "$1" = --archive ]; then archive=$2; else sha256=$2; fi
      shift 2 ;;
    --no-git) git=; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument $1" 64 ;;
  esac
done

# What can be known before anything is touched.
[ "$(uname -s)" = Linux ] || fail "sunup runs on Linux, and this is $(uname -s)"
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) fail "there is no archive for $(uname -m): x86_64 and aarch64 have one" ;;
esac
release=/etc/os-release
[ -r "$release" ] || fail "which distribution this is can't be told: there is no $release"
# shellcheck disable=SC1090
distribution=$(. "$release" && echo "${PRETTY_NAME:-${ID:-one without a name}}")
# shellcheck disable=SC1090
case " $(. "$release" && echo "${ID-} ${ID_LIKE-}") " in
  *" debian "* | *" ubuntu "*) family=debian ;;
  *" amzn "* | *" fedora "* | *" rhel "* | *" centos "*) family=redhat ;;
  *) fail "unsupported distribution: $distribution. sunup installs on Debian, Ubuntu, Amazon Linux 2023, Fedora, RHEL and their kin" ;;
esac
[ "$(id -u)" = 0 ] || fail "this needs root: it writes to /opt and /usr/local/bin"
for directory in /opt /usr/local/bin; do
  if ! mkdir -p "$directory" || [ ! -w "$directory" ]; then fail "$directory can't be written to. Nothing was installed"; fi
done
for link in /opt/sunup /usr/local/bin/sunup; do
  if [ -e "$link" ] && [ ! -L "$link" ]; then fail "$link is there, and no link of sunup's. Nothing was installed"; fi
done

if [ -n "$archive" ]; then
  [ -n "$sha256" ] || fail "--archive needs --sha256: what is not verified is not installed" 64
  sha256=$(printf %s "$sha256" | tr A-F a-f)
  case $sha256 in *[!0-9a-f]*) fail "--sha256 is to be 64 hexadecimal digits, and is $sha256" 64 ;; esac
  [ ${#sha256} = 64 ] || fail "--sha256 is to be 64 hexadecimal digits, and has ${#sha256}" 64
  case $archive in
    *linux-x64.tar.gz | *linux-arm64.tar.gz)
      case $archive in *linux-$arch.tar.gz) ;; *) fail "${archive##*/} is for another architecture: this machine is $(uname -m), and needs linux-$arch" ;; esac ;;
  esac
else
  here=$(cd "$(dirname "$0")" && pwd -P)
  [ -f "$here/runtime/node" ] || fail "there is no sunup beside this script: name an archive by --archive and --sha256" 64
fi

staging=
trap '[ -z "$staging" ] || rm -rf "$staging"' EXIT
endable() { trap 'exit 130' INT; trap 'exit 143' TERM HUP; }
endable

# What a killed one left.
for left in /opt/.sunup-install.*; do
  pid=${left#/opt/.sunup-install.} pid=${pid%%.*}
  if [ -d "$left" ] && ! kill -0 "$pid" 2>/dev/null; then rm -rf "$left"; fi
done

# In the file system it will lie in, so that a rename is all that is left to do.
stage() { staging=$(mktemp -d "/opt/.sunup-install.$$.XXXXXX"); }

# An empty file can be run, too.
runs() { [ -n "$("$1/bin/sunup" --version 2>/dev/null)" ]; }

# The sums of what is installed, but for what it has made of itself. To compare them is a fifth of a second.
sums() { (cd "$1" && find . -type f ! -name .installed ! -name .sums ! -path './program/dist/cache/*' -exec sha256sum {} + | LC_ALL=C sort); }
whole() { runs "$1" && [ -s "$1/.sums" ] && [ "$(sums "$1")" = "$(cat "$1/.sums")" ]; }

# What is installed already, and is whole, need not be fetched.
new= damaged=
if [ -n "$archive" ]; then
  for one in /opt/sunup-*; do
    [ "$(cat "$one/.installed" 2>/dev/null)" = "$sha256" ] || continue
    if whole "$one"; then new=$one; else damaged=$one; fi
  done
fi
if [ -n "$archive" ] && [ -z "$new" ]; then
  stage
  case $archive in
    http://* | https://*)
      if command -v curl >/dev/null; then curl -fsSL --retry 5 --retry-delay 2 --connect-timeout 10 -o "$staging/archive" "$archive"
      elif command -v wget >/dev/null; then wget -q -t 5 -T 30 -O "$staging/archive" "$archive"
      else fail "neither curl nor wget is here to fetch $archive"; fi || fail "$archive can't be fetched" ;;
    *)
      [ -f "$archive" ] || fail "there is no file $archive"
      cp "$archive" "$staging/archive" || fail "$archive can't be copied: no space left in /opt? Nothing was installed" ;;
  esac
  found=$(sha256sum "$staging/archive")
  found=${found%% *}
  [ "$found" = "$sha256" ] || fail "the checksum of $archive is wrong: it is $found, and should be $sha256. Nothing was installed"
  tar -xzf "$staging/archive" -C "$staging" --no-same-owner || fail "$archive can't be unpacked: it is cut off or no archive, or there is no space left in /opt. Nothing was installed"
  rm "$staging/archive"
  for one in "$staging"/sunup-*; do [ -f "$one/bin/sunup" ] && new=$one; done
  [ -n "$new" ] || fail "$archive is no archive of sunup. Nothing was installed"
elif [ -z "$archive" ]; then
  new=$here
fi

# It tells itself when it is for another machine.
version=$("$new/bin/sunup" --version) && [ -n "$version" ] || fail "what was unpacked does not run here. Nothing was installed"

same() { [ "$(sums "$1")" = "$(sums "$2")" ]; }

case ${new#/opt/} in
  */*)
    home=${damaged:-/opt/sunup-$version}
    # Another build of this version may be at work, and stays. One that doesn't run is at work nowhere.
    if [ -z "$damaged" ] && [ -e "$home" ] && runs "$home" && { [ -n "$archive" ] || ! same "$home" "$new"; }; then
      home=$home-$(printf %.8s "${sha256:-$(sums "$new" | sha256sum)}")
    fi
    if [ -n "$archive" ] || [ ! -e "$home" ] || ! same "$home" "$new"; then
      if [ -z "$staging" ]; then
        stage
        cp -R "$new" "$staging/sunup" || fail "$new can't be copied: no space left in /opt? Nothing was installed"
        new=$staging/sunup
      fi
      sums "$new" >"$new/.sums" || fail "what was unpacked can't be noted: no space left in /opt? Nothing was installed"
      echo "${sha256:-unpacked}" >"$new/.installed"
      chown -R 0:0 "$new"
      chmod 755 "$new"
      # Whoever runs from a damaged one finds the same build under the same name. Between the two renames there is none: no signal ends it there.
      trap '' INT TERM HUP
      [ ! -e "$home" ] || mv -T "$home" "$staging/damaged"
      mv -T "$new" "$home"
      endable
    fi ;;
  # It lies there already.
  *)
    home=$new
    [ -n "$archive" ] || [ ! -e "$home/.sums" ] || whole "$home" || fail "$home is damaged: install it from the archive, by --archive and --sha256" ;;
esac

# A link is replaced by a rename too, and both are made before either is. The one that says which version is at work comes last.
links="/usr/local/bin/sunup:/opt/sunup/bin/sunup /opt/sunup:${home#/opt/}"
for one in $links; do
  link=${one%%:*} to=${one#*:}
  rm -f "$link.new" && { [ "$(readlink "$link" 2>/dev/null)" = "$to" ] || ln -sT "$to" "$link.new"; } || fail "the link $link.new can't be made. What was installed before is as it was"
done
for one in $links; do
  link=${one%%:*}
  [ ! -L "$link.new" ] || mv -T "$link.new" "$link"
done

# Where SELinux watches, what was made in a temporary directory carries that one's label.
if command -v restorecon >/dev/null; then restorecon -R "$home" /opt/sunup /usr/local/bin/sunup 2>/dev/null || true; fi

if [ -n "$git" ] && ! command -v git >/dev/null; then
  case $family in
    debian) export DEBIAN_FRONTEND=noninteractive; apt-get -o DPkg::Lock::Timeout=300 update -q && apt-get -o DPkg::Lock::Timeout=300 install -y -q --no-install-recommends git ca-certificates ;;
    redhat) dnf install -y -q git-core ;;
  esac || fail "sunup is installed, but git is not: install it, or say --no-git"
fi
echo "sunup $version is installed in $home"

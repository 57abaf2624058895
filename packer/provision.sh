#!/bin/sh
# What the build does on the machine, as root: installs, bakes, seals. Any step that fails fails the build.
#   SHA256          of the archive
#   CONFIGURATION   the name of the directory that was uploaded, and is to be /etc/sunup
#   ROLE            what is baked
#   KEEP            paths that the seal leaves
set -eu

upload=/tmp/sunup-build
if [ ! -f "$upload/$CONFIGURATION/sunup.yaml" ]; then
  echo "There is no sunup.yaml in the directory $CONFIGURATION: what lies in it will be /etc/sunup." >&2
  exit 1
fi
sh "$upload/install.sh" --archive "$upload/sunup.tar.gz" --sha256 "$SHA256"

mkdir -p /etc/sunup
cp -R "$upload/$CONFIGURATION/." /etc/sunup/
chown -R root:root /etc/sunup
chmod 755 /etc/sunup
rm -rf "$upload"

/opt/sunup/bin/sunup bake --role "$ROLE"
# Paths, separated by blanks.
# shellcheck disable=SC2086
/opt/sunup/bin/sunup seal --fix ${KEEP:+--keep $KEEP}

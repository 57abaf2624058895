#!/bin/sh
# For an image without sunup: fetched, verified, installed; then as with a baked one, at this boot and at each later one.
set -eu
mkdir -p /etc/sunup
cat >/etc/sunup/sunup.yaml <<'YAML'
cloud: aws
source:
  repository: https://git.example.com/acme/infra.git
  ref: main
  onUnreachable: last-good
registry: { table: sunup-registry }
YAML
# Not in /tmp, which may be memory.
work=$(mktemp -d /var/tmp/sunup.XXXXXX)
cd "$work"
curl -fsSL --retry 5 -o sunup.tar.gz https://downloads.example.com/sunup-0.1.0-linux-x64.tar.gz
echo "0000000000000000000000000000000000000000000000000000000000000000  sunup.tar.gz" | sha256sum -c
tar -xzf sunup.tar.gz
sunup-0.1.0/install.sh
cd /
rm -r "$work"
sunup bake --units-only
systemctl start sunup.service

#cloud-boothook
#!/bin/sh
# For an image that `sunup bake` has made: nothing but the configuration. A boothook, because a plain script would run after sunup.service.
# It takes the place of the sunup.yaml that the image may have: what that one says, and this does not, is not so.
mkdir -p /etc/sunup
cat >/etc/sunup/sunup.yaml <<'YAML'
cloud: aws
source:
  repository: https://git.example.com/acme/infra.git
  ref: main
  onUnreachable: last-good
registry: { table: sunup-registry }
YAML

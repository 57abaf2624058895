#cloud-boothook
#!/bin/sh
# For an image that `sunup bake` has made: nothing but the configuration. A boothook, because a plain script would run after sunup.service.
mkdir -p /etc/sunup
cat >/etc/sunup/sunup.yaml <<'YAML'
cloud: aws
source:
  repository: https://git.example.com/acme/infra.git
  ref: main
registry: { table: sunup-registry }
YAML

# An image with the role web prepared in it. The template comes with sunup:
#   packer build -only=image.amazon-ebs.sunup -var-file=packer/web.pkrvars.hcl packages/sunup-0.1.0/program/packer
role          = "web"
configuration = "image"
distribution  = "debian-12"
architecture  = "x86_64"
region        = "eu-west-1"

# The archive that is installed, and its checksum from SHA256SUMS.
archive        = "packages/sunup-0.1.0-linux-x64.tar.gz"
archive_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"

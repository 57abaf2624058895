# For Packer 1.7 and newer: its builders are plugins (`packer init` fetches this one), and it knows how to ask for IMDSv2.
# Packer 1.6 has the builder built in, and knows neither: leave this file out there.
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    amazon = {
      version = ">= 1.2.8"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

build {
  name = "image"

  source "amazon-ebs.sunup" {
    # Every instance of the image gets metadata by token alone, and so does the one it is built on.
    imds_support = "v2.0"
    metadata_options {
      http_endpoint               = "enabled"
      http_tokens                 = "required"
      http_put_response_hop_limit = 1
      instance_metadata_tags      = "enabled"
    }
  }

  # From here on as in sunup.pkr.hcl, word by word.

  # The image's own first start holds package locks, and still changes things.
  provisioner "shell" {
    inline = [
      "if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null || true; fi",
      "rm -rf /tmp/sunup-build && mkdir -m 700 /tmp/sunup-build",
    ]
  }
  provisioner "file" {
    source      = var.archive
    destination = "/tmp/sunup-build/sunup.tar.gz"
  }
  provisioner "file" {
    sources     = ["${path.root}/install.sh", local.configuration]
    destination = "/tmp/sunup-build/"
  }
  provisioner "shell" {
    environment_vars = local.environment
    execute_command  = "chmod +x {{ .Path }}; sudo env {{ .Vars }} {{ .Path }}"
    script           = "${path.root}/provision.sh"
  }
  post-processor "manifest" {
    strip_path = true
  }
}

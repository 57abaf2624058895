# An image with sunup and a role's prepare phase in it, sealed: it carries nothing of the machine it was built on.
#   packer build -only=image.amazon-ebs.sunup -var-file=web.pkrvars.hcl packer     with plugins.pkr.hcl (Packer 1.7 and newer)
#   packer build -only=amazon-ebs.sunup -var-file=web.pkrvars.hcl packer           without it (Packer 1.6)
#   packer build -only=null.sunup …                                                a machine that is there already, over ssh

locals {
  images = {
    "debian-12"         = { owner = "136693071363", name = "debian-12-*", x86_64 = "amd64", arm64 = "arm64", user = "admin" }
    "ubuntu-24.04"      = { owner = "099720109477", name = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-*-server-*", x86_64 = "amd64", arm64 = "arm64", user = "ubuntu" }
    "ubuntu-22.04"      = { owner = "099720109477", name = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-*-server-*", x86_64 = "amd64", arm64 = "arm64", user = "ubuntu" }
    "amazon-linux-2023" = { owner = "137112412989", name = "al2023-ami-2023.*", x86_64 = "x86_64", arm64 = "arm64", user = "ec2-user" }
  }
  image         = lookup(local.images, var.distribution, local.images["debian-12"])
  user          = var.ssh_username == null ? local.image.user : var.ssh_username
  small         = var.architecture == "arm64" ? "t4g.small" : "t3.small"
  instance_type = var.instance_type == "" ? local.small : var.instance_type
  made_at       = formatdate("YYYYMMDD-hhmmss", timestamp())
  emulated      = var.ec2_endpoint != null
  environment   = ["ROLE=${var.role}", "SHA256=${var.archive_sha256}", "KEEP=${var.keep}", "CONFIGURATION=${basename(local.configuration)}"]
  # With a slash at its end not the directory would be uploaded, but what is in it.
  configuration = regex_replace(var.configuration, "/+$", "")
}

source "amazon-ebs" "sunup" {
  ami_name        = "sunup-${var.role}-${var.distribution}-${var.architecture}-${local.made_at}"
  ami_description = "sunup, role ${var.role}, on ${var.distribution}"
  region          = var.region
  instance_type   = local.instance_type
  subnet_id       = var.subnet

  source_ami_filter {
    filters = {
      name                = var.source_name == "" ? local.image.name : var.source_name
      architecture        = var.architecture
      root-device-type    = "ebs"
      virtualization-type = "hvm"
      state               = "available"
    }
    owners      = [var.source_owner == "" ? local.image.owner : var.source_owner]
    most_recent = true
  }

  encrypt_boot = true
  kms_key_id   = var.kms_key

  # The build asks AWS for nothing, so the instance may do nothing: it gets no profile.
  communicator              = "ssh"
  ssh_username              = local.user
  ssh_host                  = var.ssh_host
  ssh_port                  = var.ssh_port
  ssh_private_key_file      = var.ssh_private_key_file
  ssh_clear_authorized_keys = true

  tags = {
    Name                 = "sunup-${var.role}"
    sunup-role           = var.role
    sunup-archive-sha256 = substr(var.archive_sha256, 0, 16)
    source-ami           = "{{ .SourceAMI }}"
  }
  run_tags = { Name = "sunup-build-${var.role}" }

  custom_endpoint_ec2        = var.ec2_endpoint
  access_key                 = var.access_key
  secret_key                 = var.secret_key
  skip_credential_validation = local.emulated
  skip_metadata_api_check    = local.emulated
  skip_region_validation     = local.emulated
}

source "null" "sunup" {
  communicator = "ssh"
  # A name that never resolves, so that who builds an image need not say it.
  ssh_host             = var.ssh_host == null ? "ssh-host-was-not-given.invalid" : var.ssh_host
  ssh_timeout          = var.ssh_host == null ? "1s" : "5m"
  ssh_port             = var.ssh_port
  ssh_username         = local.user
  ssh_private_key_file = var.ssh_private_key_file
  ssh_agent_auth       = var.ssh_private_key_file == null
}

build {
  sources = ["source.amazon-ebs.sunup", "source.null.sunup"]

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

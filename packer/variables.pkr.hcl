# What a build is made from. Without a default: to be given, by -var or -var-file.

variable "archive" {
  type        = string
  description = "The archive of sunup that is installed: sunup-<version>-linux-<arch>.tar.gz."
}

variable "archive_sha256" {
  type        = string
  description = "Its checksum, from the SHA256SUMS beside it."

  validation {
    condition     = length(var.archive_sha256) == 64 && regex_replace(lower(var.archive_sha256), "[0-9a-f]", "") == ""
    error_message = "The archive_sha256 is to be 64 hexadecimal digits: copy them from SHA256SUMS."
  }
}

variable "role" {
  type        = string
  description = "The role whose prepare phase is baked into the image."

  validation {
    condition     = length(var.role) > 0
    error_message = "The role is not to be empty: it is the name of a file in roles/, without .yaml."
  }
}

variable "configuration" {
  type        = string
  description = "A directory whose content becomes /etc/sunup: sunup.yaml, and, where it names no source.repository, roles/ recipes/ templates/."
}

variable "keep" {
  type        = string
  default     = ""
  description = "Paths that `sunup seal` is to leave although it would refuse them, e.g. a deploy key that is baked on purpose. Separated by blanks."
}

variable "distribution" {
  type        = string
  default     = "debian-12"
  description = "What the image is built on: debian-12, ubuntu-24.04, ubuntu-22.04 or amazon-linux-2023."

  validation {
    condition     = contains(["debian-12", "ubuntu-24.04", "ubuntu-22.04", "amazon-linux-2023"], var.distribution)
    error_message = "The distribution is to be one of debian-12, ubuntu-24.04, ubuntu-22.04, amazon-linux-2023."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "x86_64 or arm64; the archive is to be for the same (x64, arm64)."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is to be one of x86_64, arm64."
  }
}

variable "region" {
  type        = string
  default     = "eu-west-1"
  description = "Where the image is built and kept."
}

variable "instance_type" {
  type        = string
  default     = ""
  description = "What it is built on. Default: t3.small, or t4g.small for arm64."
}

variable "subnet" {
  type        = string
  default     = null
  description = "The subnet of the build instance. Default: one of the default VPC."
}

variable "kms_key" {
  type        = string
  default     = null
  description = "The key that encrypts the image's volumes. Default: the account's own for EBS."
}

variable "source_name" {
  type        = string
  default     = ""
  description = "The name of the image to build on, * for any characters; the newest is taken. Default: the distribution's own."
}

variable "source_owner" {
  type        = string
  default     = ""
  description = "Whose image that is: an account's number, or self. Default: the distribution's."
}

# For a build without an account: an EC2 of one's own, and a machine that stands in for the instance.

variable "ec2_endpoint" {
  type        = string
  default     = null
  description = "Another endpoint for EC2's API, e.g. that of an emulator."
}

variable "access_key" {
  type        = string
  default     = null
  description = "For such an endpoint. Default: as AWS tools find credentials."
}

variable "secret_key" {
  type        = string
  default     = null
  sensitive   = true
  description = "For such an endpoint."
}

variable "ssh_host" {
  type        = string
  default     = null
  description = "The machine to be provisioned: for the source `null`, and instead of the instance's own address. It is installed on, baked and sealed."
}

variable "ssh_port" {
  type        = number
  default     = 22
  description = "Its port."
}

variable "ssh_username" {
  type        = string
  default     = null
  description = "Who logs in; may sudo without a password. Default: the distribution's own user."
}

variable "ssh_private_key_file" {
  type        = string
  default     = null
  description = "By which key. Default for an instance: one made for this build."
}

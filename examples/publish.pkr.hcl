# Publishes a machine that is in Azure, and nothing else: no builder makes it.
#
# With a real account, leave metadata_host and ca_file out. With the emulator, give it the endpoint and the CA of its
# ready line.

packer {
  required_plugins {
    azure-batch = {
      source  = "github.com/azure-batch-tools/azure-batch"
      version = ">= 0.1.0"
    }
  }
}

variable "subscription_id" {
  type = string
}

variable "tenant_id" {
  type = string
}

variable "client_id" {
  type = string
}

variable "client_secret" {
  type      = string
  sensitive = true
}

variable "metadata_host" {
  type    = string
  default = null
}

variable "ca_file" {
  type    = string
  default = null
}

variable "resource_group" {
  type    = string
  default = "rg-images"
}

variable "vm" {
  type    = string
  default = "vm-build"
}

variable "gallery" {
  type    = string
  default = "gal1"
}

variable "image" {
  type    = string
  default = "render"
}

variable "batch_account_id" {
  type = string
}

variable "nodes" {
  type    = number
  default = 700
}

variable "extra_region" {
  type    = string
  default = "westeurope"
}

variable "manifest" {
  type    = string
  default = "azure-batch-manifest.json"
}

source "null" "machine" {
  communicator = "none"
}

build {
  sources = ["null.machine"]

  post-processor "azure-batch" {
    subscription_id = var.subscription_id
    tenant_id       = var.tenant_id
    client_id       = var.client_id
    client_secret   = var.client_secret
    metadata_host   = var.metadata_host
    ca_file         = var.ca_file

    source {
      vm             = var.vm
      resource_group = var.resource_group
    }
    deallocate = true
    generalize = true

    shared_image_gallery_destination {
      resource_group = var.resource_group
      gallery_name   = var.gallery
      image_name     = var.image
      image_version  = "next-patch 1.0"
      target_region {
        name = var.extra_region
      }
    }
    used_by {
      batch_account = var.batch_account_id
      nodes         = var.nodes
    }
    azure_tags = {
      team = "render"
    }
    manifest = var.manifest
  }
}

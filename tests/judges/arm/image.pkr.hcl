# HashiCorp's azure-arm makes a machine from a version that is shared directly with its subscription, a managed image of it and named snapshots of its disks;
# azure-batch behind it finds the snapshots in azure-arm's artifact and publishes them for a pool of 700 nodes.

packer {
  required_plugins {
    azure = {
      source  = "github.com/hashicorp/azure"
      version = ">= 1.4.5"
    }
    azure-batch = {
      source  = "github.com/azure-batch-tools/azure-batch"
      version = ">= 0.1.0"
    }
  }
}

variable "metadata_host" { type = string }
variable "ca_file" { type = string }
variable "subscription_id" { type = string }
variable "tenant_id" { type = string }
variable "client_id" { type = string }
variable "client_secret" {
  type      = string
  sensitive = true
}
variable "ssh_username" { type = string }
variable "ssh_port" { type = number }
variable "ssh_private_key_file" { type = string }

source "azure-arm" "machine" {
  metadata_host = var.metadata_host
  # Named after nothing that is real: should the metadata fail, the builder stops instead of signing in elsewhere.
  cloud_environment_name = "AzureEmulator"
  subscription_id        = var.subscription_id
  tenant_id              = var.tenant_id
  client_id              = var.client_id
  client_secret          = var.client_secret

  location             = "eastus2"
  os_type              = "Linux"
  vm_size              = "Standard_D2s_v5"
  disk_additional_size = [32, 64]

  shared_image_gallery {
    direct_shared_gallery_image_id = "/SharedGalleries/00000000-0000-0000-0000-0000000005b6-SHARED/Images/base/Versions/1.0.0"
  }

  managed_image_name                      = "built"
  managed_image_resource_group_name       = "rg-images"
  managed_image_os_disk_snapshot_name     = "built_os"
  managed_image_data_disk_snapshot_prefix = "built_data"

  ssh_username         = var.ssh_username
  ssh_port             = var.ssh_port
  ssh_private_key_file = var.ssh_private_key_file
}

build {
  sources = ["azure-arm.machine"]

  provisioner "shell" {
    inline = ["true"]
  }

  post-processor "azure-batch" {
    metadata_host   = var.metadata_host
    ca_file         = var.ca_file
    subscription_id = var.subscription_id
    tenant_id       = var.tenant_id
    client_id       = var.client_id
    client_secret   = var.client_secret

    # Whoever is shared an image directly does not see what it was made of.
    source {
      base_image = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"
    }
    shared_image_gallery_destination {
      resource_group = "rg-images"
      gallery_name   = "gal1"
      image_name     = "nodes"
      image_version  = "1.0.0"
    }
    used_by {
      batch_account = "/subscriptions/${var.subscription_id}/resourceGroups/rg-images/providers/Microsoft.Batch/batchAccounts/acct1"
      nodes         = 700
    }
    manifest = "azure-batch-manifest.json"
  }
}

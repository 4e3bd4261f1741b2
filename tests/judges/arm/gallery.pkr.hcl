# HashiCorp's azure-arm makes a machine from the marketplace and a version of it in two regions of a gallery; azure-batch
# behind it adopts that version and gives it the replicas that a pool of 700 nodes needs.

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

  location        = "eastus2"
  os_type         = "Linux"
  image_publisher = "Canonical"
  image_offer     = "0001-com-ubuntu-server-jammy"
  image_sku       = "22_04-lts-gen2"
  vm_size         = "Standard_D2s_v5"

  shared_image_gallery_destination {
    subscription         = var.subscription_id
    resource_group       = "rg-images"
    gallery_name         = "gal1"
    image_name           = "direct"
    image_version        = "1.0.0"
    replication_regions  = ["westus2"]
    storage_account_type = "Standard_LRS"
  }
  shared_gallery_image_version_end_of_life_date    = "2099-01-02T15:04:05.99Z"
  shared_gallery_image_version_exclude_from_latest = true
  shared_image_gallery_replica_count               = 1

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

    # The builder's block and its neighbours, copied over as they are.
    shared_image_gallery_destination {
      subscription         = var.subscription_id
      resource_group       = "rg-images"
      gallery_name         = "gal1"
      image_name           = "direct"
      image_version        = "1.0.0"
      replication_regions  = ["westus2"]
      storage_account_type = "Standard_LRS"
    }
    shared_gallery_image_version_end_of_life_date    = "2099-01-02T15:04:05.99Z"
    shared_gallery_image_version_exclude_from_latest = true
    shared_image_gallery_replica_count               = 1

    used_by {
      batch_account = "/subscriptions/${var.subscription_id}/resourceGroups/rg-images/providers/Microsoft.Batch/batchAccounts/acct1"
      nodes         = 700
    }
    manifest = "azure-batch-manifest.json"
  }
}

# HashiCorp's azure-arm makes a machine with Windows Server, with a key vault for its certificate, and a managed image of
# it; azure-batch behind it publishes that image. The machine is reached by SSH, as Windows can be, and nothing is done
# in it.

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
variable "windows_server" { type = string }
variable "image" { type = string }
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
  os_type         = "Windows"
  image_publisher = "MicrosoftWindowsServer"
  image_offer     = "WindowsServer"
  image_sku       = "${var.windows_server}-datacenter-g2"
  vm_size         = "Standard_D2s_v5"

  managed_image_name                = var.image
  managed_image_resource_group_name = "rg-images"

  communicator         = "ssh"
  ssh_username         = var.ssh_username
  ssh_port             = var.ssh_port
  ssh_private_key_file = var.ssh_private_key_file
}

build {
  sources = ["azure-arm.machine"]

  post-processor "azure-batch" {
    metadata_host   = var.metadata_host
    ca_file         = var.ca_file
    subscription_id = var.subscription_id
    tenant_id       = var.tenant_id
    client_id       = var.client_id
    client_secret   = var.client_secret

    shared_image_gallery_destination {
      resource_group = "rg-images"
      gallery_name   = "gal1"
      image_name     = var.image
      image_version  = "1.0.0"
    }
    used_by {
      batch_account = "/subscriptions/${var.subscription_id}/resourceGroups/rg-images/providers/Microsoft.Batch/batchAccounts/acct1"
      nodes         = 700
    }
    manifest = "azure-batch-manifest.json"
  }
}

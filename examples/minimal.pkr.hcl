source "null" "machine" { communicator = "none" }
build {
  sources = ["null.machine"]
  post-processor "azure-batch" {
    source { vm = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-build/providers/Microsoft.Compute/virtualMachines/vm-build" }
    shared_image_gallery_destination {
      resource_group = "rg-images"
      gallery_name   = "gal1"
      image_name     = "render"
    }
  }
}

# How HashiCorp's integrations page shows this plugin.
integration {
  name        = "Azure Batch"
  description = "Publishes a virtual machine as a version in an Azure Compute Gallery, with the regions and replicas that Azure Batch pools need."
  identifier  = "packer/azure-batch-tools/azure-batch"
  flags       = ["hcp-ready"]
  docs {
    process_docs    = true
    readme_location = "./README.md"
  }
  license {
    type = "MIT OR Apache-2.0"
  }
  component {
    type = "post-processor"
    name = "Azure Batch"
    slug = "azure-batch"
  }
}

resource "azurerm_storage_account" "storage" {
  # checkov:skip=CKV_AZURE_33:queue messages are copies of events, without data
  # checkov:skip=CKV_AZURE_35:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV_AZURE_59:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV_AZURE_206:the parameter storage_redundancy decides
  # checkov:skip=CKV2_AZURE_1:keys of the platform; add one of your own where a rule demands it
  # checkov:skip=CKV2_AZURE_33:with private_network
  name                = local.names.storage
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  account_kind             = "StorageV2"
  account_tier             = split("_", var.storage_redundancy)[0]
  account_replication_type = split("_", var.storage_redundancy)[1]
  access_tier              = "Hot"

  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  default_to_oauth_authentication   = true
  https_traffic_only_enabled        = true
  infrastructure_encryption_enabled = true
  local_user_enabled                = false
  min_tls_version                   = "TLS1_2"
  public_network_access_enabled     = !var.private_network
  shared_access_key_enabled         = false

  network_rules {
    bypass         = ["AzureServices"]
    default_action = var.private_network ? "Deny" : "Allow"
  }

  blob_properties {
    versioning_enabled = true

    container_delete_retention_policy {
      days = var.retention_days
    }
    delete_retention_policy {
      days = var.retention_days
    }
  }
}

# What DVC keeps, and the raw tables and files of jobs.
resource "azurerm_storage_container" "data" {
  # checkov:skip=CKV2_AZURE_21:diagnostics send the audit log of blobs
  for_each = toset(["dvc", "project-data"])

  name                  = each.key
  storage_account_id    = azurerm_storage_account.storage.id
  container_access_type = "private"
}

resource "azurerm_storage_queue" "events" {
  name               = "model-events"
  storage_account_id = azurerm_storage_account.storage.id
}

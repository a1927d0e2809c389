# Not the group and not the workspace: a lock is inherited, and a release deletes deployments.
resource "azurerm_management_lock" "storage_lock" {
  count = var.delete_locks ? 1 : 0

  name       = "keep"
  scope      = azurerm_storage_account.storage.id
  lock_level = "CanNotDelete"
  notes      = "Data and models."
}

resource "azurerm_management_lock" "vault_lock" {
  count = var.delete_locks ? 1 : 0

  name       = "keep"
  scope      = azurerm_key_vault.vault.id
  lock_level = "CanNotDelete"
  notes      = "Secrets."
}

resource "azurerm_management_lock" "registry_lock" {
  count = var.delete_locks ? 1 : 0

  name       = "keep"
  scope      = azurerm_container_registry.registry.id
  lock_level = "CanNotDelete"
  notes      = "Images that are in service."
}

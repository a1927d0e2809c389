resource "azurerm_machine_learning_workspace" "workspace" {
  # checkov:skip=CKV2_AZURE_49:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV2_AZURE_50:high_business_impact is a choice of the team at creation
  name                = local.names.workspace
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  friendly_name                  = local.names.workspace
  storage_account_id             = azurerm_storage_account.storage.id
  key_vault_id                   = azurerm_key_vault.vault.id
  container_registry_id          = azurerm_container_registry.registry.id
  application_insights_id        = azurerm_application_insights.insights.id
  primary_user_assigned_identity = azurerm_user_assigned_identity.workspace_identity.id
  storage_account_access_type    = "Identity"
  v1_legacy_mode_enabled         = false
  public_network_access_enabled  = !var.private_network
  # The registry's own builders cannot reach a private registry.
  image_build_compute_name = var.private_network ? local.names.compute : null

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.workspace_identity.id]
  }

  managed_network {
    isolation_mode = var.private_network ? "AllowInternetOutbound" : "Disabled"
  }

  depends_on = [
    azurerm_role_assignment.storage_grant,
    azurerm_role_assignment.vault_grant,
    azurerm_role_assignment.registry_grant,
    azurerm_role_assignment.insights_grant,
  ]
}

resource "azurerm_key_vault" "vault" {
  # checkov:skip=CKV_AZURE_109:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV_AZURE_189:open without private_network, which a release from hosted runners needs; Entra alone lets in
  # checkov:skip=CKV2_AZURE_32:with private_network
  name                = local.names.vault
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  tenant_id                     = data.azurerm_client_config.current.tenant_id
  sku_name                      = "standard"
  rbac_authorization_enabled    = true
  purge_protection_enabled      = true
  soft_delete_retention_days    = var.retention_days
  public_network_access_enabled = !var.private_network

  network_acls {
    bypass         = "AzureServices"
    default_action = var.private_network ? "Deny" : "Allow"
  }
}

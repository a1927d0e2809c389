# Private endpoints need the Premium tier.
resource "azurerm_container_registry" "registry" {
  name                = local.names.registry
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  sku                           = var.private_network ? "Premium" : "Standard"
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  network_rule_bypass_option    = "AzureServices"
  public_network_access_enabled = !var.private_network
}

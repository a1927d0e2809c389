resource "azurerm_log_analytics_workspace" "logs" {
  name                = local.names.logs
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_days
  local_authentication_enabled = false
}

resource "azurerm_resource_group" "group" {
  name     = local.names.group
  location = var.location
  tags     = var.tags
}

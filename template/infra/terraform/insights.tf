# Local authentication stays on: Azure Machine Learning writes with the connection string.
resource "azurerm_application_insights" "insights" {
  name                = local.names.insights
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags

  application_type = "web"
  workspace_id     = azurerm_log_analytics_workspace.logs.id
}

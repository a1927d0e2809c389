resource "azurerm_application_insights_workbook" "dashboard" {
  # A workbook is named by a GUID; people see the display name.
  name                = uuidv5("url", "${azurerm_resource_group.group.id}/dashboard")
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
  display_name        = local.names.dashboard
  category            = "workbook"
  source_id           = lower(azurerm_log_analytics_workspace.logs.id)
  data_json           = file("${path.module}/../dashboard.json")
}

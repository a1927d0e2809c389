resource "azurerm_eventgrid_system_topic" "topic" {
  name                = local.names.topic
  resource_group_name = azurerm_resource_group.group.name
  location            = var.location
  tags                = var.tags
  source_resource_id  = azurerm_machine_learning_workspace.workspace.id
  topic_type          = "Microsoft.MachineLearningServices.Workspaces"

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "sender" {
  scope                = azurerm_storage_account.storage.id
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = azurerm_eventgrid_system_topic.topic.identity[0].principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_eventgrid_system_topic_event_subscription" "subscription" {
  name                  = "model-events"
  resource_group_name   = azurerm_resource_group.group.name
  system_topic          = azurerm_eventgrid_system_topic.topic.name
  event_delivery_schema = "CloudEventSchemaV1_0"
  included_event_types  = ["Microsoft.MachineLearningServices.ModelRegistered"]

  storage_queue_endpoint {
    storage_account_id                    = azurerm_storage_account.storage.id
    queue_name                            = azurerm_storage_queue.events.name
    queue_message_time_to_live_in_seconds = 604800
  }

  delivery_identity {
    type = "SystemAssigned"
  }

  retry_policy {
    event_time_to_live    = 1440
    max_delivery_attempts = 30
  }

  depends_on = [azurerm_role_assignment.sender]
}

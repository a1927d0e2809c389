locals {
  rules = merge(
    {
      failed-jobs = {
        text        = "A job of the workspace has failed."
        scope       = azurerm_machine_learning_workspace.workspace.id
        namespace   = "Microsoft.MachineLearningServices/workspaces"
        metric      = "Failed Runs"
        aggregation = "Total"
        operator    = "GreaterThan"
        threshold   = 0
        severity    = 2
      }
      unusable-nodes = {
        text        = "Nodes of the compute cluster cannot be used."
        scope       = azurerm_machine_learning_workspace.workspace.id
        namespace   = "Microsoft.MachineLearningServices/workspaces"
        metric      = "Unusable Nodes"
        aggregation = "Average"
        operator    = "GreaterThan"
        threshold   = 0
        severity    = 2
      }
      storage = {
        text        = "The storage account does not answer."
        scope       = azurerm_storage_account.storage.id
        namespace   = "Microsoft.Storage/storageAccounts"
        metric      = "Availability"
        aggregation = "Average"
        operator    = "LessThan"
        threshold   = 99
        severity    = 2
      }
      vault = {
        text        = "The key vault does not answer."
        scope       = azurerm_key_vault.vault.id
        namespace   = "Microsoft.KeyVault/vaults"
        metric      = "Availability"
        aggregation = "Average"
        operator    = "LessThan"
        threshold   = 99
        severity    = 2
      }
      model-registered = {
        text        = "A model was registered in the workspace: the queue model-events has its name and version."
        scope       = azurerm_eventgrid_system_topic.topic.id
        namespace   = "Microsoft.EventGrid/systemTopics"
        metric      = "MatchedEventCount"
        aggregation = "Total"
        operator    = "GreaterThan"
        threshold   = 0
        severity    = 4
      }
    },
    {
      for cluster in azurerm_kubernetes_cluster.cluster : "cluster-cpu" => {
        text        = "The nodes of the cluster are short of processor time."
        scope       = cluster.id
        namespace   = "Microsoft.ContainerService/managedClusters"
        metric      = "node_cpu_usage_percentage"
        aggregation = "Average"
        operator    = "GreaterThan"
        threshold   = 85
        severity    = 2
      }
    },
  )
}

resource "azurerm_monitor_action_group" "people" {
  name                = local.names.people
  resource_group_name = azurerm_resource_group.group.name
  tags                = var.tags
  short_name          = "operators"

  dynamic "email_receiver" {
    for_each = var.emails
    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_metric_alert" "alert" {
  for_each = local.rules

  name                = "${local.names.people}-${each.key}"
  resource_group_name = azurerm_resource_group.group.name
  tags                = var.tags
  description         = each.value.text
  severity            = each.value.severity
  scopes              = [each.value.scope]
  frequency           = "PT5M"
  window_size         = "PT15M"
  auto_mitigate       = true

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = azurerm_monitor_action_group.people.id
  }
}

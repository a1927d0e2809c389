output "resource_group" {
  value = azurerm_resource_group.group.name
}

output "workspace_name" {
  value = azurerm_machine_learning_workspace.workspace.name
}

output "storage_account" {
  value = azurerm_storage_account.storage.name
}

output "registry_name" {
  value = azurerm_container_registry.registry.name
}

output "cluster_name" {
  value = var.kubernetes ? local.names.cluster : ""
}

output "delivery_client_id" {
  value = azurerm_user_assigned_identity.delivery_identity.client_id
}

output "serving_identity" {
  value = join("", azurerm_user_assigned_identity.serving_identity[*].id)
}

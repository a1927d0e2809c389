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

# For the environment that keeps images and data: who of this one pulls and reads them there.
output "delivery_principal" {
  value = azurerm_user_assigned_identity.delivery_identity.principal_id
}

output "pull_principal" {
  value = join("", concat(
    [for cluster in azurerm_kubernetes_cluster.cluster : cluster.kubelet_identity[0].object_id],
    azurerm_user_assigned_identity.serving_identity[*].principal_id,
  ))
}

output "reader_client_id" {
  value = join("", azurerm_user_assigned_identity.reader_identity[*].client_id)
}

output "trainer_client_id" {
  value = join("", azurerm_user_assigned_identity.trainer_identity[*].client_id)
}

output "builder_client_id" {
  value = join("", azurerm_user_assigned_identity.builder_identity[*].client_id)
}

resource "azurerm_machine_learning_compute_cluster" "compute" {
  name                          = local.names.compute
  machine_learning_workspace_id = azurerm_machine_learning_workspace.workspace.id
  location                      = var.location
  tags                          = var.tags

  vm_size                   = var.compute_size
  vm_priority               = "Dedicated"
  local_auth_enabled        = false
  ssh_public_access_enabled = false

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.training_identity.id]
  }

  scale_settings {
    min_node_count                       = 0
    max_node_count                       = var.compute_max_nodes
    scale_down_nodes_after_idle_duration = "PT10M"
  }
}
